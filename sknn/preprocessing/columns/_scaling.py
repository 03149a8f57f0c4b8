"""Centre and scale of numbers, column by column. Which columns are numbers is not decided here."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from sknn.preprocessing._tables import column_groups

LEAST_PROBABILITY = 1e-3  # beyond which a place among the quantiles of a training table says nothing more
FAR = 1e9  # numbers beyond are at the clip anyway, and their squares overflow


def smooth_clip(z: np.ndarray, limit: float) -> np.ndarray:
    """Smooth clipping to ±limit, z/√(1 + (z/limit)²), in place."""
    np.minimum(z, FAR, out=z)
    np.maximum(z, -FAR, out=z)
    root = z / limit
    np.square(root, out=root)
    root += 1
    np.sqrt(root, out=root)
    z /= root
    return z


def weighted_quantiles(values: np.ndarray, weight: np.ndarray | None, levels) -> np.ndarray:
    """Quantiles of a 1-d array: the smallest value that has at least that fraction of the weight at or below it.

    The definition is `numpy.quantile(method="inverted_cdf")`: unlike interpolation, it gives the same for a row of
    weight 2 and for the row twice. numpy's own takes 1.5 to 3 times as long (1,000 and 100,000 values), and divides
    the cumulated weights by their sum, so that rounding decides where a quantile falls between two values.
    """
    if weight is None:
        order = np.sort(values)
        positions = np.ceil(np.asarray(levels) * len(order)).astype(int) - 1
    else:
        rank = np.argsort(values)
        order, cumulated = values[rank], np.cumsum(weight[rank])
        positions = np.searchsorted(cumulated, np.asarray(levels) * cumulated[-1])
    return order[np.clip(positions, 0, len(order) - 1)]


def column_range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each column, NaN for a column of missing values only."""
    return np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)


def scale_by_quartiles(sample: np.ndarray, columns: np.ndarray, center: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Set what `robust_scale` gives for `columns`, sorted together; returns those whose quartiles are equal."""
    rest = []
    for group in column_groups(len(sample), columns.tolist()):
        order = np.sort(sample[:, group].T, axis=1)  # NaN last
        n_present = order.shape[1] - np.isnan(order).sum(axis=1)
        positions = np.ceil(np.multiply.outer(n_present, (0.25, 0.5, 0.75))).astype(int) - 1
        positions = np.clip(positions, 0, np.maximum(n_present - 1, 0)[:, None])
        first, median, third = np.take_along_axis(order, positions, axis=1).T.astype(np.float64)
        spread = third - first
        known = spread > 0  # neither 0 nor NaN
        chosen = np.asarray(group)[known]
        with np.errstate(over="ignore"):  # of a spread too small to divide by
            center[chosen], factor[chosen] = median[known], 1 / spread[known]
        rest.append(np.asarray(group)[~known])
    return np.concatenate([np.empty(0, dtype=int), *rest])


def robust_scale(values: np.ndarray, weight: np.ndarray | None) -> tuple[float, float]:
    """The median, and 1 / spread (0 for a constant)."""
    present = ~np.isnan(values)
    if not present.any():
        return 0.0, 0.0
    if not present.all():
        values, weight = values[present], None if weight is None else weight[present]
    first, median, third = weighted_quantiles(values, weight, (0.25, 0.5, 0.75))
    spread = float(third) - float(first)
    if spread == 0:
        distance = np.abs(values - median)
        other = distance > 0
        if not other.any():
            return float(median), 0.0
        spread = float(weighted_quantiles(distance[other], None if weight is None else weight[other], (0.5,))[0])
    return float(median), 1 / spread


def standard_scale(values: np.ndarray, weight: np.ndarray | None) -> tuple[float, float]:
    """The mean, and 1 / standard deviation (0 for a constant)."""
    present = ~np.isnan(values)
    if not present.any():
        return 0.0, 0.0
    values, weight = values[present], None if weight is None else weight[present]
    if values.min() == values.max():  # a mean may differ from equal values in the last bit
        return float(values[0]), 0.0
    mean = float(np.average(values, weights=weight))
    spread = float(np.sqrt(np.average(np.square(values - mean), weights=weight)))
    return mean, 1 / spread if spread > 0 else 0.0


def quantile_landmarks(values: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Equidistant quantiles, for interpolation."""
    present = ~np.isnan(values)
    if not present.any():
        return np.zeros(2)
    n_landmarks = int(min(1_000, max(10, present.sum() // 30)))
    return weighted_quantiles(
        values[present], None if weight is None else weight[present], np.linspace(0, 1, n_landmarks)
    )


def as_normal(values: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Standard normal quantiles at the ranks of values among the landmarks; ties get their mean rank."""
    levels = np.linspace(0, 1, len(landmarks))
    from_below = np.interp(values, landmarks, levels)
    from_above = -np.interp(-values, -landmarks[::-1], -levels[::-1])
    return ndtri(np.clip((from_below + from_above) / 2, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY))
