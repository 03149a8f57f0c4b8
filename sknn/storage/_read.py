"""Reading an archive: each claim of the file is checked before memory is taken for it, and nothing is run."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, BinaryIO

import torch

from sknn.storage._buffers import Buffer, restore
from sknn.storage._errors import ArchiveError
from sknn.storage._layout import FORMAT, ITEM_SIZES, MAX_HEADER, MAX_TREE, NO_DIGEST, TREE, VERSION, check_json
from sknn.storage._tree import decode


def read_archive(path: str | os.PathLike) -> Any:
    """Read what `write_archive` has written.

    It takes about as much memory as the file has bytes, whatever the file claims.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    tree : object
        With arrays and tensors of their own memory, on the CPU.

    Raises
    ------
    ArchiveError
        A ValueError: when the file is no archive, is cut off or damaged, or was written by a later version.
    OSError
        When there is no such file, or it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return _read(file, os.fstat(file.fileno()).st_size)
    except ArchiveError as error:
        raise ArchiveError(f"The file {os.fspath(path)!r} cannot be read. {error}") from error


def _read(file: BinaryIO, n_bytes: int) -> Any:
    length = int.from_bytes(_exactly(file, 8), "little")
    if not 2 <= length <= min(MAX_HEADER, n_bytes - 8):
        raise ArchiveError("It is no archive of sknn, or it is cut off: its header would be longer than it may be.")
    text = _exactly(file, length)
    header = _parsed(text, MAX_HEADER)
    digest = _checked_metadata(header)
    buffers = _checked_buffers(header, n_bytes - 8 - length)
    total = hashlib.sha256(length.to_bytes(8, "little"))
    total.update(text.replace(digest.encode(), NO_DIGEST.encode(), 1))
    memory = {}
    for name, buffer in buffers.items():
        memory[name] = torch.empty(buffer.n_bytes, dtype=torch.uint8)
        into = memory[name].numpy()
        if file.readinto(into) != buffer.n_bytes:  # type: ignore[attr-defined]
            raise ArchiveError("It is cut off.")
        total.update(into.data)
    if total.hexdigest() != digest:
        raise ArchiveError("It is damaged: its checksum does not fit what it holds.")
    tree = _parsed(memory.pop(TREE).numpy().tobytes(), MAX_TREE)
    return _with_arrays(tree, buffers, memory)


def _exactly(file: BinaryIO, n_bytes: int) -> bytes:
    data = file.read(n_bytes)
    if len(data) != n_bytes:
        raise ArchiveError("It is cut off.")
    return data


def _parsed(text: bytes, max_bytes: int) -> Any:
    check_json(text, max_bytes)
    try:
        return json.loads(text.decode("ascii"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"It has JSON that cannot be read: {error}.") from error


def _refuse_constant(name: str):
    raise ValueError(f"{name} is no number of JSON")


def _checked_metadata(header: Any) -> str:
    """The digest of a header, whose format and version are checked."""
    metadata = header.pop("__metadata__", None) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise ArchiveError("It is no archive of sknn.")
    if metadata.get("version") != VERSION:
        raise ArchiveError(
            f"It has the version {str(metadata.get('version'))[:20]!r} of the format; this release of sknn reads "
            f"{VERSION!r}. Read it with the release that wrote it, or a later one."
        )
    digest = metadata.get("sha256")
    if not isinstance(digest, str) or len(digest) != len(NO_DIGEST) or not digest.isalnum():
        raise ArchiveError("It has no checksum.")
    return digest


def _checked_buffers(header: dict, n_bytes: int) -> dict[str, Buffer]:
    """The buffers in their order in the file, which they fill without a gap."""
    buffers, position = {}, 0
    for name, entry in header.items():
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise ArchiveError("Its header lists a buffer otherwise than archives do.")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in ITEM_SIZES:
            raise ArchiveError(f"It holds an array of dtype {str(dtype)[:50]!r}, which no archive has.")
        if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 2**60 for n in shape):
            raise ArchiveError(f"It holds an array of shape {str(shape)[:200]}, which no archive has.")
        buffer = Buffer(dtype, tuple(shape))
        end = position + buffer.n_bytes
        if offsets != [position, end] or end > n_bytes:
            raise ArchiveError(
                f"It is cut off or damaged: an array of {buffer.n_bytes:,} bytes does not lie where its header says."
            )
        buffers[name], position = buffer, end
    if position != n_bytes:
        raise ArchiveError("It holds bytes that belong to no array.")
    if next(iter(buffers), None) != TREE or buffers[TREE].dtype != "U8":
        raise ArchiveError("It does not begin with its tree.")
    return buffers


def _with_arrays(tree: Any, buffers: dict[str, Buffer], memory: dict[str, torch.Tensor]) -> Any:
    """The data, with arrays in the place of their marks; each buffer must be asked for, always in the same way."""
    restored: dict[str, tuple[dict, Any]] = {}

    def fetch(mark: dict) -> Any:
        name = mark.get("name")
        if not isinstance(name, str) or name not in memory:
            raise ArchiveError("It refers to an array that it does not hold.")
        if name not in restored:
            restored[name] = mark, restore(buffers[name], memory[name], mark)
        if restored[name][0] != mark:
            raise ArchiveError("It refers to one array in two ways.")
        return restored[name][1]

    value = decode(tree, fetch)
    if len(restored) < len(memory):
        raise ArchiveError("It holds arrays that belong to nothing.")
    return value
