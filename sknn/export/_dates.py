"""Dates in a graph: int64 nanoseconds since 1970, the least int64 where missing.

It is what `Series.astype("datetime64[ns]").astype("int64")` gives. Dates of a time zone are in universal time.
"""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd

from sknn.export._graph import Graph

MISSING_DATE = np.int64(np.iinfo(np.int64).min)  # pandas' and numpy's NaT
_MICROSECOND, _DAY = 1_000, 86_400_000_000  # nanoseconds; microseconds
_YEARS = np.arange(1676, 2264)  # those that nanoseconds reach, and one more on both sides
_MEAN_YEAR = 365.2425
_ZONE_YEARS = 1900, 2100  # before and after, the first and the last offset go on


def days_of(graph: Graph, stamps: str, zone: datetime.tzinfo | None) -> str:
    """(batch, 1) float64 days since 1970, NaN where missing."""
    days = graph.add("Div", graph.cast(_local(graph, stamps, zone), np.float64), np.float64(_DAY))
    return _or_missing(graph, stamps, days, np.float64(np.nan))


def seconds_of(graph: Graph, durations: str) -> str:
    """(batch, 1) float64 seconds of durations in nanoseconds, NaN where missing."""
    seconds = graph.add("Div", graph.cast(durations, np.float64), np.float64(1e9))
    return _or_missing(graph, durations, seconds, np.float64(np.nan))


def date_parts(graph: Graph, stamps: str, zone: datetime.tzinfo | None, names: list[str]) -> str:
    """(batch, len(names)) float32 parts of dates, zeros where missing."""
    known = _or_missing(graph, stamps, stamps, np.int64(0))
    local = _local(graph, known, zone)
    day = _floor_divide(graph, local, _DAY)
    of_day = graph.add("Mul", graph.cast(graph.add("Mod", local, np.int64(_DAY)), np.float64), np.float64(1 / _DAY))
    of_year = graph.add("Sub", day, _first_of_year(graph, day))
    angles = {
        "season": graph.add("Mul", graph.cast(of_year, np.float64), np.float64(2 * np.pi / 365.25)),
        "clock": graph.add("Mul", of_day, np.float64(2 * np.pi)),
    }
    weekday = graph.add("Mod", graph.add("Add", day, np.int64(3)), np.int64(7))
    parts = [_part(graph, name, angles, weekday) for name in names]
    return _or_missing(graph, stamps, graph.concat(parts, axis=1), np.float32(0))


def _part(graph: Graph, name: str, angles: dict[str, str], weekday: str) -> str:
    what, _, which = name.partition("_")
    if what == "weekday":
        return graph.cast(graph.add("Equal", weekday, np.int64(int(which))), np.float32)
    # In float64, so that rounded it has the same bits as in `fit`: a narrow bin shows a difference in the last one.
    angle = angles[what] if which == "sin" else graph.add("Add", angles[what], np.float64(np.pi / 2))
    return graph.cast(graph.add("Sin", angle), np.float32)


def _or_missing(graph: Graph, stamps: str, value: str, otherwise: np.generic) -> str:
    return graph.add("Where", graph.add("Equal", stamps, MISSING_DATE), np.asarray(otherwise), value)


def _local(graph: Graph, stamps: str, zone: datetime.tzinfo | None) -> str:
    """(batch, 1) int64 microseconds of local time."""
    stamps = _floor_divide(graph, stamps, _MICROSECOND)
    if zone is None:
        return stamps
    changes, offsets = zone_offsets(zone)
    n_before = graph.cast(graph.add("LessOrEqual", changes, stamps), np.int64)
    return graph.add("Add", stamps, graph.add("Gather", offsets, graph.reduce("ReduceSum", n_before, 1, keepdims=True)))


def zone_offsets(zone: datetime.tzinfo) -> tuple[np.ndarray, np.ndarray]:
    """Where a zone's local time changes, in microseconds of universal time; and its offsets, one more.

    Found by bisection of the days in which it changes, to the second.
    """
    low, high = (np.datetime64(str(year), "s").astype(np.int64) for year in _ZONE_YEARS)
    days = np.arange(low, high, 86_400)
    offsets = _offsets(days, zone)
    changed = np.flatnonzero(np.diff(offsets))
    before, after = days[changed], days[changed + 1]
    while (after - before > 1).any():
        middle = (before + after) // 2
        is_old = _offsets(middle, zone) == offsets[changed]
        before, after = np.where(is_old, middle, before), np.where(is_old, after, middle)
    return after * 1_000_000, np.append(offsets[0], offsets[changed + 1]) * 1_000_000


def _offsets(seconds: np.ndarray, zone: datetime.tzinfo) -> np.ndarray:
    """Seconds by which local time is ahead of universal time."""
    local = pd.DatetimeIndex(seconds.astype("datetime64[s]")).tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return local.to_numpy().astype("datetime64[s]").astype(np.int64) - seconds


def _first_of_year(graph: Graph, day: str) -> str:
    """The day since 1970 that begins the year of each day."""
    starts = (_YEARS - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    passed = graph.cast(graph.add("Sub", day, starts[0]), np.float64)
    # The mean year is at most two days off: with three days more, the guess is right or one too large.
    guess = graph.cast(graph.add("Div", graph.add("Add", passed, np.float64(3)), np.float64(_MEAN_YEAR)), np.int64)
    start = graph.add("Gather", starts, guess)
    previous = graph.add("Gather", starts, graph.add("Sub", guess, np.int64(1)))
    return graph.add("Where", graph.add("Less", day, start), previous, start)


def _floor_divide(graph: Graph, value: str, by: int) -> str:
    """ONNX divides towards zero."""
    below = graph.add("Sub", value, graph.add("Mod", value, np.int64(by)))
    return graph.add("Div", below, np.int64(by))
