"""Sums of exponentials on the scale of logarithms.

SciPy's functions, to the same bits, without what they do for arrays of other packages: for one row that would take a
fifth of the time of a network.
"""

from __future__ import annotations

import numpy as np


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """log softmax over the last axis, as `scipy.special.log_softmax`."""
    largest = logits.max(axis=-1, keepdims=True)
    shifted = logits - np.where(np.isfinite(largest), largest, np.zeros((), logits.dtype))
    with np.errstate(divide="ignore"):  # log of zero
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def log_mean_exp(logarithms: np.ndarray) -> np.ndarray:
    """log(1/K · Σₖ exp aₖ) over the first axis, of length K, as `scipy.special.logsumexp` sums.

    The largest terms, n of them, stand apart from the sum s of the others: log(1 + s/n) + log n + the largest.
    """
    largest = logarithms.max(axis=0)
    is_largest = logarithms == largest
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        others = np.exp(np.where(is_largest, logarithms.dtype.type(-np.inf), logarithms) - largest).sum(axis=0)
        n_largest = is_largest.sum(axis=0, dtype=logarithms.dtype)
        total = np.log1p(others / n_largest) + np.log(n_largest) + largest
        if not np.isfinite(total).all():
            total = np.where(np.isfinite(total), total, np.log(np.exp(logarithms).sum(axis=0)))
    return total - logarithms.dtype.type(np.log(len(logarithms)))
