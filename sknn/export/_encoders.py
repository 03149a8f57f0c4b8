"""From the raw inputs of a graph to what the network takes: the encoders of whole tables.

A converter takes the graph, the fitted encoder and how inputs are declared, and returns the network's inputs by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sknn.export._columns import convert_column, sparse_numbers
from sknn.export._graph import Graph, Rows
from sknn.export._table import FrameInputs, MatrixInput, Table
from sknn.preprocessing import (
    ArrayEncoder,
    ImageEncoder,
    InputsEncoder,
    StreamArrays,
    StreamEncoder,
    StreamImages,
    TableEncoder,
)


class Declared(NamedTuple):
    """How the inputs of a graph are declared.

    Attributes
    ----------
    X : DataFrame, ndarray or None
        Rows whose dtypes the inputs have.
    missing_text : str
        Text that stands for a missing cell.
    n_columns : int
        Number of columns in the fit.
    row_shapes : dict or None
        Shape of a row of each of several inputs.
    """

    X: pd.DataFrame | np.ndarray | None
    missing_text: str
    n_columns: int
    row_shapes: dict[str, tuple[int, ...]] | None = None

    @property
    def matrix_dtype(self) -> Any:
        """Of one matrix of all columns."""
        is_single = isinstance(self.X, np.ndarray) and self.X.dtype == np.float32
        return np.float32 if is_single else np.float64


def convert_encoder(graph: Graph, encoder: Any, declared: Declared) -> dict[str, Rows]:
    """Declare the inputs, and encode them.

    Raises
    ------
    ValueError
        For an encoder, or a column, that cannot be exported.
    """
    if type(encoder) not in CONVERTERS:
        name = type(getattr(encoder, "transformer", encoder)).__name__
        raise ValueError(
            f"{name}, the transformer in 'preprocessing', cannot be exported. Set preprocessing='auto', or transform "
            "the rows before fit, export the transformer by skl2onnx, and join both graphs by onnx.compose."
        )
    return CONVERTERS[type(encoder)](graph, encoder, declared)


def _table(graph: Graph, encoder: TableEncoder | StreamEncoder, declared: Declared) -> dict[str, Rows]:
    if encoder.container_ == "csr":
        dtype = declared.matrix_dtype
        matrix = MatrixInput(graph, declared.n_columns, dtype).matrix
        features = sparse_numbers(graph, encoder.encoders_[0], matrix, dtype)
        return {"x_num": Rows(features, np.float32, (declared.n_columns,))}
    table: Table
    if encoder.container_ == "frame":
        frame = declared.X if isinstance(declared.X, pd.DataFrame) else None
        table = FrameInputs(graph, encoder.columns_ or [], declared.missing_text, frame)
    else:
        table = MatrixInput(graph, declared.n_columns, declared.matrix_dtype)
    return encoded_columns(graph, encoder, table)


def encoded_columns(graph: Graph, encoder: TableEncoder | StreamEncoder, table: Table) -> dict[str, Rows]:
    """Features and codes of all columns side by side."""
    parts = [convert_column(graph, of_columns, table) for of_columns in encoder.encoders_]
    table.declare()
    like = next((value for part in parts for value in part if isinstance(value, str)), None)
    if like is None:
        raise ValueError("The model cannot be exported: no column varied in fit.")
    features = [part for part, _ in parts if part is not None] or [np.zeros((1, 1), dtype=np.float32)]
    codes = [part for _, part in parts if part is not None]
    inputs = {"x_num": Rows(_side_by_side(graph, features, like), np.float32, (encoder.n_features_,))}
    if codes:
        inputs["x_cat"] = Rows(_side_by_side(graph, codes, like), np.int64, (len(encoder.cat_cardinalities_),))
    return inputs


def _side_by_side(graph: Graph, parts: Sequence[str | np.ndarray], like: str) -> str:
    return graph.concat([p if isinstance(p, str) else graph.for_each_row(p, like) for p in parts], axis=1)


def _array(graph: Graph, encoder: ArrayEncoder, declared: Declared) -> dict[str, Rows]:
    if encoder.columns_ is None:
        return {"x_num": Rows(graph.input("X", np.float32, encoder.shape_), np.float32, encoder.shape_)}
    frame = declared.X if isinstance(declared.X, pd.DataFrame) else None
    table = FrameInputs(graph, encoder.columns_, declared.missing_text, frame)
    n_columns = len(encoder.columns_)
    numbers = table.numbers(range(n_columns), ["number"] * n_columns, [None] * n_columns, [True] * n_columns)
    table.declare()
    return {"x_num": Rows(graph.cast(numbers, np.float32), np.float32, (n_columns,))}


def _images(graph: Graph, encoder: ImageEncoder, declared: Declared) -> dict[str, Rows]:
    pixels = graph.input("X", np.float32, encoder.shape_)
    return {"x_num": Rows(graph.add("Div", pixels, np.float32(encoder.scale_)), np.float32, encoder.shape_)}


def _inputs(graph: Graph, encoder: InputsEncoder, declared: Declared) -> dict[str, Rows]:
    shapes = declared.row_shapes or {}
    of_each = {name: (part.dtype_, shapes[name]) for name, part in encoder._parts.items()}
    return {name: Rows(graph.input(name, *kind), *kind) for name, kind in of_each.items()}


CONVERTERS: dict[type, Callable[[Graph, Any, Declared], dict[str, Rows]]] = {
    TableEncoder: _table,
    StreamEncoder: _table,
    ArrayEncoder: _array,
    StreamArrays: _array,
    ImageEncoder: _images,
    StreamImages: _images,
    InputsEncoder: _inputs,
}
