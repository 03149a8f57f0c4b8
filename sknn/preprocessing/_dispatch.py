"""Pass each column of a table to the encoder of its kind. The encoders are in `columns`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from sknn.preprocessing._tables import Table, check_columns
from sknn.preprocessing.columns import SparseNumbers, as_numbers_array, encoders_of


class Encoded(NamedTuple):
    """Encoded rows, as inputs of a network.

    `x_num` is float32, (n, F) or (n, ...) or CSR; `x_cat` holds int64 codes (n, C), or is None
    where nothing is embedded.
    """

    x_num: np.ndarray | sparse.csr_array
    x_cat: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.x_num.shape

    @property
    def inputs(self) -> dict:
        """By the names of the network's inputs."""
        return {"x_num": self.x_num} if self.x_cat is None else self._asdict()

    def map(self, function: Callable) -> Encoded:
        return Encoded(*(None if values is None else function(values) for values in self))

    def take(self, rows: np.ndarray | slice) -> Encoded:
        """Rows by position, a slice of them without a copy where they are dense."""
        return self.map(lambda values: values[rows])

    def head(self, n_rows: int) -> Encoded:
        return self.take(slice(n_rows))


class ColumnDispatcher:
    """Common base of the encoders of whole tables and of streams.

    Attributes
    ----------
    container_ : {"array", "frame", "csr"}
        What `fit` saw.
    columns_ : list or None
        Names of a frame's columns.
    encoders_ : list of ColumnEncoder, or of a single SparseNumbers
        Encoders, in the order of their outputs.
    """

    _seen_in: ClassVar[str] = "fit"
    n_features_: int
    cat_cardinalities_: tuple[int, ...]

    def _fit_container(self, table: Table, scale) -> None:
        """Record the type of container; a sparse one has a single encoder."""
        self.columns_ = list(table.columns) if isinstance(table, pd.DataFrame) else None
        self.container_ = "csr" if sparse.issparse(table) else "array" if self.columns_ is None else "frame"
        self.encoders_: list = []
        if self.container_ == "csr":
            self.encoders_ = [SparseNumbers(scale, table.shape[1])]
            self.n_features_, self.cat_cardinalities_ = table.shape[1], ()

    def _fit_encoders(self, table, kinds: Sequence[str], weight, params: Mapping, *, running: bool = False) -> None:
        """Fit the encoder of each column; those that have nothing to write are left out."""
        for encoder, columns in encoders_of(list(kinds), running=running):
            fitted = encoder.from_params(params).fit(table, columns, [kinds[j] for j in columns], weight)
            if fitted.n_features_ or fitted.cardinalities_:
                self.encoders_.append(fitted)
        self.n_features_ = max(sum(encoder.n_features_ for encoder in self.encoders_), 1)  # else a column of zeros
        self.cat_cardinalities_ = tuple(codes for encoder in self.encoders_ for codes in encoder.cardinalities_)

    def encode(self, table: Table) -> Encoded:
        """Encode a checked table with the fitted columns.

        Parameters
        ----------
        table : Table
            As `as_table` returns it.

        Returns
        -------
        encoded : Encoded
            Numbers and codes, as inputs of a network.
        """
        table = self._match_container(table)
        if self.container_ == "csr":
            return Encoded(self.encoders_[0].encode(table))
        return self._write_each(table.shape[0], lambda encoder, x_num, x_cat: encoder.encode(table, x_num, x_cat))

    def _write_each(self, n_rows: int, write: Callable[[Any, np.ndarray, np.ndarray], None]) -> Encoded:
        """Features and codes of all encoders side by side."""
        x_num = np.zeros((n_rows, self.n_features_), dtype=np.float32)
        x_cat = np.empty((n_rows, len(self.cat_cardinalities_)), dtype=np.int64)
        feature = code = 0
        for encoder in self.encoders_:
            next_feature, next_code = feature + encoder.n_features_, code + len(encoder.cardinalities_)
            write(encoder, x_num[:, feature:next_feature], x_cat[:, code:next_code])
            feature, code = next_feature, next_code
        return Encoded(x_num, x_cat if x_cat.shape[1] else None)

    @property
    def n_cells_(self) -> int:
        """Numbers in an encoded row."""
        return self.n_features_ + len(self.cat_cardinalities_)

    def _match_container(self, table: Table):
        """A frame where `fit` saw a frame, an array where it saw an array; columns in the same order."""
        if sparse.issparse(table) and self.container_ != "csr":
            raise TypeError(
                f"X was dense in {self._seen_in} and is sparse now. Pass X.toarray(), or begin with sparse X."
            )
        if self.container_ == "csr":
            return sparse.csr_array(table if sparse.issparse(table) else as_numbers_array(table))
        if self.container_ == "array":
            return as_numbers_array(table)
        if not isinstance(table, pd.DataFrame):
            return pd.DataFrame(table)
        check_columns(self.columns_, table)
        return table
