"""From a table to what a network takes: `TableEncoder` for raw tables, smaller ones for prepared input.

All have the same face: `fit_encode(X, y, sample_weight)`, `update_encode(X, y, sample_weight)` for further
training rows, `encode(X)`, `n_features_`, `n_cells_` (numbers in an encoded row) and `cat_cardinalities_`. None of them
knows torch, and none learns from further rows: those of `_streams` do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_sample_weight,
    check_is_fitted,
    has_fit_parameter,
    validate_data,
)

from sknn.preprocessing._columns import CategoryColumn, DateColumn, NumberBlock, as_numbers, column_kinds, smooth_clip
from sknn.preprocessing._inputs import Inputs, take_rows
from sknn.preprocessing._tables import Table, as_table, check_columns, plain_columns, with_names
from sknn.preprocessing._value_codes import ValueCodes, act_as_codes
from sknn.utils import all_or_nothing

MAX_ONEHOT = 255  # levels of a category that a network without embeddings is shown
_BLOCK_CELLS = 1 << 20  # cells encoded at a time, so that temporaries stay small
_ENCODE_THEM = "Encode them, or set preprocessing='auto'."


class Encoded(NamedTuple):
    """Rows as a network takes them.

    `x_num` is float32, (n, F) or (n, ...) or CSR; `x_cat` holds int64 codes (n, C), or is None
    where nothing is embedded.
    """

    x_num: np.ndarray | sparse.csr_array
    x_cat: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.x_num.shape

    @property
    def inputs(self) -> dict:
        """By the names of the network's inputs."""
        return {"x_num": self.x_num} if self.x_cat is None else self._asdict()

    def map(self, function: Callable) -> Encoded:
        return Encoded(*(None if values is None else function(values) for values in self))

    def take(self, rows: np.ndarray | slice) -> Encoded:
        """Rows by position, a slice of them without a copy where they are dense."""
        return self.map(lambda values: values[rows])

    def head(self, n_rows: int) -> Encoded:
        return self.take(slice(n_rows))


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode a raw table for a neural network.

    Each column is treated by what it holds:

    ===========  ================================================================================
    numbers      centred at the median, divided by the interquartile range, smoothly clipped to
                 ±3; missing cells become 0 and are marked by a column of their own; durations
                 count as seconds. Where single values mean something (`codes`), these are
                 embedded as well, as levels are
    flags        −1 and 1; missing cells as for numbers
    categories   (`category`, text, other objects) one-hot with at most `max_onehot` levels, else
                 integer codes for a learned embedding, and the logarithm of the level's number of
                 rows; missing and unseen levels have a code each
    dates        days since 1970 as a number; season, weekday and time of day where they vary
    CSR          divided by the root mean square of a column's stored values; stays sparse
    ===========  ================================================================================

    Columns that are constant or entirely missing in `fit` are left out.

    Parameters
    ----------
    max_onehot : int, default=9
        Number of levels up to which a category is one-hot encoded.
    embed : bool, default=True
        Whether categories with more levels become codes to embed. Otherwise their `max_onehot` most
        frequent levels are one-hot encoded and the others treated as unseen.
    min_frequency : int, default=1
        Levels of fewer rows, of a category that is embedded, count as unseen.
    scale : {"robust", "standard", "quantile"} or bool, default="robust"
        How numbers are scaled: "robust" (or True) as above; "standard" by mean and standard deviation;
        "quantile" to quantiles of the normal distribution. False: they are passed as they are.
    codes : "auto", list of column names or positions, or None, default="auto"
        With `embed`, numbers whose frequent values (at least 5 rows) get codes for a learned embedding too. "auto"
        chooses amounts that recur: one value takes at least half of the cells, the others occur 5 times on average,
        and they are far from filling the range that they span, as capital gains of a tax return do.
    random_state : int, RandomState instance or None, default=None
        Chooses the rows from which medians are taken in tables of more than 100,000 rows.

    Attributes
    ----------
    n_features_ : int
        Number of float columns that `transform` gives.
    cat_cardinalities_ : tuple of int
        Number of codes of each embedded category, then of each number with codes; those for unseen (0) and
        missing (1) are included.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names seen in `fit`, when all of them are strings.

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: Strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024, section 3 and appendix A (robust scaling, smooth
    clipping, the limit of 9 levels).

    Examples
    --------
    >>> import pandas as pd
    >>> from sknn.preprocessing import TableEncoder
    >>> X = pd.DataFrame({"age": [20.0, 30.0, None, 40.0], "paid": ["yes", "no", "yes", "yes"]})
    >>> TableEncoder().set_output(transform="pandas").fit_transform(X).round(2)
        age  age_missing  paid_yes
    0 -0.49          0.0       1.0
    1  0.00          0.0      -1.0
    2  0.00          1.0       1.0
    3  0.49          0.0       1.0
    """

    def __init__(self, *, max_onehot=9, embed=True, min_frequency=1, scale="robust", codes="auto", random_state=None):
        self.max_onehot = max_onehot
        self.embed = embed
        self.min_frequency = min_frequency
        self.scale = scale
        self.codes = codes
        self.random_state = random_state

    @all_or_nothing
    def fit(self, X, y=None, sample_weight=None):
        """Learn the columns' kinds and statistics.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            The table.
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the medians and ranges. A row of weight 0 is left out.

        Returns
        -------
        self : TableEncoder
        """
        table = as_table(X, estimator=self)
        validate_data(self, with_names(table), skip_check_array=True)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, table, dtype=np.float64, ensure_non_negative=True, allow_all_zero_weights=False
            )
            rows = np.flatnonzero(sample_weight)
            table, sample_weight = take_rows(table, rows), sample_weight[rows]
        return self._fit_table(table, sample_weight)

    def transform(self, X):
        """Encode a table as one matrix: the float columns, then the codes of embedded categories.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        X_out : ndarray or csr_array of shape (n_samples, n_features_ + len(cat_cardinalities_)), float32
        """
        check_is_fitted(self)
        table = as_table(X, estimator=self)
        validate_data(self, with_names(table), reset=False, skip_check_array=True)
        x_num, x_cat = self.encode(table)
        return x_num if x_cat is None else np.hstack([x_num, x_cat.astype(np.float32)])

    def get_feature_names_out(self, input_features=None):
        """Names of the columns that `transform` gives.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the input columns; those seen in `fit` by default.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        names = [str(name) for name in _check_feature_names_in(self, input_features)]
        if self.container_ == "csr":
            return np.asarray(names, dtype=object)
        out = self._numbers.names([names[j] for j in (*self._number_columns, *self._dates)])
        for j, encoder in self._parts():
            if encoder.n_outputs:
                out += encoder.names(names[j])
        out = out or ["constant"]  # the column of zeros
        out += [names[j] for j in self._embedded]
        out += [f"{names[self._number_columns[k]]}_value" for k in self._value_codes]
        return np.asarray(out, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def fit_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        """Fit on a checked table and encode it."""
        return self._fit_table(table, sample_weight).encode(table)

    def update_encode(self, table: Table, y=None, sample_weight=None) -> Encoded:
        """Encode further training rows, which change nothing."""
        return self.encode(table)

    def encode(self, table: Table) -> Encoded:
        """Encode a checked table with the fitted columns, in blocks of rows."""
        if sparse.issparse(table):
            return Encoded(self._encode_sparse(table))
        if self.container_ == "csr":
            table = sparse.csr_array(as_numbers_array(table))
            return Encoded(self._encode_sparse(table))
        n_rows = len(table)
        table = self._match_container(table)
        x_num = np.zeros((n_rows, self.n_features_), dtype=np.float32)
        x_cat = np.empty((n_rows, len(self.cat_cardinalities_)), dtype=np.int64)
        step = max(1, _BLOCK_CELLS // max(1, self.n_features_))
        n_numbers, n_embedded = self._numbers.n_outputs, len(self._embedded)
        for start in range(0, n_rows, step):
            rows = slice(start, start + step)
            if isinstance(table, pd.DataFrame):
                frame = table.iloc[rows]
                values = self._numbers_of(frame)
                self._encode_frame(frame, x_num[rows, n_numbers:])
                for k, (j, column) in enumerate(_columns(frame, self._embedded)):
                    x_cat[rows, k] = self._categories[j].codes(column)
            else:
                values = _as_float(table[rows])
            self._numbers.write(values, x_num[rows, :n_numbers])
            for k, (j, number) in enumerate(self._value_codes.items(), n_embedded):
                x_cat[rows, k] = number.codes(values[:, j])
        return Encoded(x_num, x_cat if x_cat.shape[1] else None)

    def _fit_table(self, table: Table, weight) -> TableEncoder:
        self._number_columns: list[int] = []
        self._dates: dict[int, DateColumn] = {}
        self._categories: dict[int, CategoryColumn] = {}
        self._embedded: list[int] = []
        self._value_codes: dict[int, ValueCodes] = {}  # by the position among the numbers
        self.columns_ = None
        weight = _as_rows(weight)
        if sparse.issparse(table):
            self.container_ = "csr"
            refuse_missing_sparse(table)
            self._rms = _root_mean_square(table, weight)
            self.n_features_ = table.shape[1]
            self.cat_cardinalities_: tuple[int, ...] = ()
            return self
        if isinstance(table, pd.DataFrame):
            self.container_ = "frame"
            self.columns_ = list(table.columns)
            flags = self._fit_columns(table, weight)
            values = self._numbers_of(table)
        else:
            self.container_ = "array"
            self._number_columns = list(range(table.shape[1]))
            values, flags = _as_float(table), np.full(table.shape[1], table.dtype.kind == "b")
        if self.scale not in (True, False, "robust", "standard", "quantile"):
            raise InvalidParameterError(
                "The 'scale' parameter of TableEncoder must be 'robust', 'standard', 'quantile' or a bool. "
                f"Got {self.scale!r} instead."
            )
        self._numbers = NumberBlock(self.scale).fit(values, flags, weight, check_random_state(self.random_state))
        n_features = self._numbers.n_outputs + sum(part.n_outputs for _, part in self._parts())
        self.n_features_ = max(n_features, 1)  # a table of constants becomes a column of zeros
        for k in self._numbers_with_codes(table, values, flags, weight):
            self._value_codes[k] = ValueCodes(values[:, k], weight)
        coded: list[CategoryColumn | ValueCodes] = [self._categories[j] for j in self._embedded]
        coded += self._value_codes.values()
        self.cat_cardinalities_ = tuple(column.cardinality for column in coded)
        return self

    def _numbers_with_codes(self, table: Table, values: np.ndarray, flags: np.ndarray, weight) -> list[int]:
        """Positions among the numbers of those whose values get codes."""
        if self.codes is None:
            return []
        numbers = [k for k in self._numbers.kept_.tolist() if k < len(self._number_columns)]  # dates follow them
        if isinstance(self.codes, str) and self.codes == "auto":
            return [k for k in numbers if self.embed and not flags[k] and act_as_codes(values[:, k], weight)]
        names = list(table.columns) if isinstance(table, pd.DataFrame) else []
        is_list = isinstance(self.codes, list | tuple) and not any(isinstance(name, bool) for name in self.codes)
        positions = [names.index(name) if name in names else name for name in self.codes] if is_list else []
        others = {*self._categories, *self._dates}  # what is left is numbers, or columns without a value
        if not is_list or not all(j in range(table.shape[1]) and j not in others for j in positions):
            raise InvalidParameterError(
                "The 'codes' parameter of TableEncoder must be 'auto', None or a list of columns of numbers, by name "
                f"or position. Got {self.codes!r} instead."
            )
        return [k for k in numbers if self.embed and self._number_columns[k] in positions]

    @property
    def n_cells_(self) -> int:
        """Numbers in an encoded row."""
        return self.n_features_ + len(self.cat_cardinalities_)

    def _parts(self) -> list[tuple[int, DateColumn | CategoryColumn]]:
        """Dates, then categories, with their positions; the order of their columns in the output."""
        return [*self._dates.items(), *self._categories.items()]

    def _fit_columns(self, frame: pd.DataFrame, weight) -> np.ndarray:
        """Fit categories and dates, and tell which of the numbers are flags."""
        kinds = column_kinds(frame)
        self._number_columns = [j for j, kind in enumerate(kinds) if kind in {"number", "duration", "flag"}]
        self._durations = {j for j in self._number_columns if kinds[j] == "duration"}
        others = [j for j, kind in enumerate(kinds) if kind in {"date", "category"}]
        for j, column in _columns(frame, others):
            if kinds[j] == "date":
                self._dates[j] = DateColumn().fit(column)
            else:
                category = CategoryColumn(self.max_onehot, self.embed, self.min_frequency)
                self._categories[j] = category.fit(column, weight)
        self._embedded = [j for j, column in self._categories.items() if column.embedded_]
        flags = [kinds[j] == "flag" for j in self._number_columns]
        return np.array(flags + [False] * len(self._dates), dtype=bool)

    def _numbers_of(self, frame: pd.DataFrame) -> np.ndarray:
        """(n, numbers + dates) float64: the number columns and each date's days."""
        block = frame.iloc[:, list(self._number_columns)]
        durations = [k for k, j in enumerate(self._number_columns) if j in self._durations]
        plain = sorted({*plain_columns(block)} - {*durations})
        if len(plain) == block.shape[1]:
            numbers = block.to_numpy(dtype=np.float64)
        else:
            numbers = np.empty(block.shape)
            numbers[:, plain] = block.iloc[:, plain].to_numpy(dtype=np.float64)
            for k, column in _columns(block, sorted({*range(block.shape[1])} - {*plain})):
                numbers[:, k] = as_numbers(column, k in durations)
        if not self._dates:
            return numbers
        days = [date.days(frame.iloc[:, j]) for j, date in self._dates.items()]
        return np.column_stack([numbers, *days])

    def _encode_frame(self, frame: pd.DataFrame, x_num: np.ndarray) -> None:
        """Fill the columns that follow the numbers."""
        stop = 0
        parts = [(j, encoder) for j, encoder in self._parts() if encoder.n_outputs]
        for (_, encoder), (_, column) in zip(parts, _columns(frame, [j for j, _ in parts]), strict=True):
            start, stop = stop, stop + encoder.n_outputs
            encoder.write(column, x_num[:, start:stop])

    def _match_container(self, table: np.ndarray | pd.DataFrame) -> np.ndarray | pd.DataFrame:
        """A frame where `fit` saw a frame, an array where it saw an array; columns in the same order."""
        if self.container_ == "array":
            return as_numbers_array(table)
        if not isinstance(table, pd.DataFrame):
            return pd.DataFrame(table)
        check_columns(self.columns_, table)
        return table

    def _encode_sparse(self, table: sparse.csr_array) -> sparse.csr_array:
        if self.container_ != "csr":
            raise TypeError("X was dense in fit and is sparse now. Pass X.toarray(), or fit on sparse X.")
        table = sparse.csr_array(table)
        refuse_missing_sparse(table)
        data = table.data
        if self.scale:
            data = smooth_clip(data / self._rms[table.indices], NumberBlock.clip)
        data = data.astype(np.float32)
        return sparse.csr_array((data, table.indices, table.indptr), shape=table.shape)


class TransformedEncoder:
    """The user's transformer, then `rest` for missing cells, text and dates, which leaves numbers as they are."""

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
        try:
            transformed = method(table.copy(), *args, **kwargs)  # it may work in place
        except (ValueError, TypeError) as error:
            others = _no_numbers(table)
            if not others:
                raise
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                f"{name}, the transformer in 'preprocessing', cannot take X: {error} Columns {others!r} of X are not "
                "plain numbers; encode them by a ColumnTransformer, or set preprocessing='auto'."
            ) from error
        must = f"The output of {name}, the transformer in 'preprocessing', must be a table of the {table.shape[0]} rows"
        try:
            result = as_table(transformed, estimator=self.transformer)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{must} of X. Got {type(transformed).__name__}: {error}") from error
        if result.shape[0] != table.shape[0]:
            raise ValueError(f"{must} of X. Got {result.shape[0]} rows.")
        return result


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
        self._parts = {name: _InputEncoder(name, part) for name, part in table.inputs.items()}
        self.n_features_ = {name: part.shape[1] if part.ndim > 1 else 1 for name, part in table.inputs.items()}
        self.n_cells_ = max(table.shape[1], 1)
        return self.encode(table)

    def update_encode(self, table: Inputs, y=None, sample_weight=None) -> Inputs:
        return self.encode(table)

    def encode(self, table: Inputs) -> Inputs:
        return Inputs({name: part.encode(table.inputs[name]) for name, part in self._parts.items()})


class _InputEncoder:
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
    """The encoder that a value of the estimators' `preprocessing` parameter stands for.

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
    return TransformedEncoder(preprocessing, TableEncoder(scale=False, codes=None, **options))


def largest_pixel(images: np.ndarray) -> float:
    """Largest absolute value."""
    return float(np.abs(np.asarray([images.min(), images.max()], dtype=np.float64)).max())


def as_numbers_array(table: np.ndarray | pd.DataFrame) -> np.ndarray:
    """A table whose columns were all plain numbers in `fit`, as an array."""
    if not isinstance(table, pd.DataFrame):
        return table
    return np.column_stack([as_numbers(table.iloc[:, j]) for j in range(table.shape[1])])


def _columns(frame: pd.DataFrame, positions: list[int]) -> Iterator[tuple[int, pd.Series]]:
    """Some columns with their positions; a thousand times `iloc` would take longer than what is done with them."""
    for j, (_, column) in zip(positions, frame.iloc[:, positions].items(), strict=True):
        yield j, column


def _as_float(values: np.ndarray) -> np.ndarray:
    """float32 and float64 as they are, whole numbers and flags as float64."""
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)


def _no_numbers(table: Table) -> list:
    """Names of a frame's columns that are not numbers of numpy's types."""
    if not isinstance(table, pd.DataFrame):
        return []
    plain = set(plain_columns(table))
    return [name for j, name in enumerate(table.columns) if j not in plain]


def _holds_times(dtype) -> bool:
    dtype = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
    return dtype.kind in "mM"


def _as_rows(weight: np.ndarray | None) -> np.ndarray | None:
    """Weights as numbers of rows: whole ones are that many equal rows, others are scaled to as many as there are."""
    if weight is None or (weight == np.floor(weight)).all():
        return weight
    return weight * (len(weight) / weight.sum())


def refuse_missing_sparse(table: sparse.csr_array) -> None:
    if np.isnan(table.data).any():
        raise ValueError("Input X contains NaN. Sparse input must not have missing values.")


def _refuse_missing(values: np.ndarray, name: str = "X") -> None:
    with np.errstate(invalid="ignore"):  # its sum of ∞ and −∞, before it raises
        check_array(values.reshape(1, -1) if values.size else [[0.0]], input_name=name, dtype=None)


def _root_mean_square(table: sparse.csr_array, weight) -> np.ndarray:
    """Of each column's stored values; 1 where a column has none."""
    row_weight = np.ones(table.shape[0]) if weight is None else np.asarray(weight, dtype=np.float64)
    cell_weight = np.repeat(row_weight, np.diff(table.indptr)) * (table.data != 0)
    n_columns = table.shape[1]
    squares = table.data.astype(np.float64) ** 2
    total = np.bincount(table.indices, cell_weight * squares, minlength=n_columns)
    count = np.bincount(table.indices, cell_weight, minlength=n_columns)
    mean = np.divide(total, count, out=np.ones(n_columns), where=count > 0)
    return np.sqrt(np.where(mean > 0, mean, 1.0))
