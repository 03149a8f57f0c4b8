"""The columns of a table that users name."""

from __future__ import annotations

import numpy as np
import pandas as pd


def with_columns(estimator, network, X) -> np.ndarray | pd.DataFrame:
    """X as an array or a frame whose columns can be changed; other containers as the network reads them.

    Raises
    ------
    TypeError
        For sparse matrices, dicts and images; for a Pipeline also for other containers than these two.
    """
    if estimator is network and not isinstance(X, np.ndarray | pd.DataFrame):
        X = network._check_table(X)
    if not isinstance(X, np.ndarray | pd.DataFrame) or X.ndim != 2:
        raise TypeError(f"X must be a DataFrame or an array of two dimensions. Got {type(X).__name__}.")
    return X


def column_names(X: np.ndarray | pd.DataFrame) -> list:
    """Names of the columns, or positions where there are none or they repeat."""
    names = list(X.columns) if isinstance(X, pd.DataFrame) else []
    return names if len(set(map(str, names))) == X.shape[1] else list(range(X.shape[1]))


def column_position(X: np.ndarray | pd.DataFrame, column) -> int:
    """Position of a column that is named, or given by its position."""
    names = list(X.columns) if isinstance(X, pd.DataFrame) else []
    if column in names:
        return names.index(column)
    if isinstance(column, int | np.integer) and not isinstance(column, bool) and 0 <= column < X.shape[1]:
        return int(column)
    among = names or f"{X.shape[1]} columns"
    raise ValueError(f"A column must be given by its name or its position. Got {column!r}; X has {among}.")
