"""Record a scikit-learn scorer's value on the validation rows after each epoch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from sknn.callbacks._base import Callback


class MonitorScore(Callback):
    """Score the outputs of the epoch's validation pass.

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

    def initialize(self):
        self.values_ = []
        return self

    def on_epoch_end(self, net, **kwargs):
        self.values_.append(float(self.score(net.valid_outputs())))
        net.history.record(self.name, self.values_[-1])

    def on_train_end(self, net, **kwargs):
        if self.values_ and all(math.isnan(value) for value in self.values_):
            warnings.warn(
                f"The monitored score, {self.name}, was NaN in every epoch, so that no epoch is the best. The "
                "validation rows may lack a class; choose another monitor or other validation rows.",
                UndefinedMetricWarning,
                stacklevel=2,
            )
