"""Writing an archive: beside its place first, then renamed, so that a crash leaves the old file or the new one."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sknn.storage._buffers import Buffer, describe, raw
from sknn.storage._errors import ArchiveError
from sknn.storage._layout import FORMAT, ITEM_SIZES, MAX_HEADER, MAX_TREE, NO_DIGEST, TREE, VERSION, check_json
from sknn.storage._tree import encode


def write_archive(path: str | os.PathLike, tree: Any) -> None:
    """Write plain data with arrays to one file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        Where to write; a file that is there is replaced.
    tree : object
        dict, list, tuple, str, int, float, bool, None and bytes, nested up to 64 levels deep, with numpy arrays and
        scalars and torch tensors in them: numbers, booleans, text and dates, none of dtype object. Subclasses are
        refused. An array that comes up twice, as the same object, is stored once. Tensors may be on any device; they
        are read to the CPU.

    Raises
    ------
    TypeError
        For what is no plain data, with its place in the tree.
    ValueError
        For data beyond the limits of the reader: too deep, or more than a million items outside of arrays.
    OSError
        When the file cannot be written; one that was there is then unchanged.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from sknn.storage import read_archive, write_archive
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_archive(f"{folder}/a.sknn", {"epoch": 3, "weights": [np.array([1.0, 2.0])]})
    ...     read_archive(f"{folder}/a.sknn")
    {'epoch': 3, 'weights': [array([1., 2.])]}
    """
    arrays: dict[str, tuple[Buffer, Any]] = {}
    known: dict[int, dict] = {}  # by identity

    def store(value: np.ndarray | torch.Tensor, place: str) -> dict:
        if id(value) not in known:
            buffer, mark = describe(value, place)
            name = _new_name(place, arrays)
            arrays[name] = buffer, value  # which also keeps it, and its id, alive
            known[id(value)] = {"name": name, **mark}
        return known[id(value)]

    text = _json(encode(tree, store), MAX_TREE)
    # Longer items first: each buffer then begins at a multiple of the length of its items.
    names = sorted(arrays, key=lambda name: -ITEM_SIZES[arrays[name][0].dtype])
    buffers = {TREE: Buffer("U8", (len(text),))} | {name: arrays[name][0] for name in names}
    with _replacing(Path(path)) as file:
        header = _header(buffers)
        digest = hashlib.sha256()
        parts: Iterator[bytes | memoryview] = (raw(arrays[name][1]).data for name in names)
        for part in itertools.chain((header, text), parts):
            digest.update(part)
            file.write(part)
        file.seek(header.index(NO_DIGEST.encode()))
        file.write(digest.hexdigest().encode())


def _new_name(place: str, taken: dict) -> str:
    """The name of a buffer: its place in the tree, for other programs that read the file."""
    name = place.removeprefix("/")[-200:] or "array"
    return name if name not in (TREE, "__metadata__", *taken) else f"{name} ({len(taken)})"


def _header(buffers: dict[str, Buffer]) -> bytes:
    """The header with its length before it, and zeros in the place of the digest."""
    header: dict[str, Any] = {"__metadata__": {"format": FORMAT, "version": VERSION, "sha256": NO_DIGEST}}
    begin = 0
    for name, buffer in buffers.items():
        end = begin + buffer.n_bytes
        header[name] = {"dtype": buffer.dtype, "shape": list(buffer.shape), "data_offsets": [begin, end]}
        begin = end
    text = _json(header, MAX_HEADER)
    return len(text).to_bytes(8, "little") + text


def _json(value: Any, max_bytes: int) -> bytes:
    """JSON in ASCII that the reader will take, filled up to a multiple of eight bytes."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    try:
        check_json(text, max_bytes - 8)
    except ArchiveError as error:
        raise ValueError(f"These data are too many for an archive: put them into arrays. {error}") from error
    return text + b" " * (-len(text) % 8)


@contextmanager
def _replacing(path: Path):
    """A new file beside `path` that takes its place at the end of the block, and goes if the block fails."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system has that for folders."""
    with suppress(OSError, AttributeError):
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
