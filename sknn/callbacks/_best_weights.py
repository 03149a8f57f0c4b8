"""Keep the weights of the best epoch in memory and put them back when training ends."""

from __future__ import annotations

import math

import torch
from skorch.callbacks import Callback


class BestWeights(Callback):
    """Restore the best epoch's weights when training ends.

    Without a score to watch (`monitor=None`) the last epoch counts as the best. An epoch that does
    not end (an error, Ctrl-C, a loss that is not finite) is none; before the first epoch the
    starting weights are the best.

    Parameters
    ----------
    monitor : str or None
        Column of the history to watch. A value that is NaN counts as the worst.
    lower_is_better : bool, default=True
    """

    def __init__(self, monitor, lower_is_better=True):
        self.monitor = monitor
        self.lower_is_better = lower_is_better

    def initialize(self):
        self.best_epoch_ = 0
        self.best_ = math.inf
        self.n_epochs_ = 0  # that came to their end
        self.weights_ = None
        return self

    def on_train_begin(self, net, **kwargs):
        self._keep(net, 0)

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        self.n_epochs_ = epoch["epoch"]
        if self.monitor is None:
            self._keep(net, epoch["epoch"])
            return
        value = epoch[self.monitor] if self.lower_is_better else -epoch[self.monitor]
        value = math.inf if math.isnan(value) else value
        if value < self.best_ or self.best_ == math.inf:
            self.best_ = value
            self._keep(net, epoch["epoch"])

    def on_train_end(self, net, **kwargs):
        if self.weights_ is not None:
            _copy(_state(net.module_), self.weights_)
            self.weights_ = None

    def _keep(self, net, epoch: int) -> None:
        self.best_epoch_ = epoch
        if self.weights_ is None:
            self.weights_ = [value.detach().clone() for value in _state(net.module_)]
        else:
            _copy(self.weights_, _state(net.module_))


def _state(module: torch.nn.Module) -> list[torch.Tensor]:
    """Looked up each time, because a module may put a new buffer in the place of an old one."""
    return [*module.parameters(), *module.buffers()]


@torch.no_grad()
def _copy(to: list[torch.Tensor], values: list[torch.Tensor]) -> None:
    if to:
        torch._foreach_copy_(to, values)
