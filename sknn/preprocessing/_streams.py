"""Encode tables that come in chunks: the first chunk's columns fix the layout, every chunk the statistics.

Whole tables are `TableEncoder`'s. What a network learns from a chunk is not decided here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from inspect import signature

import numpy as np
import pandas as pd
from scipy import sparse

from sknn.preprocessing._columns import (
    FIRST_LEVEL,
    MISSING,
    UNSEEN,
    DateColumn,
    as_numbers,
    cell_kind,
    changed_type,
    column_kind,
    find_levels,
    smooth_clip,
)
from sknn.preprocessing._encoders import (
    MAX_ONEHOT,
    ArrayEncoder,
    Encoded,
    ImageEncoder,
    InputsEncoder,
    TableEncoder,
    TransformedEncoder,
    as_numbers_array,
    largest_pixel,
    refuse_missing_sparse,
)
from sknn.preprocessing._moments import RunningMoments
from sknn.preprocessing._tables import Table, check_columns

_CLIP = 3.0
_SPARE_CODES, _SPARE_ONEHOT = 254, 62  # levels beyond those of the first chunk that get a code of their own
_EXPECTED_DAYS = 365.25 * 4


class ChunkEncoder(ABC):
    """What encodes the chunks of a stream."""

    @abstractmethod
    def expected_rows(self, n_rows: int, seed: int) -> Encoded:
        """Encoded rows such as a whole stream may hold.

        What a network would otherwise derive from training rows, its first weights and the bins of numbers, is derived
        from these: the first rows of a stream say little of those to come.
        """


class StreamEncoder(ChunkEncoder):
    """Encode the chunks of a stream for a neural network.

    Nothing is left out, because what does not vary yet may vary later:

    ===========  ================================================================================
    numbers      minus the mean, divided by the standard deviation of all rows so far, smoothly clipped
                 to ±3; 0 where missing, and until the column varies. Next to each, 1 where it is missing,
                 once a cell has been. Flags are the numbers 0 and 1, durations count as seconds
    dates        days since 1970 as a number; season, weekday and time of day
    categories   codes for a learned embedding, or one-hot; levels that come later take spare codes until there are
                 none, and are unseen from then on
    CSR          divided by the root mean square of a column's stored values so far; stays sparse
    ===========  ================================================================================

    A column of a frame without any value in the first chunk, whose type does not tell what it will hold, is kept
    a place as each of these.

    Parameters
    ----------
    embed : bool
        Whether categories become codes to embed.
    scale : bool, default=True
        Whether numbers are scaled; otherwise they are passed as they are.

    Attributes
    ----------
    n_features_ : int
        Number of float columns.
    cat_cardinalities_ : tuple of int
        Number of codes of each embedded category, those for unseen (0) and missing (1) and the spare ones included.
    """

    def __init__(self, *, embed: bool, scale: bool = True):
        self.embed = embed
        self.scale = scale

    def fit_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        """Fix the layout by the first chunk, and encode it."""
        self.columns_ = list(table.columns) if isinstance(table, pd.DataFrame) else None
        self.cat_cardinalities_: tuple[int, ...] = ()
        if sparse.issparse(table):
            self.container_ = "csr"
            self.n_features_ = table.shape[1]
            self._density = max(len(table.data) / table.shape[0], 1) / self.n_features_
            self._count, self._squares = np.zeros((2, self.n_features_))
            return self.update_encode(table, y, sample_weight)
        self.container_ = "array" if self.columns_ is None else "frame"
        self._columns = _Columns(table, self.embed)
        self._moments = RunningMoments(self._columns.n_numbers)
        self.n_features_ = max(1, 2 * self._columns.n_numbers + self._columns.n_others)  # else a column of zeros
        self.cat_cardinalities_ = self._columns.cat_cardinalities
        return self.update_encode(table, y, sample_weight)

    def update_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        """Take a chunk into the statistics, then encode it by them."""
        table = self._match_container(table)
        if sparse.issparse(table):
            row_weight = np.ones(table.shape[0]) if sample_weight is None else sample_weight
            weight = np.repeat(row_weight, np.diff(table.indptr)) * (table.data != 0)
            squares = table.data.astype(np.float64) ** 2
            self._count += np.bincount(table.indices, weight, minlength=self.n_features_)
            self._squares += np.bincount(table.indices, weight * squares, minlength=self.n_features_)
            return self._encode_sparse(table)
        self._columns.update(table)
        numbers = self._columns.numbers(table)
        self._moments.update(numbers, sample_weight)
        return self._encode_dense(table, numbers)

    def encode(self, table: Table) -> Encoded:
        """Encode a checked table by the statistics so far."""
        table = self._match_container(table)
        if sparse.issparse(table):
            return self._encode_sparse(table)
        return self._encode_dense(table, self._columns.numbers(table))

    def expected_rows(self, n_rows: int, seed: int) -> Encoded:
        """Normal numbers, nothing missing, levels and dates at random."""
        random_state = np.random.RandomState(seed)
        if self.container_ == "csr":
            shape = n_rows, self.n_features_
            cells = sparse.random_array(
                shape, density=self._density, rng=random_state, data_sampler=lambda size: random_state.normal(size=size)
            )
            return Encoded(sparse.csr_array(cells, dtype=np.float32))
        n_numbers = self._columns.n_numbers
        x_num = np.zeros((n_rows, self.n_features_), dtype=np.float32)
        x_num[:, :n_numbers] = smooth_clip(random_state.normal(size=(n_rows, n_numbers)), _CLIP)
        self._columns.write_expected(x_num[:, 2 * n_numbers :], random_state)
        codes = [random_state.randint(FIRST_LEVEL, n_codes, n_rows) for n_codes in self.cat_cardinalities_]
        return Encoded(x_num, np.column_stack(codes).astype(np.int64) if codes else None)

    @property
    def n_cells_(self) -> int:
        """Numbers in an encoded row."""
        return self.n_features_ + len(self.cat_cardinalities_)

    def _match_container(self, table: Table):
        """A frame where the first chunk was a frame, an array where it was an array; columns in the same order."""
        if sparse.issparse(table):
            if self.container_ != "csr":
                raise TypeError("X was dense in the first chunk and is sparse now. Pass X.toarray().")
            table = sparse.csr_array(table)
            refuse_missing_sparse(table)
            return table
        if self.container_ == "csr":
            return self._match_container(sparse.csr_array(as_numbers_array(table)))
        if self.container_ == "array":
            return as_numbers_array(table)
        if not isinstance(table, pd.DataFrame):
            return pd.DataFrame(table)
        check_columns(self.columns_, table)
        return table

    def _encode_sparse(self, table: sparse.csr_array) -> Encoded:
        data = table.data
        if self.scale:
            mean = np.divide(self._squares, self._count, out=np.ones(self.n_features_), where=self._squares > 0)
            data = smooth_clip(data / np.sqrt(mean)[table.indices], _CLIP)
        return Encoded(sparse.csr_array((data.astype(np.float32), table.indices, table.indptr), shape=table.shape))

    def _encode_dense(self, table: np.ndarray | pd.DataFrame, numbers: np.ndarray) -> Encoded:
        n_numbers = self._columns.n_numbers
        missing = np.isnan(numbers)
        x_num = np.zeros((len(table), self.n_features_), dtype=np.float32)
        with np.errstate(over="ignore"):  # refused below
            x_num[:, :n_numbers] = np.where(missing, 0, self._scaled(numbers))
        if not self.scale and np.isinf(x_num).any():
            raise ValueError(
                f"Numbers that are not scaled must fit into float32. Got {numbers[np.isinf(x_num[:, :n_numbers])][0]}; "
                "scale them before, or set preprocessing='auto'."
            )
        x_num[:, n_numbers : 2 * n_numbers] = missing & (self._moments.n_missing > 0)
        self._columns.write_others(table, x_num[:, 2 * n_numbers :])
        return Encoded(x_num, self._columns.codes(table))

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        if not self.scale:
            return values
        spread = self._moments.spread
        varies = spread > 0
        with np.errstate(over="ignore", invalid="ignore"):
            z = (values - np.where(varies, self._moments.mean, 0)) / np.where(varies, spread, 1)
            return np.where(varies, smooth_clip(z, _CLIP), 0)


class _Columns:
    """The columns of a dense table by what they hold: numbers, and in a frame also dates and categories.

    A column of a frame that is not known yet, and is "empty", has a place of each kind until a value tells its own.
    """

    def __init__(self, table: np.ndarray | pd.DataFrame, embed: bool):
        self.embed = embed
        self.kinds: list[str] = []
        self.dates: dict[int, DateColumn] = {}
        self.categories: dict[int, _Levels] = {}
        self.number_columns = list(range(table.shape[1]))  # those of dates hold their days
        if not isinstance(table, pd.DataFrame):
            return
        columns = [table.iloc[:, j] for j in self.number_columns]
        self.kinds = [_first_kind(column) for column in columns]
        self.number_columns = [j for j, kind in enumerate(self.kinds) if kind != "category"]
        for j, kind in enumerate(self.kinds):
            if kind in {"date", "empty"}:
                self.dates[j] = DateColumn(all_parts=True).fit(columns[j])
            if kind in {"category", "empty"}:
                self.categories[j] = _Levels(columns[j], embed)

    @property
    def n_numbers(self) -> int:
        return len(self.number_columns)

    @property
    def cat_cardinalities(self) -> tuple[int, ...]:
        return tuple(levels.cardinality for levels in self.categories.values()) if self.embed else ()

    @property
    def n_others(self) -> int:
        """Float columns that are neither numbers nor marks of missing ones."""
        n_onehot = 0 if self.embed else sum(levels.cardinality - 1 for levels in self.categories.values())
        return sum(date.n_outputs for date in self.dates.values()) + n_onehot

    def update(self, table) -> None:
        """Learn what empty columns hold, and new levels."""
        for j, kind in enumerate(self.kinds):
            column = table.iloc[:, j]
            if kind == "empty":
                self.kinds[j] = column_kind(column)
                if self.kinds[j] == "date":
                    self.dates[j].fit(column)
            if self.kinds[j] in {"category", "empty"}:
                self.categories[j].update(column)

    def numbers(self, table: np.ndarray | pd.DataFrame) -> np.ndarray:
        """(n, numbers) float64 with NaN where missing."""
        if not isinstance(table, pd.DataFrame):
            return table.astype(np.float64)
        block = table.iloc[:, self.number_columns]
        plain = all(isinstance(dtype, np.dtype) and dtype.kind in "iufb" for dtype in block.dtypes)
        if plain and all(self.kinds[j] in {"number", "flag"} for j in self.number_columns):
            return block.to_numpy(dtype=np.float64)
        values = np.full(block.shape, np.nan)
        for k, j in enumerate(self.number_columns):
            column, kind = table.iloc[:, j], self.kinds[j]
            if kind == "date":
                values[:, k] = self.dates[j].days(column)
            elif kind in {"number", "flag", "duration"}:
                values[:, k] = as_numbers(column, duration=kind == "duration")
        return values

    def codes(self, table: np.ndarray | pd.DataFrame) -> np.ndarray | None:
        """(n, embedded categories) int64."""
        if not self.cat_cardinalities:
            return None
        return np.column_stack([self._codes_of(j, table) for j in self.categories])

    def write_others(self, table, out: np.ndarray) -> None:
        stop = 0
        for j, date in self.dates.items():
            start, stop = stop, stop + date.n_outputs
            if self.kinds[j] == "date":
                date.write(table.iloc[:, j], out[:, start:stop])
        if not self.embed:
            for j, levels in self.categories.items():
                start, stop = stop, stop + levels.cardinality - 1
                _write_onehot(self._codes_of(j, table), levels, out[:, start:stop])

    def write_expected(self, out: np.ndarray, random_state) -> None:
        """Dates and levels at random."""
        stop = 0
        for date in self.dates.values():
            start, stop = stop, stop + date.n_outputs
            days = random_state.uniform(0, _EXPECTED_DAYS, len(out))
            stamps = pd.Series((days * 86_400e6).astype("datetime64[us]"))
            DateColumn(all_parts=True).fit(stamps).write(stamps, out[:, start:stop])
        if not self.embed:
            for levels in self.categories.values():
                start, stop = stop, stop + levels.cardinality - 1
                codes = random_state.randint(FIRST_LEVEL, levels.cardinality, len(out))
                _write_onehot(codes, levels, out[:, start:stop])

    def _codes_of(self, j: int, table) -> np.ndarray:
        if self.kinds[j] not in {"category", "empty"}:  # has turned out to be something else
            return np.full(len(table), UNSEEN, dtype=np.int64)
        return self.categories[j].codes(table.iloc[:, j])


class _Levels:
    """Codes of a category's levels in the order in which they come: 0 for unseen, 1 for missing, then the levels."""

    def __init__(self, column: pd.Series, embed: bool):
        self.codes_of: dict = {}
        self.held: set[str] = set()  # kinds of cells
        self.had_missing = False
        dtype = column.dtype
        known = dtype.categories if isinstance(dtype, pd.CategoricalDtype) else find_levels(column)[1]
        n_levels = len(known) + _SPARE_CODES if embed else min(len(known) + _SPARE_ONEHOT, MAX_ONEHOT)
        self.cardinality = FIRST_LEVEL + n_levels

    def update(self, column: pd.Series) -> None:
        positions, found = find_levels(column)
        self.had_missing |= bool((positions < 0).any())
        for level in found:
            self.held.add(cell_kind(level))
            code = FIRST_LEVEL + len(self.codes_of)
            if code < self.cardinality:
                self.codes_of.setdefault(level, code)

    def codes(self, column: pd.Series) -> np.ndarray:
        """(n,) int64."""
        positions, found = find_levels(column)
        if self.held and len(found) and not any(cell_kind(level) in self.held for level in found):
            got = f"{cell_kind(found[0])} (for instance {found[0]!r})"
            raise changed_type(column, " and ".join(sorted(self.held)), got)
        return np.array([*(self.codes_of.get(level, UNSEEN) for level in found), MISSING], dtype=np.int64)[positions]


