"""A line that shows the progress of training."""

from __future__ import annotations

import multiprocessing
import sys

from tqdm import tqdm

from sknn.callbacks._base import Callback

_FORMAT = "{desc} {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


class ProgressLine(Callback):
    """Epoch, losses and time on one line of the standard error stream; silent in worker processes.

    On a terminal and in a notebook the line is redrawn in place; elsewhere (a log file) only the
    last one is written.

    Parameters
    ----------
    max_epochs : int
    monitor : str or None, default=None
        Another column of the history to show.
    """

    def __init__(self, max_epochs, monitor=None):
        self.max_epochs = max_epochs
        self.monitor = monitor

    def on_train_begin(self, net, **kwargs):
        in_worker = multiprocessing.parent_process() is not None
        redraws = sys.stderr.isatty() or "ipykernel" in sys.modules
        self.line_ = tqdm(
            total=self.max_epochs,
            desc="epoch",
            bar_format=_FORMAT,
            disable=in_worker,
            file=sys.stderr,
            mininterval=0.1 if redraws else float("inf"),
            delay=0 if redraws else 1e-9,
        )

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        shown = {"train loss": epoch["train_loss"]}
        if "valid_loss" in epoch:
            shown["valid loss"] = epoch["valid_loss"]
        if self.monitor is not None and self.monitor != "valid_loss":
            shown[self.monitor.replace("_", " ", 1)] = epoch[self.monitor]
        self.line_.set_postfix({name: f"{value:.4f}" for name, value in shown.items()}, refresh=False)
        self.line_.update()

    def on_train_end(self, net, **kwargs):
        self.line_.close()
