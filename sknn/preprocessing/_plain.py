"""Fitted state as plain data for JSON, from which it is restored bit for bit. No pickle."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd


class PlainState:
    """An object whose attributes, but those that begin with `_` and can be derived, are its state."""

    _classes: ClassVar[dict[str, type[PlainState]]] = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        PlainState._classes[cls.__name__] = cls

    def to_dict(self) -> dict:
        """State as dicts, lists, text, numbers, bools and None.

        Raises
        ------
        TypeError
            For a value that cannot be rebuilt from plain data, naming it.
        """
        return {name: to_plain(value) for name, value in vars(self).items() if not name.startswith("_")}

    @classmethod
    def from_dict(cls, state: dict) -> Self:
        """Rebuild what `to_dict` was called on."""
        rebuilt = cls.__new__(cls)
        vars(rebuilt).update({name: from_plain(value) for name, value in state.items()})
        return rebuilt


def _timestamp(state: list) -> pd.Timestamp:
    value, unit, zone = state
    stamp = pd.Timestamp(np.datetime64(value, unit))
    return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(_zone(zone))


def _zone(name: str) -> datetime.tzinfo:
    if "dateutil" in name or name.startswith("/") or ".." in name:  # else the name of any file would do
        raise ValueError(f"{name!r} is no name of a time zone.")
    return pd.DatetimeTZDtype("us", name).tz


def _zone_name(zone: datetime.tzinfo) -> str:
    """The name by which pandas finds a time zone."""
    try:
        found = _zone(str(zone))
        same = str(found) == str(zone)
    except (ValueError, TypeError, LookupError):
        same = False
    if not same:
        raise TypeError(f"A time zone must have a name to be stored as plain data. Got {zone!r}; convert to 'UTC'.")
    return str(zone)


def _date_dtype(name: str) -> np.dtype:
    if np.dtype(name).kind not in "mM":
        raise ValueError(f"{name!r} is no dtype of dates or durations.")
    return np.dtype(name)


def _period(state: list) -> pd.Period:
    return pd.Period(ordinal=state[0], freq=state[1])


# Types that JSON does not have: a tag, the type, its plain form and the way back. The first that fits is taken.
_TYPES: tuple[tuple[str, type | tuple[type, ...], Callable, Callable], ...] = (
    ("object", PlainState, lambda v: [type(v).__name__, v.to_dict()],
     lambda s: PlainState._classes[s[0]].from_dict(s[1])),
    ("array", np.ndarray, lambda v: [v.dtype.str, [to_plain(x) for x in v.tolist()], [*v.shape]],
     lambda s: np.array([from_plain(x) for x in s[1]], dtype=s[0]).reshape(s[2])),
    ("NaT", type(pd.NaT), lambda v: None, lambda s: pd.NaT),
    ("NA", type(pd.NA), lambda v: None, lambda s: pd.NA),
    ("Timestamp", pd.Timestamp, lambda v: [v._value, v.unit, None if v.tz is None else _zone_name(v.tz)], _timestamp),
    ("Timedelta", pd.Timedelta, lambda v: [v._value, v.unit], lambda s: pd.Timedelta(np.timedelta64(*s))),
    ("Period", pd.Period, lambda v: [v.ordinal, v.freqstr], _period),
    ("Interval", pd.Interval, lambda v: [to_plain(v.left), to_plain(v.right), v.closed],
     lambda s: pd.Interval(from_plain(s[0]), from_plain(s[1]), s[2])),
    ("datetime64", (np.datetime64, np.timedelta64), lambda v: [v.dtype.str, int(v.astype(np.int64))],
     lambda s: np.int64(s[1]).astype(_date_dtype(s[0]))),
    ("scalar", (np.number, np.bool_), lambda v: [v.dtype.str, to_plain(v.item())],
     lambda s: np.dtype(s[0]).type(from_plain(s[1]))),
    ("float", float, lambda v: repr(v), float),  # JSON has no NaN and no infinity
    ("datetime", datetime.datetime, lambda v: [v.replace(tzinfo=None).isoformat(), v.tzinfo and _zone_name(v.tzinfo)],
     lambda s: datetime.datetime.fromisoformat(s[0]).replace(tzinfo=s[1] and _zone(s[1]))),
    ("date", datetime.date, lambda v: v.isoformat(), datetime.date.fromisoformat),
    ("time", datetime.time, lambda v: v.isoformat(), datetime.time.fromisoformat),
    ("timedelta", datetime.timedelta, lambda v: [v.days, v.seconds, v.microseconds], lambda s: datetime.timedelta(*s)),
    ("zone", datetime.tzinfo, _zone_name, _zone),
    ("decimal", Decimal, str, Decimal),
    ("bytes", bytes, bytes.hex, bytes.fromhex),
    ("tuple", tuple, lambda v: [to_plain(x) for x in v], lambda s: tuple(map(from_plain, s))),
    ("dict", dict, lambda v: [[to_plain(k), to_plain(x)] for k, x in v.items()],
     lambda s: {from_plain(k): from_plain(x) for k, x in s}),
)  # fmt: skip
_REBUILT: dict[str, Callable[[Any], Any]] = {tag: back for tag, _, _, back in _TYPES}


def to_plain(value) -> Any:
    """A value as plain data: as it is, or a dict of one tag.

    Raises
    ------
    TypeError
        For a value of a type that is not known here, naming it.
    """
    if value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value)):
        return value
    if type(value) is np.str_:
        return str(value)
    if type(value) is list:
        return [to_plain(item) for item in value]
    for tag, kind, forth, _ in _TYPES:
        if isinstance(value, kind) and (isinstance(value, PlainState) or _is_own(type(value))):
            return {tag: forth(value)}
    raise TypeError(
        f"{value!r}, of type {type(value).__name__}, cannot be stored as plain data. What is stored must be text, "
        "numbers, bools, dates, durations, intervals, bytes, or tuples of these; convert the column to text."
    )


def _is_own(kind: type) -> bool:
    """Whether a type is one of Python, numpy or pandas, not one derived from it, which would not come back."""
    return kind.__module__.partition(".")[0] in {
        "builtins", "datetime", "decimal", "zoneinfo", "pytz", "dateutil", "numpy", "pandas"
    }  # fmt: skip


def from_plain(value) -> Any:
    """What `to_plain` was called with."""
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if isinstance(value, dict):
        ((tag, state),) = value.items()
        return _REBUILT[tag](state)
    return value
