"""Bins of encoded numbers, for the networks that embed them piecewise. Never sees the target."""

from __future__ import annotations

import numpy as np

from sknn.preprocessing._columns import weighted_quantiles

_MAX_ROWS = 100_000  # quantiles of more rows change nothing
_LEAST_WIDTH = 1e-4  # of a bin, so that the share of it which a number has passed is exact enough in float32


def quantile_bins(
    x: np.ndarray, n_bins: int, weight: np.ndarray | None = None, seed: int = 0
) -> list[list[float] | None]:
    """Edges of each column's bins: its quantiles, or None for a column of at most two values.

    A value that takes up several quantiles starts as many bins of the least width, side by side: what is
    piecewise linear in the bins can jump there, and the more easily the more rows are concerned.

    Parameters
    ----------
    x : ndarray of shape (n, F)
        Encoded rows, finite.
    n_bins : int
        Number of bins.
    weight : ndarray of shape (n,) or None
        Weights of the rows.
    seed : int
        Chooses the rows that are looked at in tables of more than 100,000.

    Returns
    -------
    edges : list of (list of float or None)
        n_bins + 1 increasing edges.
    """
    if len(x) > _MAX_ROWS:
        rows = np.sort(np.random.RandomState(seed).choice(len(x), _MAX_ROWS, replace=False))
        x, weight = x[rows], None if weight is None else weight[rows]
    return [_edges(x[:, j].astype(np.float64), n_bins, weight) for j in range(x.shape[1])]


def _edges(values: np.ndarray, n_bins: int, weight: np.ndarray | None) -> list[float] | None:
    low, high = values.min(), values.max()
    if ((values == low) | (values == high)).all():
        return None
    edges = weighted_quantiles(values, weight, np.linspace(0, 1, n_bins + 1))
    edges[[0, -1]] = low, high
    steps = _LEAST_WIDTH * np.arange(n_bins + 1)
    return (np.maximum.accumulate(edges - steps) + steps).tolist()  # each at least a step above the one before
