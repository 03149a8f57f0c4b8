"""Rows and batches of an ensemble: each member has rows of its own among those of one table.

Shapes: K members, B rows of a batch, n rows of the member that has most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from skorch.dataset import Dataset
from torch import Tensor, nn

from sknn.modules import batch_axis_of, n_members_of
from sknn.splitting import TrainValidationSplit
from sknn.training._batches import CHUNK_BYTES, Batch, split
from sknn.training._data import Rows, as_tensor


class EnsembleRows(Dataset):
    """The rows of each member, as positions in a `Rows` that all share.

    Parameters
    ----------
    rows : Rows
    members : sequence of K int arrays
        Positions of each member's rows.
    held_out : bool, default=False
        Whether these are validation rows, each of which only the members that hold it out may predict.
    """

    def __init__(self, rows: Rows, members: Sequence[np.ndarray], held_out: bool = False):
        self.rows = rows
        self.held_out = held_out
        kind = np.int32 if len(rows) < np.iinfo(np.int32).max else np.int64  # positions of K members are many
        self.members = [as_tensor(np.asarray(member, dtype=kind)) for member in members]
        self.n_rows = max(len(member) for member in self.members)
        self.device = rows.device

    def __len__(self) -> int:
        return self.n_rows * len(self.members)

    @property
    def X(self):  # noqa: N802 - the name is skorch's
        return HeldOutInputs(self) if self.held_out else self.rows.X

    @property
    def y(self) -> np.ndarray:
        return self.rows.y

    def decoded(self, target: Tensor) -> np.ndarray:
        return self.rows.decoded(target)

    def batches(self, training: bool = False, **kwargs) -> EnsembleBatches:
        """Batches of them, cut as `kwargs` say."""
        return EnsembleBatches(self, **kwargs)

    def outputs_of(self, batches: list[Tensor], n_outputs: int, target) -> np.ndarray:
        """Outputs (n, n_outputs) of rows that members hold out, from those (K, B, n_outputs) of their batches."""
        of_members = torch.cat(batches, 1).detach().cpu().numpy()
        return held_out_outputs(of_members, [member.numpy() for member in self.members], target.combine)

    def take(self, positions: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor | None]:
        """Inputs, targets and weights, (K, B, ...) each, of the rows at `positions` (K, B)."""
        inputs, target, weight = self.rows.take(positions.flatten())
        shape = tuple(positions.shape)
        inputs = {name: value.view(*shape, *value.shape[1:]) for name, value in inputs.items()}
        return inputs, target.view(*shape, *target.shape[1:]), None if weight is None else weight.view(shape)

    def in_order(self) -> tuple[Tensor, Tensor | None]:
        """Positions (K, n) of all rows, and a mask (K, n), 0 for those that fill up shorter members."""
        positions = torch.stack([_filled(member, self.n_rows) for member in self.members])
        sizes = torch.tensor([len(member) for member in self.members])
        if (sizes == self.n_rows).all():
            return positions, None
        return positions, (torch.arange(self.n_rows) < sizes.unsqueeze(1)).to(torch.float32)

    def shuffled(self, generator: torch.Generator | None) -> Tensor:
        """Positions (K, n) in a new order for each member; a member with fewer rows meets some of them twice."""
        orders = torch.empty((len(self.members), self.n_rows), dtype=self.members[0].dtype)
        for k, member in enumerate(self.members):
            order = torch.randperm(len(member), generator=generator)
            orders[k] = _filled(member[order], self.n_rows)
        return orders


def rows_of_members(
    rows: tuple[Rows, Rows | None], parts: TrainValidationSplit, module: nn.Module
) -> tuple[Rows | EnsembleRows, Rows | EnsembleRows | None]:
    """For an ensemble the rows of each member."""
    if not batch_axis_of(module):
        return rows
    train, valid = rows

    def all_rows(part: Rows) -> list[np.ndarray]:
        return [np.arange(len(part))] * n_members_of(module)

    of_valid = None if valid is None else EnsembleRows(valid, parts.valid_rows or all_rows(valid), held_out=True)
    return EnsembleRows(train, parts.train_rows or all_rows(train)), of_valid


class HeldOutInputs(dict[str, Tensor]):
    """All inputs of validation rows, with a note of whose they are: they may be the very tensors of training rows."""

    def __init__(self, of: EnsembleRows):
        super().__init__(of.rows.X)
        self.of = of


class MemberInputs(dict[str, Tensor]):
    """Inputs (K, B, ...) of rows that each member has of its own.

    The attribute `present` (K, B) tells rows from those that fill up a member which has fewer; None: all are rows.
    """

    present: Tensor | None = None


class BatchInputs(dict[str, Tensor]):
    """Inputs (n, ...) of an ensemble's batch as callbacks see them: members and rows flattened into one axis."""

    def __init__(self, of_members: MemberInputs):
        self.of_members = of_members
        super().__init__({name: self.flattened(value) for name, value in of_members.items()})

    def flattened(self, values: Tensor) -> Tensor:
        """From (K, B, ...) to (n, ...)."""
        values, present = values.flatten(0, 1), self.of_members.present
        return values if present is None else values[present.flatten()]


