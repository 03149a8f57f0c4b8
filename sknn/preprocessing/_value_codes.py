"""Numbers whose single values mean something: their frequent values get codes, as the levels of a category do.

Never sees the target. What is done with the number itself does not change.
"""

from __future__ import annotations

import numpy as np

from sknn.preprocessing._columns import FIRST_LEVEL, MISSING, UNSEEN

_LEAST_ROWS = 5  # of a value that gets a code, and of the others on average in a column that is chosen
_LEAST_VALUES = 10
_LEAST_TOP_SHARE = 0.5  # of the rows that the most frequent value takes
_LARGEST_OCCUPANCY = 0.1  # share of the places between the smallest and the largest value that are taken
# Most columns have no value that takes half of the rows: some rows tell, and the rest of the work is left.
_SOME_ROWS, _LEAST_TOP_SHARE_OF_SOME = 2_000, 0.45


class ValueCodes:
    """Codes of a number's frequent values; 0 for any other value and 1 for a missing cell.

    Parameters
    ----------
    values : ndarray of shape (n,)
        A column with NaN where it is missing.
    weight : ndarray of shape (n,) or None
        Weights of the rows; a value counts as many rows as their sum.
    """

    def __init__(self, values: np.ndarray, weight: np.ndarray | None):
        distinct, rows = _count(values, weight)
        self.values_ = distinct[rows >= _LEAST_ROWS].astype(np.float64)  # so that midpoints lie between

    @property
    def cardinality(self) -> int:
        """Number of codes, the two slots included."""
        return FIRST_LEVEL + len(self.values_)

    def codes(self, values: np.ndarray) -> np.ndarray:
        """(n,) int64 codes. A cell may have been rounded to float32 here or in `fit`."""
        missing = np.isnan(values)
        if not len(self.values_):
            return np.where(missing, MISSING, UNSEEN)
        place = np.searchsorted(self.values_[:-1] / 2 + self.values_[1:] / 2, values)
        nearest = self.values_[place]
        with np.errstate(over="ignore"):
            known = (
                (values == nearest) | (values == nearest.astype(np.float32)) | (values.astype(np.float32) == nearest)
            )
        return np.where(missing, MISSING, np.where(known, FIRST_LEVEL + place, UNSEEN))


def act_as_codes(values: np.ndarray, weight: np.ndarray | None) -> bool:
    """Whether a column looks like amounts of which each is a case of its own.

    Such as a capital gain: one value (0) takes at least half of the rows, so that bins of equal numbers of rows tell
    little of the others apart; these recur exactly, in at least 5 rows each on average, though they leave at least nine
    tenths of the places free that their spacing would allow. A count (0, 1, 2, …) leaves no places free,
    and a measurement does not recur. Missing cells count nowhere, and for the places only what has 5 rows does.

    Parameters
    ----------
    values : ndarray of shape (n,)
        A column with NaN where it is missing.
    weight : ndarray of shape (n,) or None
        Weights of the rows.
    """
    some = slice(None) if len(values) <= _SOME_ROWS else np.random.RandomState(0).randint(len(values), size=_SOME_ROWS)
    _, rows = _count(values[some], None if weight is None else weight[some])
    if not len(rows) or rows.max() < _LEAST_TOP_SHARE_OF_SOME * rows.sum():
        return False
    distinct, rows = _count(values, weight)
    top, total = rows.max(), rows.sum()
    if top < _LEAST_TOP_SHARE * total or total - top < _LEAST_ROWS * (len(distinct) - 1):
        return False
    frequent = distinct[rows >= _LEAST_ROWS]
    if len(frequent) < _LEAST_VALUES:
        return False
    with np.errstate(over="ignore"):
        places = (frequent[-1] - frequent[0]) / np.quantile(np.diff(frequent), 0.1) + 1
    return len(frequent) < _LARGEST_OCCUPANCY * places


def _count(values: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values in order, and the rows of each."""
    present = ~np.isnan(values)
    distinct, position = np.unique(values[present], return_inverse=True)
    return distinct, np.bincount(position, None if weight is None else weight[present], minlength=len(distinct))
