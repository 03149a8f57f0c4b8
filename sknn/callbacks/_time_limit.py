"""Stop training after a given time."""

from __future__ import annotations

import time
from numbers import Real

from sklearn.utils._param_validation import Interval

from sknn.callbacks._base import Callback
from sknn.callbacks._stop import StopTraining


class TimeLimit(Callback):
    """Stop training after a given time.

    Training stops at the end of an epoch, after at least one. Schedules of the learning rate and others that would take
    longer are shortened to end in time. It is called after all other callbacks, whatever its position in the list.

    Parameters
    ----------
    seconds : float
        Training stops if another epoch as long as the last one would exceed this limit. The time before the first
        epoch (encoding the rows, building the network) does not count.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sknn import NNClassifier
    >>> from sknn.callbacks import TimeLimit
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> net = NNClassifier(max_epochs=10_000, patience=10_000, callbacks=[TimeLimit(0.5)], random_state=0).fit(X, y)
    >>> net.n_iter_ < 10_000
    True
    """

    _parameter_constraints: dict = {"seconds": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, seconds) -> None:
        self.seconds = seconds

    def on_train_begin(self, net, **kwargs):
        self.start_ = self.epoch_start_ = time.perf_counter()
        self.last_epoch_ = net.max_epochs

    def on_epoch_begin(self, net, **kwargs):
        self.epoch_start_ = time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        now = time.perf_counter()
        epoch, left = len(net.history), self.seconds - (now - self.start_)
        affordable = int(max(left, 0) / max(now - self.epoch_start_, 1e-9))
        if affordable < self.last_epoch_ - epoch:
            self.last_epoch_ = epoch + affordable
            schedule = net.state.schedule
            if schedule is not None and affordable:
                schedule.finish_in(affordable * net.history[-1]["train_batch_count"])
        if epoch >= self.last_epoch_:
            raise StopTraining
