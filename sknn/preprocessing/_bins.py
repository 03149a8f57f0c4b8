"""Bins and thresholds of encoded numbers, for the networks that embed them. The target is not used."""

from __future__ import annotations

import numpy as np

from sknn.preprocessing.columns._scaling import weighted_quantiles

_MAX_ROWS = 100_000  # quantiles of more rows change nothing
_LEAST_WIDTH = 1e-4  # of a bin, so that the fraction of it that a number has passed is exact enough in float32


def quantile_bins(
    x: np.ndarray, n_bins: int, weight: np.ndarray | None = None, seed: int = 0
) -> list[list[float] | None]:
    """Edges of each column's bins: its quantiles, or None for a column of at most two values.

    Quantiles that coincide are separated by a minimal width of 1e-4, so that the piecewise-linear encoding can
    represent a jump at a frequent value.

    Parameters
    ----------
    x : ndarray of shape (n, F)
        Encoded rows, finite.
    n_bins : int
        Number of bins.
    weight : ndarray of shape (n,) or None
        Weights of the rows.
    seed : int
        Seed of the sample of rows in tables of more than 100,000.

    Returns
    -------
    edges : list of (list of float or None)
        n_bins + 1 increasing edges.
    """
    x, weight = _some(x, weight, seed)
    return [_edges(x[:, j].astype(np.float64), n_bins, weight) for j in range(x.shape[1])]


def random_thresholds(
    x: np.ndarray, n_thresholds: int, n_members: int, weight: np.ndarray | None = None, seed: int = 0
) -> list[np.ndarray | None]:
    """Thresholds of each column for each member of an ensemble, or None for a column of at most two values.

    Threshold j of J lies at a random position between the quantiles j/J and (j + 1)/J, halfway between two neighbouring
    values. Members have different thresholds, like the trees of P. Geurts, D. Ernst, L. Wehenkel, "Extremely randomized
    trees", 2006, but stratified by quantiles. Of coinciding thresholds one is kept; the others are infinite.

    Parameters
    ----------
    x : ndarray of shape (n, F)
        Encoded rows, finite.
    n_thresholds : int
        Number J of thresholds.
    n_members : int
        Number K of members.
    weight : ndarray of shape (n,) or None
        Weights of the rows.
    seed : int
        Draws the places, and chooses the rows that are looked at in tables of more than 100,000.

    Returns
    -------
    thresholds : list of (ndarray of shape (K, J) or None)
    """
    x, weight = _some(x, weight, seed)
    random_state = np.random.RandomState(seed)
    return [_thresholds(x[:, j], (n_members, n_thresholds), weight, random_state) for j in range(x.shape[1])]


def _some(x: np.ndarray, weight: np.ndarray | None, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The rows that quantiles are taken of."""
    if len(x) <= _MAX_ROWS:
        return x, weight
    rows = np.sort(np.random.RandomState(seed).choice(len(x), _MAX_ROWS, replace=False))
    return x[rows], None if weight is None else weight[rows]


def _thresholds(values: np.ndarray, shape: tuple[int, int], weight, random_state) -> np.ndarray | None:
    distinct = np.unique(values)
    if len(distinct) <= 2:
        return None
    levels = (np.arange(shape[1]) + random_state.uniform(size=shape)) / shape[1]
    place = np.searchsorted(distinct, weighted_quantiles(values, weight, levels)).clip(1)
    found = np.sort(distinct[place - 1] / 2 + distinct[place] / 2, axis=1)
    repeats = np.diff(found, axis=1, prepend=np.float32(-np.inf)) == 0
    return np.where(repeats, np.float32(np.inf), found)


def _edges(values: np.ndarray, n_bins: int, weight: np.ndarray | None) -> list[float] | None:
    low, high = values.min(), values.max()
    if ((values == low) | (values == high)).all():
        return None
    edges = weighted_quantiles(values, weight, np.linspace(0, 1, n_bins + 1))
    edges[[0, -1]] = low, high
    steps = _LEAST_WIDTH * np.arange(n_bins + 1)
    return (np.maximum.accumulate(edges - steps) + steps).tolist()  # each at least a step above the one before
