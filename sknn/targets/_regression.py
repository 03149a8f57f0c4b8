"""What stands between real targets and a network's outputs: their scale, and what a loss makes of the outputs.

n rows, T targets, L levels, K members. `combine` gives outputs again, those whose predictions are the mean of the
members', so that an ensemble's outputs are read as a network's are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp, ndtri
from sklearn.utils._param_validation import InvalidParameterError

from sknn.preprocessing import RunningMoments, deviation_of_members

_LARGEST_LOG_VARIANCE = 600.0  # of a standardised target, so that neither it nor its square root leaves float64
_FLOAT = np.finfo(np.float64)


class StandardizedTargets:
    """Targets to mean 0 and standard deviation 1 over the (weighted) training rows, and back.

    All arithmetic is done on targets divided by 2^`exponent`, a power of two above the largest of each: this changes no
    bit of ordinary numbers, and nothing overflows or vanishes at either end of float64.
    """

    n_per_target = 1  # outputs

    def __init__(self, y: np.ndarray, weight: np.ndarray | None, running: bool = False):
        """With `running` the mean and the scale are those of all rows that `update` has been given too."""
        self.ndim = y.ndim
        self.n_user_outputs = _as_columns(y).shape[1]
        self.exponent = np.frexp(np.abs(_as_columns(y)).max(axis=0))[1]
        self.range = np.full(self.n_user_outputs, np.inf), np.full(self.n_user_outputs, -np.inf)
        self._moments = RunningMoments(self.n_user_outputs) if running else None
        if not running:  # in units of 2^exponent
            self.mean, self.scale = self._location_and_scale(self._small(_as_columns(y)), weight)
        self.update(y, weight)

    @property
    def n_outputs(self) -> int:
        return self.n_user_outputs * self.n_per_target

    @staticmethod
    def _location_and_scale(y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        mean = np.average(y, axis=0, weights=weight)
        scale = np.sqrt(np.average(np.square(y - mean), axis=0, weights=weight))
        return mean, np.where(scale > 0, scale, 1.0)

    @staticmethod
    def _running_location_and_scale(moments: RunningMoments) -> tuple[np.ndarray, np.ndarray]:
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
        with np.errstate(over="ignore"):
            target = ((self._small(_as_columns(y)) - self.mean) / self.scale).astype(np.float32)
        if not np.isfinite(target).all():
            raise ValueError(
                "y and y_val must hold targets whose distance from the mean of the training rows is below 1e38 of its "
                f"standard deviations, in which the loss is computed. Got targets from {y.min()} to {y.max()}."
            )
        return target

    def _check_shape(self, y: np.ndarray) -> None:
        if y.ndim != self.ndim or _as_columns(y).shape[1] != self.n_user_outputs:
            raise ValueError(
                f"y must have {self.n_user_outputs} target(s) in {self.ndim} dimension(s), as in the first fit. "
                f"Got shape {y.shape}."
            )

    def decode(self, target: np.ndarray) -> np.ndarray:
        """From what `encode` gave, (n, T)."""
        return self._shaped(self._in_unit(target))

    def combine(self, members: np.ndarray) -> np.ndarray:
        """Outputs of an ensemble from those of its members, (K, n, n_outputs)."""
        return members.mean(axis=0)

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        return self._shaped(self._in_unit(self._centers(outputs)))

    def _centers(self, outputs: np.ndarray) -> np.ndarray:
        """The prediction of each standardised target, (n, T)."""
        return outputs

    def _in_unit(self, values: np.ndarray) -> np.ndarray:
        """From (n, T) standardised values to those of y, none beyond what training has seen."""
        return np.clip(self._large(values.astype(np.float64) * self.scale + self.mean), *self.range)

    def spread_of_members(self, members: np.ndarray) -> np.ndarray:
        """Standard deviations, in the unit of y, of the members' predictions from their outputs (K, n, n_outputs)."""
        predicted = np.stack([self._in_unit(self._centers(outputs)) for outputs in members])
        return self._shaped(self._large(deviation_of_members(self._small(predicted))))

    def score(self, metric: Callable, y: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None) -> float:
        """A metric that does not depend on the unit of y."""
        return float(metric(self._small(_as_columns(y)), self._small(_as_columns(predicted)), sample_weight=weight))

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


