"""The columns of a CSR matrix, which stays sparse."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from sknn.preprocessing._plain import PlainState
from sknn.preprocessing.columns._numbers import CLIP
from sknn.preprocessing.columns._scaling import smooth_clip


class SparseNumbers(PlainState):
    """Numbers divided by the root mean square of a column's stored values so far, and smoothly clipped.

    Stored zeros count as not stored. `update` is the fit, of a whole table as of a chunk.
    """

    def __init__(self, scale: bool | str, n_columns: int):
        self.scale = scale
        self.count_, self.squares_ = np.zeros((2, n_columns))
        self.density_: float | None = None

    def update(self, table: sparse.csr_array, weight=None) -> None:
        refuse_missing_sparse(table)
        if self.density_ is None:
            self.density_ = max(len(table.data) / table.shape[0], 1) / table.shape[1]
        row_weight = np.ones(table.shape[0]) if weight is None else np.asarray(weight, dtype=np.float64)
        stored_weight = np.repeat(row_weight, np.diff(table.indptr)) * (table.data != 0)
        squares = table.data.astype(np.float64) ** 2
        n_columns = len(self.count_)
        self.count_ = self.count_ + np.bincount(table.indices, stored_weight, minlength=n_columns)
        self.squares_ = self.squares_ + np.bincount(table.indices, stored_weight * squares, minlength=n_columns)

    def encode(self, table: sparse.csr_array) -> sparse.csr_array:
        refuse_missing_sparse(table)
        data = table.data
        if self.scale:
            mean = np.divide(self.squares_, self.count_, out=np.ones(len(self.count_)), where=self.squares_ > 0)
            data = smooth_clip(data / np.sqrt(np.where(mean > 0, mean, 1.0))[table.indices], CLIP)
        return sparse.csr_array((data.astype(np.float32), table.indices, table.indptr), shape=table.shape)

    def expected(self, n_rows: int, random_state: np.random.RandomState) -> sparse.csr_array:
        """Normal numbers, as dense as the first chunk."""
        values = sparse.random_array(
            (n_rows, len(self.count_)),
            density=self.density_,
            rng=random_state,
            data_sampler=lambda size: random_state.normal(size=size),
        )
        return sparse.csr_array(values, dtype=np.float32)


def refuse_missing_sparse(table: sparse.csr_array) -> None:
    if np.isnan(table.data).any():
        raise ValueError("Input X contains NaN. Sparse input must not have missing values.")
