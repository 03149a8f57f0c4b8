"""Running statistics of columns, for tables and targets."""

from __future__ import annotations

import numpy as np

from sknn.preprocessing._plain import PlainState

_FAR = 1e145  # numbers beyond count as it: the squares of many of them stay finite


class RunningMoments(PlainState):
    """Weight, mean, variance and range of each column of the rows seen so far; NaN counts as missing.

    Means and sums of squares of chunks are merged (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm
    for computing sample variances", 1979, eq. 2.1), so that they are those of all rows at once, whatever the chunks.

    Attributes
    ----------
    n_rows : int
        Number of rows seen.
    n_missing : ndarray of shape (F,), int
        Missing values of each column.
    weight, mean, squares, low, high : ndarray of shape (F,)
        Sum of the weights, weighted mean, weighted sum of squared deviations, least and largest value of what is not
        missing.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn.preprocessing import RunningMoments
    >>> moments = RunningMoments(1)
    >>> for chunk in ([[1.0], [2.0]], [[6.0]]):
    ...     moments.update(np.array(chunk))
    >>> moments.mean, moments.variance
    (array([3.]), array([4.66666667]))
    """

    def __init__(self, n_columns: int):
        self.n_rows = 0
        self.n_missing = np.zeros(n_columns, dtype=np.int64)
        self.weight, self.mean, self.squares = np.zeros((3, n_columns))
        self.low, self.high = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)

    def update(self, values: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Take in rows (n, F), with weights (n,) larger than 0."""
        values = np.clip(values.astype(np.float64), -_FAR, _FAR)  # a copy; NaN stays
        missing = np.isnan(values)
        self.n_rows += len(values)
        self.n_missing += missing.sum(axis=0)
        self.low = np.fmin(self.low, np.fmin.reduce(values, axis=0))
        self.high = np.fmax(self.high, np.fmax.reduce(values, axis=0))
        cell_weight = np.where(missing, 0.0, 1.0 if weight is None else weight[:, None])
        added = cell_weight.sum(axis=0)
        total = self.weight + added
        mean = _ratio((cell_weight * np.where(missing, 0.0, values)).sum(axis=0), added)
        squares = (cell_weight * np.square(np.where(missing, 0.0, values - mean))).sum(axis=0)
        fraction = _ratio(added, total)
        step = mean - self.mean
        self.squares = self.squares + squares + np.square(step) * self.weight * fraction
        self.mean = np.clip(self.mean + step * fraction, *self._range)
        self.weight = total

    @property
    def variance(self) -> np.ndarray:
        return _ratio(self.squares, self.weight)

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation; 0 for a column that has not varied yet, exactly."""
        low, high = self._range
        spread = np.sqrt(self.variance)
        return np.where(high > low, np.where(spread > 0, spread, high - low), 0.0)

    @property
    def _range(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and largest value, 0 for a column without any."""
        empty = self.low > self.high
        return np.where(empty, 0.0, self.low), np.where(empty, 0.0, self.high)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """0 where there is nothing to divide by."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def deviation_of_members(values: np.ndarray) -> np.ndarray:
    """Standard deviation over the first axis, (K, n, ...) to (n, ...).

    Members are added up in their order. `numpy.std` would add those of a single row up in pairs, to other last bits.
    """
    mean = sum(values) / len(values)
    return np.sqrt(sum(np.square(value - mean) for value in values) / len(values))
