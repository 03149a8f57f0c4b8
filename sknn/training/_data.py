"""Encoded rows as tensors, and the batches cut from them.

A network of this size takes less time for a step than a DataLoader for handing over a batch, so
rows stay in memory and batches are slices of tensors. Nothing here shuffles by global state.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from scipy import sparse
from skorch.dataset import Dataset
from torch import Tensor

from sknn.preprocessing import Encoded, Inputs

CHUNK_BYTES = 16 << 20  # rows gathered at a time for the batches that follow


class Rows(Dataset):
    """Encoded rows with targets and weights, held on the device that trains on them.

    Parameters
    ----------
    encoded : Encoded or Inputs
        What the encoder gave. Sparse rows stay sparse, on the CPU, until a batch is cut.
    target : ndarray of shape (n,) or (n, n_outputs)
        Class codes (int64) or float32 targets.
    weight : ndarray of shape (n,) or None
        Weights of the rows, of mean 1; None when all are equal.
    device : torch.device
    decode : callable
        From a batch of targets back to what the user passed as `y`; callbacks see that.
    """

    def __init__(
        self,
        encoded: Encoded | Inputs,
        target: np.ndarray,
        weight: np.ndarray | None,
        device: torch.device,
        decode: Callable[[np.ndarray], np.ndarray],
    ):
        self.device = device
        self.inputs = to_tensors(encoded, device)
        self.target = as_tensor(target).to(device)
        self.weight = None
        if weight is not None:
            self.weight = torch.from_numpy(weight.astype(np.float32)).to(device)
        self.decode = decode
        self.is_sparse = any(sparse.issparse(value) for value in self.inputs.values())

    def __len__(self) -> int:
        return len(self.target)

    @property
    def X(self):  # noqa: N802 - the name is skorch's
        """A copy of all inputs; skorch's callbacks read a data set by this name."""
        return {name: copy.deepcopy(values) for name, values in self.inputs.items()}

    @property
    def y(self) -> np.ndarray:
        """All targets as the user knows them; skorch's callbacks read them by this name."""
        return self.decoded(self.target)

    def decoded(self, target: Tensor) -> np.ndarray:
        return self.decode(target.cpu().numpy())

    def row_bytes(self) -> int:
        """Memory of one row as tensors."""
        total = 0
        for value in self.inputs.values():
            itemsize = 4 if sparse.issparse(value) else value.element_size()
            total += int(np.prod(value.shape[1:])) * itemsize
        return max(total, 1)

    def take(self, rows: Tensor | slice) -> tuple[dict[str, Tensor], Tensor, Tensor | None]:
        """Inputs, targets and weights of some rows."""
        on_device = rows.to(self.device) if isinstance(rows, Tensor) else rows
        inputs = {
            name: _take(value, on_device if isinstance(value, Tensor) else rows, self.device)
            for name, value in self.inputs.items()
        }
        rows = on_device
        return inputs, self.target[rows], None if self.weight is None else self.weight[rows]


class TensorBatches:
    """Batches of a `Rows`, each epoch in a new order. The in-memory place of a DataLoader.

    Yields `(inputs, (target, weight))`: a dict of tensors, then the pair that the loss needs.

    Parameters
    ----------
    dataset : Rows
    batch_size : int
        Rows a batch; the last batch of an epoch may be smaller. A last row on its own joins the
        batch before, because batch normalisation has no statistics of a single row.
    shuffle : bool, default=False
    generator : torch.Generator or None
        CPU generator that draws the order.
    """

    def __init__(
        self,
        dataset: Rows,
        batch_size: int,
        shuffle: bool = False,
        generator: torch.Generator | None = None,
    ):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.generator = generator
        self._rows_at_once = batch_size * max(1, CHUNK_BYTES // (dataset.row_bytes() * batch_size))

    @property
    def sizes(self) -> list[int]:
        """Rows of each batch."""
        return batch_sizes(len(self.dataset), self.batch_size)

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[tuple[dict[str, Tensor], tuple[Tensor, Tensor | None]]]:
        data, size = self.dataset, self.batch_size
        n_rows = len(data)
        order = None
        if self.shuffle and n_rows > size:
            order = torch.randperm(n_rows, generator=self.generator)
        starts = [start for start in range(0, n_rows, self._rows_at_once) if start == 0 or start < n_rows - 1]
        for start, stop in zip(starts, [*starts[1:], n_rows], strict=True):
            rows: slice | Tensor = slice(start, stop)
            if order is not None:
                rows = order[rows] if data.is_sparse else order[rows].to(data.device, non_blocking=True)
            yield from _split(*data.take(rows), size)


class _AsWritable:
    """The same memory, said to be writable: torch warns of other arrays. Nothing here writes into a user's rows."""

    def __init__(self, values: np.ndarray):
        self.values = values
        self.__array_interface__ = values.__array_interface__ | {"data": (values.ctypes.data, False)}


def as_tensor(values: np.ndarray) -> Tensor:
    """A tensor on an array's memory, which may be read-only, such as a memory map."""
    return torch.from_numpy(values if values.flags.writeable else np.asarray(_AsWritable(values)))


def to_tensors(encoded: Encoded | Inputs, device: torch.device) -> dict[str, Tensor | sparse.csr_array]:
    """Encoded rows by the names of the network's inputs."""
    inputs = encoded.inputs.items()
    return {name: value if sparse.issparse(value) else as_tensor(value).to(device) for name, value in inputs}


def dense(value: Tensor | sparse.csr_array, device: torch.device) -> Tensor:
    """A tensor of a few rows that may still be sparse."""
    return value if isinstance(value, Tensor) else torch.from_numpy(value.toarray()).to(device)


def merge_repeats(
    encoded: Encoded | Inputs, target: np.ndarray, weight: np.ndarray | None
) -> tuple[Encoded | Inputs, np.ndarray, np.ndarray | None]:
    """Rows that are equal become one with the sum of their weights, in an order of their own.

    A fit on all rows at once then gives the same bits for a row of weight 2, for the row twice and
    for any order of the rows; sums of floats alone would differ in the last bits, and training
    makes such differences grow.
    """
    parts = [value if isinstance(value, np.ndarray) else value.toarray() for value in encoded.inputs.values()]
    parts.append(target)
    key = np.hstack([part.reshape(len(target), -1).astype(np.float64) for part in parts])
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    total: np.ndarray | None = np.bincount(group.ravel(), weight, minlength=len(first))
    if weight is None and len(first) == len(target):
        total = None
    return encoded.take(first), target[first], total


def _take(value, rows, device: torch.device) -> Tensor:
    if isinstance(value, Tensor):
        return value[rows] if isinstance(rows, slice) else value.index_select(0, rows)
    return dense(value[rows if isinstance(rows, slice) else rows.numpy()], device)


def batch_sizes(n_rows: int, size: int) -> list[int]:
    whole, rest = divmod(n_rows, size)
    if rest == 1 and whole:
        return [size] * (whole - 1) + [size + 1]
    return [size] * whole + [rest] * (rest > 0)


def _split(inputs: dict[str, Tensor], target: Tensor, weight: Tensor | None, size: int):
    sizes = batch_sizes(len(target), size)
    columns = [value.split(sizes) for value in inputs.values()]
    weights = [None] * len(sizes) if weight is None else weight.split(sizes)
    for *values, y, w in zip(*columns, target.split(sizes), weights, strict=True):
        yield dict(zip(inputs, values, strict=True)), (y, w)
