"""The protocol of column encoders. Which column is of which kind is not decided here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from inspect import signature
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from sknn.preprocessing._plain import PlainState
from sknn.preprocessing.columns._cells import NeedsFrame
from sknn.preprocessing.columns._kinds import column_kind


class ColumnEncoder(PlainState, ABC):
    """Encodes columns as float features and codes to embed. The target is not used.

    A constructor takes those parameters of `TableEncoder` that its signature names. The fitted state is in attributes
    that end in `_`, so that `to_dict` and `from_dict` need no more; attributes that begin with `_` are derived.

    Attributes
    ----------
    takes_block : bool
        Whether one encoder takes all columns of its kinds, for speed, or each column has one of its own.
    columns_ : list of int
        Positions in the table.
    kinds_ : list of str
        What each of these columns holds.
    """

    takes_block: ClassVar[bool] = False
    columns_: list[int]
    kinds_: list[str]

    @classmethod
    def from_params(cls, params: Mapping) -> Self:
        """With the parameters that the constructor names."""
        return cls(**{name: params[name] for name in _parameter_names(cls)})

    def fit(self, table: np.ndarray | pd.DataFrame, columns: Sequence[int], kinds: Sequence[str], weight=None) -> Self:
        """Learn from columns at these positions of a table, with weights of rows (n,) or None."""
        self.columns_, self.kinds_ = list(columns), list(kinds)
        self._fit(table, weight)
        return self

    @abstractmethod
    def _fit(self, table: np.ndarray | pd.DataFrame, weight) -> None: ...

    @abstractmethod
    def encode(self, table: np.ndarray | pd.DataFrame, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        """Write float32 features (n, n_features_), which are zeros before, and int64 codes (n, len(cardinalities_))."""

    def encode_cells(self, cells: Sequence, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        """Write what `encode` does for one row, given as the `plain_cells` of all columns of the table.

        Raises
        ------
        NeedsFrame
            Where only `encode` knows.
        """
        raise NeedsFrame

    @property
    def n_features_(self) -> int:
        """Number of float features."""
        return 0

    @property
    def cardinalities_(self) -> tuple[int, ...]:
        """Number of codes of each embedded column, the reserved ones included."""
        return ()

    def feature_names(self, names: Sequence[str]) -> list[str]:
        """Names of the float features, by the names of all columns of the table."""
        return []

    def code_names(self, names: Sequence[str]) -> list[str]:
        """Names of the embedded columns."""
        return []

    def column(self, table: pd.DataFrame) -> pd.Series:
        """The column of an encoder that takes one."""
        return table.iloc[:, self.columns_[0]]


@cache
def _parameter_names(encoder: type[ColumnEncoder]) -> tuple[str, ...]:
    return tuple(signature(encoder).parameters)


class RunningEncoder(ColumnEncoder):
    """An encoder for a stream of chunks: `fit` determines the features, each `update` the statistics.

    A column that has held no value yet is of kind "empty". Each running encoder keeps a place for it.
    """

    @abstractmethod
    def update(self, table: np.ndarray | pd.DataFrame, weight=None) -> None:
        """Update the statistics by a chunk."""

    @abstractmethod
    def write_expected(self, x_num: np.ndarray, x_cat: np.ndarray, random_state: np.random.RandomState) -> None:
        """Write random rows, as assumed for the whole stream."""

    def learn_kinds(self, table) -> None:
        """Determine the kind of columns that were empty before."""
        for k, j in enumerate(self.columns_):
            if self.kinds_[k] == "empty":
                self.kinds_[k] = column_kind(table.iloc[:, j])
