"""Targets of which a distribution is learned: counts and positive values by a log link, means with variances.

n rows, T targets, K members.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from sknn.preprocessing import RunningMoments
from sknn.targets._logarithms import log_mean_exp
from sknn.targets._quantiles import check_quantiles
from sknn.targets._regression import RealTarget

LARGEST_LOG_VARIANCE = 600.0  # of a standardised target, so that neither it nor its square root leaves float64
LARGEST_LOG_MEAN = 50.0
_LEAST_MEAN = 1e-6  # in which residuals are measured, relative to the mean of the targets


class LogLinkTarget(RealTarget):
    """Outputs are logarithms of means; targets are divided by their mean, so that 0 stays 0."""

    def _location_and_scale(self, y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        mean = np.average(y, axis=0, weights=weight)
        if not (mean > 0).all():
            raise ValueError(f"The sum of y must be larger than 0 for loss={self.loss.name!r}. Got only zeros.")
        return np.zeros(y.shape[1]), mean

    def _running_location_and_scale(self, moments: RunningMoments) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros_like(moments.mean), np.where(moments.mean > 0, moments.mean, 1.0)

    def combine(self, members: np.ndarray) -> np.ndarray:
        return log_mean_exp(members.astype(np.float64)).astype(np.float32)

    def _centers(self, outputs: np.ndarray) -> np.ndarray:
        return np.exp(np.minimum(outputs.astype(np.float64), LARGEST_LOG_MEAN))

    def bounds(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Residuals are measured in the standard deviation that the loss implies, up to a factor."""
        center, _, _ = super().bounds(outputs)
        mean = np.maximum(self._centers(outputs), _LEAST_MEAN)
        return center, center, np.sqrt(mean) if self.loss.name == "poisson" else mean


class GaussianTarget(RealTarget):
    """Outputs (n, 2T) are the means, then the logarithms of the variances, of normal distributions."""

    @property
    def n_outputs_per_target(self) -> int:
        return 2

    def combine(self, members: np.ndarray) -> np.ndarray:
        """Mean and variance of the mixture of the members' distributions."""
        means, log_variances = np.split(members.astype(np.float64), 2, axis=-1)
        mean = means.mean(axis=0)
        variance = (np.exp(_bounded(log_variances)) + np.square(means - mean)).mean(axis=0)
        return np.concatenate([mean, np.log(variance)], axis=-1).astype(np.float32)

    def _centers(self, outputs: np.ndarray) -> np.ndarray:
        return np.split(outputs, 2, axis=-1)[0]

    def predict_std(self, members: np.ndarray) -> np.ndarray:
        """Standard deviations, in the unit of y, of the targets about their means."""
        return self._shaped(self._large(self._std(self.combine(members))))

    def predict_quantiles(self, outputs: np.ndarray, quantiles) -> np.ndarray:
        levels = (0.05, 0.5, 0.95) if quantiles is None else check_quantiles(quantiles)
        mean, std = self._centers(outputs).astype(np.float64) * self.scale + self.mean, self._std(outputs)
        return np.stack([self._shaped(self._large(mean + ndtri(level) * std)) for level in levels], axis=-1)

    def bounds(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Residuals are measured in the predicted standard deviation."""
        center, _, _ = super().bounds(outputs)
        return center, center, self._large(self._std(outputs))

    def _std(self, outputs: np.ndarray) -> np.ndarray:
        """Standard deviations (n, T) in units of 2^exponent."""
        return np.exp(0.5 * _bounded(np.split(outputs, 2, axis=-1)[1].astype(np.float64))) * self.scale


def _bounded(log_variances: np.ndarray) -> np.ndarray:
    return np.clip(log_variances, -LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE)
