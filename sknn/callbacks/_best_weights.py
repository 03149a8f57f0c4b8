"""Keep the weights of the best epoch in memory and restore them when training ends."""

from __future__ import annotations

import math

import torch

from sknn.callbacks._base import Callback


class BestWeights(Callback):
    """Restore the best epoch's weights when training ends.

    Without a monitor the last epoch counts as the best, or the one before if the outputs of the last one are not
    finite. An epoch that does not end (an error, Ctrl-C, a loss that is not finite) does not count; before the first
    epoch, the initial weights are the best.

    Parameters
    ----------
    monitor : str or None
        Column of the history. NaN counts as the worst value.
    lower_is_better : bool, default=True
        Whether the best epoch has the lowest value.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.callbacks import BestWeights
    >>> X, y = load_iris(return_X_y=True)
    >>> kept = BestWeights("train_loss")  # also without held-out rows
    >>> net = NNClassifier("mlp", early_stopping=False, callbacks=[kept], max_epochs=3, random_state=0).fit(X, y)
    >>> net.n_iter_
    3
    """

    def __init__(self, monitor, lower_is_better=True) -> None:
        self.monitor = monitor
        self.lower_is_better = lower_is_better

    def initialize(self):
        self.best_epoch_ = 0
        self.best_ = math.inf
        self.n_epochs_ = 0  # that came to their end
        self.weights_ = self.before_ = None  # of the best epoch; without a monitor, of the one before
        return self

    def on_train_begin(self, net, **kwargs):
        self.parameters_ = list(net.module_.parameters())  # finding them takes longer than copying a small network
        self.has_buffers_ = any(True for _ in net.module_.buffers())
        self._keep(net, 0)

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        self.n_epochs_ = epoch["epoch"]
        if self.monitor is None:
            self.weights_, self.before_ = self.before_, self.weights_
            self._keep(net, epoch["epoch"])
            return
        value = epoch[self.monitor] if self.lower_is_better else -epoch[self.monitor]
        value = math.inf if math.isnan(value) else value
        if value < self.best_ or self.best_ == math.inf:
            self.best_ = value
            self._keep(net, epoch["epoch"])

    def on_train_end(self, net, **kwargs):
        if self.weights_ is not None:
            _copy(self._state(net), self.weights_)
        has_diverged = self.before_ is not None and not math.isfinite(net.history[-1].get("train_loss", 0.0))
        if has_diverged and not net.outputs_are_finite():
            _copy(self._state(net), self.before_)
            self.best_epoch_ -= 1
        self.parameters_ = self.weights_ = self.before_ = None

    def _keep(self, net, epoch: int) -> None:
        self.best_epoch_ = epoch
        if self.weights_ is None:
            self.weights_ = [value.detach().clone() for value in self._state(net)]
        else:
            _copy(self.weights_, self._state(net))

    def _state(self, net) -> list[torch.Tensor]:
        """Parameters, and buffers looked up each time: a module may put a new one in the place of an old one."""
        return [*self.parameters_, *net.module_.buffers()] if self.has_buffers_ else self.parameters_


@torch.no_grad()
def _copy(to: list[torch.Tensor], values: list[torch.Tensor]) -> None:
    if to:
        torch._foreach_copy_(to, values)
