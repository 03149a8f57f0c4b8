"""Quantiles: the loss, the transform that keeps them from crossing, and the targets.

B or n rows, T targets, L levels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.utils._param_validation import InvalidParameterError
from torch import Tensor, nn

from sknn.targets._regression import RealTarget


class QuantileLevels:
    """The constraint on levels: increasing numbers between 0 and 1, or a single one."""

    def is_satisfied_by(self, value) -> bool:
        try:
            levels = as_levels(value)
        except (TypeError, ValueError):
            return False
        return bool(levels) and all(0 < level < 1 for level in levels) and list(levels) == sorted(set(levels))

    def __str__(self):
        return "increasing numbers between 0 and 1"


def as_levels(quantiles) -> tuple[float, ...]:
    return tuple(np.atleast_1d(np.asarray(quantiles, dtype=np.float64)).tolist())


def quantile(output: Tensor, target: Tensor, *, quantiles: Sequence[float] = (0.5,), reduction: str = "mean") -> Tensor:
    """max(τr, (τ − 1)r) of the residual r = y − q, the mean over levels τ (Koenker and Bassett, 1978).

    `output` (B, T · L) holds what `increasing` turns into quantiles that cannot cross.
    """
    quantiles = (quantiles,) if isinstance(quantiles, float) else quantiles
    residual = target.unsqueeze(2) - increasing(output, len(quantiles))  # (B, T, L)
    losses = [torch.maximum(q * residual[..., k], (q - 1) * residual[..., k]) for k, q in enumerate(quantiles)]
    loss = torch.stack(losses, -1).mean(-1)
    return loss.mean() if reduction == "mean" else loss


def increasing(output: Tensor, n_levels: int) -> Tensor:
    """(B, T · L) to (B, T, L) along which numbers increase: the first one, then softplus of each further one added."""
    lowest, *steps = output.unflatten(1, (-1, n_levels)).split(1, 2)
    return torch.cat([lowest, *(nn.functional.softplus(step) for step in steps)], 2).cumsum(2)


def increasing_array(outputs: np.ndarray, n_levels: int) -> np.ndarray:
    """The same of an array, in float64; the axes before the last one may be several."""
    values = outputs.reshape(*outputs.shape[:-1], -1, n_levels).astype(np.float64)
    values[..., 1:] = np.logaddexp(values[..., 1:], 0)
    return values.cumsum(axis=-1)


class QuantileTarget(RealTarget):
    """Outputs (n, T · L) are quantiles: the lowest one, then what is added for each further one, before softplus."""

    @property
    def quantiles(self) -> tuple[float, ...]:
        return as_levels(self.loss_params.get("quantiles", 0.5))

    @property
    def n_outputs_per_target(self) -> int:
        return len(self.quantiles)

    def _predicts_the_same(self, loss_params: dict) -> bool:
        return as_levels(loss_params.get("quantiles", 0.5)) == self.quantiles

    def combine(self, members: np.ndarray) -> np.ndarray:
        mean = self._levels(members).mean(axis=0)  # (n, T, L)
        steps = _softplus_inverse(np.diff(mean, axis=-1))
        return np.concatenate([mean[..., :1], steps], axis=-1).reshape(members.shape[1:])

    def predict_quantiles(self, outputs: np.ndarray, quantiles) -> np.ndarray:
        if quantiles is not None and tuple(quantiles) != self.quantiles:
            raise ValueError(
                f"quantiles must be None or those of the fit in order, {list(self.quantiles)}. Got {quantiles!r}. "
                "Set loss_params={'quantiles': [...]} and fit again, or use loss='gaussian_nll'."
            )
        levels = self._levels(outputs)
        return np.stack([self._shaped(self._in_unit(levels[..., k])) for k in range(levels.shape[-1])], axis=-1)

    def bounds(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """From the lowest and the highest quantile."""
        levels = self._levels(outputs)
        low, high = self._in_unit(levels[..., 0]), self._in_unit(levels[..., -1])
        return low, high, np.ones_like(low)

    def _levels(self, outputs: np.ndarray) -> np.ndarray:
        """(..., T · L) to (..., T, L)."""
        return increasing_array(outputs, self.n_outputs_per_target)

    def _centers(self, outputs: np.ndarray) -> np.ndarray:
        """The median, interpolated between the levels around it; with levels on one side of it, the nearest one."""
        quantiles, levels = self.quantiles, self._levels(outputs)
        above = int(np.searchsorted(quantiles, 0.5))
        if above == 0 or above == len(quantiles):
            return levels[..., min(above, len(quantiles) - 1)]
        low, high = quantiles[above - 1 : above + 1]
        fraction = (0.5 - low) / (high - low)
        return (1 - fraction) * levels[..., above - 1] + fraction * levels[..., above]


def check_quantiles(quantiles) -> tuple[float, ...]:
    """Levels as a tuple, or the error that says what they must be."""
    if not QuantileLevels().is_satisfied_by(quantiles):
        raise InvalidParameterError(f"quantiles must be {QuantileLevels()}. Got {quantiles!r} instead.")
    return as_levels(quantiles)


def _softplus_inverse(x: np.ndarray) -> np.ndarray:
    """log(eˣ − 1), for x > 0 however small or large."""
    x = np.maximum(x, 1e-12)
    return x + np.log(-np.expm1(-x))
