"""Common base of classes and label indicators: calibrated probabilities."""

from __future__ import annotations

import copy
from abc import abstractmethod
from numbers import Real

import numpy as np

from sknn.preprocessing import deviation_of_members
from sknn.targets._base import Target
from sknn.targets._calibration import PRIOR_STD, WIDE_PRIOR_STD, best_temperature, ensemble_shrinkage
from sknn.targets._losses import Loss

_CALIBRATION_ROWS = 50_000
_TRUST = 0.5  # fraction of an ensemble's estimated log temperature that is applied: it is derived, not observed


class LabelTarget(Target):
    """Outputs are logits; divided by the temperature they are those of probabilities.

    Parameters
    ----------
    loss : Loss
    loss_params : dict

    Attributes
    ----------
    temperature : float
        By what logits are divided: 1 until `calibrate` has found another one.
    member_temperature : float
        The same for a single member, on the rows that it holds out.
    """

    classes: np.ndarray

    def __init__(self, loss: Loss, loss_params: dict):
        super().__init__(loss, loss_params)
        self.temperature = self.member_temperature = 1.0

    def update(self, y: np.ndarray, weight: np.ndarray | None, class_weight=None) -> None:
        """Take in training rows and the estimator's `class_weight`. Labels that are new are refused."""
        self.encode(y)

    @abstractmethod
    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities of float64 logits (..., n, O)."""

    @abstractmethod
    def _log_probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Their logarithms, also where a probability would be 0."""

    @abstractmethod
    def _log_loss(self, logits: np.ndarray, encoded: np.ndarray, weight: np.ndarray | None) -> float:
        """The mean negative log-likelihood of rows."""

    @abstractmethod
    def _centred(self, outputs: np.ndarray) -> np.ndarray:
        """Logits without what their probabilities do not depend on."""

    def predict_proba(self, outputs: np.ndarray) -> np.ndarray:
        return self._probabilities(self._scaled(outputs, self.temperature))

    def predict_log_proba(self, outputs: np.ndarray) -> np.ndarray:
        return self._log_probabilities(self._scaled(outputs, self.temperature))

    def decision_function(self, outputs: np.ndarray) -> np.ndarray:
        return self._scaled(outputs, self.temperature)

    def predict_std(self, members: np.ndarray) -> np.ndarray:
        """Standard deviations of the members' probabilities."""
        return deviation_of_members(self.predict_proba(members))

    def score(self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> float:
        """Accuracy; of several labels the fraction of rows of which all are right."""
        predicted = self.predict(outputs)
        is_right = (y.reshape(predicted.shape) == predicted).reshape(len(predicted), -1).all(1)
        return float(np.average(is_right, weights=weight))

    def at_temperature(self, temperature: float) -> LabelTarget:
        """The same target at another temperature."""
        if isinstance(temperature, bool) or not isinstance(temperature, Real) or not 0 < float(temperature) < np.inf:
            raise ValueError(f"temperature_ must be a finite number larger than 0. Got {temperature!r}.")
        changed = copy.copy(self)
        changed.temperature = float(temperature)
        return changed

    def calibrate(
        self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray | None, members: np.ndarray | None
    ) -> np.ndarray:
        """Set the temperature, and return probabilities.

        Where each member held out other rows, these are of single members, at the temperature that suits one; the
        ensemble's is derived from it.
        """
        self.temperature = 1.0
        known = np.flatnonzero(np.isfinite(outputs).all(axis=1))
        known = known[:: max(1, len(known) // _CALIBRATION_ROWS)]  # enough for a single number
        encoded, weight = self.encode(y)[known], self.row_weight(y, weight)
        weight = None if weight is None else weight[known]

        def log_loss(temperature: float) -> float:
            return self._log_loss(self._scaled(outputs[known], temperature), encoded, weight)

        prior_std = PRIOR_STD if self.loss.gives_probabilities else WIDE_PRIOR_STD
        of_member = self.temperature = self.member_temperature = best_temperature(log_loss, len(known), prior_std)
        if members is not None:
            shrinkage = ensemble_shrinkage(self._centred(members), self._centred(self.combine(members)))
            self.temperature = (of_member * shrinkage) ** _TRUST
        return self._probabilities(self._scaled(outputs, of_member))

    @staticmethod
    def _scaled(outputs: np.ndarray, temperature: float) -> np.ndarray:
        return outputs.astype(np.float64) / temperature
