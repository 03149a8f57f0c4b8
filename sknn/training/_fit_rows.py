"""The rows of a fit as tensors, with encoded targets and weights of mean 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import nn

from sknn.parameters import ResolvedParams
from sknn.preprocessing import Encoded, Inputs
from sknn.splitting import TrainValidationSplit
from sknn.targets import Target
from sknn.training._data import Rows, merge_repeats

_MAX_MERGED_CELLS = 1_000_000  # largest table whose equal rows are merged


@dataclass
class MeanWeight:
    """Mean weight of all training rows so far, by which those of a further chunk count."""

    n_rows: int = 0
    total: float = 0.0

    def update(self, weight: np.ndarray | None, n_rows: int, n_merged: int) -> float:
        """Take in the rows of a chunk. Returns the mean, as that of the `n_merged` rows that they have become."""
        self.n_rows += n_rows
        self.total += n_rows if weight is None else weight.sum()
        return self.total / (self.n_rows * n_merged / n_rows)


def make_rows(
    encoded: tuple[Encoded | Inputs, Encoded | Inputs | None],
    parts: TrainValidationSplit,
    params: ResolvedParams,
    target: Target,
    module: nn.Module,
    mean_weight: MeanWeight,
) -> tuple[Rows, Rows | None]:
    """Both parts as tensors with targets and weights; the very same object where all rows train and validate."""

    def rows_of(encoded: Encoded | Inputs, y: np.ndarray, weight: np.ndarray | None, mean: float) -> Rows:
        if weight is None and mean != 1:
            weight = np.ones(len(y))
        if weight is not None:
            weight = weight / mean
            weight = None if (weight == 1).all() else weight
        return Rows(encoded, y, weight, params["device"], target.decode)

    train, valid = parts.train, parts.valid
    columns = encoded[0], target.encode(train.y), target.row_weight(train.y, train.weight)
    if valid is None and _is_one_small_batch(encoded[0], params, module):
        columns = merge_repeats(*columns)
    rows = rows_of(*columns, mean_weight.update(columns[2], len(train.y), len(columns[1])))
    if valid is None or encoded[1] is None:
        return rows, None if valid is None else rows
    weight = target.row_weight(valid.y, valid.weight)
    mean = 1.0 if weight is None else weight.mean()
    return rows, rows_of(encoded[1], target.encode(valid.y), weight, mean)


def _is_one_small_batch(encoded: Encoded | Inputs, params: ResolvedParams, module: nn.Module) -> bool:
    """Whether equal rows can be merged: each step sees all rows, and only the loss knows how many there are."""
    normalises = any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules())
    plain = isinstance(params["loss"], str) and not normalises and not params["augmentation"]
    return plain and encoded.shape[0] <= params["batch_size"] and math.prod(encoded.shape) <= _MAX_MERGED_CELLS
