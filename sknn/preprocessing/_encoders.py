"""The encoders behind `preprocessing`: `TableEncoder`, the user's transformer, or arrays unchanged.

All encoders have the same methods: `fit_encode(X, y, sample_weight)`, `update_encode(X, y, sample_weight)` for further
training rows, `encode(X)`, `n_features_`, `n_cells_` (numbers in an encoded row) and `cat_cardinalities_`. None of them
uses torch, and none learns from further rows, as those of `_streams` do.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import check_array
from sklearn.utils.validation import has_fit_parameter

from sknn.preprocessing._dispatch import Encoded
from sknn.preprocessing._inputs import Inputs
from sknn.preprocessing._table_encoder import TableEncoder
from sknn.preprocessing._tables import Table, as_table, check_columns, plain_columns
from sknn.preprocessing.columns import MAX_ONEHOT

_ENCODE_THEM = "Encode them, or set preprocessing='auto'."


class TransformedEncoder:
    """The user's transformer, then `rest` for missing values, text and dates, which leaves numbers unchanged."""

    def __init__(self, transformer, rest):
        self.transformer = clone(transformer)
        self.rest = rest

    def fit_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        takes_weight = sample_weight is not None and has_fit_parameter(self.transformer, "sample_weight")
        weight = {"sample_weight": sample_weight} if takes_weight else {}
        # fit_transform, not fit then transform: cross-fitting transformers depend on it
        transformed = self._call(self.transformer.fit_transform, table, y, **weight)
        return self.rest.fit_encode(transformed, y, sample_weight)

    def update_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        return self.encode(table)

    def encode(self, table: Table) -> Encoded:
        return self.rest.encode(self._call(self.transformer.transform, table))

    @property
    def n_features_(self) -> int:
        return self.rest.n_features_

    @property
    def n_cells_(self) -> int:
        return self.rest.n_cells_

    @property
    def cat_cardinalities_(self) -> tuple[int, ...]:
        return self.rest.cat_cardinalities_

    def _call(self, method, table: Table, *args, **kwargs) -> Table:
        """What a method of the transformer makes of a table, as a table of as many rows."""
        name = type(self.transformer).__name__
        transformed = self._learn(method, table, *args, **kwargs)
        must = f"The output of {name}, the transformer in 'preprocessing', must be a table of the {table.shape[0]} rows"
        try:
            result = as_table(transformed, estimator=self.transformer)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{must} of X. Got {type(transformed).__name__}: {error}") from error
        if result.shape[0] != table.shape[0]:
            raise ValueError(f"{must} of X. Got {result.shape[0]} rows.")
        return result

    def _learn(self, method, table: Table, *args, **kwargs):
        """What a method of the transformer returns for a table that it may change."""
        try:
            return method(table.copy(), *args, **kwargs)
        except (ValueError, TypeError) as error:
            others = _no_numbers(table)
            if not others:
                raise
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                f"{type(self.transformer).__name__}, the transformer in 'preprocessing', cannot take X: {error} "
                f"Columns {others!r} of X are not plain numbers; encode them by a ColumnTransformer, or set "
                "preprocessing='auto'."
            ) from error


class ArrayEncoder:
    """`preprocessing=None`: numbers go to the network as float32, whatever their shape."""

    cat_cardinalities_: tuple[int, ...] = ()

    def fit_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        self.shape_ = table.shape[1:]
        self.n_features_ = table.shape[1]
        self.n_cells_ = math.prod(table.shape[1:])
        self.columns_ = list(table.columns) if isinstance(table, pd.DataFrame) else None
        return self.encode(table)

    def update_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        return self.encode(table)

    def encode(self, table: Table) -> Encoded:
        if isinstance(table, pd.DataFrame):
            check_columns(self.columns_, table)
            table = self._numeric(table)
        if sparse.issparse(table):
            _refuse_missing(np.asarray(table.data))
            return Encoded(sparse.csr_array(table, dtype=np.float32))
        if table.dtype.kind in "mM":
            raise ValueError(f"With preprocessing=None X must be numbers. Got dtype {table.dtype}. {_ENCODE_THEM}")
        with np.errstate(over="ignore"):  # refused below
            values = np.ascontiguousarray(table, dtype=np.float32)
        _refuse_missing(values)
        return Encoded(values)

    @staticmethod
    def _numeric(frame: pd.DataFrame) -> np.ndarray:
        others = [name for name, dtype in frame.dtypes.items() if dtype.kind not in "iufb"]
        try:
            if any(_holds_times(dtype) for dtype in frame.dtypes):
                raise TypeError  # numpy would count days or seconds
            with np.errstate(over="ignore"):  # infinity is refused by the caller
                return frame.to_numpy(dtype=np.float32, na_value=np.nan)
        except (ValueError, TypeError):
            raise ValueError(
                "With preprocessing=None all columns of X must be numbers. Got others in columns "
                f"{others!r}. {_ENCODE_THEM}"
            ) from None


