"""Several tables of the same rows: the inputs of a module whose `forward` takes more than one.

Like a single table, they have a shape, and rows are taken by position.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

WHAT_X_MAY_BE = (
    "X must be an array, a DataFrame, a sparse matrix or a tensor; or, with preprocessing=None and a module of your "
    "own, a dict of arrays, one for each input that its forward names."
)


class Inputs:
    """Tables by the names of a module's inputs; also their encoded arrays.

    Parameters
    ----------
    inputs : dict of str to ndarray, CSR array or DataFrame
        All of the same number of rows.
    """

    def __init__(self, inputs: dict):
        self.inputs = inputs

    def __len__(self) -> int:
        return next(iter(self.inputs.values())).shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows, and of values per row in all inputs."""
        return len(self), sum(math.prod(table.shape[1:]) for table in self.inputs.values())

    @property
    def row_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of a row of each input."""
        return {name: tuple(table.shape[1:]) for name, table in self.inputs.items()}

    def map(self, function: Callable) -> Inputs:
        return Inputs({name: function(table) for name, table in self.inputs.items()})

    def take(self, rows: np.ndarray | slice) -> Inputs:
        """Rows by position."""
        return self.map(lambda table: take_rows(table, rows))

    def __getitem__(self, key):
        """An input by its name, as a scorer of the user's looks them up; else rows by position."""
        return self.inputs[key] if isinstance(key, str) else self.take(key)

    def copy(self) -> Inputs:
        return self.map(lambda table: table.copy())

    def head(self, n_rows: int) -> Inputs:
        return self.take(slice(n_rows))


def take_rows(table, rows: np.ndarray | slice):
    """Rows of a table, by position."""
    return table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows]


def row_shapes(table) -> dict[str, tuple[int, ...]] | None:
    """What several inputs hold for a row; None of a single table."""
    return table.row_shapes if isinstance(table, Inputs) else None


def check_row_shapes(seen: dict[str, tuple[int, ...]] | None, table) -> None:
    """Refuse several inputs in the place of one table, one in that of several, and others than `fit` has `seen`.

    Raises
    ------
    ValueError
        With the inputs that differ, and those of `fit`.
    """
    found = row_shapes(table)
    if seen is None:
        if found is not None:
            raise ValueError(f"X must be a single table, as in fit. Got a dict of {_described(found)}.")
        return
    must = f"X must be a dict of the inputs of fit: {_described(seen)}."
    if found is None:
        raise ValueError(f"{must} Got {type(table).__name__} of shape {table.shape}.")
    if found == seen:
        return
    differs = [f"without {name!r}" for name in seen if name not in found]
    differs += [f"with {name!r}, which fit did not see" for name in found if name not in seen]
    differs += [f"{name!r} of shape {_shape(shape)}" for name, shape in found.items() if seen.get(name, shape) != shape]
    raise ValueError(f"{must} Got one {', '.join(differs)}.")


def _described(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name!r} {_shape(shape)}" for name, shape in shapes.items())


def _shape(shape: tuple[int, ...]) -> str:
    return "(n_samples" + "".join(f", {size}" for size in shape) + ("," if not shape else "") + ")"
