"""Dates: season, weekday and time of day. Their days since 1970 are numbers, which are scaled elsewhere."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sknn.preprocessing.columns._base import ColumnEncoder, RunningEncoder
from sknn.preprocessing.columns._cells import local_time
from sknn.preprocessing.columns._kinds import changed_type, column_kind, is_no_date, odd_value
from sknn.preprocessing.columns._written import written_kind

_DAY = np.timedelta64(1, "D")
_PARTS = ("season_sin", "season_cos", "clock_sin", "clock_cos", *(f"weekday_{k}" for k in range(7)))
_EXPECTED_DAYS = 365.25 * 4


class DateColumn(ColumnEncoder):
    """A date as its season, weekday and time of day, where they vary in `fit`.

    Season and time of day are points on a circle (sine and cosine), the weekday is one-hot. A
    missing date has zeros in all of them. The days since 1970 are a number for `Numbers` to scale.
    """

    def _fit(self, table: pd.DataFrame, weight) -> None:
        column = self.column(table)
        self.zone_ = zone_of(column)
        stamps = local_times(column, self.zone_)
        spread = np.ptp(_parts(stamps)[~np.isnat(stamps)], axis=0)
        self.parts_ = [_PARTS[k] for k in np.flatnonzero(spread > 0)]

    def encode(self, table: pd.DataFrame, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        self._write(local_times(self.column(table), self.zone_), x_num)

    def encode_cells(self, cells: Sequence, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        self._write(local_time(cells[self.columns_[0]], self.zone_), x_num)

    def _write(self, stamps: np.ndarray, x_num: np.ndarray) -> None:
        x_num[:] = _parts(stamps)[:, [_PARTS.index(name) for name in self.parts_]]

    @property
    def n_features_(self) -> int:
        return len(self.parts_)

    def feature_names(self, names: Sequence[str]) -> list[str]:
        return [f"{names[self.columns_[0]]}_{part}" for part in self.parts_]


class RunningDate(DateColumn, RunningEncoder):
    """The same in a stream, with all parts."""

    def _fit(self, table: pd.DataFrame, weight) -> None:
        self.zone_ = zone_of(self.column(table)) if self.kinds_ == ["date"] else None
        self.parts_ = list(_PARTS)

    def update(self, table: pd.DataFrame, weight=None) -> None:
        before = list(self.kinds_)
        self.learn_kinds(table)
        if self.kinds_ == ["date"] != before:
            self.zone_ = zone_of(self.column(table))

    def encode(self, table: pd.DataFrame, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        if self.kinds_ == ["date"]:
            super().encode(table, x_num, x_cat)

    def write_expected(self, x_num: np.ndarray, x_cat: np.ndarray, random_state: np.random.RandomState) -> None:
        """Days of four years."""
        found = random_state.uniform(0, _EXPECTED_DAYS, len(x_num))
        self._write((found * 86_400e6).astype("datetime64[us]"), x_num)


def zone_of(column: pd.Series) -> datetime.tzinfo | None:
    """The time zone of a column of dates."""
    return getattr(_as_datetimes(column).dtype, "tz", None)


def local_times(column: pd.Series, zone: datetime.tzinfo | None) -> np.ndarray:
    """(n,) datetime64[us] in local time of the time zone that `fit` saw."""
    kind = column_kind(column)
    if kind == "category":
        kind = written_kind(column) or kind
    if kind == "empty":
        return np.full(len(column), np.datetime64("NaT", "us"))
    if kind != "date":
        got = f"something else ({odd_value(column, is_no_date)}); convert it by pandas.to_datetime"
        raise changed_type(column, "dates", got)
    column = _as_datetimes(column)
    if getattr(column.dtype, "tz", None) is not None:
        column = (column if zone is None else column.dt.tz_convert(zone)).dt.tz_localize(None)
    return column.to_numpy(dtype="datetime64[us]")


def days(column: pd.Series, zone: datetime.tzinfo | None) -> np.ndarray:
    """(n,) float64 days since 1970, NaN where missing."""
    return days_of(local_times(column, zone))


def days_of(stamps: np.ndarray) -> np.ndarray:
    """The same of local times."""
    return np.where(np.isnat(stamps), np.nan, (stamps - np.datetime64(0, "D")) / _DAY)


def _parts(stamps: np.ndarray) -> np.ndarray:
    """(n, 11) float64, by the names in `_PARTS`; zeros where a date is missing."""
    missing = np.isnat(stamps)
    stamps = np.where(missing, np.datetime64(0, "us"), stamps)
    day = stamps.astype("datetime64[D]")
    year = stamps.astype("datetime64[Y]").astype("datetime64[D]")
    season = 2 * np.pi * ((day - year) / _DAY) / 365.25
    clock = 2 * np.pi * ((stamps - day) / _DAY)
    weekday = (day.astype(np.int64) + 3) % 7  # 1970 began on a Thursday; 0 is Monday
    parts = np.empty((len(stamps), len(_PARTS)))
    for k, part in enumerate((np.sin(season), np.cos(season), np.sin(clock), np.cos(clock))):
        parts[:, k] = part
    parts[:, 4:] = weekday[:, None] == np.arange(7)
    parts[missing] = 0
    return parts


def _as_datetimes(column: pd.Series) -> pd.Series:
    """A column of dates of any type as one of numpy's datetime64, or pandas' for a time zone."""
    dtype = column.dtype
    if isinstance(dtype, pd.ArrowDtype):
        zone = getattr(dtype.pyarrow_dtype, "tz", None)
        return column.astype("datetime64[us]" if zone is None else pd.DatetimeTZDtype("us", zone))
    if isinstance(dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if dtype.kind == "M":
        return column
    try:
        if pd.api.types.infer_dtype(column, skipna=True) == "period":
            return pd.Series(pd.PeriodIndex(column)).dt.to_timestamp()
        return pd.to_datetime(column, format="ISO8601" if column_kind(column) == "category" else None)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"The dates in column {column.name!r} of X must be of one kind and one time zone. Got "
            f"incompatible values ({error}); convert the column by pandas.to_datetime(..., utc=True)."
        ) from None
