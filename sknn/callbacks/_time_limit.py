"""Stop training when its time is up."""

from __future__ import annotations

import time

from skorch.callbacks import Callback


class TimeLimit(Callback):
    """End training after the epoch in which the limit would be passed.

    Parameters
    ----------
    max_time : float
        Seconds. Training stops once another epoch as long as the last one would end after them.
    """

    def __init__(self, max_time):
        self.max_time = max_time

    def on_train_begin(self, net, **kwargs):
        self.start_ = self.epoch_start_ = time.perf_counter()

    def on_epoch_begin(self, net, **kwargs):
        self.epoch_start_ = time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        now = time.perf_counter()
        if now - self.start_ + (now - self.epoch_start_) > self.max_time:
            raise KeyboardInterrupt  # how skorch's callbacks ask to stop
