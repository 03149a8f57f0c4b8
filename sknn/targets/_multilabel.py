"""Several labels a row: an indicator matrix of two values."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_expit

from sknn.targets._labels import LabelTarget
from sknn.targets._logarithms import log_mean_exp
from sknn.targets._losses import Loss


class LabelIndicatorTarget(LabelTarget):
    """A logit a label. Of the two values that y (n, T) holds, such as 0 and 1 or -1 and 1, the larger says "yes"."""

    def __init__(self, loss: Loss, loss_params: dict, y: np.ndarray):
        super().__init__(loss, loss_params)
        self.n_outputs = self.n_targets = y.shape[1]
        self.classes = np.arange(y.shape[1])
        values = np.unique(y)
        if len(values) == 1:  # the other one is 0, or 1 beside 0
            values = np.unique(np.append(values, y.dtype.type(values[0] == 0)))
        self.values = values

    def encode(self, y: np.ndarray) -> np.ndarray:
        if y.ndim != 2 or y.shape[1] != self.n_outputs:
            raise ValueError(f"y must be a label indicator of {self.n_outputs} columns. Got shape {y.shape}.")
        if not np.isin(y, self.values).all():
            raise ValueError(
                f"y and y_val must be coded by {self.values.tolist()} as in the first fit. Got {np.unique(y).tolist()}."
            )
        return (y == self.values[-1]).astype(np.float32)

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        return self._as_passed(encoded > 0.5)

    def update(self, y: np.ndarray, weight: np.ndarray | None, class_weight=None) -> None:
        super().update(y, weight, class_weight)
        if class_weight is not None:
            raise ValueError(
                f"class_weight must be None for a label indicator; weight rows by sample_weight. Got {class_weight!r}."
            )

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        return self._as_passed(outputs > 0)

    def _as_passed(self, applies: np.ndarray) -> np.ndarray:
        return self.values[applies.astype(int)]

    def combine(self, members: np.ndarray) -> np.ndarray:
        """Logits whose probabilities are the mean of those of the members."""
        return log_mean_exp(log_expit(members)) - log_mean_exp(log_expit(-members))

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        return expit(logits)

    def _log_probabilities(self, logits: np.ndarray) -> np.ndarray:
        return log_expit(logits)

    def _log_loss(self, logits: np.ndarray, encoded: np.ndarray, weight: np.ndarray | None) -> float:
        return float(np.average(-log_expit(np.where(encoded > 0, 1, -1) * logits).mean(axis=1), weights=weight))

    def _centred(self, outputs: np.ndarray) -> np.ndarray:
        return outputs
