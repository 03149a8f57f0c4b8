"""Arrays and tensors as the raw little-endian buffers of an archive, and back, with their order in memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from sknn.storage._errors import ArchiveError
from sknn.storage._layout import ITEM_SIZES, NUMPY_DTYPES, TORCH_DTYPES, is_other_dtype, n_values, other_dtype
from sknn.storage._tree import MARK

_NAMES_OF_TORCH = {dtype: name for name, dtype in TORCH_DTYPES.items()}
_NAMES_OF_NUMPY = {np.dtype(dtype): name for name, dtype in NUMPY_DTYPES.items()}
_LAST_CHARACTER = 0x10FFFF


class Buffer(NamedTuple):
    """What the header of an archive tells of a buffer."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        return n_values(self.shape) * ITEM_SIZES[self.dtype]


def describe(value: np.ndarray | torch.Tensor, place: str) -> tuple[Buffer, dict]:
    """The buffer of an array, and what its mark must tell besides.

    Raises
    ------
    TypeError
        For a dtype that archives lack: objects, records, or numbers of other lengths.
    """
    order = _order(value)
    shape = tuple(value.shape[i] for i in order)
    mark: dict = {} if order == sorted(order) else {"order": order}
    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided or value.is_meta or value.dtype not in _NAMES_OF_TORCH:
            raise TypeError(
                f"An archive holds dense tensors of numbers. Got one of {value.dtype}, {value.layout}, on "
                f"{value.device} at {place!r}."
            )
        return Buffer(_NAMES_OF_TORCH[value.dtype], shape), mark
    if value.dtype in _NAMES_OF_NUMPY:
        return Buffer(_NAMES_OF_NUMPY[value.dtype], shape), mark
    if not is_other_dtype(value.dtype):
        raise TypeError(f"An archive holds arrays of numbers, text or dates. Got dtype {value.dtype} at {place!r}.")
    return Buffer("U8", (*shape, value.dtype.itemsize)), mark | {"dtype": value.dtype.str}


def raw(value: np.ndarray | torch.Tensor) -> np.ndarray:
    """The bytes of an array, in its order in memory."""
    order = _order(value)
    if isinstance(value, torch.Tensor):
        flat = value.detach().cpu().resolve_conj().resolve_neg().permute(order).reshape(-1)
        return flat.contiguous().view(torch.uint8).numpy()
    return np.ascontiguousarray(np.transpose(value, order)).reshape(-1).view(np.uint8)


def _order(value: np.ndarray | torch.Tensor) -> list[int]:
    """The axes from the one with the longest steps to the one with the shortest: [0, 1, ...] for C order.

    Products give other last bits if their factors lie otherwise.
    """
    axes = list(range(value.ndim))
    if value.flags.c_contiguous if isinstance(value, np.ndarray) else value.is_contiguous():
        return axes
    steps = value.strides if isinstance(value, np.ndarray) else value.stride()
    return sorted(axes, key=lambda axis: -abs(steps[axis]))


def restore(buffer: Buffer, memory: torch.Tensor, mark: dict) -> np.ndarray | np.generic | torch.Tensor:
    """The array, scalar or tensor of the bytes in `memory`, which it goes on to use.

    Raises
    ------
    ArchiveError
        Where the mark does not fit the buffer, or the bytes are no values of its dtype.
    """
    if buffer.dtype == "BOOL" and bool((memory > 1).any()):
        raise ArchiveError("It holds booleans that are neither true nor false.")
    if mark[MARK] == "tensor":
        tensor = memory.view(TORCH_DTYPES[buffer.dtype]).reshape(buffer.shape)
        return tensor.permute(_inverse(mark, tensor.ndim))
    array = _array(buffer, memory.numpy(), mark)
    array = array.transpose(_inverse(mark, array.ndim))
    if mark[MARK] == "array":
        return array
    if array.ndim:
        raise ArchiveError("It holds a scalar with dimensions.")
    return array[()]


def _array(buffer: Buffer, memory: np.ndarray, mark: dict) -> np.ndarray:
    if "dtype" not in mark:
        if buffer.dtype not in NUMPY_DTYPES:
            raise ArchiveError(f"It holds an array of {buffer.dtype}, which numpy lacks.")
        return memory.view(NUMPY_DTYPES[buffer.dtype]).reshape(buffer.shape)
    dtype = other_dtype(mark["dtype"])
    if buffer.dtype != "U8" or buffer.shape[-1:] != (dtype.itemsize,):
        raise ArchiveError(f"It holds an array of dtype {dtype.str!r} whose items have another size.")
    if dtype.kind == "U":
        characters = memory.view(dtype.str[0] + "u4")
        if len(characters) and characters.max() > _LAST_CHARACTER:
            raise ArchiveError("It holds text with characters that do not exist.")
    return memory.view(dtype).reshape(buffer.shape[:-1])


def _inverse(mark: dict, n_axes: int) -> tuple[int, ...]:
    order = mark.get("order", list(range(n_axes)))
    if not isinstance(order, list) or sorted(map(str, order)) != sorted(map(str, range(n_axes))):
        raise ArchiveError(f"It holds an array of {n_axes} dimensions in the order {str(order)[:50]}.")
    return tuple(int(i) for i in np.argsort([int(i) for i in order]))
