"""Objects as plain data. What is no plain data and of no known class is handed to the caller.

A mark is a dict whose key "@" tells the kind; `_read` has the way back of each.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from sknn.modules import plan_of
from sknn.plain._names import LOSS_KINDS, NAMES
from sknn.preprocessing import to_plain
from sknn.targets import Loss

MARK = "@"
_PLAIN = (type(None), bool, int, float, str)
_LEAST_PACKED = 64  # entries of a list that becomes an array

Foreign = Callable[[Any, str], Any]  # from an object and its place to what stands for it


class NotPlainError(TypeError):
    """An object that cannot be stored as plain data."""

    def __init__(self, value: Any, place: str):
        super().__init__(f"{type(value).__name__} at {place!r}: {value!r:.200}")
        self.value, self.place = value, place


class Writer:
    """Writes the objects of one estimator; an object that comes up twice is written once.

    Parameters
    ----------
    classes : mapping
        Classes by name, whose objects are written as their attributes.
    foreign : callable
        Gives what stands for any other object, or raises.
    """

    def __init__(self, classes: Mapping[str, type], foreign: Foreign):
        self._name_of = {cls: name for name, cls in classes.items()}
        self._foreign = foreign
        self._known: dict[int, tuple[int, Any]] = {}  # the number of each object, which is kept alive, by its id

    def write(self, value: Any, place: str = "") -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is list:
            return _packed(value) or [self.write(part, f"{place}/{i}") for i, part in enumerate(value)]
        if kind is tuple:
            return tuple([self.write(part, f"{place}/{i}") for i, part in enumerate(value)])
        if kind is dict:
            return self._dict(value, place)
        if kind in (np.ndarray, np.memmap):
            return self._array(value, place)
        if isinstance(value, np.generic) and kind not in (np.str_, np.bytes_):
            return {MARK: "scalar", "value": np.asarray(value)}
        if kind in self._name_of:
            return self._object(value, place)
        for kinds, write in _OTHERS:
            if isinstance(value, kinds):
                return write(self, value, place)
        return self._named(value, place)

    def _dict(self, value: dict, place: str) -> dict:
        if MARK not in value and all(type(key) is str for key in value):
            return {key: self.write(part, f"{place}/{key}") for key, part in value.items()}
        pairs = [
            [self.write(key, f"{place}/key {i}"), self.write(part, f"{place}/{key}")]
            for i, (key, part) in enumerate(value.items())
        ]
        return {MARK: "dict", "pairs": pairs}

    def _array(self, value: np.ndarray, place: str) -> Any:
        if value.dtype.kind == "O":
            return {MARK: "objects", "shape": list(value.shape), "items": self.write(value.ravel().tolist(), place)}
        if value.dtype.kind in "TV":
            return self._foreign(value, place)
        return np.asarray(value)

    def _object(self, value: Any, place: str) -> dict:
        if id(value) in self._known:
            return {MARK: "same", "number": self._known[id(value)][0]}
        number = len(self._known)
        self._known[id(value)] = number, value
        state = self.write(list(value), place) if isinstance(value, tuple) else self.attributes(value, place)
        return {MARK: "object", "class": self._name_of[type(value)], "number": number, "state": state}

    def attributes(self, value: Any, place: str = "") -> dict:
        """Those of an object, but not what is derived from others."""
        return {
            name: self.write(part, f"{place}/{name}")
            for name, part in vars(value).items()
            if not isinstance(getattr(type(value), name, None), cached_property)
        }

    def _module(self, value: nn.Module, place: str) -> Any:
        plan = plan_of(value)
        if plan is None:
            return self._foreign(value, place)
        if id(value) in self._known:
            return {MARK: "same", "number": self._known[id(value)][0]}
        number = len(self._known)
        self._known[id(value)] = number, value
        tensors = {name: as_array(tensor) for name, tensor in value.state_dict().items()}
        return {MARK: "network", "number": number, "plan": self.write(plan, f"{place}/plan"), "tensors": tensors}

    def _tensor(self, value: torch.Tensor, place: str) -> Any:
        name = str(value.dtype)
        if type(value) is not torch.Tensor or value.layout is not torch.strided or name not in NAMES:
            return self._foreign(value, place)
        return {MARK: "tensor", "dtype": name, "values": as_array(value)}

    def _loss(self, value: Loss, place: str) -> dict:
        kind = next(name for name, target in LOSS_KINDS.items() if issubclass(value.target, target))
        return {MARK: "loss", "kind": kind, "name": self.write(value.name, f"{place}/name")}

    def _frame(self, value: pd.DataFrame, place: str) -> Any:
        if not value.columns.is_unique or not value.index.equals(pd.RangeIndex(len(value))):
            return self._foreign(value, place)
        columns = [
            column.to_numpy() if isinstance(column.dtype, np.dtype) else column.astype(object).to_numpy()
            for _, column in value.items()
        ]
        return {
            MARK: "frame",
            "names": self.write(value.columns.tolist(), place),
            "columns": [self.write(column, place) for column in columns],
            "n_rows": len(value),
        }

    def _random_state(self, value: np.random.RandomState, place: str) -> Any:
        return {MARK: "RandomState", "state": self.write(value.get_state(legacy=False), place)}

    def _named(self, value: Any, place: str) -> Any:
        name = next((name for name, known in NAMES.items() if known is value), None)
        if name is not None:
            return {MARK: "name", "name": name}
        try:
            plain = to_plain(value)
        except TypeError:
            return self._foreign(value, place)
        if isinstance(plain, dict) and not plain.keys() & {"object", "dict"}:
            return {MARK: "value", "value": plain}
        return plain if isinstance(plain, str) else self._foreign(value, place)


# Kinds that subclasses belong to as well; the first that fits is taken.
_OTHERS: tuple[tuple[Any, Callable[[Writer, Any, str], Any]], ...] = (
    (nn.Module, Writer._module),
    (torch.Tensor, Writer._tensor),
    (Loss, Writer._loss),
    (pd.DataFrame, Writer._frame),
    (np.random.RandomState, Writer._random_state),
    (torch.device, lambda writer, value, place: {MARK: "device", "name": str(value)}),
    (bytes, lambda writer, value, place: {MARK: "bytes", "values": np.frombuffer(value, np.uint8)}),
    (slice, lambda writer, value, place: {MARK: "slice", "values": [value.start, value.stop, value.step]}),
    (pathlib.PurePath, lambda writer, value, place: {MARK: "path", "name": str(value)}),
)


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """The values of a tensor, as whole numbers of the same bits where numpy lacks its dtype."""
    tensor = tensor.detach().cpu()
    return tensor.view(torch.int16).numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()


def _packed(values: list) -> dict | None:
    """A long list of only text, only floats or only whole numbers as arrays."""
    if len(values) < _LEAST_PACKED:
        return None
    kinds = set(map(type, values))
    if kinds == {float}:
        return {MARK: "numbers", "values": np.array(values, dtype=np.float64)}
    if kinds == {int} and min(values) >= -(2**63) and max(values) < 2**63:
        return {MARK: "numbers", "values": np.array(values, dtype=np.int64)}
    if kinds == {str}:
        encoded = [value.encode("utf-8", "surrogatepass") for value in values]
        ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
        return {MARK: "texts", "characters": np.frombuffer(b"".join(encoded), np.uint8), "ends": ends}
    return None
