"""Plain data as JSON and back, with marks in the place of what JSON lacks; arrays are handed to the caller.

A mark is an object whose key "$" tells the kind. What is no plain data is refused, with its place in the tree.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sknn.storage._errors import ArchiveError
from sknn.storage._layout import MAX_DEPTH

MARK = "$"
_PLAIN = (str, int, bool, type(None))
_KEYS = (str, int, float, bool, type(None), bytes, tuple)

Store = Callable[[Any, str], dict]  # of (array or tensor, its place): the further entries of its mark
Fetch = Callable[[dict], Any]  # from such a mark to the array or tensor


def encode(value: Any, store: Store, place: str = "", depth: int = 0) -> Any:
    """A tree as what the JSON module takes.

    Raises
    ------
    TypeError
        For an object that is no plain data.
    ValueError
        For containers that are nested too deeply, or hold themselves.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"The data at {place[:200]!r} are nested more than {MAX_DEPTH} levels deep.")
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is float:
        return value if math.isfinite(value) else {MARK: "float", "value": repr(value)}
    if kind is bytes:
        return {MARK: "bytes", "value": base64.b64encode(value).decode()}
    if kind in (list, tuple):
        items = [encode(item, store, f"{place}/{i}", depth + 1) for i, item in enumerate(value)]
        return items if kind is list else {MARK: "tuple", "value": items}
    if kind is dict:
        return _encode_dict(value, store, place, depth)
    if kind in (np.ndarray, np.memmap):
        return {MARK: "array", **store(value, place)}
    if isinstance(value, np.generic):
        return {MARK: "scalar", **store(np.asarray(value), place)}
    if kind is torch.Tensor:
        return {MARK: "tensor", **store(value, place)}
    raise TypeError(
        f"An archive holds plain data, numpy arrays and torch tensors. Got {kind.__module__}.{kind.__qualname__} at "
        f"{place or '/'!r}."
    )


def _encode_dict(value: dict, store: Store, place: str, depth: int) -> dict:
    if MARK not in value and all(type(key) is str for key in value):
        return {key: encode(item, store, f"{place}/{key}", depth + 1) for key, item in value.items()}
    pairs = []
    for i, (key, item) in enumerate(value.items()):
        if not isinstance(key, (*_KEYS, np.generic)):
            raise TypeError(f"Keys of a dict must be plain data. Got {key!r} at {place or '/'!r}.")
        pairs.append(
            [encode(key, store, f"{place}/key {i}", depth + 1), encode(item, store, f"{place}/{i}", depth + 1)]
        )
    return {MARK: "dict", "value": pairs}


def decode(value: Any, fetch: Fetch, depth: int = 0) -> Any:
    """The tree that was encoded.

    Raises
    ------
    ArchiveError
        For what `encode` does not write.
    """
    if depth > MAX_DEPTH:
        raise ArchiveError(f"Its data are nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, list):
        return [decode(item, fetch, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if MARK not in value:
        return {key: decode(item, fetch, depth + 1) for key, item in value.items()}
    kind, inner = value[MARK], value.get("value")
    if kind in ("array", "scalar", "tensor"):
        return fetch(value)
    if kind == "float" and inner in ("nan", "inf", "-inf"):
        return float(inner)
    if kind == "bytes" and isinstance(inner, str):
        return _bytes(inner)
    if kind == "tuple" and isinstance(inner, list):
        return tuple([decode(item, fetch, depth + 1) for item in inner])
    if kind == "dict" and isinstance(inner, list):
        return _decode_dict(inner, fetch, depth)
    raise ArchiveError(f"It holds an unknown mark, {str(kind)[:50]!r}.")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ArchiveError("It holds bytes that are not written in base64.") from error


def _decode_dict(pairs: list, fetch: Fetch, depth: int) -> dict:
    decoded = {}
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ArchiveError("It holds a dict that is not written as pairs.")
        try:
            decoded[decode(pair[0], fetch, depth + 1)] = decode(pair[1], fetch, depth + 1)
        except TypeError as error:
            raise ArchiveError("It holds a dict with a key that cannot be one.") from error
    return decoded
