"""Record a scikit-learn scorer's value on the validation rows after each epoch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from skorch.callbacks import Callback


class MonitorScore(Callback):
    """Score the outputs that the validation pass of the epoch has left.

    Parameters
    ----------
    score : callable
        From the network's outputs on the validation rows, an ndarray, to a float.
    name : str
        Column of the history.
    """

    def __init__(self, score: Callable[[np.ndarray], float], name: str):
        self.score = score
        self.name = name

    def on_epoch_end(self, net, **kwargs):
        net.history.record(self.name, float(self.score(net.valid_outputs())))
