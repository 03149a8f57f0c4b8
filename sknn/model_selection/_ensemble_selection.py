"""Weights of several models, chosen by their predictions for rows that none of them was trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

_ROUNDS = 20

Score = Callable[[np.ndarray, np.ndarray], float]  # of predictions for some rows, and those rows; larger is better


def greedy_weights(
    predictions: np.ndarray, score: Score, rows: np.ndarray, n_rounds: int = _ROUNDS, share_of_first: float = 0.0
) -> np.ndarray:
    """Greedy selection with replacement: add the model that makes the mean of those chosen best, `n_rounds` times.

    Parameters
    ----------
    predictions : ndarray of shape (n_models, n_samples, ...)
        Out-of-fold predictions of each model.
    score : callable
        Of predictions for some rows, and the positions of these rows.
    rows : ndarray of shape (n_rows,)
        Positions of the rows to choose by.
    n_rounds : int, default=20
        Models that are chosen, with replacement.
    share_of_first : float, default=0.0
        In [0, 1]: what the first model is given beforehand, in the place of an equal part of all weights.

    Returns
    -------
    weights : ndarray of shape (n_models,)
        How often each was chosen, as a fraction. Of the ensembles after each round the best counts.

    References
    ----------
    R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble selection from libraries of models", ICML 2004,
    sections 2 and 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn.model_selection import greedy_weights
    >>> y = np.array([0.0, 1.0, 2.0, 3.0])
    >>> too_low, too_high, unrelated = y - 1, y + 1, np.zeros(4)
    >>> score = lambda predicted, rows: -np.mean((predicted - y[rows]) ** 2)
    >>> greedy_weights(np.stack([too_low, too_high, unrelated]), score, np.arange(4))
    array([0.5, 0.5, 0. ])
    """
    seen = predictions[:, rows]
    counts, best_counts = np.zeros(len(predictions), dtype=int), np.zeros(len(predictions), dtype=int)
    total, best = np.zeros_like(seen[0]), -np.inf
    for n in range(1, n_rounds + 1):
        scores = [score((total + own) / n, rows) for own in seen]
        chosen = int(np.argmax(scores))
        counts[chosen] += 1
        total = total + seen[chosen]
        if scores[chosen] > best:
            best, best_counts = scores[chosen], counts.copy()
    weights = (1 - share_of_first) * best_counts / best_counts.sum()
    weights[0] += share_of_first
    return weights


def weighted_mean(predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Over the first axis."""
    return np.tensordot(weights, predictions, axes=1)


def predictions_of_selection(
    predictions: np.ndarray,
    score: Score,
    splits: Iterable[tuple[np.ndarray, np.ndarray]],
    share_of_first: float = 0.0,
) -> np.ndarray:
    """Predictions of weighted means whose weights were chosen on other rows than those that are predicted.

    The score of weights on the rows that they were chosen by is too good; that of these predictions is not.
    """
    found = np.full_like(predictions[0], np.nan)
    for chosen_by, held_out in splits:
        weights = greedy_weights(predictions, score, chosen_by, share_of_first=share_of_first)
        found[held_out] = weighted_mean(predictions[:, held_out], weights)
    return found
