"""How each kind of column becomes numbers: number, category and date.

Every encoder here is fitted on one column (`NumberBlock` on all numbers at once), never sees the
target, and turns a missing or unseen cell into something defined. Which column gets which encoder
is `TableEncoder`'s decision.
"""

from __future__ import annotations

import datetime
from numbers import Number

import numpy as np
import pandas as pd
from scipy.special import ndtri

from sknn.preprocessing._tables import column_groups, plain_columns, refuse_infinity

# Codes of a category column: two slots of their own, then the levels.
UNSEEN, MISSING, FIRST_LEVEL = 0, 1, 2

_DAY = np.timedelta64(1, "D")
_LEAST_SHARE = 1e-3  # beyond which a place among the quantiles of a training table says nothing more
_FAR = 1e9  # numbers beyond are at the clip anyway, and their squares overflow


def column_kind(column: pd.Series) -> str:
    """One of "number", "duration", "flag", "category", "date" or "empty" (no value at all)."""
    dtype = column.dtype
    if not column.notna().any():
        return "empty"
    if isinstance(dtype, pd.CategoricalDtype):
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


def column_kinds(frame: pd.DataFrame) -> list[str]:
    """The kind of each column; of plain numbers by dtype, and where none is missing together."""
    kinds = ["flag" if dtype.kind == "b" else "number" for dtype in frame.dtypes]
    plain = plain_columns(frame)
    floats = [j for j in plain if frame.dtypes.iat[j].kind == "f"]
    for group in column_groups(len(frame), floats):
        empty = np.isnan(frame.iloc[:, group].to_numpy()).all(axis=0)
        for k in np.flatnonzero(empty):
            kinds[group[k]] = "empty"
    others = sorted({*range(frame.shape[1])} - {*plain})
    for j, (_, column) in zip(others, frame.iloc[:, others].items(), strict=True):
        kinds[j] = column_kind(column)
    return kinds


