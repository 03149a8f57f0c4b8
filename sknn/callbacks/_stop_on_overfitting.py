"""Early stopping on overfitting: a validation loss that rises far above its minimum."""

from __future__ import annotations

from itertools import pairwise

from sknn.callbacks._base import Callback
from sknn.callbacks._stop import StopTraining

_EPOCHS_SINCE_BEST = 5
_EPOCHS_RISING = 4
_FRACTION_OF_BEST, _FRACTION_OF_FIRST = 0.03, 0.01
_MANY_ROWS = 10_000


class StopOnOverfitting(Callback):
    """Stop early when the validation loss has kept rising, far above its minimum.

    That is, at least 5 epochs after the minimum, when the last 4 losses rise from each to the next and all exceed the
    minimum by more than 3 % of it plus 1 % of the first epoch's loss. A loss that goes up and down is noise of a high
    learning rate, which a learning rate that falls to 0 removes (measured in `docs/defaults.md`). Above 10,000
    validation rows the margin shrinks as the standard error of the loss does, by sqrt(10,000 / rows).

    Parameters
    ----------
    monitor : str
        Column of the history with the loss.
    n_rows : int
        Validation rows, of which the loss is the mean.
    """

    def __init__(self, monitor, n_rows):
        self.monitor = monitor
        self.n_rows = n_rows

    def on_train_begin(self, net, **kwargs):
        self.losses_: list[float] = []

    def on_epoch_end(self, net, **kwargs):
        losses = self.losses_
        losses.append(net.history[-1][self.monitor])
        best = min(losses)
        margin = _FRACTION_OF_BEST * abs(best) + _FRACTION_OF_FIRST * abs(losses[0])
        limit = best + margin * min((_MANY_ROWS / self.n_rows) ** 0.5, 1)
        since_best = len(losses) - 1 - losses.index(best)
        last = losses[-_EPOCHS_RISING:]
        rising = all(before < after for before, after in pairwise(last))
        if since_best >= _EPOCHS_SINCE_BEST and last[0] > limit and rising:
            raise StopTraining
