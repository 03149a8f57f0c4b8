"""Quantiles of scores that are moved to each row to predict, and how many scores a coverage takes. NumPy alone.

n rows to predict, m held-out rows in F folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import NamedTuple

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

_HALVINGS = 60  # of the range of all scores


class Fold(NamedTuple):
    """What the members that hold out some rows say of rows to predict, and the scores of those held out."""

    outputs: np.ndarray  # (n, O)
    scores: np.ndarray  # (m_f, ...)
    weight: np.ndarray | None  # (m_f,)


class SortedScores:
    """Scores in order, with the sum of the weights of those up to each.

    Parameters
    ----------
    scores : ndarray of shape (m,)
    weight : ndarray of shape (m,) or None
        None: 1 each.
    """

    def __init__(self, scores: np.ndarray, weight: np.ndarray | None):
        order = np.argsort(scores, kind="stable")
        self.values = scores[order]
        weight = np.ones(len(scores)) if weight is None else weight[order]
        self.cumulated = np.concatenate([[0.0], np.cumsum(weight)])

    def weight_up_to(self, limit: np.ndarray) -> np.ndarray:
        """The weight of the scores that are at most `limit`."""
        return self.cumulated[np.searchsorted(self.values, limit, side="right")]

    def weight_from(self, limit: np.ndarray) -> np.ndarray:
        """The weight of the scores that are at least `limit`."""
        return self.cumulated[-1] - self.cumulated[np.searchsorted(self.values, limit, side="left")]


def upper_bounds(
    locations: Sequence[np.ndarray], spreads: Sequence[np.ndarray], folds: Sequence[SortedScores], level: float
) -> np.ndarray:
    """For each row the least t with W{aₖ + bₖ·s ≤ t} ≥ level · (W + w), over all scores s of all folds k.

    W is the weight of scores, w its mean, the weight of the row to predict. With weights of 1 it is the
    ⌈level · (m + 1)⌉-th smallest of the m values aₖ + bₖ·s. Found by bisection, so that no (n, m) array is made.

    Parameters
    ----------
    locations, spreads : sequence of F arrays of shape (n,)
        aₖ and bₖ > 0.
    folds : sequence of F SortedScores
    level : float
        In (0, 1).
    """
    needed = needed_weight(folds, level)
    low = np.min([a + b * fold.values[0] for a, b, fold in zip(locations, spreads, folds, strict=True)], axis=0)
    high = np.max([a + b * fold.values[-1] for a, b, fold in zip(locations, spreads, folds, strict=True)], axis=0)
    low = low - np.spacing(np.abs(low))  # nothing is at most that
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        weight = sum(fold.weight_up_to((middle - a) / b) for a, b, fold in zip(locations, spreads, folds, strict=True))
        reached = weight >= needed
        high, low = np.where(reached, middle, high), np.where(reached, low, middle)
    return high


def needed_weight(folds: Sequence[SortedScores], level: float) -> float:
    """level · (W + w), with some room for rounding."""
    total, count = sum(fold.cumulated[-1] for fold in folds), sum(len(fold.values) for fold in folds)
    return level * (total + total / count) * (1 - 1e-12)


def check_levels(confidence_level) -> list[float]:
    """Levels as a list, or the error that says what they must be."""
    levels = np.atleast_1d(np.asarray(confidence_level, dtype=object)).ravel().tolist()
    if not levels or not all(isinstance(level, Real) and 0 < float(level) < 1 for level in levels):
        raise InvalidParameterError(
            f"The 'confidence_level' parameter must be a number between 0 and 1, or a list of these. Got "
            f"{confidence_level!r} instead."
        )
    return [float(level) for level in levels]


def check_n_scores(n_scores: int, level: float, n_sides: int) -> None:
    """Refuse a level that so few held-out rows cannot promise.

    Raises
    ------
    ValueError
        When a side of the interval, or of the set, would be infinite.
    """
    least = int(np.ceil(n_sides / (1 - level) * (1 - 1e-12) - 1))
    if n_scores < least:
        raise ValueError(
            f"confidence_level={level:g} takes at least {least} rows that are held out or given as X_cal. Got "
            f"{n_scores}; give more rows, or a lower level."
        )