def as_numbers(column: pd.Series, duration: bool = False) -> np.ndarray:
    """A column as float64 with NaN where it is missing; text that reads as numbers is read.

    A column that held durations in `fit`, and only such a one, is read as seconds.

    Raises
    ------
    ValueError
        For cells that are not what `fit` saw, naming the column.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)  # the dtype of the categories may have no missing value
    kind = column_kind(column)
    if kind == "empty":
        return np.full(len(column), np.nan)
    if duration:
        if kind != "duration":
            got = f"something else ({_at(column, _is_no_duration)}); convert it by pandas.to_timedelta"
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
        raise changed_type(column, "numbers", f"{kind}s ({_at(column, pd.notna)})")
    try:
        numbers = column if pd.api.types.is_numeric_dtype(column.dtype) else pd.to_numeric(column)
        values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError, ArithmeticError):
        raise changed_type(column, "numbers", f"cells that are not numbers ({_at(column, _is_no_number)})") from None
    refuse_infinity(values, column.name)
    return values


def smooth_clip(z: np.ndarray, limit: float) -> np.ndarray:
    """z/√(1 + (z/limit)²), which stays between ±limit, in place of `z`."""
    np.minimum(z, _FAR, out=z)
    np.maximum(z, -_FAR, out=z)
    root = z / limit
    np.square(root, out=root)
    root += 1
    np.sqrt(root, out=root)
    z /= root
    return z


def weighted_quantiles(values: np.ndarray, weight: np.ndarray | None, levels) -> np.ndarray:
    """Quantiles of a 1-d array as its smallest value that has at least that share of the weight below or at it.

    The definition is numpy's `inverted_cdf`: unlike interpolation, it gives the same for a row of
    weight 2 and for the row twice.
    """
    if weight is None:
        order = np.sort(values)
        positions = np.ceil(np.asarray(levels) * len(order)).astype(int) - 1
    else:
        rank = np.argsort(values)
        order, cumulated = values[rank], np.cumsum(weight[rank])
        positions = np.searchsorted(cumulated, np.asarray(levels) * cumulated[-1])
    return order[np.clip(positions, 0, len(order) - 1)]


class NumberBlock:
    """Numbers and flags: centred, scaled, smoothly clipped, missing cells at the centre and marked.

    A number x becomes z/√(1 + (z/3)²) with z = (x − median) / (interquartile range) (Holzmüller,
    Grinsztajn and Steinwart, "Better by default", NeurIPS 2024, section 3). Departing from them,
    where that range is zero the median distance of the other values from the median takes its
    place, and not half of the whole range: an amount that is mostly 0 keeps its differences.
    A flag becomes −1 or 1. A missing cell becomes 0, and a column with missing cells in `fit` gets
    another that holds 1 where a cell is missing and 0 elsewhere. Columns with a single value and
    nothing missing are left out.

    Other scales: "standard" subtracts the mean and divides by the standard deviation; "quantile" gives the
    quantile of the standard normal distribution at the share of rows that are below, as scikit-learn's
    `QuantileTransformer(output_distribution="normal")` does; False leaves numbers as they are.
    """

    clip = 3.0
    max_quantile_rows = 100_000  # medians of more rows change nothing and cost memory

    def __init__(self, scale: bool | str = True):
        self.scale = "robust" if scale is True else scale

    def fit(self, values: np.ndarray, flags: np.ndarray, weight: np.ndarray | None, random_state):
        """`values` (n, F) with NaN where missing; `flags` (F,) says which columns are flags."""
        n_rows, n_columns = values.shape
        if n_rows > self.max_quantile_rows:
            rows = np.sort(random_state.choice(n_rows, self.max_quantile_rows, replace=False))
            sample, sample_weight = values[rows], None if weight is None else weight[rows]
        else:
            sample, sample_weight = values, weight
        missing = np.isnan(values).any(axis=0)
        low, high = _range(values)
        center, factor = np.zeros(n_columns), np.ones(n_columns)
        flags = np.asarray(flags, dtype=bool)
        center[flags], factor[flags] = 0.5, 2.0
        if self.scale:
            scaled = np.flatnonzero(~flags)
            fit = _standard_scale if self.scale == "standard" else _robust_scale
            if fit is _robust_scale and sample_weight is None:
                rest = _scale_by_quartiles(sample, scaled, center, factor)
            else:
                rest = scaled
            for j in rest:
                center[j], factor[j] = fit(sample[:, j], sample_weight)
            for j in scaled:
                if factor[j] == 0 and high[j] > low[j]:  # the rows drawn miss what is rare
                    center[j], factor[j] = fit(values[:, j], weight)
        constant = ~(high > low)
        self.kept_ = np.flatnonzero(~constant)
        self.marked_ = np.flatnonzero(missing & (~np.isnan(low)))
        self.center_, self.factor_ = center[self.kept_], factor[self.kept_]
        numbers = ~flags[self.kept_]
        self.clipped_ = numbers & (self.scale == "robust")
        self.quantiles_ = {}
        if self.scale == "quantile":
            for k in np.flatnonzero(numbers):
                self.quantiles_[k] = _landmarks(sample[:, self.kept_[k]], sample_weight)
        self.all_kept_ = len(self.kept_) == n_columns
        return self

    @property
    def n_outputs(self) -> int:
        return len(self.kept_) + len(self.marked_)

    def write(self, values: np.ndarray, out: np.ndarray) -> None:
        """Encode (n, F) `values` into (n, n_outputs) float32 `out`."""
        kept = values if self.all_kept_ else values[:, self.kept_]
        with np.errstate(over="ignore", invalid="ignore"):  # infinity is at the clip, or refused below
            z = kept - self.center_.astype(kept.dtype)
            z *= self.factor_.astype(kept.dtype)
            n_kept = z.shape[1]
            all_clipped = self.clipped_.all()
            if all_clipped:
                smooth_clip(z, self.clip)
            elif self.scale == "robust":
                z[:, self.clipped_] = smooth_clip(z[:, self.clipped_], self.clip)
            for k, landmarks in self.quantiles_.items():
                z[:, k] = _as_normal(kept[:, k], landmarks)
            np.copyto(z, 0, where=np.isnan(z))
            out[:, :n_kept] = z
        if not all_clipped and np.isinf(out[:, :n_kept]).any():
            too_large = kept[np.isinf(out[:, :n_kept])][0]
            raise ValueError(
                f"Numbers that are not scaled must fit into float32. Got {too_large}; "
                "scale them before, or set preprocessing='auto'."
            )
        if len(self.marked_):
            out[:, n_kept:] = np.isnan(values[:, self.marked_])

    def names(self, names) -> list[str]:
        return [names[j] for j in self.kept_] + [f"{names[j]}_missing" for j in self.marked_]


def _range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each column, NaN for a column of missing cells only."""
    return np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)


