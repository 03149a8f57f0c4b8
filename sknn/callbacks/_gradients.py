"""Look at the size of gradients, or limit it."""

from __future__ import annotations

import torch
from torch import Tensor

from sknn.callbacks._readable import ReadableCallback


class GradientNorm(ReadableCallback):
    """Record the norm of the gradient, the mean over the steps of an epoch, as `gradient_norm` in the history.

    For a pack it is the mean over the members. `TrainingCurveDisplay` shows it.

    Parameters
    ----------
    by_layer : bool, default=False
        Whether to record each parameter's norm too, as `gradient_norm_<name>`.
    """

    def __init__(self, by_layer=False):
        self.by_layer = by_layer

    def on_epoch_begin(self, net, **kwargs):
        self.n_steps_, self.total_ = 0, {}

    @torch.no_grad()
    def on_grad_computed(self, net, named_parameters, **kwargs):
        squares = {name: _squares(p.grad, net.n_members) for name, p in named_parameters if p.grad is not None}
        norms = {"gradient_norm": torch.stack(list(squares.values())).sum(0).sqrt().mean()}
        if self.by_layer:
            norms |= {f"gradient_norm_{name}": square.sqrt().mean() for name, square in squares.items()}
        for name, norm in norms.items():  # stays on the device until the epoch ends
            self.total_[name] = self.total_.get(name, 0.0) + norm
        self.n_steps_ += 1

    def on_epoch_end(self, net, **kwargs):
        for name, total in self.total_.items():
            net.history.record(name, float(total) / self.n_steps_)


class ClipGradient(ReadableCallback):
    """Scale the gradient down to a norm of at most c: g ← g·min(1, c / ‖g‖); for a pack that of each member.

    Parameters
    ----------
    max_norm : float, default=1.0
        c.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
    """

    def __init__(self, max_norm=1.0):
        self.max_norm = max_norm

    def on_train_begin(self, net, **kwargs):
        if self.max_norm <= 0:
            raise ValueError(f"max_norm must be larger than 0. Got {self.max_norm!r}.")

    @torch.no_grad()
    def on_grad_computed(self, net, named_parameters, **kwargs):
        grads = [p.grad for _, p in named_parameters if p.grad is not None]
        norm = torch.stack([_squares(grad, net.n_members) for grad in grads]).sum(0).sqrt()
        factor = (self.max_norm / norm.clamp_(min=1e-12)).clamp_(max=1.0)  # () or (K,)
        for grad in grads:
            grad.mul_(factor.view(-1, *[1] * (grad.ndim - 1)) if _is_stacked(grad, net.n_members) else factor.mean())


def _squares(grad: Tensor, n_members: int | None) -> Tensor:
    """The sum of squares; of each member (K,) for a pack. What members share counts for each."""
    if n_members is None:
        return grad.square().sum()
    if not _is_stacked(grad, n_members):
        return grad.square().sum().expand(n_members)
    return grad.square().flatten(1).sum(1)


def _is_stacked(grad: Tensor, n_members: int | None) -> bool:
    return n_members is not None and grad.ndim > 1 and grad.shape[0] == n_members
