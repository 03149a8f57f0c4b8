"""Record the norm of gradients, or clip it."""

from __future__ import annotations

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknn.callbacks._base import Callback
from sknn.modules import own_axes


class GradientNorm(Callback):
    """Record the norm of the gradient, the mean over the steps of an epoch, as `gradient_norm` in the history.

    For an ensemble it is the mean over the members. `TrainingCurveDisplay` shows it.

    Parameters
    ----------
    by_layer : bool, default=False
        Whether to record each parameter's norm too, as `gradient_norm_<name>`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.callbacks import GradientNorm
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NNClassifier("mlp", callbacks=[GradientNorm()], max_epochs=3, random_state=0).fit(X, y)
    >>> (net.history_["gradient_norm"] > 0).all()
    np.True_
    """

    _parameter_constraints: dict = {"by_layer": ["boolean"]}

    def __init__(self, by_layer=False) -> None:
        self.by_layer = by_layer

    def on_epoch_begin(self, net, **kwargs):
        self.n_steps_, self.total_ = 0, {}

    @torch.no_grad()
    def on_grad_computed(self, net, named_parameters, **kwargs):
        squares = _squares(net, named_parameters)
        norms = {"gradient_norm": torch.stack(list(squares.values())).sum(0).sqrt().mean()}
        if self.by_layer:
            norms |= {f"gradient_norm_{name}": square.sqrt().mean() for name, square in squares.items()}
        for name, norm in norms.items():  # stays on the device until the epoch ends
            self.total_[name] = self.total_.get(name, 0.0) + norm
        self.n_steps_ += 1

    def on_epoch_end(self, net, **kwargs):
        for name, total in self.total_.items():
            net.history.record(name, float(total) / self.n_steps_)


class ClipGradient(Callback):
    """Scale the gradient down to a norm of at most c: g ← g·min(1, c / ‖g‖); for an ensemble that of each member.

    Parameters
    ----------
    max_norm : float, default=1.0
        Largest norm, c.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.callbacks import ClipGradient, GradientNorm
    >>> X, y = load_iris(return_X_y=True)
    >>> clipped = [ClipGradient(0.1), GradientNorm()]  # the norm after what is before it in the list
    >>> net = NNClassifier("mlp", callbacks=clipped, max_epochs=3, random_state=0).fit(X, y)
    >>> (net.history_["gradient_norm"] < 0.101).all()
    np.True_
    """

    _parameter_constraints: dict = {"max_norm": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, max_norm=1.0) -> None:
        self.max_norm = max_norm

    @torch.no_grad()
    def on_grad_computed(self, net, named_parameters, **kwargs):
        squares = _squares(net, named_parameters)
        norm = torch.stack(list(squares.values())).sum(0).sqrt()
        factor = (self.max_norm / norm.clamp_(min=1e-12)).clamp_(max=1.0)  # (K,)
        axes = own_axes(net.module_)
        for _, parameter in named_parameters:
            if parameter.grad is None:
                continue
            if axes.get(parameter):
                parameter.grad.mul_(factor.view(-1, *[1] * (parameter.ndim - 1)))
            else:  # common to the members
                parameter.grad.mul_(factor.mean())


def _squares(net, named_parameters) -> dict[str, Tensor]:
    """Sums of squares (K,) of each parameter's gradient for each member; a single network has one."""
    axes = own_axes(net.module_)
    found: dict[str, Tensor] = {}
    for name, parameter in named_parameters:
        if parameter.grad is None:
            continue
        square = parameter.grad.square()
        is_wide = axes.get(parameter)  # parameters common to all members count for each
        square = square.reshape(len(square), -1).sum(1) if is_wide else square.sum().expand(net.n_members)
        found[name.removeprefix("module.")] = square
    return found
