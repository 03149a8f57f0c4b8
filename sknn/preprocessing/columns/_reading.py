"""Columns of numbers, flags, durations and dates as float64. How these are scaled is not decided here."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sknn.preprocessing._tables import plain_columns, refuse_infinity
from sknn.preprocessing.columns._cells import NeedsFrame, local_time
from sknn.preprocessing.columns._date import days, days_of
from sknn.preprocessing.columns._kinds import changed_type, column_kind, is_no_duration, is_no_number, odd_value
from sknn.preprocessing.columns._written import written_numbers


def as_numbers(column: pd.Series, duration: bool = False) -> np.ndarray:
    """A column as float64 with NaN where it is missing; numeric text is parsed.

    A column that held durations in `fit`, and only such a one, is read as seconds.

    Raises
    ------
    ValueError
        For values of another type than in `fit`, naming the column.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)  # the dtype of the categories may have no missing value
    kind = column_kind(column)
    if kind == "empty":
        return np.full(len(column), np.nan)
    if duration:
        if kind != "duration":
            got = f"something else ({odd_value(column, is_no_duration)}); convert it by pandas.to_timedelta"
            raise changed_type(column, "durations", got)
        if isinstance(column.dtype, pd.SparseDtype):
            column = column.astype(column.dtype.subtype)
        try:
            seconds = pd.to_timedelta(column).dt.total_seconds()
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(
                f"The durations in column {column.name!r} of X must be of a fixed length that nanoseconds can hold. "
                f"{error}."
            ) from None
        return seconds.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind in {"duration", "date"}:
        raise changed_type(column, "numbers", f"{kind}s ({odd_value(column, pd.notna)})")
    try:
        numbers = column
        if not pd.api.types.is_numeric_dtype(column.dtype):
            is_text = pd.api.types.infer_dtype(column, skipna=True) == "string"
            numbers = written_numbers(column) if is_text else pd.to_numeric(column)
        values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError, ArithmeticError):
        raise changed_type(
            column, "numbers", f"values that are not numbers ({odd_value(column, is_no_number)})"
        ) from None
    refuse_infinity(values, column.name)
    return values


def as_numbers_array(table: np.ndarray | pd.DataFrame) -> np.ndarray:
    """A table whose columns were all plain numbers in `fit`, as an array."""
    if not isinstance(table, pd.DataFrame):
        return table
    return np.column_stack([as_numbers(table.iloc[:, j]) for j in range(table.shape[1])])


def reads_plainly(table: np.ndarray | pd.DataFrame, columns: Sequence[int], kinds: Sequence[str]) -> bool:
    """Whether the columns are numbers of numpy's dtypes, which do not depend on the rows."""
    if not isinstance(table, pd.DataFrame):
        return True
    return {*kinds} <= {"number", "flag"} and len(plain_columns(table.iloc[:0, list(columns)])) == len(columns)


def read_numbers(
    table: np.ndarray | pd.DataFrame,
    columns: Sequence[int],
    kinds: Sequence[str],
    zones: Sequence[datetime.tzinfo | None],
) -> np.ndarray:
    """Columns at these positions as float (n, F), with NaN where missing.

    Parameters
    ----------
    table : ndarray or DataFrame
        Of which float32 stays float32 if it is an array.
    columns : sequence of int
        Positions.
    kinds : sequence of str
        As what each is read: "number", "flag", "duration" (seconds), "date" (days since 1970) or another kind, which
        is all missing.
    zones : sequence of (tzinfo or None)
        Time zones to which dates are converted.

    Raises
    ------
    ValueError
        For values of another type than in `fit`, naming the column and a row.
    """
    if not isinstance(table, pd.DataFrame):
        values = table if len(columns) == table.shape[1] else table[:, list(columns)]
        return values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
    frame = table.iloc[:, list(columns)]
    plain = [k for k in plain_columns(frame) if kinds[k] in {"number", "flag"}]
    if len(plain) == frame.shape[1]:
        return frame.to_numpy(dtype=np.float64)
    values = np.full(frame.shape, np.nan)
    values[:, plain] = frame.iloc[:, plain].to_numpy(dtype=np.float64)
    others = sorted({*range(frame.shape[1])} - {*plain})
    for k, (_, column) in zip(others, frame.iloc[:, others].items(), strict=True):  # faster than `iloc` for each
        if kinds[k] == "date":
            values[:, k] = days(column, zones[k])
        elif kinds[k] in {"number", "flag", "duration"}:
            values[:, k] = as_numbers(column, duration=kinds[k] == "duration")
    return values


def read_cells(
    cells: Sequence, columns: Sequence[int], kinds: Sequence[str], zones: Sequence[datetime.tzinfo | None]
) -> np.ndarray:
    """What `read_numbers` gives for a frame of one row, (1, F), of the `plain_cells` of that row."""
    values = np.full((1, len(columns)), np.nan)
    for k, (j, kind) in enumerate(zip(columns, kinds, strict=True)):
        cell = cells[j]
        if cell is None:
            continue
        if kind == "date":
            values[:, k] = days_of(local_time(cell, zones[k]))
        elif type(cell) is float and kind in {"number", "flag"}:
            values[0, k] = cell
        else:
            raise NeedsFrame
    return values