class EnsembleBatches:
    """Batches of a `EnsembleRows`: the same number of rows for each member, rows gathered for many batches at a time.

    Yields `(inputs, (target, weight))` with tensors (K, B, ...).

    Parameters
    ----------
    dataset : EnsembleRows
    batch_size : int
        Rows of a member in a batch; the last batch may be smaller.
    shuffle : bool, default=False
        Whether each epoch has a new order, for training. All batches then have `n_rows // n_batches` rows, so that B
        may differ a little from `batch_size`; the remaining rows of the permutation, fewer than there are batches, are
        skipped in that epoch. If not, each row comes once.
    generator : torch.Generator or None
        CPU generator that draws the order.
    """

    def __init__(
        self,
        dataset: EnsembleRows,
        batch_size: int,
        shuffle: bool = False,
        generator: torch.Generator | None = None,
    ):
        self.dataset, self.shuffle, self.generator = dataset, shuffle, generator
        n_rows = dataset.n_rows
        if shuffle:
            most = n_rows // min(batch_size, 2)  # of a single row there are no statistics
            n_batches = max(1, min(round(n_rows / batch_size), most))
            self.sizes = [n_rows // n_batches] * n_batches
        else:
            self.sizes = [min(batch_size, n_rows - start) for start in range(0, n_rows, batch_size)]

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Batch]:
        data, size = self.dataset, self.sizes[0]
        if self.shuffle and len(self.sizes) > 1:
            positions, present = data.shuffled(self.generator), None
        else:
            positions, present = data.in_order()
        row_bytes = data.rows.row_bytes() * len(data.members)
        n_chunk = max(1, CHUNK_BYTES // (row_bytes * size))
        scale = 1.0 if present is None else present.numel() / present.sum().item()
        start = 0
        for first in range(0, len(self.sizes), n_chunk):
            sizes = self.sizes[first : first + n_chunk]
            part = slice(start, start + sum(sizes))
            start = part.stop
            inputs, target, weight = data.take(positions[:, part])
            here = None
            if present is not None:
                here = present[:, part].to(data.device)
                weight = here * scale if weight is None else weight * (here * scale)
            which = [None] * len(sizes) if here is None else (here > 0).split(sizes, 1)
            batches = split(inputs, target, weight, sizes, batch_axis=1)
            for (values, of_rows), of_members in zip(batches, which, strict=True):
                own = MemberInputs(values)
                own.present = of_members
                yield own, of_rows


def held_out_outputs(
    outputs: np.ndarray, members: list[np.ndarray], combine: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Outputs (K, n, n_outputs) on the members' rows to those of each row, (n_rows, n_outputs).

    A row that several members hold out gets their combined output, one that none holds out NaN.
    """
    n_rows = max(int(rows.max()) for rows in members) + 1
    count = np.bincount(np.concatenate(members), minlength=n_rows)
    found = np.full((n_rows, outputs.shape[2]), np.nan, dtype=np.float32)
    if count.max() == 1:
        for k, rows in enumerate(members):
            found[rows] = outputs[k, : len(rows)]
        return found
    slots = np.full((count.max(), n_rows, outputs.shape[2]), np.nan, dtype=np.float32)
    filled = np.zeros(n_rows, dtype=np.int64)
    for k, rows in enumerate(members):
        slots[filled[rows], rows] = outputs[k, : len(rows)]
        filled[rows] += 1
    for n in np.unique(count[count > 0]):
        found[count == n] = combine(slots[:n, count == n])
    return found


def _filled(values: Tensor, size: int) -> Tensor:
    """Values from the start again until there are `size`."""
    return values if len(values) == size else values.repeat(-(-size // len(values)))[:size]
