"""Bring what users pass as `X` into one of three containers, an array, a CSR array or a DataFrame, or several of them.

Nothing here looks at what a column means; that is the encoder's work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import check_array

from sknn.preprocessing._inputs import WHAT_X_MAY_BE, Inputs

Table: TypeAlias = np.ndarray | sparse.csr_array | pd.DataFrame

_GROUP_VALUES = 1 << 20  # values of several columns that are checked together
_OBJECTS_OF_POLARS = ("String", "Categorical", "Enum", "Struct", "List", "Array", "Int128", "UInt128")


def as_table(X, *, estimator, numbers_only: bool = False) -> Table | Any:
    """Convert `X` to a numeric array, a CSR array or a DataFrame, without copying where possible.

    Numbers become a 2-d numeric array (NaN allowed), sparse input becomes CSR, and anything with
    a column that is not a number becomes a DataFrame. With `numbers_only` arrays must be numeric,
    and may have more than two dimensions; a dict of tables becomes `Inputs`.

    Raises
    ------
    ValueError
        For the wrong number of dimensions, no rows, no columns, infinity or complex numbers.
    TypeError
        For what is no table: a dict without `numbers_only`, a tuple of arrays, a torch Dataset.
    """
    if _is_plain(X) or isinstance(X, Inputs):
        return X
    if _is_dict(X):
        if not numbers_only:
            raise TypeError(f"{WHAT_X_MAY_BE} Got {type(X).__name__}; set preprocessing=None, or pass pd.DataFrame(X).")
        return _as_inputs(X, estimator)
    _refuse_what_is_no_table(X, numbers_only)
    X = from_foreign(X)
    if isinstance(X, pd.DataFrame):
        return _check_frame(X, estimator)
    if not sparse.issparse(X):
        X = _as_array(X)
        if X.dtype.kind == "V":
            raise ValueError(f"X must be numbers, text or dates. Got an array of dtype {X.dtype}; pass a DataFrame.")
        if X.dtype in (np.dtype("M8"), np.dtype("m8")):
            raise ValueError(
                f"X must hold dates of a unit. Got dtype {X.dtype}; convert it by X.astype('{X.dtype}[s]')."
            )
        if X.dtype.kind == "T":  # numpy's text of any length, which pandas does not know
            X = X.astype(object)
        if X.dtype.kind in "OSUMm" and not numbers_only:
            # For its shape alone: the full check would first try to read the values as numbers.
            check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator, input_name="X")
            frame = _frame_of_objects(X, estimator)
            if frame is not None:
                return frame
    with np.errstate(invalid="ignore"):  # its sum of ∞ and −∞, before it raises
        table = check_array(
            X,
            accept_sparse="csr",
            dtype="numeric",
            ensure_all_finite="allow-nan",
            allow_nd=numbers_only,
            estimator=estimator,
            input_name="X",
        )
    return table if not sparse.issparse(table) else _canonical(sparse.csr_array(table))


def _is_dict(X) -> bool:
    return isinstance(X, Mapping) and not sparse.issparse(X)  # a matrix in SciPy's format "dok" is a mapping


def _as_inputs(X: Mapping, estimator) -> Inputs:
    """A dict of what `as_table` takes, or of a number for each row, as tables of the same rows."""
    if not X:
        raise ValueError(f"{WHAT_X_MAY_BE} Got an empty dict.")
    for name in X:
        if not isinstance(name, str):
            raise TypeError(f"{WHAT_X_MAY_BE} The names must be strings. Got {name!r}.")
    tables = {name: _as_input(name, value, estimator) for name, value in X.items()}
    n_rows = {name: table.shape[0] for name, table in tables.items()}
    if len(set(n_rows.values())) > 1:
        raise ValueError(f"All inputs in the dict X must have the same number of rows. Got {n_rows}.")
    return Inputs(tables)


def _as_input(name: str, value, estimator) -> Table:
    if _is_dict(value):
        raise TypeError(f"X[{name!r}] must be an array, a DataFrame, a sparse matrix or a tensor. Got a dict.")
    try:
        value = from_foreign(value)
        value = value if hasattr(value, "ndim") else _as_array(value)
        if value.ndim == 1:  # a number for each row
            return _as_column(pd.DataFrame({name: value}), estimator)
        return as_table(value, estimator=estimator, numbers_only=True)
    except (TypeError, ValueError) as error:
        raise type(error)(f"X[{name!r}], one of the inputs in X, cannot be used: {error}") from error


def _as_column(frame: pd.DataFrame, estimator) -> np.ndarray:
    """The only column of a frame, with its numeric dtype unless values are missing."""
    column = _check_frame(frame, estimator).iloc[:, 0]
    if column.dtype.kind in "fiub" and column.isna().any():
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.to_numpy()


def _refuse_what_is_no_table(X, numbers_only: bool) -> None:
    """Raise TypeError for a torch Dataset, and for arrays side by side that are not the images of a list."""
    if any(kind.__module__.startswith("torch.utils.data") for kind in type(X).__mro__):
        raise TypeError(f"{WHAT_X_MAY_BE} Got a torch Dataset, {type(X).__name__}; pass its arrays as X and y.")
    if not holds_tables(X):
        return
    alike = len({getattr(part, "shape", None) for part in X}) == 1
    if not (numbers_only and alike and isinstance(X, list)):
        raise TypeError(f"{WHAT_X_MAY_BE} Got a {type(X).__name__} of {len(X)} arrays; give them names in a dict.")


def holds_tables(X) -> bool:
    """Whether it is a list or tuple of arrays or frames with rows of their own: several inputs, or images."""
    is_sequence = isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1)
    return is_sequence and any(getattr(part, "ndim", 0) > 1 for part in X)


def with_names(table: Table) -> Table:
    """A table to read feature names from: without names that scikit-learn refuses, which repeat or are no strings."""
    if not isinstance(table, pd.DataFrame):
        return table
    named = table.columns.is_unique and all(type(name) is str for name in table.columns)
    return table if named else table.set_axis(range(table.shape[1]), axis=1)


def check_columns(seen: list | None, table: Table) -> None:
    """Refuse a frame whose columns are not those that `fit` has `seen`, in that order.

    Raises
    ------
    ValueError
        With both lists of names.
    """
    if seen is None or not isinstance(table, pd.DataFrame):
        return
    columns = list(table.columns)
    # The names 0, 1, ... are also those of a frame made of an array, whose columns count by position
    by_position = _same_names(columns, list(range(len(columns)))) and set(columns) != set(seen)
    if not _same_names(columns, seen) and not by_position:
        raise ValueError(f"The columns of X must be those of fit, in that order: {seen!r}. Got {columns!r}.")


def cells_of_row(X, columns: list | None) -> list | None:
    """The cells of a frame of one row, or of a dict, whose names are `columns`; None of anything else."""
    if columns is None:
        return None
    if type(X) is dict:
        return [X[name] for name in columns] if X.keys() == {*columns} else None
    if type(X) is not pd.DataFrame or len(X) != 1 or not X.columns.equals(_index_of(tuple(columns))):
        return None
    try:
        return X.iloc[0].tolist()
    except (NotImplementedError, pd.errors.OutOfBoundsDatetime):  # the columns' common type cannot hold a cell
        return None


@lru_cache
def _index_of(names: tuple) -> pd.Index:
    return pd.Index(names)


def records_as_frame(X, columns: list):
    """A dict of a cell by each of the names of `columns`, or a list of such dicts, as a frame of rows.

    Raises
    ------
    ValueError
        If a name is missing, or one is not among the columns.
    TypeError
        If a dict holds columns.
    """
    records = X if isinstance(X, list) else [X]
    for record in records:
        differs = [f"without {name!r}" for name in columns if name not in record]
        differs += [f"with {name!r}, which fit did not see" for name in record if name not in columns]
        if differs:
            raise ValueError(
                f"A row given as a dict must have the columns of fit, {columns!r}. Got one {', '.join(differs)}."
            )
        several = [name for name, cell in record.items() if not pd.api.types.is_scalar(cell)]
        if several:
            raise TypeError(
                f"X may be a dict if it is one row, with a single value for each column. Got "
                f"{record[several[0]]!r} for {several[0]!r}; pass pd.DataFrame(X)."
            )
    return pd.DataFrame(records, columns=columns)


def is_records(X) -> bool:
    """Whether it is a dict, or a list of dicts."""
    return _is_dict(X) or (isinstance(X, list) and len(X) > 0 and all(map(_is_dict, X)))


def _same_names(names: list, others: list) -> bool:
    return len(names) == len(others) and all(map(_same_name, names, others))


def _same_name(name, other) -> bool:
    """Whether two names are equal; missing ones are, which do not compare, or not as equal."""
    if name is other:
        return True
    if pd.api.types.is_scalar(name) and pd.isna(name):
        return bool(pd.api.types.is_scalar(other) and pd.isna(other))
    return other is not pd.NA and bool(name == other)


def _is_plain(X) -> bool:
    """Whether `X` is an array that `check_array` would return as it is.

    A sum is finite only if all of its terms are, and takes a fraction of the time of the full
    check, which would be most of the time of a small prediction.
    """
    if type(X) is not np.ndarray or X.ndim != 2 or not X.size or X.dtype.kind not in "fiub":
        return False
    if X.dtype.kind != "f":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum(dtype=np.float64)))


def from_foreign(X, name: str = "X"):
    """Polars frames become pandas frames, torch tensors and masked arrays plain arrays; the rest stays as it is."""
    package = type(X).__module__.partition(".")[0]
    if package == "polars":
        return _from_polars(X, name)
    if package == "torch" and hasattr(X, "detach"):
        X = X.detach().to_dense().cpu()
        return (X.float() if str(X.dtype) == "torch.bfloat16" else X).numpy()  # numpy has no bfloat16
    if isinstance(X, np.ma.MaskedArray):
        return _filled(X)
    return X


def _filled(X: np.ma.MaskedArray) -> np.ndarray:
    """A masked array as a plain one; scikit-learn would show the numbers under the mask."""
    if X.dtype.kind in "mM":
        return np.where(np.ma.getmaskarray(X), np.array("NaT", dtype=X.dtype), np.ma.getdata(X))
    return np.ma.filled(X.astype(np.float64 if X.dtype.kind in "fiub" else object), np.nan)


def _from_polars(X, name: str):
    if hasattr(X, "collect"):
        raise TypeError(f"{name} is a polars LazyFrame, which has no rows yet. Pass a DataFrame: {name}.collect().")
    if not hasattr(X, "columns"):  # a Series: one column is not a table
        return X.to_numpy()
    return pd.DataFrame({column.name: _pandas_column(column) for column in X.iter_columns()})


def _pandas_column(column) -> np.ndarray | pd.Series:
    """A polars column; one that numpy has no type for as Python objects."""
    if str(column.dtype).startswith(_OBJECTS_OF_POLARS):
        return pd.Series(column.to_list(), dtype=object)
    values = column.to_numpy()
    zone = getattr(column.dtype, "time_zone", None)
    # to_numpy gives universal time; hours and weekdays are those of the column's own zone
    return values if zone is None else pd.Series(values).dt.tz_localize("UTC").dt.tz_convert(zone)


def _as_array(X) -> np.ndarray:
    """A list of rows may mix types, so its values are kept as objects unless all of them are numbers."""
    if isinstance(X, np.ndarray):
        return X
    try:
        array = np.asarray(X)
    except (TypeError, ValueError, RuntimeError) as error:  # rows of different lengths, or no rows at all
        raise ValueError(f"{WHAT_X_MAY_BE} Got a {type(X).__name__} of which numpy cannot make a table.") from error
    if array.dtype.kind in "SU" and array.ndim == 2 and isinstance(X, list | tuple):
        return np.asarray(X, dtype=object)
    return array


def _canonical(table: sparse.csr_array) -> sparse.csr_array:
    """Without duplicate entries, which would have to be summed."""
    if not table.has_canonical_format:
        table = table.copy()  # the user's matrix stays as it is
        table.sum_duplicates()
    return table


def _frame_of_objects(X: np.ndarray, estimator) -> Table | None:
    """A DataFrame of an object array; None when all its columns turn out to be plain numbers."""
    frame = pd.DataFrame(X).infer_objects()
    if all(dtype.kind in "iuf" for dtype in frame.dtypes):
        return None
    return _check_frame(frame, estimator)


def _check_frame(frame: pd.DataFrame, estimator) -> pd.DataFrame:
    name = type(estimator).__name__
    if frame.shape[1] == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={frame.shape}) while a minimum of 1 is required by {name}."
        )
    if frame.shape[0] == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={frame.shape}) while a minimum of 1 is required by {name}."
        )
    frame = frame if all(map(_is_known, frame.dtypes)) else _decoded(frame)
    dtypes = list(frame.dtypes)
    for position, dtype in enumerate(dtypes):
        if dtype.kind == "c":
            raise ValueError(f"Complex data not supported: column {frame.columns[position]!r} of X is {dtype}.")
    floats = [position for position, dtype in enumerate(dtypes) if dtype.kind == "f"]
    plain = set(plain_columns(frame))
    for group in column_groups(len(frame), [position for position in floats if position in plain]):
        with np.errstate(over="ignore"):  # infinite, then
            values = frame.iloc[:, group].to_numpy(dtype=np.float64)
        for k in np.flatnonzero(np.isinf(values).any(axis=0)):
            refuse_infinity(values[:, k], frame.columns[group[k]])
    for position in floats:
        if position not in plain:
            values = frame.iloc[:, position].to_numpy(dtype=np.float64, na_value=np.nan)
            refuse_infinity(values, frame.columns[position])
    return frame


def _decoded(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame without columns of Arrow's types that pandas holds but cannot work with."""
    columns = [column if _is_known(column.dtype) else decoded(column) for _, column in frame.items()]
    return pd.concat(columns, axis=1).set_axis(frame.columns, axis=1)