def _write_onehot(codes: np.ndarray, levels: _Levels, out: np.ndarray) -> None:
    """A row of zeros for an unseen level, and for a missing one where none has been missing before."""
    rows = np.flatnonzero(codes >= (MISSING if levels.had_missing else FIRST_LEVEL))
    out[rows, codes[rows] - MISSING] = 1


def _first_kind(column: pd.Series) -> str:
    """What a column of the first chunk holds: by its cells, or its type if that leaves no choice."""
    kind, dtype = column_kind(column), column.dtype
    if kind != "empty":
        return kind
    if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype):
        return "category"
    if dtype.kind == "M" or isinstance(dtype, pd.PeriodDtype):
        return "date"
    return {"m": "duration", "b": "flag", "i": "number", "u": "number", "U": "category"}.get(dtype.kind, "empty")


class StreamTransformer(TransformedEncoder, ChunkEncoder):
    """The user's transformer, fitted to the first chunk, and to the others where it has `partial_fit`."""

    def update_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        if hasattr(self.transformer, "partial_fit"):
            takes_weight = (
                sample_weight is not None and "sample_weight" in signature(self.transformer.partial_fit).parameters
            )
            self.transformer.partial_fit(table.copy(), y, **({"sample_weight": sample_weight} if takes_weight else {}))
        return self.rest.update_encode(self._call(self.transformer.transform, table), y, sample_weight)

    def expected_rows(self, n_rows: int, seed: int) -> Encoded:
        return self.rest.expected_rows(n_rows, seed)


