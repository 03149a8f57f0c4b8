"""The rows of a fit, once they are checked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sknn.preprocessing import Table, take_rows


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
