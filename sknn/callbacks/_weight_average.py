"""Average the weights during training; the average is validated and kept."""

from __future__ import annotations

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch.nn.modules.batchnorm import _NormBase

from sknn.callbacks._base import Callback


class WeightAverage(Callback):
    """Keep an average of the weights over steps, instead of the last weights.

    After each epoch the average is validated, and kept if it is the best; training continues from its own weights.
    Statistics of batch normalisation are averaged too.

    Parameters
    ----------
    decay : float or None, default=0.999
        Factor d of the exponential moving average a ← d·a + (1 − d)·w after each step, with d at most (1 + n) / (10 +
        n) after n steps, so that the initial weights have little influence. None: the mean of the weights at the end of
        each epoch (stochastic weight averaging, SWA).
    start : float, default=0.0
        Fraction of `max_epochs` after which averaging begins; for SWA usually 0.75.

    References
    ----------
    P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018 (SWA).
    B. Polyak, A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.callbacks import WeightAverage
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NNClassifier(callbacks=[WeightAverage(0.99)], max_epochs=5, random_state=0).fit(X, y)
    """

    _parameter_constraints: dict = {
        "decay": [Interval(Real, 0, 1, closed="left"), None],
        "start": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(self, decay=0.999, start=0.0) -> None:
        self.decay = decay
        self.start = start

    def on_train_begin(self, net, **kwargs):
        self.n_, self.average_, self.own_ = 0, None, None
        self.first_epoch_ = 1 + int(self.start * net.max_epochs)

    def on_epoch_begin(self, net, **kwargs):
        if self.own_ is not None:  # the weights that training continues from
            _copy(_values(net), self.own_)
            self.own_ = None

    @torch.no_grad()
    def on_step_end(self, net):
        """After each step of the optimizer."""
        if self.decay is not None and len(net.history) >= self.first_epoch_:
            self._add(net, min(self.decay, (1 + self.n_) / (10 + self.n_)))

    @torch.no_grad()
    def on_training_pass_end(self, net):
        """After the steps of an epoch, before its validation."""
        if self.decay is None and len(net.history) >= self.first_epoch_:
            self._add(net, self.n_ / (self.n_ + 1))
        if self.average_ is not None:
            values = _values(net)
            self.own_ = [value.detach().clone() for value in values]
            _copy(values, self.average_)

    def on_train_end(self, net, **kwargs):
        self.average_ = self.own_ = None

    def _add(self, net, decay: float) -> None:
        values = _values(net)
        if self.average_ is None:
            self.average_ = [value.detach().clone() for value in values]
        else:
            torch._foreach_lerp_(self.average_, values, 1 - decay)
        self.n_ += 1


def _values(net) -> list[torch.Tensor]:
    """Parameters, and the statistics of batch normalisation; other buffers are constants."""
    parts = [part for part in net.module_.modules() if isinstance(part, _NormBase)]
    return [*net.module_.parameters(), *(b for part in parts for b in part.buffers() if b.is_floating_point())]


@torch.no_grad()
def _copy(to: list[torch.Tensor], values: list[torch.Tensor]) -> None:
    torch._foreach_copy_(to, values)