class StreamArrays(ArrayEncoder, ChunkEncoder):
    """`preprocessing=None`: numbers as they are, expected to be of the order of 1."""

    def expected_rows(self, n_rows: int, seed: int) -> Encoded:
        return Encoded(_normal((n_rows, *self.shape_), seed))


class StreamImages(ImageEncoder, ChunkEncoder):
    """Pixels divided by the largest absolute value of the images so far."""

    def fit_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        encoded = super().fit_encode(table, y, sample_weight)
        self._largest = largest_pixel(table)
        return encoded

    def update_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        self.encode(table)  # refuses what is no image
        self._largest = max(self._largest, largest_pixel(table))
        self.scale_ = self._largest or 1.0
        return self.encode(table)

    def expected_rows(self, n_rows: int, seed: int) -> Encoded:
        return Encoded(_normal((n_rows, *self.shape_), seed))


def _normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.RandomState(seed).normal(size=shape).astype(np.float32)


def make_stream_encoder(preprocessing, *, embed: bool, images: bool = False, several: bool = False, random_state):
    """As `make_encoder`, for what is to be trained on chunks."""
    if several:
        return InputsEncoder()
    if images and isinstance(preprocessing, str):
        return StreamImages()
    if isinstance(preprocessing, str):  # "auto"
        return StreamEncoder(embed=embed)
    if isinstance(preprocessing, TableEncoder):
        return StreamEncoder(embed=embed and preprocessing.embed, scale=bool(preprocessing.scale))
    if preprocessing is None:
        return StreamArrays()
    return StreamTransformer(preprocessing, StreamEncoder(embed=embed, scale=False))
