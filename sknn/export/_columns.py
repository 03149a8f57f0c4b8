"""Each kind of column encoder in a graph. Which encoder takes which column was decided in `fit`.

A converter takes the graph, the fitted encoder and the table, and returns float32 features (batch, n_features_) and
int64 codes (batch, n_codes), as an array (1, ...) where all rows have the same, and as None where there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from scipy.special import expit, ndtri

from sknn.export._dates import MISSING_DATE, date_parts
from sknn.export._graph import ML, Graph, Value
from sknn.export._table import FrameInputs, Table
from sknn.preprocessing.columns import (
    CLIP,
    FAR,
    LEAST_PROBABILITY,
    CategoryColumn,
    ColumnEncoder,
    DateColumn,
    Numbers,
    RecurringValues,
    RunningCategory,
    RunningDate,
    RunningNumbers,
    SparseNumbers,
    TextColumn,
)
from sknn.utils import FIRST_LEVEL, MISSING, UNSEEN

Parts = tuple[str | np.ndarray | None, str | np.ndarray | None]


def convert_column(graph: Graph, encoder: ColumnEncoder, table: Table) -> Parts:
    """Features and codes of an encoder's columns.

    Raises
    ------
    ValueError
        For an encoder without a converter, or values that a graph cannot hold, naming the column.
    """
    if type(encoder) not in CONVERTERS:
        raise refused(table, encoder, f"is encoded by {type(encoder).__name__}, which has no form in ONNX", _ENCODE)
    return CONVERTERS[type(encoder)](graph, encoder, table)


_ENCODE = "Leave the column out, or encode it before"


def refused(table: Table, encoder: ColumnEncoder, why: str, instead: str) -> ValueError:
    return ValueError(f"Column {table.names[encoder.columns_[0]]!r} of X cannot be exported: it {why}. {instead}.")


# -- numbers ------------------------------------------------------------------------------------


def _numbers(graph: Graph, encoder: Numbers, table: Table) -> Parts:
    used = sorted({*encoder.kept_.tolist(), *encoder.marked_.tolist()})
    values = _read(graph, encoder, table, used, [k in encoder.marked_ for k in used])
    features = []
    if len(encoder.kept_):
        features.append(_scaled(graph, encoder, _at(graph, values, used, encoder.kept_), table.dtype))
    if len(encoder.marked_):
        features.append(graph.cast(graph.add("IsNaN", _at(graph, values, used, encoder.marked_)), np.float32))
    return graph.concat(features, axis=1), None


def _scaled(graph: Graph, encoder: Numbers, values: str, dtype: Any) -> str:
    z = graph.add("Sub", values, encoder.center_.astype(dtype))
    z = graph.add("Mul", z, encoder.factor_.astype(dtype))
    if encoder.clipped_.any():
        z = _smooth_clip(graph, z, np.where(encoder.clipped_, CLIP, np.inf).astype(dtype))
    if encoder.quantiles_:
        z = _with_quantiles(graph, encoder, values, z, dtype)
    z = graph.add("Where", graph.add("IsNaN", z), np.array(0, dtype=dtype), z)
    return graph.cast(z, np.float32)


def _read(graph: Graph, encoder: Any, table: Table, used: Sequence[int], missing: Sequence[bool]) -> str:
    """Columns of an encoder, by their positions among those that it has."""
    positions, kinds = [encoder.columns_[k] for k in used], [encoder.kinds_[k] for k in used]
    zones = [encoder.zones_[k] for k in used] if hasattr(encoder, "zones_") else [None] * len(used)
    return table.numbers(positions, kinds, zones, missing)


def _at(graph: Graph, values: str, used: list[int], wanted: np.ndarray) -> str:
    """Those of the columns read that are wanted."""
    return values if list(wanted) == used else graph.columns(values, [used.index(k) for k in wanted])


def _smooth_clip(graph: Graph, z: str, limit: np.ndarray) -> str:
    """z/√(1 + (z/limit)²) in the order of operations of `smooth_clip`; an infinite limit changes nothing."""
    far = np.array(FAR, dtype=limit.dtype)
    z = graph.add("Clip", z, -far, far)
    ratio = graph.add("Div", z, limit)
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", ratio, ratio), np.array(1, dtype=limit.dtype)))
    return graph.add("Div", z, root)


def _with_quantiles(graph: Graph, encoder: Numbers, kept: str, z: str, dtype: Any) -> str:
    """Normal scores in the place of the columns that have landmarks."""
    columns = [graph.columns(z, [k]) for k in range(len(encoder.kept_))]
    for k, landmarks in encoder.quantiles_.items():
        values = graph.cast(graph.columns(kept, [int(k)]), np.float64)
        columns[k] = graph.cast(_as_normal(graph, values, landmarks), dtype)
    return graph.concat(columns, axis=1)


def _as_normal(graph: Graph, values: str, landmarks: np.ndarray) -> str:
    """What `as_normal` gives for (batch, 1) float64 values."""
    levels = np.linspace(0, 1, len(landmarks))
    from_below = _interpolated(graph, values, landmarks, levels)
    from_above = _interpolated(graph, graph.add("Neg", values), -landmarks[::-1], -levels[::-1])
    mean = graph.add("Mul", graph.add("Sub", from_below, from_above), np.float64(0.5))
    level = graph.add("Clip", mean, np.float64(LEAST_PROBABILITY), np.float64(1 - LEAST_PROBABILITY))
    odds = graph.add("Log", graph.add("Div", level, graph.add("Sub", np.float64(1), level)))
    square = graph.add("Mul", odds, odds)
    ratio: Value = np.float64(0)
    for coefficient in reversed(normal_per_log_odds().coef):
        ratio = graph.add("Add", graph.add("Mul", ratio, square), np.float64(coefficient))
    return graph.add("Mul", ratio, odds)


def normal_per_log_odds() -> Polynomial:
    """Normal quantiles divided by the log-odds s of their level, as a polynomial in s²; ONNX has no normal quantiles.

    It is fitted to `scipy.special.ndtri` at Chebyshev's nodes, for levels of 0.001 to 0.999.
    """
    largest = np.log((1 - LEAST_PROBABILITY) / LEAST_PROBABILITY) ** 2

    def ratio(square):
        odds = np.sqrt(square)
        return ndtri(expit(odds)) / odds

    return Chebyshev.interpolate(ratio, 12, domain=[0, largest]).convert(kind=Polynomial)


def _interpolated(graph: Graph, values: str, x: np.ndarray, y: np.ndarray) -> str:
    """`numpy.interp` of (batch, 1) values; NaN stays."""
    steps = np.diff(x)
    slope = np.append(np.divide(np.diff(y), steps, out=np.zeros(len(steps)), where=steps > 0), 0.0)
    within = graph.add("Max", graph.add("Min", values, x[-1]), x[0])
    n_below = graph.reduce("ReduceSum", graph.cast(graph.add("LessOrEqual", x, within), np.int64), 1, keepdims=True)
    place = graph.add("Max", graph.add("Sub", n_below, np.int64(1)), np.int64(0))
    distance = graph.add("Sub", within, graph.add("Gather", x, place))
    return graph.add(
        "Add", graph.add("Gather", y, place), graph.add("Mul", distance, graph.add("Gather", slope, place))
    )


def _running_numbers(graph: Graph, encoder: RunningNumbers, table: Table) -> Parts:
    n_columns, has_missed = len(encoder.columns_), encoder.moments_.n_missing > 0
    known = [k for k, kind in enumerate(encoder.kinds_) if kind in {"number", "flag", "duration", "date"}]
    of_others = np.zeros((1, 2 * n_columns), dtype=np.float32)  # all missing, as `read_numbers` says
    others = [k for k in range(n_columns) if k not in known]
    of_others[0, [n_columns + k for k in others]] = has_missed[others]
    if not known:
        return of_others, None
    values = _as_double(graph, _read(graph, encoder, table, known, has_missed[known].tolist()), table)
    missing = graph.add("IsNaN", values)
    z = _running_scaled(graph, encoder, values, known) if encoder.scale else values
    z = graph.add("Where", missing, np.float64(0), z)
    marked = graph.add("And", missing, has_missed[known])
    both = graph.concat([graph.cast(z, np.float32), graph.cast(marked, np.float32)], axis=1)
    placed = _placed(graph, both, [*known, *(n_columns + k for k in known)], 2 * n_columns)
    return graph.add("Add", placed, of_others) if of_others.any() else placed, None


def _running_scaled(graph: Graph, encoder: RunningNumbers, values: str, known: list[int]) -> str:
    mean, spread = encoder.moments_.mean[known], encoder.moments_.spread[known]
    varies = spread > 0
    z = graph.add("Div", graph.add("Sub", values, np.where(varies, mean, 0)), np.where(varies, spread, 1))
    return graph.add("Where", varies, _smooth_clip(graph, z, np.array(CLIP)), np.float64(0))


def _as_double(graph: Graph, values: str, table: Table) -> str:
    return values if table.dtype is np.float64 else graph.cast(values, np.float64)


def _placed(graph: Graph, values: str, places: list[int], width: int) -> str:
    """Columns at these places among `width`, zeros elsewhere."""
    if places == list(range(width)):
        return values
    padded = graph.add("Pad", values, np.array([0, 0, 0, 1], dtype=np.int64))  # a column of zeros at the end
    source = np.full(width, len(places))
    source[places] = np.arange(len(places))
    return graph.columns(padded, source.tolist())


def sparse_numbers(graph: Graph, encoder: SparseNumbers, matrix: str, dtype: Any) -> str:
    """A sparse matrix, here a dense one, as float32 features."""
    if encoder.scale:
        mean = np.divide(encoder.squares_, encoder.count_, out=np.ones(len(encoder.count_)), where=encoder.squares_ > 0)
        root = np.sqrt(np.where(mean > 0, mean, 1.0))
        matrix = _smooth_clip(graph, graph.add("Div", graph.cast(matrix, np.float64), root), np.array(CLIP))
    return graph.cast(matrix, np.float32)


def _recurring_values(graph: Graph, encoder: RecurringValues, table: Table) -> Parts:
    codes = []
    for k, frequent in enumerate(encoder.values_):
        values = _as_double(graph, _read(graph, encoder, table, [k], [True]), table)
        codes.append(_value_codes(graph, values, frequent))
    return None, graph.concat(codes, axis=1)


def _value_codes(graph: Graph, values: str, frequent: np.ndarray) -> str:
    """What `value_codes` gives for (batch, 1) float64 values."""
    code: Value = np.int64(UNSEEN)
    if len(frequent):
        middles = np.append(frequent[:-1] / 2 + frequent[1:] / 2, np.inf)
        n_below = graph.cast(graph.add("Less", middles, values), np.int64)
        place = graph.reduce("ReduceSum", n_below, 1, keepdims=True)
        nearest = graph.add("Gather", frequent, place)
        single, nearest_single = graph.cast(values, np.float32), graph.add("Gather", frequent.astype(np.float32), place)
        is_same = [
            graph.add("Equal", values, nearest),
            graph.add("Equal", values, graph.cast(nearest_single, np.float64)),
            graph.add("Equal", graph.cast(single, np.float64), nearest),
        ]
        known = graph.add("Or", graph.add("Or", is_same[0], is_same[1]), is_same[2])
        code = graph.add("Where", known, graph.add("Add", place, np.int64(FIRST_LEVEL)), code)
    return graph.add("Where", graph.add("IsNaN", values), np.int64(MISSING), code)


# -- categories ---------------------------------------------------------------------------------


def _category(graph: Graph, encoder: CategoryColumn, table: Table) -> Parts:
    levels = _Levels(graph, encoder, table)
    if encoder.embedded_:
        codes = levels.codes()
        return graph.add("Gather", encoder.frequency_.astype(np.float32), codes), codes
    onehot = levels.onehot(with_missing=encoder.had_missing_)
    if encoder.binary_:
        onehot = graph.add("MatMul", onehot, np.array([[-1], [1]], dtype=np.float32))
    return onehot, None


def _running_category(graph: Graph, encoder: RunningCategory, table: Table) -> Parts:
    width = encoder.n_codes_ - MISSING
    if encoder.kinds_ != ["category"]:
        return _without_values(encoder, width)
    levels = _Levels(graph, encoder, table)
    if encoder.embed:
        return None, levels.codes()
    first = MISSING if encoder.had_missing_ else FIRST_LEVEL
    onehot = levels.onehot(with_missing=encoder.had_missing_)
    return _placed(
        graph, onehot, list(range(first - MISSING, FIRST_LEVEL + len(encoder.levels_) - MISSING)), width
    ), None


def _without_values(encoder: RunningCategory, width: int) -> Parts:
    """A column that has held no value yet, or those of another encoder."""
    is_missing = encoder.kinds_ == ["empty"]
    if encoder.embed:
        return None, np.array([[MISSING if is_missing else UNSEEN]])
    row = np.zeros((1, width), dtype=np.float32)
    row[0, 0] = is_missing and encoder.had_missing_
    return row, None


class _Levels:
    """The input of a category, and its levels as keys of the type of the input: text, int64 or float64."""

    def __init__(self, graph: Graph, encoder: CategoryColumn, table: Table):
        assert isinstance(table, FrameInputs)  # a matrix has no categories
        self.graph = graph
        levels, self.missing = list(encoder.levels_), table.missing_text
        self.dtype: Any = _type_of(levels, encoder.held_)
        if self.dtype is None:
            why = f"is a category whose levels are {' and '.join(encoder.held_)}"
            raise refused(table, encoder, why, "Convert them to text before fit")
        if self.dtype is str:
            self.keys: Any = [str(level) for level in levels]
            if self.missing in self.keys:
                instead = "Pass other text as missing_text, and feed that where a cell is missing"
                raise refused(table, encoder, f"has {self.missing!r} as a level, which stands for missing", instead)
        else:
            self.keys = np.array([self.dtype(level) for level in levels], dtype=self.dtype)
        self.cells = table.column(encoder.columns_[0], self.dtype)

    def codes(self) -> str:
        """(batch, 1) int64 codes: 0 unseen, 1 missing, then the levels."""
        if self.dtype is np.float64:
            is_level = self.graph.add("Equal", self.cells, self.keys[None])
            of_levels = np.arange(FIRST_LEVEL, FIRST_LEVEL + len(self.keys))[None]
            found = self.graph.add("Where", is_level, of_levels, np.int64(UNSEEN))
            code = self.graph.reduce("ReduceMax", found, 1, keepdims=True)
            return self.graph.add("Where", self.graph.add("IsNaN", self.cells), np.int64(MISSING), code)
        keys = {"keys_strings": [self.missing, *self.keys]}
        if self.dtype is np.int64:
            keys = {"keys_int64s": [int(MISSING_DATE), *self.keys.tolist()]}
        values = [MISSING, *range(FIRST_LEVEL, FIRST_LEVEL + len(self.keys))]
        return self.graph.add("LabelEncoder", self.cells, domain=ML, values_int64s=values, default_int64=UNSEEN, **keys)

    def onehot(self, with_missing: bool) -> str:
        """(batch, L) float32 with 1 where a cell is that level, or L + 1 where the first one is for missing cells."""
        if self.dtype is str:
            keys = [self.missing, *self.keys] if with_missing else self.keys
            found = self.graph.add("OneHotEncoder", self.cells, domain=ML, cats_strings=keys, zeros=1)
            return self.graph.squeeze(found, 1)  # (batch, 1, L)
        keys = self.keys
        if with_missing and self.dtype is np.int64:
            keys = np.append(MISSING_DATE, keys)
        is_level = self.graph.cast(self.graph.add("Equal", self.cells, keys[None]), np.float32)
        if with_missing and self.dtype is np.float64:
            missing = self.graph.cast(self.graph.add("IsNaN", self.cells), np.float32)
            return self.graph.concat([missing, is_level], axis=1)
        return is_level


def _type_of(levels: list, held: list[str]) -> Any:
    """The type of input that can hold all levels; None if there is none."""
    if held == ["text"] or not held:
        return str
    if held != ["numbers"] or not all(isinstance(level, Real | np.bool_) for level in levels):
        return None
    is_whole = all(isinstance(level, Integral | np.bool_) and -(2**63) < int(level) < 2**63 for level in levels)
    return np.int64 if is_whole else np.float64


# -- dates --------------------------------------------------------------------------------------


def _date(graph: Graph, encoder: DateColumn, table: Table) -> Parts:
    assert isinstance(table, FrameInputs)
    return date_parts(graph, table.column(encoder.columns_[0], np.int64), encoder.zone_, encoder.parts_), None


def _running_date(graph: Graph, encoder: RunningDate, table: Table) -> Parts:
    if encoder.kinds_ != ["date"]:
        return np.zeros((1, encoder.n_features_), dtype=np.float32), None
    return _date(graph, encoder, table)


# -- text ---------------------------------------------------------------------------------------


def _text(graph: Graph, encoder: TextColumn, table: Table) -> Parts:
    why = "is encoded by its words, and ONNX cannot split text into words as Python does"
    raise refused(table, encoder, why, "Leave it out, or fit with preprocessing=TableEncoder(text=None)")


CONVERTERS: dict[type, Callable[[Graph, Any, Table], Parts]] = {
    Numbers: _numbers,
    RecurringValues: _recurring_values,
    CategoryColumn: _category,
    DateColumn: _date,
    TextColumn: _text,
    RunningNumbers: _running_numbers,
    RunningCategory: _running_category,
    RunningDate: _running_date,
}
