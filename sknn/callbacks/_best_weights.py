"""Keep the weights of the best epoch in memory and put them back when training ends."""

from __future__ import annotations

import math
import warnings

import torch
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

_CAUSES = (
    "Likely causes: a learning rate that is too high, unscaled numbers in X (with preprocessing=None or a "
    "transformer that does not scale), or a loss that is undefined for some output or target."
)


class BestWeights(Callback):
    """Restore the best epoch's weights when training ends.

    Without a validation score (`monitor=None`) the last epoch counts as the best. A loss that
    is not finite ends training in any case, with the best weights so far.

    Parameters
    ----------
    monitor : str or None
        Column of the history to watch.
    lower_is_better : bool, default=True
    """

    def __init__(self, monitor, lower_is_better=True):
        self.monitor = monitor
        self.lower_is_better = lower_is_better

    def initialize(self):
        self.best_epoch_ = 0
        self.best_ = math.inf
        self.weights_ = None
        return self

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        if not math.isfinite(epoch["train_loss"]) or not math.isfinite(epoch.get("valid_loss", 0.0)):
            self._give_up(epoch)
        if self.monitor is None:
            self._keep(epoch["epoch"])
            return
        value = epoch[self.monitor] if self.lower_is_better else -epoch[self.monitor]
        if value < self.best_ or self.weights_ is None:
            self.best_ = value
            self._keep(epoch["epoch"])

    def on_train_begin(self, net, **kwargs):
        self.state_ = [*net.module_.parameters(), *net.module_.buffers()]

    def on_train_end(self, net, **kwargs):
        if self.weights_ is not None:
            _copy(self.state_, self.weights_)
        self.state_ = self.weights_ = None

    def _keep(self, epoch: int) -> None:
        self.best_epoch_ = epoch
        if self.weights_ is None:
            self.weights_ = [value.detach().clone() for value in self.state_]
        else:
            _copy(self.weights_, self.state_)

    def _give_up(self, epoch: dict) -> None:
        bad = "train_loss" if not math.isfinite(epoch["train_loss"]) else "valid_loss"
        what = f"The {bad} became {epoch[bad]} in epoch {epoch['epoch']}"
        if self.weights_ is None:
            raise ValueError(f"{what}, before any epoch could be completed. {_CAUSES}")
        warnings.warn(
            f"{what}; training stopped and the weights of epoch {self.best_epoch_} are kept. {_CAUSES}",
            ConvergenceWarning,
            stacklevel=2,
        )
        raise KeyboardInterrupt


@torch.no_grad()
def _copy(to: list[torch.Tensor], values: list[torch.Tensor]) -> None:
    torch._foreach_copy_(to, values)
