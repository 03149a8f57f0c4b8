"""The raw table as inputs of a graph: one a column, or one matrix. How columns are encoded is not decided here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sknn.export._dates import days_of, seconds_of
from sknn.export._graph import Graph


class FrameInputs:
    """Columns of a frame, each of which becomes an input (batch, 1) when an encoder asks for it first.

    Parameters
    ----------
    graph : Graph
    columns : list
        Names of all columns.
    missing_text : str
        Text that stands for a missing cell.
    X : DataFrame or None
        Rows whose dtypes say of which type the inputs of numbers are; float64 without.
    """

    dtype = np.float64  # of numbers, as `fit` reads them

    def __init__(self, graph: Graph, columns: Sequence[Any], missing_text: str, X: pd.DataFrame | None):
        self.graph, self.names, self.missing_text, self.X = graph, [str(name) for name in columns], missing_text, X
        self._input_names = [graph.new_name(name) for name in self.names]  # before nodes take any of these
        self._types: dict[int, Any] = {}

    def column(self, position: int, dtype: Any) -> str:
        """The input (batch, 1) of a column."""
        self._types.setdefault(position, dtype)
        return self._input_names[position]

    def declare(self) -> None:
        """Make what has been asked for inputs of the graph, in the order of the columns."""
        for position, dtype in sorted(self._types.items()):
            self.graph.declare(self._input_names[position], dtype, (1,))

    def numbers(self, positions: Sequence[int], kinds: Sequence[str], zones: Sequence, missing: Sequence[bool]) -> str:
        """Columns as float64 (batch, F), NaN where missing: as `read_numbers` reads them.

        Those that were `missing` in some row are inputs that can hold NaN.
        """
        by_type: dict[Any, list[int]] = {}
        for k, (position, kind, can_miss) in enumerate(zip(positions, kinds, missing, strict=True)):
            if kind in ("date", "duration"):
                by_type.setdefault((kind, k), []).append(k)
            else:
                by_type.setdefault(self._number_type(position, kind, can_miss), []).append(k)
        parts = [self._block(key, [positions[k] for k in group], zones, group) for key, group in by_type.items()]
        order = [k for group in by_type.values() for k in group]
        block = self.graph.concat(parts, axis=1)
        return block if order == sorted(order) else self.graph.columns(block, np.argsort(order).tolist())

    def _block(self, key: Any, positions: list[int], zones: Sequence, group: list[int]) -> str:
        graph = self.graph
        if isinstance(key, tuple):
            stamps = self.column(positions[0], np.int64)
            return days_of(graph, stamps, zones[group[0]]) if key[0] == "date" else seconds_of(graph, stamps)
        block = graph.concat([self.column(position, key) for position in positions], axis=1)
        return block if key is np.float64 else graph.cast(block, np.float64)

    def _number_type(self, position: int, kind: str, can_miss: bool) -> Any:
        if position in self._types:
            return self._types[position]
        if self.X is None:
            return np.bool_ if kind == "flag" and not can_miss else np.float64
        dtype = self.X.dtypes.iloc[position]
        if not isinstance(dtype, np.dtype):
            return np.float64
        return {"b": np.bool_, "i": np.int64, "u": np.int64}.get(
            dtype.kind, np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64
        )


class MatrixInput:
    """All columns as one matrix (batch, F) of floats."""

    def __init__(self, graph: Graph, n_columns: int, dtype: Any):
        self.graph, self.names, self.dtype = graph, [str(j) for j in range(n_columns)], dtype
        self.matrix = graph.input("X", dtype, (n_columns,))

    def numbers(self, positions: Sequence[int], kinds: Sequence[str], zones: Sequence, missing: Sequence[bool]) -> str:
        """Columns (batch, F), NaN where missing."""
        if list(positions) == list(range(len(self.names))):
            return self.matrix
        return self.graph.columns(self.matrix, list(positions))

    def declare(self) -> None:
        """Nothing: the matrix has been declared."""


Table = FrameInputs | MatrixInput
