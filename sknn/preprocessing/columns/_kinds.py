"""What a column of a frame holds, and how errors tell which value is of another type.

Which encoder takes a column is not decided here.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from numbers import Number

import numpy as np
import pandas as pd

from sknn.preprocessing.columns._written import written_numbers


def column_kind(column: pd.Series) -> str:
    """One of "number", "duration", "flag", "category", "date" or "empty" (no value at all)."""
    dtype = column.dtype
    if is_empty(column):
        return "empty"
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if isinstance(dtype, pd.StringDtype):
        return "category"
    if pd.api.types.is_bool_dtype(dtype):
        return "flag"
    if dtype.kind == "m":
        return "duration"
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    if dtype.kind == "M" or isinstance(dtype, pd.PeriodDtype):
        return "date"
    found = pd.api.types.infer_dtype(column, skipna=True)
    if found == "boolean":
        return "flag"
    if found in {"integer", "floating", "mixed-integer-float", "decimal"}:
        return "number"
    if found in {"timedelta", "timedelta64"}:
        return "duration"
    if found in {"datetime", "datetime64", "date", "period"}:
        return "date"
    return "category"


def is_empty(column: pd.Series) -> bool:
    """Whether a column holds no value at all.

    Raises
    ------
    ValueError
        For a signaling NaN, which cannot be used, naming the column.
    """
    try:
        return not column.notna().any()
    except ArithmeticError:  # of a Decimal
        raise ValueError(
            f"Column {column.name!r} of X must not hold a signaling NaN ({odd_value(column, _is_signaling)}). "
            "Replace it by NaN, which is taken as missing."
        ) from None


def odd_value(column: pd.Series, is_odd) -> str:
    """The first value that is odd and its position, in words."""
    for position, (label, value) in enumerate(zip(column.index, column.astype(object), strict=True)):
        if is_odd(value):
            labelled = "" if label == position else f", labelled {label!r}"
            return f"for instance {value!r} in row {position}{labelled}"
    return "all are missing"


def is_no_number(value) -> bool:
    try:
        cell = pd.Series([value], dtype=object)
        (written_numbers(cell) if isinstance(value, str) else pd.to_numeric(cell)).to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError, ArithmeticError):
        return True
    return False


def is_no_duration(value) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.notna(value)) and not isinstance(
        value, datetime.timedelta | np.timedelta64
    )


def is_no_date(value) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.notna(value)) and not isinstance(
        value, datetime.date | np.datetime64 | pd.Period
    )


def is_no_level(value) -> bool:
    try:
        hash(value)
    except TypeError:
        return True
    return False


def _is_signaling(value) -> bool:
    return isinstance(value, Decimal) and value.is_snan()


def value_kind(value) -> str:
    """The kind of a category's value, in words."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, Number | np.bool_) and not isinstance(value, np.timedelta64):
        return "numbers"
    if isinstance(value, datetime.date | np.datetime64 | pd.Period):
        return "dates"
    if isinstance(value, datetime.timedelta | np.timedelta64):
        return "durations"
    return f"values of type {type(value).__name__}"


def changed_type(column: pd.Series, expected: str, got: str) -> ValueError:
    return ValueError(
        f"Column {column.name!r} of X held {expected} in fit; it has dtype {column.dtype} now and "
        f"holds {got}. Give it the type it had in fit."
    )
