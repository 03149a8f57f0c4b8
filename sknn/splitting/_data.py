"""The rows of a fit, once they are checked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sknn.preprocessing import Table, as_values, as_weights, check_n_rows, take_rows
from sknn.splitting._groups import check_groups


class TrainingData(NamedTuple):
    """Checked rows of a fit, in one order."""

    table: Table
    y: np.ndarray
    weight: np.ndarray | None
    groups: np.ndarray | None = None
    positions: np.ndarray | None = None  # among the rows as the user passed them; None: these are all of them
    n_rows_passed: int | None = None  # their number

    def take(self, rows: np.ndarray) -> TrainingData:
        weight = None if self.weight is None else self.weight[rows]
        groups = None if self.groups is None else self.groups[rows]
        positions = rows if self.positions is None else self.positions[rows]
        return TrainingData(take_rows(self.table, rows), self.y[rows], weight, groups, positions, self.n_passed)

    def without_zero_weights(self) -> TrainingData:
        if self.weight is None or self.weight.all():
            return self
        return self.take(np.flatnonzero(self.weight))

    @property
    def n_passed(self) -> int:
        """Number of rows that the user passed."""
        return self.n_rows_passed if self.n_rows_passed is not None else len(self.y)

    @classmethod
    def checked(cls, table: Table, y: np.ndarray, sample_weight=None, groups=None, name: str = "y") -> TrainingData:
        """Make it from a checked table and checked targets; all must have the same number of rows."""
        n_rows = table.shape[0]
        check_n_rows(y, n_rows, name)
        weight = None if sample_weight is None else as_weights(sample_weight, n_rows)
        if groups is not None:
            groups = check_groups(as_values(groups, "groups"), n_rows)
        return cls(table, y, weight, groups)
