"""Encoded rows as tensors, which stay in memory. Batches of them are cut in `_batches`."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from scipy import sparse
from skorch.dataset import Dataset
from torch import Tensor

from sknn.modules import as_columns
from sknn.preprocessing import Encoded, Inputs
from sknn.training._batches import TensorBatches


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

    held_out = False  # whether only the members that hold a row out may predict it

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

    @property
    def input_kinds(self) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """The shape of a row, and the dtype, of each input of the network."""
        return {
            name: (tuple(value.shape[1:]), torch.float32 if sparse.issparse(value) else value.dtype)
            for name, value in self.inputs.items()
        }

    @property
    def rows(self) -> Rows:
        """Those of the table; members of an ensemble have rows of their own among them."""
        return self

    def batches(self, training: bool = False, **kwargs) -> TensorBatches:
        """Batches of them, cut as `kwargs` say."""
        return TensorBatches(self, **kwargs)

    def outputs_of(self, batches: list[Tensor], n_outputs: int, target) -> np.ndarray:
        """Outputs (n, n_outputs) of all rows from those of their batches, in order."""
        return joined(batches, n_outputs)

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


def unlabelled_rows(encoded: Encoded | Inputs, device: torch.device) -> Rows:
    return Rows(encoded, np.zeros(encoded.shape[0], dtype=np.float32), None, device, np.asarray)


def joined(batches: list[Tensor], n_outputs: int) -> np.ndarray:
    """Outputs (n, n_outputs) of batches, one after the other."""
    return torch.cat([as_columns(output, n_outputs) for output in batches]).detach().cpu().numpy()


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


def network_inputs(encoded: Encoded | Inputs, device: torch.device) -> dict[str, Tensor]:
    """A few encoded rows as dense tensors by the names of the network's inputs."""
    return {name: dense(value, device) for name, value in to_tensors(encoded, device).items()}


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
