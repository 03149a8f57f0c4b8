"""Targets, weights and groups of rows, from any container to an array.

Which values are labels or targets is not decided here.
"""

from __future__ import annotations

import contextlib
from numbers import Real

import numpy as np
import pandas as pd
from scipy import sparse

from sknn.preprocessing._tables import decoded, from_foreign

_NUMBERS = "biuf"  # kinds of dtypes
_REFUSED = {"c": "Complex data not supported", "S": "Got bytes", "V": "Got records"}
_SHAPE = "array-like of shape (n_samples,) or (n_samples, n_outputs)"


def as_values(values, name: str, *, accept_sparse: bool = False) -> np.ndarray:
    """A value, or a row of values, for each row of the table, in their natural type.

    Parameters
    ----------
    values : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Of any container: lists, arrays, masked arrays, tensors, series and frames of pandas and polars.
    name : str
        What the user calls them.
    accept_sparse : bool, default=False
        Whether a SciPy sparse matrix may be made dense.

    Returns
    -------
    array : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Objects that are all numbers, flags or dates are of such a type.

    Raises
    ------
    ValueError
        If values are missing, infinite, of another shape or of a type that is no value of a table.
    TypeError
        For a sparse matrix or a LazyFrame, which must be converted first.
    """
    array = _to_array(values, name, accept_sparse)
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        got = f"shape {array.shape}" if array.ndim else type(values).__name__
        raise ValueError(f"{name} must be {_SHAPE}. Got {got}.")
    if array.dtype.kind in _REFUSED:
        raise ValueError(f"{name} must hold numbers, text, flags or dates. {_REFUSED[array.dtype.kind]}; convert them.")
    _refuse_missing(_is_missing(array, name), name)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"Input {name} contains infinity or a value too large for dtype({str(array.dtype)!r}).")
    return array


def as_numbers(values, name: str) -> np.ndarray:
    """The same as float64; text that reads as a number is one, as in scikit-learn, and dates are none."""
    array = as_values(values, name)
    if array.dtype.kind not in _NUMBERS + "OU":
        raise ValueError(
            f"{name} must hold numbers. Got {array.dtype} values; convert them to the numbers they stand for."
        )
    try:
        with np.errstate(over="ignore"):
            numbers = array.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError):
        entries = ((row, value) for row, values in enumerate(array) for value in np.ravel(values).tolist())
        row, value = next((row, value) for row, value in entries if not _is_number(value))
        raise ValueError(f"{name} must hold numbers. Got {value!r} in row {row}.") from None
    return numbers if numbers is array else as_values(numbers, name)


def as_weights(values, n_rows: int) -> np.ndarray:
    """Weights of rows, of which not all are 0; a single number is that of all rows."""
    if isinstance(values, Real):
        values = np.full(n_rows, values, dtype=np.float64)
    weight = as_numbers(values, "sample_weight")
    if weight.ndim != 1:
        raise ValueError(
            f"sample_weight must be of shape ({n_rows},), a number for each row. Got shape {weight.shape}."
        )
    check_n_rows(weight, n_rows, "sample_weight")
    if (weight < 0).any():
        raise ValueError(
            f"Negative values in data passed to `sample_weight`: it must be at least 0. Got {weight.min()}."
        )
    if not weight.any():
        raise ValueError("sample_weight must contain at least one non-zero number. Got only zeros.")
    with np.errstate(over="ignore"):
        total = weight.sum()
    if not np.finfo(np.float64).tiny <= total < np.inf:
        raise ValueError(
            f"sample_weight must have a sum that float64 can hold. Got {total}; divide or multiply all weights."
        )
    return weight


def check_n_rows(values: np.ndarray, n_rows: int, name: str) -> None:
    """As many values as rows, or the error that says how many there are."""
    if len(values) != n_rows:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n_rows} rows, and {name} must have as "
            f"many. Got shape {values.shape}."
        )


def check_one_type(values: np.ndarray, name: str) -> None:
    """Objects must be of one type, so that they can be compared."""
    if values.dtype == object and not all(isinstance(value, str) for value in values.flat):
        types = sorted({type(value).__name__ for value in values.flat})
        if len(types) > 1:
            raise ValueError(f"{name} must hold values of one type. Got a mix of {types}; convert them to text.")


def _to_array(values, name: str, accept_sparse: bool) -> np.ndarray:
    if sparse.issparse(values):
        if not accept_sparse:
            raise TypeError(f"{name} must be dense. Got a sparse {type(values).__name__}; use its toarray().")
        return values.toarray()
    values = from_foreign(values, name)
    if isinstance(values, pd.DataFrame):
        return _side_by_side([_natural(values.iloc[:, k], name) for k in range(values.shape[1])], len(values))
    if isinstance(values, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return _natural(pd.Series(values), name)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:  # rows of different lengths
        raise ValueError(
            f"{name} must be array-like of shape (n_samples,) or (n_samples, n_outputs): {error}"
        ) from error
    if array.dtype.kind == "U" and isinstance(values, list | tuple):  # numpy reads a missing value as the text "nan"
        _refuse_missing(pd.isna(np.asarray(values, dtype=object)), name)
    if array.dtype != object or array.ndim not in (1, 2):
        return array
    if array.ndim == 1:
        return _natural(pd.Series(array, dtype=object), name)
    return _to_array(pd.DataFrame(array, dtype=object), name, accept_sparse)


def _natural(column: pd.Series, name: str) -> np.ndarray:
    """A column of any dtype as an array of the type that its values are of."""
    column = decoded(column)
    _refuse_missing(_is_missing(column, name), name)
    array = column.to_numpy()
    with contextlib.suppress(OverflowError):  # integers beyond float64, of pandas 2
        array = pd.Series(array, dtype=object).infer_objects().to_numpy() if array.dtype == object else array
    return array


def _side_by_side(columns: list[np.ndarray], n_rows: int) -> np.ndarray:
    """Columns as an array, of objects unless they are all numbers or all of one type."""
    if not columns:
        return np.empty((n_rows, 0))
    dtypes = {column.dtype for column in columns}
    if len(dtypes) > 1 and not all(dtype.kind in _NUMBERS for dtype in dtypes):
        columns = [pd.Series(column).astype(object).to_numpy() for column in columns]  # numpy's would be whole numbers
    return np.stack(columns, axis=1)


def _is_missing(values, name: str) -> np.ndarray:
    try:
        return np.asarray(pd.isna(values))
    except ArithmeticError:
        raise ValueError(f"{name} must not hold a signaling NaN. Drop those rows.") from None


def _refuse_missing(missing, name: str) -> None:
    if np.any(missing):
        rows = np.flatnonzero(missing.reshape(len(missing), -1).any(axis=1))
        n_missing, first = len(rows), rows[0]
        raise ValueError(
            f"Input {name} contains NaN: {n_missing} are missing, the first in row {first}. Drop those rows."
        )


def _is_number(value) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True
