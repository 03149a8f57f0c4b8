"""Faults of a table, by its columns and rows: what a network learns from them does not hold for new rows."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from scipy.stats import kstest, rankdata

from sknn.inspection._findings import Case, Finding
from sknn.preprocessing.columns import kind_of

_LEAST_ROWS = 30  # fewer show nothing
_LEAST_PROBABILITY = 0.01  # of so uneven a spread, were a column of numbers spread evenly
_PERFECT = 0.99  # fraction of the errors of a constant that a column alone removes
_LEAST_ERRORS = 10  # of a constant prediction
_MOST_REPEATED = 0.2  # fraction of the held-out rows; the real tables have 0.09 at most
_MAX_NAMED = 5  # columns in a text


def find_identifiers(case: Case) -> Finding | None:
    """Columns that differ in every row and say nothing but which row it is.

    These are categories (not text of several words, not dates), and whole numbers that are spread evenly over their
    range, as row numbers and random codes are: the test of Kolmogorov and Smirnov does not reject it at 1 %. Measured
    numbers are not spread evenly.
    """
    columns = case.columns
    if len(columns) < _LEAST_ROWS:
        return None
    found = [name for j, name in enumerate(columns.columns) if _is_identifier(columns.iloc[:, j])]
    if not found:
        return None
    return Finding(
        "identifier",
        f"{_named(found)} {'have' if len(found) > 1 else 'has'} another value in every row, as an id does.",
        "drop it from X: what is learned of it holds for no other row. If its order means time, keep it as a date.",
    )


def _is_identifier(column: pd.Series) -> bool:
    if column.isna().any() or not column.is_unique:
        return False
    kind = kind_of(column)
    if kind != "number":
        return kind == "category"
    values = pd.to_numeric(column).to_numpy(dtype=np.float64)
    if (values != np.round(values)).any():
        return False
    evenly = (values - values.min()) / np.ptp(values)
    return kstest(evenly, "uniform").pvalue > _LEAST_PROBABILITY


def find_leaks(case: Case) -> Finding | None:
    """Columns of which each alone predicts the target without error, on rows that it was not learned from.

    A tree learns the target from one column on each half of the rows and predicts the other half. The errors are those
    of classes, or squared errors of the targets' ranks, which a few large targets do not decide.
    """
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    columns, y = case.columns.iloc[case.some], case.y[case.some]
    labelled = case.network._target.classes is not None
    if len(y) < _LEAST_ROWS:
        return None
    tree = DecisionTreeClassifier(random_state=0) if labelled else DecisionTreeRegressor(random_state=0)
    targets = y.reshape(len(y), -1).T
    coded = [np.unique(each, return_inverse=True)[1] if labelled else rankdata(each) for each in targets]
    coded = [each for each in coded if _errors(each, None, labelled) >= _LEAST_ERRORS]
    half = np.random.RandomState(0).permutation(len(y)) % 2
    found = []
    for j, name in enumerate(columns.columns):
        column = columns.iloc[:, j]
        if any(_removed(column, each, half, tree, labelled) >= _PERFECT for each in coded):
            found.append(name)
    if not found:
        return None
    return Finding(
        "leaking column",
        f"{_named(found)} alone {'predict' if len(found) > 1 else 'predicts'} y all but perfectly, on rows that it was "
        "not learned from.",
        "ask whether it is known when a prediction is made. If it is made from y, or recorded after it, drop it.",
    )


def _removed(column: pd.Series, target: np.ndarray, half: np.ndarray, tree, labelled: bool) -> float:
    """Fraction of the errors of a constant that the column removes."""
    predicted = np.empty(len(target))
    for part in (0, 1):
        train, test = half != part, half == part
        values = _as_numbers(column, target, train)
        predicted[test] = tree.fit(values[train], target[train]).predict(values[test])
    return 1 - _errors(target, predicted, labelled) / _errors(target, None, labelled)


def _errors(target: np.ndarray, predicted: np.ndarray | None, labelled: bool) -> float:
    if labelled:
        predicted = np.bincount(target).argmax() if predicted is None else predicted  # type: ignore[assignment]
        return float((target != predicted).sum())
    return float(np.square(target - (target.mean() if predicted is None else predicted)).sum())


def _as_numbers(column: pd.Series, target: np.ndarray, train: np.ndarray) -> np.ndarray:
    """A column (n, 1) of numbers, NaN where missing; of levels the mean target of their training rows."""
    kind = kind_of(column, read_text=False)
    if kind in ("number", "flag"):
        values = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    elif kind in ("date", "duration"):
        values = np.where(column.isna(), np.nan, column.astype("int64", errors="ignore").to_numpy())
    else:
        codes = pd.factorize(column.astype(str).where(column.notna(), "missing"))[0]
        count = np.bincount(codes[train], minlength=codes.max() + 1)
        total = np.bincount(codes[train], target[train], minlength=codes.max() + 1)
        values = np.where(count > 0, total / np.maximum(count, 1), target[train].mean())[codes]
    return np.clip(values.astype(np.float64), -1e38, 1e38).reshape(-1, 1)  # a tree works on float32


def find_repeated_rows(case: Case) -> Finding | None:
    """Held-out rows with an identical row, y included, among those that their member has trained on.

    Counts only where some column tells most of the distinct rows apart: few levels repeat by themselves.
    """
    members = getattr(case.network, "_held_out_rows", None)
    columns = case.columns
    if members is None or not columns.shape[1] or max(rows.max() for rows in members) >= len(columns):
        return None
    codes = _row_codes(columns, case.y)
    distinct = columns[~pd.Series(codes).duplicated().to_numpy()]
    if 2 * max(distinct.iloc[:, j].nunique() for j in range(distinct.shape[1])) < len(distinct):
        return None
    shared = [np.isin(codes[rows], np.delete(codes, rows)).mean() for rows in members]
    if np.mean(shared) < _MOST_REPEATED:
        return None
    return Finding(
        "repeated rows",
        f"{np.mean(shared):.0%} of the held-out rows have a copy, y included, among the rows that their member was "
        "trained on: validation and out-of-fold scores are too good.",
        "drop the copies, or replace them by sample_weight; if they belong to one person or thing, pass groups to fit.",
    )


def _row_codes(columns: pd.DataFrame, y: np.ndarray) -> np.ndarray:
    """A code for each row, the same for equal ones."""
    codes = {j: pd.factorize(columns.iloc[:, j])[0] for j in range(columns.shape[1])}
    codes["y"] = np.unique(y, axis=0, return_inverse=True)[1].ravel()  # type: ignore[index]
    return pd.util.hash_pandas_object(pd.DataFrame(codes), index=False).to_numpy()


def _named(columns: list[Hashable]) -> str:
    shown = ", ".join(repr(column) for column in columns[:_MAX_NAMED])
    more = f" and {len(columns) - _MAX_NAMED} more" if len(columns) > _MAX_NAMED else ""
    return f"{'Columns' if len(columns) > 1 else 'Column'} {shown}{more}"
