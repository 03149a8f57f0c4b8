"""How an archive lies in its file, and the limits that writer and reader share.

An archive is a safetensors file: eight bytes with the length of a JSON header (little-endian), the header, and the raw
buffers that it lists, one after the other. `__metadata__` of the header holds the format, its version, and the SHA-256
of the file with 64 zeros in its own place. The first buffer, `tree`, is JSON: the data, with marks where arrays go.

Reference: https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import math
import re

import numpy as np
import torch

from sknn.storage._errors import ArchiveError

FORMAT, VERSION = "sknn", "1"
TREE = "tree"  # the buffer of the JSON
NO_DIGEST = "0" * 64
MAX_HEADER, MAX_TREE = 2**25, 2**26  # bytes
MAX_ITEMS = 1_000_000  # separators and brackets in one JSON text; in memory each takes about 100 bytes at most
MAX_DEPTH = 64  # containers in containers
MAX_EMPTY = 10_000_000  # product of the other dimensions of an array that holds nothing
MAX_DIMENSIONS = 32

TORCH_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "U16": torch.uint16,
    "I16": torch.int16,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "U32": torch.uint32,
    "I32": torch.int32,
    "F32": torch.float32,
    "U64": torch.uint64,
    "I64": torch.int64,
    "F64": torch.float64,
    "C64": torch.complex64,
}
NUMPY_DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
    "C64": "<c8",
}
ITEM_SIZES = {name: dtype.itemsize for name, dtype in TORCH_DTYPES.items()}
# What numpy has besides is stored as bytes, with its name in the tree: dates, text, long complex numbers, big-endian.
_OTHER_DTYPES = re.compile(
    r"<[mM]8(\[\d{0,9}[a-zA-Z]{1,2}\])?|<c16|>[iuf][248]|>c(8|16)|[<>]U[1-9]\d{0,6}|\|S[1-9]\d{0,6}"
)

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_NO_SEPARATOR = bytes(set(range(256)) - set(b"[{,:"))


def other_dtype(name: object) -> np.dtype:
    """The dtype that is stored as bytes."""
    if not isinstance(name, str) or not _OTHER_DTYPES.fullmatch(name):
        raise ArchiveError(f"It holds an array of dtype {str(name)[:50]!r}, which no archive has.")
    try:
        return np.dtype(name)
    except (TypeError, ValueError) as error:
        raise ArchiveError(f"It holds an array of dtype {name!r}, which does not exist.") from error


def is_other_dtype(dtype: np.dtype) -> bool:
    return dtype.names is None and dtype.subdtype is None and bool(_OTHER_DTYPES.fullmatch(dtype.str))


def n_values(shape: tuple[int, ...]) -> int:
    """The number of values in an array of a shape, which is checked.

    Raises
    ------
    ArchiveError
        For a shape of too many dimensions, or one that claims much where it holds nothing.
    """
    total = math.prod(shape[:MAX_DIMENSIONS])
    if len(shape) > MAX_DIMENSIONS or (total == 0 and math.prod(max(n, 1) for n in shape) > MAX_EMPTY):
        raise ArchiveError(f"It holds an array of shape {str(shape)[:200]}, which no archive has.")
    return total


def check_json(data: bytes, max_bytes: int) -> None:
    """Refuse JSON that would take much memory, or many frames of the interpreter, before it is parsed.

    Raises
    ------
    ArchiveError
        For more than `MAX_ITEMS` items, a depth over what `MAX_DEPTH` needs, or characters outside of ASCII.
    """
    if len(data) > max_bytes:
        raise ArchiveError(f"It has JSON of {len(data):,} bytes, of at most {max_bytes:,}.")
    if not data.isascii():
        raise ArchiveError("It has JSON with characters outside of ASCII.")
    bare = _STRING.sub(b"", data)
    if len(bare.translate(None, _NO_SEPARATOR)) > MAX_ITEMS:
        raise ArchiveError(f"It has JSON of more than {MAX_ITEMS:,} items.")
    brackets = np.frombuffer(bare.translate(None, _NO_BRACKET), np.uint8)
    depths = np.cumsum(np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1))
    if len(depths) and depths.max() > 4 * MAX_DEPTH:  # with its mark, a container takes up to three levels
        raise ArchiveError(f"It has JSON that is nested {depths.max():,} levels deep.")