class QuantileTargets(StandardizedTargets):
    """Outputs (n, T · L) are quantiles: the lowest one, then what is added for each further one, before softplus."""

    def __init__(self, y: np.ndarray, weight: np.ndarray | None, quantiles: tuple[float, ...], running: bool = False):
        self.quantiles = quantiles
        self.n_per_target = len(quantiles)
        super().__init__(y, weight, running)

    def combine(self, members: np.ndarray) -> np.ndarray:
        mean = self._increasing(members).mean(axis=0)  # (n, T, L)
        steps = _softplus_inverse(np.diff(mean, axis=-1))
        return np.concatenate([mean[..., :1], steps], axis=-1).reshape(members.shape[1:])

    def predict_quantiles(self, outputs: np.ndarray, quantiles) -> np.ndarray:
        if quantiles is not None and tuple(quantiles) != self.quantiles:
            raise ValueError(
                f"quantiles must be None or those of the fit in order, {list(self.quantiles)}. Got {quantiles!r}. "
                "Set loss_params={'quantiles': [...]} and fit again, or use loss='gaussian_nll'."
            )
        levels = self._increasing(outputs)
        return _stacked([self._shaped(self._in_unit(levels[..., k])) for k in range(self.n_per_target)])

    def _increasing(self, outputs: np.ndarray) -> np.ndarray:
        """(..., T · L) to (..., T, L)."""
        values = outputs.reshape(*outputs.shape[:-1], -1, self.n_per_target).astype(np.float64)
        values[..., 1:] = np.logaddexp(values[..., 1:], 0)
        return values.cumsum(axis=-1)

    def _centers(self, outputs: np.ndarray) -> np.ndarray:
        """The median, on a line between the levels around it; with levels on one side of it, the nearest one."""
        levels = self._increasing(outputs)
        above = int(np.searchsorted(self.quantiles, 0.5))
        if above == 0 or above == len(self.quantiles):
            return levels[..., min(above, len(self.quantiles) - 1)]
        low, high = self.quantiles[above - 1 : above + 1]
        share = (0.5 - low) / (high - low)
        return (1 - share) * levels[..., above - 1] + share * levels[..., above]


class GaussianTargets(StandardizedTargets):
    """Outputs (n, 2T) are the means, then the logarithms of the variances, of normal distributions."""

    n_per_target = 2

    def combine(self, members: np.ndarray) -> np.ndarray:
        """Mean and variance of the mixture of the members' distributions."""
        means, log_variances = np.split(members.astype(np.float64), 2, axis=-1)
        mean = means.mean(axis=0)
        variance = (np.exp(_bounded(log_variances)) + np.square(means - mean)).mean(axis=0)
        return np.concatenate([mean, np.log(variance)], axis=-1).astype(np.float32)

    def _centers(self, outputs: np.ndarray) -> np.ndarray:
        return np.split(outputs, 2, axis=-1)[0]

    def predict_spread(self, outputs: np.ndarray) -> np.ndarray:
        """Standard deviations, in the unit of y, of the targets about their means."""
        return self._shaped(self._large(self._spread(outputs)))

    def predict_quantiles(self, outputs: np.ndarray, quantiles) -> np.ndarray:
        levels = (0.05, 0.5, 0.95) if quantiles is None else check_quantiles(quantiles)
        mean, spread = self._centers(outputs).astype(np.float64) * self.scale + self.mean, self._spread(outputs)
        return _stacked([self._shaped(self._large(mean + ndtri(level) * spread)) for level in levels])

    def _spread(self, outputs: np.ndarray) -> np.ndarray:
        """Standard deviations (n, T) in units of 2^exponent."""
        return np.exp(0.5 * _bounded(np.split(outputs, 2, axis=-1)[1].astype(np.float64))) * self.scale


