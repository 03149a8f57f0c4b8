"""Batches of rows: slices of tensors, in a new order each epoch. Nothing here shuffles by global state.

A network of this size takes less time for a step than a DataLoader for handing over a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

CHUNK_BYTES = 16 << 20  # rows gathered at a time for the batches that follow

Batch = tuple[dict[str, Tensor], tuple[Tensor, Tensor | None]]


class TensorBatches:
    """Batches of a `Rows`, each epoch in a new order. The in-memory place of a DataLoader.

    Yields `(inputs, (target, weight))`: a dict of tensors, then the pair that the loss needs.

    Parameters
    ----------
    dataset : Rows
    batch_size : int
        Rows of a batch; the last batch of an epoch may be smaller. A single row that is left over is added to the last
        batch, because batch normalisation has no statistics of one row.
    shuffle : bool, default=False
    generator : torch.Generator or None
        CPU generator that draws the order.
    """

    def __init__(
        self,
        dataset: Any,
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

    def __iter__(self) -> Iterator[Batch]:
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
            inputs, target, weight = data.take(rows)
            yield from split(inputs, target, weight, batch_sizes(len(target), size))


def batch_sizes(n_rows: int, size: int) -> list[int]:
    """Number of rows of each batch. If one row is left over, the last batch has `size` + 1 rows."""
    whole, rest = divmod(n_rows, size)
    if rest == 1 and whole:
        return [size] * (whole - 1) + [size + 1]
    return [size] * whole + [rest] * (rest > 0)


def split(
    inputs: dict[str, Tensor], target: Tensor, weight: Tensor | None, sizes: list[int], batch_axis: int = 0
) -> Iterator[Batch]:
    """Batches of these sizes, as `(inputs, (target, weight))`, from tensors of all their rows."""
    columns = [value.split(sizes, batch_axis) for value in inputs.values()]
    weights = [None] * len(sizes) if weight is None else weight.split(sizes, batch_axis)
    for *values, y, w in zip(*columns, target.split(sizes, batch_axis), weights, strict=True):
        yield dict(zip(inputs, values, strict=True)), (y, w)
