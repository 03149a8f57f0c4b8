"""Real targets: their scale, and predictions in the unit of y. Other kinds of real targets are subclasses elsewhere.

n rows, T targets, K members.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import r2_score

from sknn.preprocessing import RunningMoments, as_numbers, deviation_of_members
from sknn.targets._base import Target
from sknn.targets._losses import Loss

_FLOAT = np.finfo(np.float64)


class RealTarget(Target):
    """Targets to mean 0 and standard deviation 1 over the (weighted) training rows, and back.

    All arithmetic is done on targets divided by 2^`exponent`, a power of two above the largest of each: this changes no
    bit of ordinary numbers, and nothing overflows or vanishes at either end of float64.
    """

    def __init__(
        self, loss: Loss, loss_params: dict, y: np.ndarray, weight: np.ndarray | None = None, running: bool = False
    ):
        """With `running` the mean and the scale are those of all rows that `update` has been given too."""
        super().__init__(loss, loss_params)
        self._check_range(y)
        self.ndim = y.ndim
        self.n_targets = _as_columns(y).shape[1]
        self.n_outputs = self.n_targets * self.n_outputs_per_target
        self.exponent = np.frexp(np.abs(_as_columns(y)).max(axis=0))[1]
        self.range = np.full(self.n_targets, np.inf), np.full(self.n_targets, -np.inf)
        self._moments = RunningMoments(self.n_targets) if running else None
        if not running:  # in units of 2^exponent
            self.mean, self.scale = self._location_and_scale(self._small(_as_columns(y)), weight)
        self.update(y, weight)

    @property
    def n_outputs_per_target(self) -> int:
        return 1

    def _location_and_scale(self, y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        mean = np.average(y, axis=0, weights=weight)
        scale = np.sqrt(np.average(np.square(y - mean), axis=0, weights=weight))
        return mean, np.where(scale > 0, scale, 1.0)

    def _running_location_and_scale(self, moments: RunningMoments) -> tuple[np.ndarray, np.ndarray]:
        return moments.mean, np.where(moments.spread > 0, moments.spread, 1.0)

    def update(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        """Take in training rows: their range, and where it is running their mean and scale."""
        self._check_shape(y)
        y = _as_columns(y)
        self.range = np.minimum(self.range[0], y.min(axis=0)), np.maximum(self.range[1], y.max(axis=0))
        if self._moments is not None:
            self._moments.update(y, weight)
            self.exponent = np.frexp(np.abs(self.range).max(axis=0))[1]
            mean, scale = self._running_location_and_scale(self._moments)
            self.mean, self.scale = self._small(mean), self._small(scale)

    def encode(self, y: np.ndarray) -> np.ndarray:
        self._check_shape(y)
        self._check_range(y)
        with np.errstate(over="ignore"):
            target = ((self._small(_as_columns(y)) - self.mean) / self.scale).astype(np.float32)
        if not np.isfinite(target).all():
            raise ValueError(
                "y and y_val must hold targets whose distance from the mean of the training rows is below 1e38 of its "
                f"standard deviations, in which the loss is computed. Got targets from {y.min()} to {y.max()}."
            )
        return target

    def _check_shape(self, y: np.ndarray) -> None:
        if y.ndim != self.ndim or _as_columns(y).shape[1] != self.n_targets:
            raise ValueError(
                f"y must have {self.n_targets} target(s) in {self.ndim} dimension(s), as in the first fit. "
                f"Got shape {y.shape}."
            )

    def _check_range(self, y: np.ndarray) -> None:
        valid = self.loss.y_range
        if valid is not None and not (y.min() in valid and y.max() in valid):
            outside = y.min() if y.min() not in valid else y.max()
            raise ValueError(
                f"Some value(s) of y are out of range: for loss={self.loss.name!r} each must be {valid}. Got {outside}."
            )

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        return self._shaped(self._in_unit(encoded))

    def combine(self, members: np.ndarray) -> np.ndarray:
        return members.mean(axis=0)

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        return self._shaped(self._in_unit(self._centers(outputs)))

    def _centers(self, outputs: np.ndarray) -> np.ndarray:
        """The prediction of each standardised target, (n, T)."""
        return outputs

    def _in_unit(self, values: np.ndarray) -> np.ndarray:
        """From (n, T) standardised values to those of y, none beyond what training has seen."""
        return np.clip(self._large(values.astype(np.float64) * self.scale + self.mean), *self.range)

    def predict_std(self, members: np.ndarray) -> np.ndarray:
        """Standard deviations, in the unit of y, of the members' predictions."""
        predicted = np.stack([self._in_unit(self._centers(outputs)) for outputs in members])
        return self._shaped(self._large(deviation_of_members(self._small(predicted))))

    def bounds(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """From where residuals are counted downwards and upwards, and their unit: three arrays (n, T)."""
        center = self._in_unit(self._centers(outputs))
        return center, center, np.ones_like(center)

    def conformity(self, outputs: np.ndarray, y: np.ndarray, *, of_members: bool) -> np.ndarray:
        """Residuals (n, T, 2) from both of the `bounds`."""
        low, high, spread = self.bounds(outputs)
        y = _as_columns(y)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return np.stack([(y - low) / spread, (y - high) / spread], axis=-1)

    def score(self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> float:
        """R², which does not depend on the unit of y."""
        predicted = self._in_unit(self._centers(outputs))
        return float(r2_score(self._small(_as_columns(y)), self._small(predicted), sample_weight=weight))

    def _small(self, y: np.ndarray) -> np.ndarray:
        """Targets (..., T) divided by 2^exponent."""
        with np.errstate(over="ignore"):
            return np.ldexp(y, -self.exponent)

    def _large(self, y: np.ndarray) -> np.ndarray:
        """The way back; what would be beyond float64 is the largest number of it."""
        with np.errstate(over="ignore"):
            return np.clip(np.ldexp(y, self.exponent), _FLOAT.min, _FLOAT.max)

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        return values[:, 0] if self.ndim == 1 else values


def check_numbers(y, name: str) -> np.ndarray:
    """y of a regressor as an array of numbers, or the error that says what is wrong with it."""
    try:
        return as_numbers(y, name)
    except ValueError as error:
        if "must hold numbers" in str(error):
            error.add_note("NNRegressor predicts numbers; for labels use NNClassifier.")
        raise


def _as_columns(y: np.ndarray) -> np.ndarray:
    return y.reshape(-1, 1) if y.ndim == 1 else y