def _scale_by_quartiles(sample: np.ndarray, columns: np.ndarray, center: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Set what `_robust_scale` gives for `columns`, sorted together; returns those whose quartiles are equal."""
    rest = []
    for group in column_groups(len(sample), columns.tolist()):
        order = np.sort(sample[:, group].T, axis=1)  # NaN last
        n_present = order.shape[1] - np.isnan(order).sum(axis=1)
        positions = np.ceil(np.multiply.outer(n_present, (0.25, 0.5, 0.75))).astype(int) - 1
        positions = np.clip(positions, 0, np.maximum(n_present - 1, 0)[:, None])
        first, median, third = np.take_along_axis(order, positions, axis=1).T.astype(np.float64)
        spread = third - first
        known = spread > 0  # neither 0 nor NaN
        chosen = np.asarray(group)[known]
        with np.errstate(over="ignore"):  # of a spread too small to divide by
            center[chosen], factor[chosen] = median[known], 1 / spread[known]
        rest.append(np.asarray(group)[~known])
    return np.concatenate([np.empty(0, dtype=int), *rest])


def _robust_scale(values: np.ndarray, weight: np.ndarray | None) -> tuple[float, float]:
    """The median, and 1 / spread (0 for a constant)."""
    present = ~np.isnan(values)
    if not present.any():
        return 0.0, 0.0
    if not present.all():
        values, weight = values[present], None if weight is None else weight[present]
    first, median, third = weighted_quantiles(values, weight, (0.25, 0.5, 0.75))
    spread = float(third) - float(first)
    if spread == 0:
        distance = np.abs(values - median)
        other = distance > 0
        if not other.any():
            return float(median), 0.0
        spread = float(weighted_quantiles(distance[other], None if weight is None else weight[other], (0.5,))[0])
    return float(median), 1 / spread


def _standard_scale(values: np.ndarray, weight: np.ndarray | None) -> tuple[float, float]:
    """The mean, and 1 / standard deviation (0 for a constant)."""
    present = ~np.isnan(values)
    if not present.any():
        return 0.0, 0.0
    weight = None if weight is None else weight[present]
    mean = float(np.average(values[present], weights=weight))
    spread = float(np.sqrt(np.average(np.square(values[present] - mean), weights=weight)))
    return mean, 1 / spread if spread > 0 else 0.0


def _landmarks(values: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Quantiles at equal distances, by which other values are placed."""
    present = ~np.isnan(values)
    if not present.any():
        return np.zeros(2)
    n_landmarks = int(min(1_000, max(10, present.sum() // 30)))
    return weighted_quantiles(
        values[present], None if weight is None else weight[present], np.linspace(0, 1, n_landmarks)
    )


def _as_normal(values: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Standard normal quantiles at the places of values among the landmarks; ties with several are placed amid them."""
    levels = np.linspace(0, 1, len(landmarks))
    from_below = np.interp(values, landmarks, levels)
    from_above = -np.interp(-values, -landmarks[::-1], -levels[::-1])
    return ndtri(np.clip((from_below + from_above) / 2, _LEAST_SHARE, 1 - _LEAST_SHARE))


def find_levels(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a column's cells, -1 where missing, and its levels in the order of their first rows.

    Raises
    ------
    TypeError
        For cells that cannot be told apart, naming the column and a row.
    """
    try:
        return _factorize(column)
    except TypeError:
        raise TypeError(
            f"Column {column.name!r} of X holds cells that are neither numbers, text nor dates "
            f"({_at(column, _is_no_level)}). An argument must be a string or a number."
        ) from None


class CategoryColumn:
    """Levels of a category as codes: 0 for a level never seen in `fit`, 1 for a missing cell, then the levels.

    With at most `max_onehot` levels the column is one-hot encoded (two levels without missing
    cells: one column of −1 and 1); an unseen level is then a row of zeros. With more, its codes go
    to a learned embedding, or without `embed` the `max_onehot` most frequent levels are one-hot
    encoded and the others treated as unseen.

    Where codes are embedded, levels of fewer than `min_frequency` rows in `fit` count as unseen, so that
    they share a vector that is trained. The logarithm of 1 + the number of rows with a cell's level,
    standardised, is then a number beside the codes: vectors of rare levels are noisy, and the
    network can tell which these are.
    """

    def __init__(self, max_onehot: int, embed: bool, min_frequency: int = 1):
        self.max_onehot = max_onehot
        self.embed = embed
        self.min_frequency = min_frequency

    def fit(self, column: pd.Series, weight=None):
        codes, levels = find_levels(column)
        position = codes[codes >= 0]
        self.held_ = sorted({cell_kind(level) for level in levels})
        self.constant_ = len(levels) == 1 and len(position) == len(column)
        self.embedded_ = len(levels) > self.max_onehot and self.embed
        if len(levels) > self.max_onehot:
            count = np.bincount(position, None if weight is None else weight[codes >= 0])
            if self.embed:
                levels = levels[count >= self.min_frequency]
            else:
                levels = levels[np.argsort(-count, kind="stable")[: self.max_onehot]]
        self.levels_ = _in_order(levels)
        self._codes = {level: code for code, level in enumerate(self.levels_, FIRST_LEVEL)}
        self.had_missing_ = len(position) < len(column)
        self.binary_ = len(levels) == 2 and not self.had_missing_ and not self.embedded_
        if self.embedded_:
            self._fit_frequency(column, weight)
        return self

    def _fit_frequency(self, column: pd.Series, weight) -> None:
        codes = self.codes(column)
        amount = np.log1p(np.bincount(codes, weight, minlength=self.cardinality))
        amount[UNSEEN] = 0
        mean = np.average(amount[codes], weights=weight)
        spread = np.sqrt(np.average(np.square(amount[codes] - mean), weights=weight))
        self.frequency_ = (amount - mean) / spread if spread > 0 else np.zeros(self.cardinality)

    @property
    def cardinality(self) -> int:
        """Number of codes, the two slots included."""
        return FIRST_LEVEL + len(self.levels_)

    @property
    def n_outputs(self) -> int:
        if self.embedded_:
            return 1
        return 0 if self.constant_ else 1 if self.binary_ else len(self.levels_) + self.had_missing_

    def codes(self, column: pd.Series) -> np.ndarray:
        """(n,) int64 codes of a column's cells."""
        try:
            codes, found = _factorize(column)
        except TypeError:
            got = f"cells that are no categories ({_at(column, _is_no_level)})"
            raise changed_type(column, "categories", got) from None
        self._check_type(column, found)
        lookup = [self._codes.get(level, UNSEEN) for level in found]
        return np.array([*lookup, MISSING], dtype=np.int64)[codes]

    def write(self, column: pd.Series, out: np.ndarray) -> None:
        """One-hot encode a column's cells into (n, n_outputs) float32 `out`."""
        codes = self.codes(column)
        if self.embedded_:
            out[:, 0] = self.frequency_[codes]
            return
        if self.binary_:
            out[:, 0] = np.where(codes < FIRST_LEVEL, 0, 2.0 * (codes - FIRST_LEVEL) - 1)
            return
        out[:] = 0
        first = MISSING if self.had_missing_ else FIRST_LEVEL
        rows = np.flatnonzero(codes >= first)
        out[rows, codes[rows] - first] = 1

    def names(self, name: str) -> list[str]:
        if self.embedded_:
            return [f"{name}_frequency"]
        if self.binary_:
            return [f"{name}_{self.levels_[1]}"]
        missing = [f"{name}_missing"] if self.had_missing_ else []
        return missing + [f"{name}_{level}" for level in self.levels_]

    def _check_type(self, column: pd.Series, found: np.ndarray) -> None:
        """Text that turned into numbers, or the reverse, would silently be all unseen."""
        if len(found) and not any(cell_kind(value) in self.held_ for value in found):
            got = f"{cell_kind(found[0])} ({_at(column, pd.notna)})"
            raise changed_type(column, " and ".join(self.held_), got)


class DateColumn:
    """A date as days since 1970 and, where they vary in `fit`, the season, the weekday and the time of day.

    Season and time of day are points on a circle (sine and cosine), the weekday is one-hot. A
    missing date has zeros in all of them. The days are a number for `NumberBlock` to scale.
    """

    def __init__(self, all_parts: bool = False):
        self.all_parts = all_parts  # whether or not they vary in `fit`

    def fit(self, column: pd.Series, weight=None):
        self.zone_ = getattr(column.dtype, "tz", None)
        stamps = self._stamps(column, fitting=True)
        parts = self._parts(stamps)
        if self.all_parts:
            self.parts_ = list(parts)
            return self
        self.parts_ = [name for name, values in parts.items() if np.ptp(values[~np.isnat(stamps)]) > 0]
        return self

    @property
    def n_outputs(self) -> int:
        return len(self.parts_)

    def days(self, column: pd.Series) -> np.ndarray:
        """(n,) float64 days since 1970, NaN where missing."""
        stamps = self._stamps(column)
        days = (stamps - np.datetime64(0, "D")) / _DAY
        return np.where(np.isnat(stamps), np.nan, days)

    def write(self, column: pd.Series, out: np.ndarray) -> None:
        stamps = self._stamps(column)
        parts = self._parts(stamps)
        for j, name in enumerate(self.parts_):
            out[:, j] = np.where(np.isnat(stamps), 0, parts[name])

    def names(self, name: str) -> list[str]:
        return [f"{name}_{part}" for part in self.parts_]

    def _stamps(self, column: pd.Series, fitting: bool = False) -> np.ndarray:
        """datetime64 in local time of the time zone that `fit` saw."""
        kind = column_kind(column)
        if kind == "empty":
            return np.full(len(column), np.datetime64("NaT", "us"))
        if kind != "date":
            got = f"something else ({_at(column, _is_no_date)}); convert it by pandas.to_datetime"
            raise changed_type(column, "dates", got)
        column = _as_datetimes(column)
        zone = getattr(column.dtype, "tz", None)
        if fitting:
            self.zone_ = zone
        elif zone is not None and self.zone_ is not None:
            column = column.dt.tz_convert(self.zone_)
        if zone is not None:
            column = column.dt.tz_localize(None)
        return column.to_numpy(dtype="datetime64[us]")

    @staticmethod
    def _parts(stamps: np.ndarray) -> dict[str, np.ndarray]:
        stamps = np.where(np.isnat(stamps), np.datetime64(0, "us"), stamps)
        day = stamps.astype("datetime64[D]")
        year = stamps.astype("datetime64[Y]").astype("datetime64[D]")
        season = 2 * np.pi * ((day - year) / _DAY) / 365.25
        clock = 2 * np.pi * ((stamps - day) / _DAY)
        weekday = (day.astype(np.int64) + 3) % 7  # 1970 began on a Thursday; 0 is Monday
        parts = {
            "season_sin": np.sin(season),
            "season_cos": np.cos(season),
            "clock_sin": np.sin(clock),
            "clock_cos": np.cos(clock),
        }
        return parts | {f"weekday_{k}": (weekday == k).astype(np.float64) for k in range(7)}


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
        return pd.to_datetime(column)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"The dates in column {column.name!r} of X must be of one kind and one time zone. Got cells that do "
            f"not go together ({error}); convert the column by pandas.to_datetime(..., utc=True)."
        ) from None


def _factorize(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a column's cells, -1 where missing, and its distinct cells as objects of Python."""
    # Not of the Series: what it finds would become an Index, which guesses at the type of its cells
    try:
        codes, found = pd.factorize(column.to_numpy() if column.dtype == object else column.array)
    except NotImplementedError:  # Arrow's lists and the like
        codes, found = pd.factorize(np.asarray(column, dtype=object))
    return codes, np.asarray(found, dtype=object)


def _is_no_number(cell) -> bool:
    try:
        pd.to_numeric(pd.Series([cell], dtype=object)).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError, ArithmeticError):
        return True
    return False


def _is_no_duration(cell) -> bool:
    return bool(pd.api.types.is_scalar(cell) and pd.notna(cell)) and not isinstance(
        cell, datetime.timedelta | np.timedelta64
    )


def _is_no_date(cell) -> bool:
    return bool(pd.api.types.is_scalar(cell) and pd.notna(cell)) and not isinstance(
        cell, datetime.date | np.datetime64 | pd.Period
    )


def _is_no_level(cell) -> bool:
    try:
        hash(cell)
    except TypeError:
        return True
    return False


def _at(column: pd.Series, is_odd) -> str:
    """The first cell that is odd and where it stands, in words."""
    for position, (label, cell) in enumerate(zip(column.index, column.astype(object), strict=True)):
        if is_odd(cell):
            labelled = "" if label == position else f", labelled {label!r}"
            return f"for instance {cell!r} in row {position}{labelled}"
    return "all are missing"


def cell_kind(value) -> str:
    """What a cell of a category is, in words."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, Number | np.bool_) and not isinstance(value, np.timedelta64):
        return "numbers"
    if isinstance(value, datetime.date | np.datetime64 | pd.Period):
        return "dates"
    if isinstance(value, datetime.timedelta | np.timedelta64):
        return "durations"
    return f"cells of type {type(value).__name__}"


def _in_order(levels) -> list:
    """Levels sorted, so that their codes do not depend on the order of the rows."""
    try:
        return sorted(levels, key=lambda level: (type(level).__name__, level))
    except TypeError:
        return sorted(levels, key=lambda level: (type(level).__name__, str(level)))


def changed_type(column: pd.Series, expected: str, got: str) -> ValueError:
    return ValueError(
        f"Column {column.name!r} of X held {expected} in fit; it has dtype {column.dtype} now and "
        f"holds {got}. Give it the type it had in fit."
    )
