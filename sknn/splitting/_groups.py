"""The check of `groups`, and of validation rows from groups of the training rows.

How groups are held out is in `_splitting.py`.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd


def check_groups(groups: np.ndarray, n_rows: int) -> np.ndarray:
    """The group of each row, of a sortable type.

    Raises
    ------
    ValueError
        For another number of rows or of dimensions.
    """
    if groups.shape not in ((n_rows,), (n_rows, 1)):
        raise ValueError(f"groups must hold a group for each of the {n_rows} rows of X. Got shape {groups.shape}.")
    groups = groups.ravel()
    if groups.dtype == object and len({type(group) for group in groups}) > 1:
        return pd.factorize(groups)[0]  # unsortable values become codes
    return groups


def warn_of_shared_groups(table, groups: np.ndarray, held_out_table) -> None:
    """Warn if the user's validation rows evidently have groups in common with the training rows.

    That is where they are equal to rows of `table`, or a column holds the groups.
    """
    rows, held_out = _as_frame(table), _as_frame(held_out_table)
    if rows is None or held_out is None:
        return
    is_shared = _is_among(held_out, rows)
    for k in range(rows.shape[1]):
        if np.array_equal(rows.iloc[:, k].to_numpy(), groups):
            is_shared |= held_out.iloc[:, k].isin(groups).to_numpy()
    if is_shared.any():
        warnings.warn(
            f"{is_shared.sum()} of the {len(is_shared)} rows of X_val are of groups that X has too, so that their "
            "loss is optimistic. Leave those groups out of X, or X_val.",
            UserWarning,
            stacklevel=2,
        )


def _as_frame(table) -> pd.DataFrame | None:
    if isinstance(table, np.ndarray):
        return pd.DataFrame(np.reshape(table, (len(table), -1)))
    return table if isinstance(table, pd.DataFrame) else None  # sparse, or several inputs


def _is_among(some: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    try:
        of_some, of_rows = (pd.util.hash_pandas_object(frame, index=False).to_numpy() for frame in (some, rows))
    except TypeError:  # values that cannot be hashed
        return np.zeros(len(some), dtype=bool)
    return np.isin(of_some, of_rows)
