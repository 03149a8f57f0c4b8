"""Plain data as the objects that they were written from. The data may come from anywhere: nothing they say is run.

What they say is checked only as far as memory and types of Python are concerned; whatever does not fit raises some
error, which the caller turns into one of its own.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from sknn.modules import rebuild
from sknn.plain._names import LOSS_KINDS, NAMES
from sknn.plain._write import MARK
from sknn.preprocessing import from_plain
from sknn.targets import Loss, find_loss

_VALUES = {
    "NaT", "NA", "Timestamp", "Timedelta", "Period", "Interval", "scalar", "datetime64", "float", "datetime", "date",
    "time", "timedelta", "zone", "decimal", "bytes", "tuple",
}  # fmt: skip


class Reader:
    """Reads what a `Writer` wrote.

    Parameters
    ----------
    classes : mapping
        Those of the writer.
    foreign : mapping, default={}
        By the kinds of marks that the caller's `foreign` has written, what reads them.
    """

    def __init__(self, classes: Mapping[str, type], foreign: Mapping[str, Callable[[dict], Any]] | None = None):
        self._classes = classes
        self._foreign = foreign or {}
        self._known: dict[int, Any] = {}

    def read(self, plain: Any) -> Any:
        kind = type(plain)
        if kind is list:
            return [self.read(part) for part in plain]
        if kind is tuple:
            return tuple([self.read(part) for part in plain])
        if kind is not dict:
            return plain
        if MARK not in plain:
            return {key: self.read(part) for key, part in plain.items()}
        mark = plain[MARK]
        return self._foreign[mark](plain) if mark in self._foreign else _READERS[mark](self, plain)

    def _object(self, plain: dict) -> Any:
        cls = self._classes[plain["class"]]
        if issubclass(cls, tuple):
            return self._known.setdefault(plain["number"], cls(*_of_type(list, self.read(plain["state"]))))
        value: Any = object.__new__(cls)
        self._known[plain["number"]] = value
        state = self.read(plain["state"])
        if not all(isinstance(name, str) for name in state):
            raise TypeError("Names of attributes must be text.")
        vars(value).update(state)
        return value

    def _network(self, plain: dict) -> Any:
        tensors = {str(name): as_tensor(values) for name, values in plain["tensors"].items()}
        module = rebuild(self.read(plain["plan"]), tensors)
        self._known[plain["number"]] = module
        return module

    def _frame(self, plain: dict) -> pd.DataFrame:
        columns = [_of_type(np.ndarray, self.read(column)) for column in plain["columns"]]
        if any(len(column) != plain["n_rows"] for column in columns):
            raise ValueError("Columns of a frame must have one length.")
        frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(plain["n_rows"]))
        frame.columns = pd.Index(_of_type(list, self.read(plain["names"])))
        return frame


def _of_type(cls: type, value: Any) -> Any:
    if not isinstance(value, cls):
        raise TypeError(f"A {cls.__name__} is due, and not a {type(value).__name__}.")
    return value


def as_tensor(values: np.ndarray) -> torch.Tensor:
    """An array as a tensor, which may go on to use its memory."""
    return torch.from_numpy(values if values.flags.writeable else values.copy())


def _tensor(reader: Reader, plain: dict) -> torch.Tensor:
    tensor, dtype = as_tensor(plain["values"]), NAMES[plain["dtype"]]
    tensor = tensor.view(dtype) if dtype is torch.bfloat16 else tensor
    if tensor.dtype is not dtype:
        raise TypeError("The dtype of a tensor must be that of its values.")
    return tensor


def _objects(reader: Reader, plain: dict) -> np.ndarray:
    items = _of_type(list, reader.read(plain["items"]))
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array.reshape(plain["shape"])


def _texts(reader: Reader, plain: dict) -> list[str]:
    characters, ends = plain["characters"].tobytes(), plain["ends"].tolist()
    pieces = zip([0, *ends[:-1]], ends, strict=True)
    return [characters[start:end].decode("utf-8", "surrogatepass") for start, end in pieces]


def _random_state(reader: Reader, plain: dict) -> np.random.RandomState:
    random_state, state = np.random.RandomState(), reader.read(plain["state"])
    if state["bit_generator"] != "MT19937":
        raise ValueError("A RandomState must be one of MT19937.")
    random_state.set_state(state)
    return random_state


def _value(reader: Reader, plain: dict) -> Any:
    _check_value(plain["value"])
    return from_plain(plain["value"])


def _check_value(value: Any) -> None:
    if isinstance(value, dict) and not value.keys() <= _VALUES:
        raise ValueError("A value of this kind is not stored so.")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_value(part)


def _scalar(reader: Reader, plain: dict) -> np.generic:
    if plain["value"].shape != ():
        raise ValueError("A scalar has no dimensions.")
    return plain["value"][()]


def _loss(reader: Reader, plain: dict) -> Loss:
    loss = reader.read(plain["name"])
    if not isinstance(loss, str) and not callable(loss):
        raise TypeError("A loss is a name or callable.")
    return find_loss(loss, LOSS_KINDS[plain["kind"]])


def _path(reader: Reader, plain: dict) -> pathlib.Path:
    return pathlib.Path(plain["name"])


_READERS: dict[str, Callable[[Reader, dict], Any]] = {
    "object": lambda reader, plain: reader._object(plain),  # which subclasses extend
    "same": lambda reader, plain: reader._known[plain["number"]],
    "network": Reader._network,
    "frame": Reader._frame,
    "tensor": _tensor,
    "objects": _objects,
    "texts": _texts,
    "numbers": lambda reader, plain: plain["values"].tolist(),
    "scalar": _scalar,
    "RandomState": _random_state,
    "value": _value,
    "path": _path,
    "name": lambda reader, plain: NAMES[plain["name"]],
    "loss": _loss,
    "device": lambda reader, plain: torch.device(plain["name"]),
    "bytes": lambda reader, plain: plain["values"].tobytes(),
    "slice": lambda reader, plain: slice(*plain["values"]),
    "dict": lambda reader, plain: {reader.read(key): reader.read(part) for key, part in plain["pairs"]},
}
