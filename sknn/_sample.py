"""The rows of a fit, once they are checked."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sknn.preprocessing import Table, take_rows


class Sample(NamedTuple):
    """Checked rows of a fit, in one order."""

    table: Table
    y: np.ndarray
    weight: np.ndarray | None
    groups: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Sample:
        weight = None if self.weight is None else self.weight[rows]
        groups = None if self.groups is None else self.groups[rows]
        return Sample(take_rows(self.table, rows), self.y[rows], weight, groups)

    def without_zero_weights(self) -> Sample:
        if self.weight is None or self.weight.all():
            return self
        return self.take(np.flatnonzero(self.weight))
