"""Numbers whose exact values recur: frequent values get codes to embed, like the levels of a category.

The number itself is encoded as usual.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sknn.preprocessing.columns._base import ColumnEncoder
from sknn.preprocessing.columns._reading import read_cells, read_numbers
from sknn.preprocessing.columns._scaling import column_range
from sknn.utils import FIRST_LEVEL, MISSING, UNSEEN

_LEAST_ROWS = 5  # of a value that gets a code, and of the others on average in a column that is chosen
_LEAST_VALUES = 10
_LEAST_MODE = 0.5  # fraction of the rows that the most frequent value takes
_LARGEST_OCCUPANCY = 0.1  # fraction of the places between the smallest and the largest value that are taken
# Most columns have no value that takes half of the rows; a sample is enough to find out.
_SAMPLE_ROWS, _LEAST_SAMPLE_MODE = 2_000, 0.45


class RecurringValues(ColumnEncoder):
    """Codes of the frequent values (at least 5 rows) of numbers; 0 for any other value and 1 for a missing one.

    Parameters
    ----------
    recurring_values : "auto", list of int or None
        Positions of the columns whose values get codes; "auto" chooses by `has_recurring_values`.
    embed : bool
        Whether codes are embedded; without embedding there are none.
    """

    takes_block = True

    def __init__(self, recurring_values, embed: bool):
        self.recurring_values = recurring_values
        self.embed = embed

    def _fit(self, table: np.ndarray | pd.DataFrame, weight) -> None:
        wanted, columns, kinds = self.recurring_values if self.embed else None, self.columns_, self.kinds_
        self.columns_, self.kinds_, self.values_ = [], [], []
        asked = [
            k
            for k, j in enumerate(columns)
            if wanted is not None and (kinds[k] != "flag" if isinstance(wanted, str) else j in wanted)
        ]
        if not asked:
            return
        columns, kinds = [columns[k] for k in asked], [kinds[k] for k in asked]
        values = read_numbers(table, columns, kinds, [None] * len(columns))
        low, high = column_range(values)
        for k in np.flatnonzero(high > low):
            if not isinstance(wanted, str) or has_recurring_values(values[:, k], weight):
                self.columns_.append(columns[k])
                self.kinds_.append(kinds[k])
                self.values_.append(frequent_values(values[:, k], weight))

    def encode(self, table: np.ndarray | pd.DataFrame, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        self._write(read_numbers(table, self.columns_, self.kinds_, [None] * len(self.columns_)), x_cat)

    def encode_cells(self, cells: Sequence, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        self._write(read_cells(cells, self.columns_, self.kinds_, [None] * len(self.columns_)), x_cat)

    def _write(self, values: np.ndarray, x_cat: np.ndarray) -> None:
        for k, frequent in enumerate(self.values_):
            x_cat[:, k] = value_codes(values[:, k], frequent)

    @property
    def cardinalities_(self) -> tuple[int, ...]:
        return tuple(FIRST_LEVEL + len(frequent) for frequent in self.values_)

    def code_names(self, names: Sequence[str]) -> list[str]:
        return [f"{names[j]}_value" for j in self.columns_]


def frequent_values(values: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """The values of at least 5 rows, in order; a value counts as many rows as the sum of their weights."""
    distinct, rows = _count(values, weight)
    return distinct[rows >= _LEAST_ROWS].astype(np.float64)  # so that midpoints lie between


def value_codes(values: np.ndarray, frequent: np.ndarray) -> np.ndarray:
    """(n,) int64 codes. A value may have been rounded to float32 here or in `fit`."""
    missing = np.isnan(values)
    if not len(frequent):
        return np.where(missing, MISSING, UNSEEN)
    place = np.searchsorted(frequent[:-1] / 2 + frequent[1:] / 2, values)
    nearest = frequent[place]
    with np.errstate(over="ignore"):
        known = (values == nearest) | (values == nearest.astype(np.float32)) | (values.astype(np.float32) == nearest)
    return np.where(missing, MISSING, np.where(known, FIRST_LEVEL + place, UNSEEN))


def has_recurring_values(values: np.ndarray, weight: np.ndarray | None) -> bool:
    """Whether a numeric column is a point mass plus recurring exact values, such as capital gains.

    One value (0) takes at least half of the rows, so that quantile bins hardly tell the others apart; these recur
    exactly, in at least 5 rows each on average, though they occupy less than a tenth of the range that their spacing
    (the 10 % quantile of the differences) would allow. A count (0, 1, 2, …) occupies all of its range, and a
    measurement does not recur. Missing values do not count, and occupancy is that of values of at least 5 rows.

    Parameters
    ----------
    values : ndarray of shape (n,)
        A column with NaN where it is missing.
    weight : ndarray of shape (n,) or None
        Weights of the rows.
    """
    some = (
        slice(None) if len(values) <= _SAMPLE_ROWS else np.random.RandomState(0).randint(len(values), size=_SAMPLE_ROWS)
    )
    _, rows = _count(values[some], None if weight is None else weight[some])
    if not len(rows) or rows.max() < _LEAST_SAMPLE_MODE * rows.sum():
        return False
    distinct, rows = _count(values, weight)
    top, total = rows.max(), rows.sum()
    if top < _LEAST_MODE * total or total - top < _LEAST_ROWS * (len(distinct) - 1):
        return False
    frequent = distinct[rows >= _LEAST_ROWS]
    if len(frequent) < _LEAST_VALUES:
        return False
    with np.errstate(over="ignore"):
        n_places = (frequent[-1] - frequent[0]) / np.quantile(np.diff(frequent), 0.1) + 1
    return len(frequent) < _LARGEST_OCCUPANCY * n_places


def _count(values: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values in order, and the rows of each."""
    present = ~np.isnan(values)
    distinct, position = np.unique(values[present], return_inverse=True)
    return distinct, np.bincount(position, None if weight is None else weight[present], minlength=len(distinct))
