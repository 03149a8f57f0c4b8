"""The check of X that an estimator makes in `fit` and in `predict`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from sknn.preprocessing._dispatch import Encoded
from sknn.preprocessing._inputs import check_row_shapes, row_shapes
from sknn.preprocessing._tables import Table, as_table, is_records, records_as_frame, with_names


class TableInput:
    """For an estimator that takes tables of any kind, arrays of more dimensions, or a dict of inputs.

    A fit sets scikit-learn's `n_features_in_` and `feature_names_in_`; later rows must be like those.
    """

    n_features_in_: int
    encoder_: Any
    _takes_numbers_only: bool
    _row_shapes: dict[str, tuple[int, ...]] | None

    def _check_first_table(self, X, *, numbers_only: bool) -> Table:
        """Training rows of a new fit."""
        self._takes_numbers_only = numbers_only
        table = as_table(X, estimator=self, numbers_only=numbers_only)
        self._row_shapes = row_shapes(table)
        validate_data(self, with_names(table), reset=True, skip_check_array=True)
        return table

    def _check_rows(self, X) -> Table | Encoded:
        """Rows to predict, also as dicts; a single one is encoded at once where its cells leave no question."""
        encode_row = getattr(self.encoder_, "encode_row", None)
        encoded = None if encode_row is None else encode_row(X)
        if encoded is not None:
            return encoded
        if not self._takes_numbers_only and hasattr(self, "feature_names_in_") and is_records(X):
            X = records_as_frame(X, self.feature_names_in_.tolist())
        return self._check_table(X)

    def _check_table(self, X) -> Table:
        """Rows of the same kind as in the fit."""
        table = as_table(X, estimator=self, numbers_only=self._takes_numbers_only)
        check_row_shapes(self._row_shapes, table)
        unnamed = type(table) is np.ndarray and not hasattr(self, "feature_names_in_")
        if not unnamed or table.shape[1] != self.n_features_in_:
            validate_data(self, with_names(table), reset=False, skip_check_array=True)
        return table