class InputsEncoder:
    """`preprocessing=None` for several inputs, each of which keeps its kind of numbers.

    Floats become float32, whole numbers int64 (a module may embed them) and flags bool (a module may mask by them).
    """

    cat_cardinalities_: tuple[int, ...] = ()

    def fit_encode(self, table: Inputs, y=None, sample_weight=None) -> Inputs:
        self._parts = {name: InputEncoder(name, part) for name, part in table.inputs.items()}
        self.n_features_ = {name: part.shape[1] if part.ndim > 1 else 1 for name, part in table.inputs.items()}
        self.n_cells_ = max(table.shape[1], 1)
        return self.encode(table)

    def update_encode(self, table: Inputs, y=None, sample_weight=None) -> Inputs:
        return self.encode(table)

    def encode(self, table: Inputs) -> Inputs:
        return Inputs({name: part.encode(table.inputs[name]) for name, part in self._parts.items()})


class InputEncoder:
    """One of several inputs, as numbers of the kind that it had in `fit`."""

    def __init__(self, name: str, table: Table):
        self.name = f"X[{name!r}]"
        self.columns_ = list(table.columns) if isinstance(table, pd.DataFrame) else None
        self.dtype_ = {"b": np.bool_, "i": np.int64, "u": np.int64}.get(self._array(table).dtype.kind, np.float32)

    def encode(self, table: Table) -> np.ndarray | sparse.csr_array:
        array = self._array(table)
        if sparse.issparse(array):
            _refuse_missing(np.asarray(array.data), self.name)
            return sparse.csr_array(array, dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            values = np.ascontiguousarray(array, dtype=self.dtype_).reshape(array.shape)
        if self.dtype_ is np.float32:
            _refuse_missing(values, self.name)
        elif array.dtype != self.dtype_ and (values != array).any():
            raise ValueError(
                f"{self.name} must hold numbers that {np.dtype(self.dtype_)} can hold, as in fit. Got "
                f"{array[values != array][0]!r} of dtype {array.dtype}."
            )
        return values

    def _array(self, table: Table) -> np.ndarray | sparse.csr_array:
        """Sparse input as floats, the others of the kind that they are."""
        if sparse.issparse(table):
            return table.astype(np.float32)
        if isinstance(table, pd.DataFrame):
            check_columns(self.columns_, table)
            kinds = {dtype.kind for dtype in table.dtypes}
            whole = (kinds == {"b"} or kinds <= {*"iu"}) and not table.isna().any(axis=None)  # pandas' own types too
            plain = {"b": np.bool_, "i": np.int64}.get(min(kinds), np.uint64)
            try:
                table = table.to_numpy(dtype=plain) if whole else ArrayEncoder._numeric(table)
            except ValueError as error:
                raise ValueError(f"{self.name}, one of the inputs in X, cannot be used: {error}") from error
        if table.dtype.kind not in "fiub":
            raise ValueError(f"{self.name} must be numbers. Got dtype {table.dtype}. Encode them.")
        return table


class ImageEncoder(ArrayEncoder):
    """Pixels divided by the largest absolute value of the training images; black stays 0.

    X is an array (n_samples, height, width) or (n_samples, channels, height, width) of numbers.
    """

    def fit_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        if isinstance(table, np.ndarray) and table.ndim in (3, 4):
            self.scale_ = largest_pixel(table) or 1.0
            return super().fit_encode(table, y, sample_weight)
        raise ValueError(
            "X must be images, an array (n_samples, height, width) or (n_samples, channels, height, width), for "
            f"module='cnn'. Got {type(table).__name__} of shape {table.shape}."
        )

    def encode(self, table: Table) -> Encoded:
        (x_num, _) = super().encode(table)
        return Encoded(x_num / np.float32(self.scale_))


def make_encoder(preprocessing, *, embed: bool, images: bool = False, several: bool = False, random_state):
    """The encoder for a value of the estimators' `preprocessing` parameter.

    `embed` tells whether the network takes codes. If not, categories are one-hot encoded up to
    `MAX_ONEHOT` levels. `several` tells that X is `Inputs`.
    """
    if several:
        return InputsEncoder()
    if preprocessing is None:
        return ArrayEncoder()
    if images and isinstance(preprocessing, str):
        return ImageEncoder()
    options = {"random_state": random_state} | ({} if embed else {"embed": False, "max_onehot": MAX_ONEHOT})
    if isinstance(preprocessing, str):  # "auto"
        return TableEncoder(**options)
    if isinstance(preprocessing, TableEncoder):
        encoder = clone(preprocessing)
        return encoder if embed else encoder.set_params(embed=False)
    return TransformedEncoder(preprocessing, TableEncoder(scale=False, recurring_values=None, **options))


def largest_pixel(images: np.ndarray) -> float:
    """Largest absolute value."""
    return float(np.abs(np.asarray([images.min(), images.max()], dtype=np.float64)).max())


def _no_numbers(table: Table) -> list:
    """Names of a frame's columns that are not numbers of numpy's types."""
    if not isinstance(table, pd.DataFrame):
        return []
    plain = set(plain_columns(table))
    return [name for j, name in enumerate(table.columns) if j not in plain]


def _holds_times(dtype) -> bool:
    dtype = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
    return dtype.kind in "mM"


def _refuse_missing(values: np.ndarray, name: str = "X") -> None:
    with np.errstate(invalid="ignore"):  # its sum of ∞ and −∞, before it raises
        check_array(values.reshape(1, -1) if values.size else [[0.0]], input_name=name, dtype=None)
