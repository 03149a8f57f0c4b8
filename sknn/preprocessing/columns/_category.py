"""Categories: one-hot encoded, or as codes for a learned embedding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from sknn.preprocessing.columns._base import ColumnEncoder, RunningEncoder
from sknn.preprocessing.columns._cells import NeedsFrame
from sknn.preprocessing.columns._kinds import changed_type, is_no_level, odd_value, value_kind
from sknn.utils import FIRST_LEVEL, MISSING, UNSEEN

_LEAST_LEVELS, _MOST_UNIQUE = 30, 0.5
MAX_ONEHOT = 255  # levels of a category in a network without embeddings
_SPARE_CODES, _SPARE_ONEHOT = 254, 62  # codes for levels that first occur in later chunks of a stream


class CategoryColumn(ColumnEncoder):
    """Levels of a category as codes: 0 for a level not seen in `fit`, 1 for a missing value, then the levels.

    With at most `max_onehot` levels the column is one-hot encoded (two levels without missing
    values: one column of −1 and 1); an unseen level is then a row of zeros. With more, its codes go
    to a learned embedding, or without `embed` the `max_onehot` most frequent levels are one-hot
    encoded and the others treated as unseen.

    A column of identifiers, with a level for every other row or more, is left out unless `embed_unique`: what the
    network learned of a level would be that of a row.

    If codes are embedded, levels of fewer than `min_frequency` rows in `fit` count as unseen, so that
    they share a trained vector. A further feature is log(1 + number of rows with the level),
    standardised: embeddings of rare levels are noisy, and the network can tell which these are.
    """

    levels_: list
    held_: list[str]
    embedded_: bool
    had_missing_: bool

    def __init__(self, max_onehot: int, embed: bool, min_frequency: int = 1, embed_unique: bool = False):
        self.max_onehot = max_onehot
        self.embed_unique = embed_unique
        self.embed = embed
        self.min_frequency = min_frequency

    def _fit(self, table: pd.DataFrame, weight) -> None:
        codes, found = find_levels(self.column(table))
        levels, position = found, codes[codes >= 0]
        self.held_ = sorted({value_kind(level) for level in levels})
        n_rows = len(position) if weight is None else weight[codes >= 0].sum()
        if is_nearly_unique(len(levels), n_rows) and not self.embed_unique:
            levels, position, codes = levels[:1], position[:0], codes[:0]  # as good as constant
        self.constant_ = len(levels) == 1 and len(position) == len(codes)
        self.embedded_ = len(levels) > self.max_onehot and self.embed
        if len(levels) > self.max_onehot:
            count = np.bincount(position, None if weight is None else weight[codes >= 0])
            if self.embed:
                levels = levels[count >= self.min_frequency]
            else:
                levels = levels[np.argsort(-count, kind="stable")[: self.max_onehot]]
        self.levels_ = _in_order(levels)
        self.had_missing_ = len(position) < len(codes)
        self.binary_ = len(levels) == 2 and not self.had_missing_ and not self.embedded_
        if self.embedded_:
            self._fit_frequency(self._coded(codes, found), weight)

    def _fit_frequency(self, codes: np.ndarray, weight) -> None:
        amount = np.log1p(np.bincount(codes, weight, minlength=self.cardinality))
        amount[UNSEEN] = 0
        of_rows = amount[codes]
        low, high = of_rows.min(), of_rows.max()
        if low == high:  # a mean may differ from equal amounts in the last bit
            self.frequency_ = np.zeros(self.cardinality)
            return
        mean = np.average(of_rows, weights=weight)
        spread = np.sqrt(np.average(np.square(of_rows - mean), weights=weight))
        # A level that no training row has is as rare as the rarest: the network has seen nothing beyond.
        self.frequency_ = (np.clip(amount, low, high) - mean) / spread

    @property
    def cardinality(self) -> int:
        """Number of codes, the reserved ones included."""
        return FIRST_LEVEL + len(self.levels_)

    @property
    def cardinalities_(self) -> tuple[int, ...]:
        return (self.cardinality,) if self.embedded_ else ()

    @property
    def n_features_(self) -> int:
        if self.embedded_:
            return 1
        return 0 if self.constant_ else 1 if self.binary_ else len(self.levels_) + self.had_missing_

    def encode(self, table: pd.DataFrame, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        self._write(self.codes(self.column(table)), x_num, x_cat)

    def encode_cells(self, cells: Sequence, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        cell = cells[self.columns_[0]]
        if isinstance(cell, pd.Timestamp) or (cell is not None and self.held_ and value_kind(cell) not in self.held_):
            raise NeedsFrame
        code = MISSING if cell is None else self._code_of.get(cell, UNSEEN)
        self._write(np.array([code]), x_num, x_cat)

    def _write(self, codes: np.ndarray, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        if self.embedded_:
            x_cat[:, 0], x_num[:, 0] = codes, self.frequency_[codes]
        elif self.binary_:
            x_num[:, 0] = np.where(codes < FIRST_LEVEL, 0, 2.0 * (codes - FIRST_LEVEL) - 1)
        else:
            first = MISSING if self.had_missing_ else FIRST_LEVEL
            rows = np.flatnonzero(codes >= first)
            x_num[rows, codes[rows] - first] = 1

    def codes(self, column: pd.Series) -> np.ndarray:
        """(n,) int64 codes of a column's values.

        Raises
        ------
        ValueError
            If no value is of a type seen in `fit`: text that has become numbers, say, would be unseen throughout.
        """
        try:
            codes, found = _factorize(column)
        except TypeError:
            got = f"values that are not categories ({odd_value(column, is_no_level)})"
            raise changed_type(column, "categories", got) from None
        if self.held_ and len(found) and not any(value_kind(value) in self.held_ for value in found):
            got = f"{value_kind(found[0])} ({odd_value(column, pd.notna)})"
            raise changed_type(column, " and ".join(self.held_), got)
        return self._coded(codes, found)

    def _coded(self, codes: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Positions among the levels found, -1 where missing, as codes."""
        lookup = [self._code_of.get(level, UNSEEN) for level in found]
        return np.array([*lookup, MISSING], dtype=np.int64)[codes]

    @cached_property
    def _code_of(self) -> dict:
        return {level: code for code, level in enumerate(self.levels_, FIRST_LEVEL)}

    def feature_names(self, names: Sequence[str]) -> list[str]:
        name = names[self.columns_[0]]
        if self.embedded_:
            return [f"{name}_frequency"]
        if self.constant_:
            return []
        if self.binary_:
            return [f"{name}_{self.levels_[1]}"]
        missing = [f"{name}_missing"] if self.had_missing_ else []
        return missing + [f"{name}_{level}" for level in self.levels_]

    def code_names(self, names: Sequence[str]) -> list[str]:
        return [names[self.columns_[0]]] if self.embedded_ else []