class LogLinkTargets(StandardizedTargets):
    """Outputs are logarithms of means; targets are divided by their mean, so that 0 stays 0."""

    def __init__(self, y: np.ndarray, weight: np.ndarray | None, loss: str, running: bool = False):
        self.loss = loss
        self._check_range(y)
        super().__init__(y, weight, running)
        if not (self.scale > 0).all():
            raise ValueError(f"The sum of y must be larger than 0 for loss={loss!r}. Got only zeros.")

    @staticmethod
    def _location_and_scale(y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(y.shape[1]), np.average(y, axis=0, weights=weight)

    @staticmethod
    def _running_location_and_scale(moments: RunningMoments) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros_like(moments.mean), np.where(moments.mean > 0, moments.mean, 1.0)

    def _check_range(self, y: np.ndarray) -> None:
        low = "larger than 0" if self.loss == "gamma" else "at least 0"
        if (y <= 0 if self.loss == "gamma" else y < 0).any():
            raise ValueError(
                f"Some value(s) of y are out of range: loss={self.loss!r} needs targets {low}. Got {y.min()}."
            )

    def encode(self, y: np.ndarray) -> np.ndarray:
        self._check_range(y)
        return super().encode(y)

    def combine(self, members: np.ndarray) -> np.ndarray:
        return (logsumexp(members.astype(np.float64), axis=0) - np.log(len(members))).astype(np.float32)

    def _centers(self, outputs: np.ndarray) -> np.ndarray:
        return np.exp(np.minimum(outputs.astype(np.float64), 50.0))


def kind_of_targets(loss, loss_params: dict) -> tuple:
    """What must stay the same when training goes on."""
    if loss == "quantile":
        return loss, check_quantiles(loss_params.get("quantiles", (0.5,)))
    return (loss,) if loss in ("gaussian_nll", "poisson", "gamma") else ("standardised",)


def make_targets(
    loss, loss_params: dict, y: np.ndarray, weight: np.ndarray | None, running: bool = False
) -> StandardizedTargets:
    """The targets of a loss, by its name; those of a loss of the user's own are standardised."""
    if loss == "quantile":
        return QuantileTargets(y, weight, check_quantiles(loss_params.get("quantiles", (0.5,))), running)
    if loss == "gaussian_nll":
        return GaussianTargets(y, weight, running)
    if loss in ("poisson", "gamma"):
        return LogLinkTargets(y, weight, loss, running)
    return StandardizedTargets(y, weight, running)


def check_quantiles(quantiles) -> tuple[float, ...]:
    """Levels as a tuple, increasing and between 0 and 1, or the error that says so."""
    levels = tuple(np.atleast_1d(np.asarray(quantiles, dtype=np.float64)).tolist())
    if not levels or min(levels) <= 0 or max(levels) >= 1 or list(levels) != sorted(set(levels)):
        raise InvalidParameterError(f"quantiles must be increasing numbers between 0 and 1. Got {quantiles!r} instead.")
    return levels


def _stacked(levels: list[np.ndarray]) -> np.ndarray:
    """(n, L), or (n, T, L)."""
    return np.stack(levels, axis=-1)


def _softplus_inverse(x: np.ndarray) -> np.ndarray:
    """log(eˣ − 1), for x > 0 however small or large."""
    x = np.maximum(x, 1e-12)
    return x + np.log(-np.expm1(-x))


def _bounded(log_variances: np.ndarray) -> np.ndarray:
    return np.clip(log_variances, -_LARGEST_LOG_VARIANCE, _LARGEST_LOG_VARIANCE)


def _as_columns(y: np.ndarray) -> np.ndarray:
    return y.reshape(-1, 1) if y.ndim == 1 else y