def _is_known(dtype) -> bool:
    """Whether pandas can read values of an Arrow type: not of views, runs, months and the like."""
    try:
        return dtype.type is not None
    except NotImplementedError:
        return False


def decoded(column: pd.Series) -> pd.Series:
    """A column of such a type as Python objects; others stay as they are."""
    if _is_known(column.dtype):
        return column
    values = pd.Series(column.array.__arrow_array__().to_pylist(), index=column.index, name=column.name, dtype=object)
    return values.infer_objects()


def plain_columns(frame: pd.DataFrame) -> list[int]:
    """Positions of the columns that are numbers or flags of numpy's types."""
    return [j for j, dtype in enumerate(frame.dtypes) if isinstance(dtype, np.dtype) and dtype.kind in "iufb"]


def column_groups(n_rows: int, columns: list[int]) -> Iterator[list[int]]:
    """Columns, as many at a time as make up a block of bounded memory."""
    size = max(1, _GROUP_VALUES // max(n_rows, 1))
    for start in range(0, len(columns), size):
        yield columns[start : start + size]


def refuse_infinity(values: np.ndarray, name) -> None:
    """Raise ValueError if a column of float64 holds infinity."""
    if np.isinf(values).any():
        raise ValueError(
            f"Input X contains infinity or a value too large for dtype('float64'): column {name!r}. "
            "Replace it by a finite number or by NaN, which is taken as missing."
        )