class RunningCategory(CategoryColumn, RunningEncoder):
    """A category of a stream. Codes are in the order of occurrence; levels of later chunks take spare codes."""

    def __init__(self, embed: bool):
        self.embed = embed

    def _fit(self, table: pd.DataFrame, weight) -> None:
        column = self.column(table)
        dtype = column.dtype
        known = dtype.categories if isinstance(dtype, pd.CategoricalDtype) else find_levels(column)[1]
        n_levels = len(known) + _SPARE_CODES if self.embed else min(len(known) + _SPARE_ONEHOT, MAX_ONEHOT)
        self.n_codes_ = FIRST_LEVEL + n_levels
        self.levels_, self.held_, self.had_missing_, self.embedded_ = [], [], False, self.embed

    def update(self, table: pd.DataFrame, weight=None) -> None:
        self.learn_kinds(table)
        if not self._is_category:
            return
        codes, found = find_levels(self.column(table))
        self.had_missing_ |= bool((codes < 0).any())
        self.held_ = sorted({*self.held_, *map(value_kind, found)})
        for level in found:
            if level not in self._code_of and FIRST_LEVEL + len(self.levels_) < self.n_codes_:
                self._code_of[level] = FIRST_LEVEL + len(self.levels_)
                self.levels_.append(level)

    @property
    def _is_category(self) -> bool:
        return self.kinds_[0] in {"category", "empty"}

    @property
    def cardinality(self) -> int:
        return self.n_codes_

    @property
    def n_features_(self) -> int:
        return 0 if self.embed else self.n_codes_ - MISSING

    def encode(self, table: pd.DataFrame, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        if self._is_category:
            self._write(self.codes(self.column(table)), x_num, x_cat)
        else:
            x_cat[:] = UNSEEN

    def _write(self, codes: np.ndarray, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        """Zeros in place of an unseen level, and of a missing one where none has been missing before."""
        if self.embed:
            x_cat[:, 0] = codes
            return
        rows = np.flatnonzero(codes >= (MISSING if self.had_missing_ else FIRST_LEVEL))
        x_num[rows, codes[rows] - MISSING] = 1

    def write_expected(self, x_num: np.ndarray, x_cat: np.ndarray, random_state: np.random.RandomState) -> None:
        """Levels at random."""
        self._write(random_state.randint(FIRST_LEVEL, self.n_codes_, len(x_num)), x_num, x_cat)


def is_nearly_unique(n_levels: int, n_rows: float) -> bool:
    """Whether values, rather than repeat, tell rows apart."""
    return n_levels >= _LEAST_LEVELS and n_levels > _MOST_UNIQUE * n_rows


def find_levels(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a column's values, -1 where missing, and its levels in the order of their first rows.

    Raises
    ------
    TypeError
        For values that cannot be hashed, naming the column and a row.
    """
    try:
        return _factorize(column)
    except TypeError:
        raise TypeError(
            f"Column {column.name!r} of X holds values that are neither numbers, text nor dates "
            f"({odd_value(column, is_no_level)}). An argument must be a string or a number."
        ) from None


def _factorize(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a column's values, -1 where missing, and its distinct values as Python objects."""
    # Not of the Series: what it finds would become an Index, which guesses the type of its values
    is_numpys = isinstance(column.array, pd.arrays.NumpyExtensionArray)
    try:
        codes, found = pd.factorize(column.to_numpy() if is_numpys else column.array)
    except NotImplementedError:  # Arrow's lists and the like
        codes, found = pd.factorize(np.asarray(column, dtype=object))
    return codes, np.asarray(found, dtype=object)


def _in_order(levels) -> list:
    """Levels sorted, so that their codes do not depend on the order of the rows."""
    try:
        return sorted(levels, key=lambda level: (type(level).__name__, level))
    except (TypeError, ValueError):  # pandas says the latter of periods of several frequencies
        return sorted(levels, key=lambda level: (type(level).__name__, str(level)))
