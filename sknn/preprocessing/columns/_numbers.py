"""Numbers, flags, durations and the days of dates: scaled, many columns at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from sknn.preprocessing._inputs import take_rows
from sknn.preprocessing._moments import RunningMoments
from sknn.preprocessing.columns._base import ColumnEncoder, RunningEncoder
from sknn.preprocessing.columns._date import zone_of
from sknn.preprocessing.columns._reading import read_cells, read_numbers, reads_plainly
from sknn.preprocessing.columns._scaling import (
    as_normal,
    column_range,
    quantile_landmarks,
    robust_scale,
    scale_by_quartiles,
    smooth_clip,
    standard_scale,
)

CLIP = 3.0
_BLOCK_SIZE = 1 << 20  # values scaled at a time, so that temporaries stay small


class _NumberEncoder(ColumnEncoder):
    """Reads the columns, and encodes them in blocks of rows."""

    takes_block = True

    def _fit(self, table, weight) -> None:
        dates = [
            table.iloc[:, j] if kind == "date" else None for j, kind in zip(self.columns_, self.kinds_, strict=True)
        ]
        self.zones_ = [None if column is None else zone_of(column) for column in dates]

    def read(self, table: np.ndarray | pd.DataFrame) -> np.ndarray:
        """(n, F) with NaN where missing."""
        return read_numbers(table, self.columns_, self.kinds_, self.zones_)

    def encode(self, table: np.ndarray | pd.DataFrame, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        # Others than plain numbers are read whole: a block would not tell what they are, or the row of an odd one
        values = None if reads_plainly(table, self.columns_, self.kinds_) else self.read(table)
        step = max(1, _BLOCK_SIZE // len(self.columns_))
        for start in range(0, len(table), step):
            rows = slice(start, start + step)
            block = self.read(take_rows(table, rows)) if values is None else values[rows]
            self.write(block, x_num[rows])
            self._refuse_infinity(table, block, x_num[rows], start)

    def write(self, values: np.ndarray, out: np.ndarray) -> None:
        """Encode (n, F) values into (n, n_features_) float32 `out`."""
        raise NotImplementedError

    def _refuse_infinity(self, table, values: np.ndarray, out: np.ndarray, start: int) -> None:
        """Numbers that are not scaled may be too large."""
        if not np.isinf(out).any():
            return
        with np.errstate(over="ignore"):
            row, k = np.argwhere(np.isinf(values.astype(np.float32)))[0]
        column = table.columns[self.columns_[k]] if isinstance(table, pd.DataFrame) else self.columns_[k]
        raise ValueError(
            f"Numbers that are not scaled must fit into float32. Got {values[row, k]} in column {column!r} of X, row "
            f"{start + row}; scale them before, or set preprocessing='auto'."
        )


class Numbers(_NumberEncoder):
    """Numbers and flags: centred, scaled, smoothly clipped, missing values at the centre and marked.

    A number x becomes z/√(1 + (z/3)²) with z = (x − median) / (interquartile range) (Holzmüller,
    Grinsztajn and Steinwart, "Better by default", NeurIPS 2024, section 3). Departing from them,
    where that range is zero the median distance of the other values from the median takes its
    place, and not half of the whole range: an amount that is mostly 0 keeps its differences.
    A flag becomes −1 or 1. A missing value becomes 0, and a column with missing values in `fit` gets
    another that holds 1 where one is missing and 0 elsewhere. Columns with a single value and
    nothing missing are left out.

    Other scales: "standard" subtracts the mean and divides by the standard deviation; "quantile" gives the
    quantile of the standard normal distribution of the fraction of rows that are below, as scikit-learn's
    `QuantileTransformer(output_distribution="normal")` does; False leaves numbers as they are.
    """

    max_quantile_rows = 100_000  # medians of more rows change nothing and cost memory

    def __init__(self, scale: bool | str = True, random_state=None):
        self.scale = "robust" if scale is True else scale
        self.random_state = random_state

    def fit(self, table, columns: Sequence[int], kinds: Sequence[str], weight=None):
        order = np.argsort([kind == "date" for kind in kinds], kind="stable")  # the days of dates come last
        return super().fit(table, [columns[k] for k in order], [kinds[k] for k in order], weight)

    def _fit(self, table: np.ndarray | pd.DataFrame, weight) -> None:
        super()._fit(table, weight)
        values, flags = self.read(table), np.array([kind == "flag" for kind in self.kinds_], dtype=bool)
        n_rows, n_columns = values.shape
        if n_rows > self.max_quantile_rows:
            random_state = check_random_state(self.random_state)
            rows = np.sort(random_state.choice(n_rows, self.max_quantile_rows, replace=False))
            sample, sample_weight = values[rows], None if weight is None else weight[rows]
        else:
            sample, sample_weight = values, weight
        missing = np.isnan(values).any(axis=0)
        low, high = column_range(values)
        center, factor = np.zeros(n_columns), np.ones(n_columns)
        center[flags], factor[flags] = 0.5, 2.0
        if self.scale:
            scaled = np.flatnonzero(~flags)
            fit = standard_scale if self.scale == "standard" else robust_scale
            if fit is robust_scale and sample_weight is None:
                rest = scale_by_quartiles(sample, scaled, center, factor)
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
                self.quantiles_[k] = quantile_landmarks(sample[:, self.kept_[k]], sample_weight)

    @property
    def n_features_(self) -> int:
        return len(self.kept_) + len(self.marked_)

    def encode_cells(self, cells: Sequence, x_num: np.ndarray, x_cat: np.ndarray) -> None:
        self.write(read_cells(cells, self.columns_, self.kinds_, self.zones_), x_num)

    def write(self, values: np.ndarray, out: np.ndarray) -> None:
        kept = values if len(self.kept_) == values.shape[1] else values[:, self.kept_]
        with np.errstate(over="ignore", invalid="ignore"):  # infinity is at the clip, or refused below
            z = kept - self.center_.astype(kept.dtype)
            z *= self.factor_.astype(kept.dtype)
            n_kept = z.shape[1]
            if self.clipped_.all():
                smooth_clip(z, CLIP)
            elif self.scale == "robust":
                z[:, self.clipped_] = smooth_clip(z[:, self.clipped_], CLIP)
            for k, landmarks in self.quantiles_.items():
                z[:, k] = as_normal(kept[:, k], landmarks)
            np.copyto(z, 0, where=np.isnan(z))
            out[:, :n_kept] = z
        if len(self.marked_):
            out[:, n_kept:] = np.isnan(values[:, self.marked_])

    def feature_names(self, names: Sequence[str]) -> list[str]:
        names = [names[j] for j in self.columns_]
        return [names[k] for k in self.kept_] + [f"{names[k]}_missing" for k in self.marked_]


class RunningNumbers(_NumberEncoder, RunningEncoder):
    """Numbers of a stream: minus the mean, divided by the standard deviation so far; none is left out.

    Each has an indicator column of missing values, from the first missing one on.
    """

    def __init__(self, scale: bool = True):
        self.scale = scale

    def _fit(self, table: np.ndarray | pd.DataFrame, weight) -> None:
        super()._fit(table, weight)
        self.moments_ = RunningMoments(len(self.columns_))

    def update(self, table, weight=None) -> None:
        before = list(self.kinds_)
        self.learn_kinds(table)
        for k, (old, new) in enumerate(zip(before, self.kinds_, strict=True)):
            if old != new == "date":
                self.zones_[k] = zone_of(table.iloc[:, self.columns_[k]])
        self.moments_.update(self.read(table), weight)

    def read(self, table: np.ndarray | pd.DataFrame) -> np.ndarray:
        return super().read(table).astype(np.float64, copy=False)

    @property
    def n_features_(self) -> int:
        return 2 * len(self.columns_)

    def write(self, values: np.ndarray, out: np.ndarray) -> None:
        n_numbers, missing = values.shape[1], np.isnan(values)
        with np.errstate(over="ignore"):  # refused afterwards
            out[:, :n_numbers] = np.where(missing, 0, self._scaled(values))
        out[:, n_numbers:] = missing & (self.moments_.n_missing > 0)

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        if not self.scale:
            return values
        spread = self.moments_.spread
        varies = spread > 0
        with np.errstate(over="ignore", invalid="ignore"):
            z = (values - np.where(varies, self.moments_.mean, 0)) / np.where(varies, spread, 1)
            return np.where(varies, smooth_clip(z, CLIP), 0)

    def write_expected(self, x_num: np.ndarray, x_cat: np.ndarray, random_state: np.random.RandomState) -> None:
        """Standard normal numbers without missing values."""
        shape = len(x_num), len(self.columns_)
        x_num[:, : shape[1]] = smooth_clip(random_state.normal(size=shape), CLIP)
