"""Kinds of columns, one file each, and the table of which encoder takes which.

A new kind is a file with its encoder (`_base.py` says what that is), and a line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from sknn.preprocessing._tables import column_groups, plain_columns
from sknn.preprocessing.columns._base import ColumnEncoder, RunningEncoder
from sknn.preprocessing.columns._category import MAX_ONEHOT, CategoryColumn, RunningCategory
from sknn.preprocessing.columns._cells import NeedsFrame, plain_cells
from sknn.preprocessing.columns._date import DateColumn, RunningDate
from sknn.preprocessing.columns._kinds import column_kind
from sknn.preprocessing.columns._numbers import CLIP, Numbers, RunningNumbers
from sknn.preprocessing.columns._reading import as_numbers_array
from sknn.preprocessing.columns._recurring_values import RecurringValues
from sknn.preprocessing.columns._scaling import FAR, LEAST_PROBABILITY
from sknn.preprocessing.columns._sparse import SparseNumbers, refuse_missing_sparse
from sknn.preprocessing.columns._text import TextColumn, is_text
from sknn.preprocessing.columns._written import written_kind

__all__ = [
    "CLIP",
    "FAR",
    "KINDS",
    "LEAST_PROBABILITY",
    "MAX_ONEHOT",
    "CategoryColumn",
    "ColumnEncoder",
    "DateColumn",
    "NeedsFrame",
    "Numbers",
    "RecurringValues",
    "RunningCategory",
    "RunningDate",
    "RunningEncoder",
    "RunningNumbers",
    "SparseNumbers",
    "TextColumn",
    "as_numbers_array",
    "column_kind",
    "encoders_of",
    "kind_of",
    "plain_cells",
    "refuse_missing_sparse",
    "table_kinds",
]


class Kind(NamedTuple):
    """A kind of column.

    Attributes
    ----------
    name : str
    encoders : tuple of ColumnEncoder classes
        Of whole tables.
    running : tuple of RunningEncoder classes
        Of streams.
    takes : callable(column, held) -> bool
        Whether a column is of this kind, which holds what `column_kind` says; by default what is named so.
    """

    name: str
    encoders: tuple[type[ColumnEncoder], ...]
    running: tuple[type[RunningEncoder], ...]
    takes: Callable[[pd.Series, str], bool] | None = None


# The first that takes a column decides. Encoders write in the order in which they first stand here.
KINDS = (
    Kind("date", (Numbers, DateColumn), (RunningNumbers, RunningDate)),
    Kind("text", (TextColumn,), (RunningCategory,), is_text),
    Kind("category", (CategoryColumn,), (RunningCategory,)),
    Kind("flag", (Numbers, RecurringValues), (RunningNumbers,)),
    Kind("number", (Numbers, RecurringValues), (RunningNumbers,)),
    Kind("duration", (Numbers, RecurringValues), (RunningNumbers,)),
)


def kind_of(column: pd.Series, read_text: bool = True) -> str:
    """Name of the kind that takes a column, or "empty". With `read_text` text may be numbers or dates."""
    held = column_kind(column)
    if held == "category" and read_text:
        held = written_kind(column) or held
    taken = (kind.name for kind in KINDS if (held == kind.name if kind.takes is None else kind.takes(column, held)))
    return next(taken, "empty")


def table_kinds(table: np.ndarray | pd.DataFrame, read_text: bool = True) -> list[str]:
    """The kind of each column; of plain numbers by dtype, and where none is missing together."""
    if not isinstance(table, pd.DataFrame):
        return ["flag" if table.dtype.kind == "b" else "number"] * table.shape[1]
    kinds = ["flag" if dtype.kind == "b" else "number" for dtype in table.dtypes]
    plain = plain_columns(table)
    floats = [j for j in plain if table.dtypes.iat[j].kind == "f"]
    for group in column_groups(len(table), floats):
        empty = np.isnan(table.iloc[:, group].to_numpy()).all(axis=0)
        for k in np.flatnonzero(empty):
            kinds[group[k]] = "empty"
    others = sorted({*range(table.shape[1])} - {*plain})
    for j, (_, column) in zip(others, table.iloc[:, others].items(), strict=True):
        kinds[j] = kind_of(column, read_text)
    return kinds


def encoders_of(kinds: list[str], *, running: bool = False) -> list[tuple[type[ColumnEncoder], list[int]]]:
    """Classes of encoders with the positions of their columns, in the order of their outputs.

    A column without a value has none; in a stream it has each, until a value tells its kind.
    """
    of_kind = {kind.name: kind.running if running else kind.encoders for kind in KINDS}
    classes = list(dict.fromkeys(encoder for encoders in of_kind.values() for encoder in encoders))
    found: list[tuple[type[ColumnEncoder], list[int]]] = []
    for encoder in classes:
        columns = [j for j, kind in enumerate(kinds) if encoder in of_kind.get(kind, classes if running else ())]
        groups = [columns] if encoder.takes_block else [[j] for j in columns]
        found += [(encoder, group) for group in groups if group]
    return found
