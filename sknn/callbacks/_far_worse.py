"""Stop training where the loss has become so much worse that the rest of a schedule does not lead back."""

from __future__ import annotations

from itertools import pairwise

from sknn.callbacks._readable import ReadableCallback
from sknn.callbacks._stop import StopTraining

_EPOCHS_SINCE_BEST = 5
_EPOCHS_WORSE = 4
_OF_BEST, _OF_FIRST = 0.03, 0.01
_MANY_ROWS = 10_000


class StopIfFarWorse(ReadableCallback):
    """End training when overfitting is beyond doubt, long before a patience that suits a whole schedule is out.

    That is, at least 5 epochs after the best one, when the last 4 had a loss above that of the best by 3 % of it and
    1 % of the first epoch's, and it rose from each of them to the next. A loss that goes up and down is noise of a high
    learning rate, and a learning rate that falls to 0 makes good for that (measured in `docs/defaults.md`). Above
    10,000 rows both margins shrink as the standard error of the loss does, by sqrt(10,000 / rows).

    Parameters
    ----------
    monitor : str
        Column of the history with the loss.
    n_rows : int
        Rows that the loss is a mean of.
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
        margin = _OF_BEST * abs(best) + _OF_FIRST * abs(losses[0])
        limit = best + margin * min((_MANY_ROWS / self.n_rows) ** 0.5, 1)
        since_best = len(losses) - 1 - losses.index(best)
        last = losses[-_EPOCHS_WORSE:]
        rising = all(before < after for before, after in pairwise(last))
        if since_best >= _EPOCHS_SINCE_BEST and last[0] > limit and rising:
            raise StopTraining
