"""Encode tables that come in chunks: the first chunk determines the columns, every chunk updates the statistics.

Whole tables are encoded by `TableEncoder`. How a network is trained on a chunk is not decided here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from inspect import signature

import numpy as np
import pandas as pd

from sknn.preprocessing._dispatch import ColumnDispatcher, Encoded
from sknn.preprocessing._encoders import ArrayEncoder, ImageEncoder, InputsEncoder, TransformedEncoder, largest_pixel
from sknn.preprocessing._table_encoder import TableEncoder
from sknn.preprocessing._tables import Table
from sknn.preprocessing.columns import kind_of, table_kinds


class ChunkEncoder(ABC):
    """What encodes the chunks of a stream."""

    @abstractmethod
    def expected_rows(self, n_rows: int, seed: int) -> Encoded:
        """Random encoded rows, in the place of the training rows from which initial weights and bins are derived.

        The first rows of a stream may not represent the later ones.
        """


class StreamEncoder(ColumnDispatcher, ChunkEncoder):
    """Encode the chunks of a stream for a neural network.

    Constant columns are kept, because they may vary later:

    ===========  ================================================================================
    numbers      minus the mean, divided by the standard deviation of all rows so far, smoothly clipped
                 to ±3; 0 where missing, and until the column varies. From the first missing value on, an
                 indicator column marks them. Flags are the numbers 0 and 1, durations count as seconds
    dates        days since 1970 as a number; season, weekday and time of day
    categories   codes for a learned embedding, or one-hot; new levels in later chunks take spare codes; once these
                 are used up, new levels are unseen
    CSR          divided by the root mean square of a column's stored values so far; stays sparse
    ===========  ================================================================================

    A column of a frame that is empty in the first chunk and has no telling dtype is encoded as all of these.

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

    _seen_in = "the first chunk"

    def __init__(self, *, embed: bool, scale: bool = True):
        self.embed = embed
        self.scale = scale

    def fit_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        """Determine the columns from the first chunk, and encode it."""
        self._fit_container(table, self.scale)
        if self.container_ != "csr":
            kinds = (
                [_first_kind(column) for _, column in table.items()]
                if isinstance(table, pd.DataFrame)
                else table_kinds(table)
            )
            self._fit_encoders(table, kinds, sample_weight, vars(self), running=True)
        return self.update_encode(table, y, sample_weight)

    def update_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        """Update the statistics by a chunk, then encode it."""
        table = self._match_container(table)
        for encoder in self.encoders_:
            encoder.update(table, sample_weight)
        return self.encode(table)

    def expected_rows(self, n_rows: int, seed: int) -> Encoded:
        """Normal numbers, nothing missing, levels and dates at random."""
        random_state = np.random.RandomState(seed)
        if self.container_ == "csr":
            return Encoded(self.encoders_[0].expected(n_rows, random_state))
        return self._write_each(
            n_rows, lambda encoder, x_num, x_cat: encoder.write_expected(x_num, x_cat, random_state)
        )


def _first_kind(column: pd.Series) -> str:
    """The kind of a column in the first chunk: by its values, or by its dtype if it is empty."""
    kind, dtype = kind_of(column), column.dtype
    if kind != "empty":
        return "category" if kind == "text" else kind
    if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype):
        return "category"
    if dtype.kind == "M" or isinstance(dtype, pd.PeriodDtype):
        return "date"
    return {"m": "duration", "b": "flag", "i": "number", "u": "number", "U": "category"}.get(dtype.kind, "empty")


class StreamTransformer(TransformedEncoder, ChunkEncoder):
    """The user's transformer, fitted to the first chunk, and updated by the others if it has `partial_fit`."""

    def update_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        if hasattr(self.transformer, "partial_fit"):
            takes_weight = (
                sample_weight is not None and "sample_weight" in signature(self.transformer.partial_fit).parameters
            )
            weight = {"sample_weight": sample_weight} if takes_weight else {}
            self._learn(self.transformer.partial_fit, table, y, **weight)
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
