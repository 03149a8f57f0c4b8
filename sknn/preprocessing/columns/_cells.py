"""Cells of a single row without a frame around them, whose columns would cost more than a network.

Only those that mean the same in a column of any dtype. Nothing is refused here: the check of a frame does that.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import numpy as np
import pandas as pd

_NUMBERS = frozenset(
    {bool, int, float, np.bool_, np.float64, np.float32, np.int64, np.int32, np.int16, np.int8}
    | {np.uint64, np.uint32, np.uint16, np.uint8}
)
_LARGEST = 1e15  # whole numbers up to it are floats; beyond a frame tells what is too large
_YEARS = range(1700, 2200)  # which dates of all units can hold


class NeedsFrame(Exception):  # noqa: N818 - no error: the row is encoded as a frame
    """A cell whose meaning depends on the dtype of its column, or that may have to be refused."""


def plain_cells(cells: Iterable) -> list[float | str | pd.Timestamp | None]:
    """Numbers and flags as floats, text and dates as they are, what is missing as None.

    Raises
    ------
    NeedsFrame
        For any other cell, and for infinity.
    """
    return [_plain(cell) for cell in cells]


def _plain(cell):
    kind = type(cell)
    if kind is str or cell is None:
        return cell
    if kind in _NUMBERS:
        if -_LARGEST <= cell <= _LARGEST:
            return float(cell)
        if cell != cell:
            return None
    elif cell is pd.NaT or cell is pd.NA:
        return None
    elif kind is pd.Timestamp and cell.year in _YEARS and not cell.nanosecond:
        return cell
    raise NeedsFrame


def local_time(cell, zone: datetime.tzinfo | None) -> np.ndarray:
    """(1,) datetime64[us] of a plain cell in a column of dates, as `local_times` of a column."""
    if cell is None:
        return np.array(["NaT"], dtype="datetime64[us]")
    if type(cell) is not pd.Timestamp:
        raise NeedsFrame
    if cell.tz is not None:
        cell = (cell if zone is None else cell.tz_convert(zone)).tz_localize(None)
    return np.array([cell.to_datetime64()], dtype="datetime64[us]")
