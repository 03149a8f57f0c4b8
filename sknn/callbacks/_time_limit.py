"""Stop training when its time is up."""

from __future__ import annotations

import time

from sknn.callbacks._base import Callback
from sknn.callbacks._stop import StopTraining


class TimeLimit(Callback):
    """End training after the epoch in which the limit would be passed.

    Schedules of the learning rate and the like are shortened to the epochs that are left, as soon as it is
    seen that they are too many.

    Parameters
    ----------
    max_time : float
        Seconds. Training stops once another epoch as long as the last one would end after them.
    """

    def __init__(self, max_time):
        self.max_time = max_time

    def on_train_begin(self, net, **kwargs):
        self.start_ = self.epoch_start_ = time.perf_counter()
        self.last_epoch_ = net.max_epochs

    def on_epoch_begin(self, net, **kwargs):
        self.epoch_start_ = time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        now = time.perf_counter()
        epoch, left = len(net.history), self.max_time - (now - self.start_)
        affordable = int(max(left, 0) / max(now - self.epoch_start_, 1e-9))
        if affordable < self.last_epoch_ - epoch:
            self.last_epoch_ = epoch + affordable
            schedule = net.state.schedule
            if schedule is not None and affordable:
                schedule.finish_in(affordable * net.history[-1]["train_batch_count"])
        if epoch >= self.last_epoch_:
            raise StopTraining
