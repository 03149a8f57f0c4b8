"""From a checked table to the network's outputs, in blocks of bounded memory.

Nothing here changes the module, not even its mode, so that several threads can predict at once.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import nn

from sknn.modules import as_columns, call_module
from sknn.preprocessing import Encoded, Table, take_rows
from sknn.training import dense, to_tensors

_BLOCK_CELLS = 1 << 21  # encoded cells held at a time
_MAX_BLOCK_ROWS = 1 << 15
# Matrix products of fewer rows take other kernels, whose last bits differ. With all blocks at least
# this high, a row's prediction does not depend on the rows beside it.
_MIN_BLOCK_ROWS = 32


def network_outputs(module: nn.Module, encoder, table: Table, n_outputs: int) -> np.ndarray:
    """Outputs (n_rows, n_outputs) float32 of a module in evaluation mode."""
    n_rows = table.shape[0]
    outputs = np.empty((n_rows, n_outputs), dtype=np.float32)
    step = block_rows(encoder)
    for start in range(0, n_rows, step):
        block = table if n_rows <= step else take_rows(table, slice(start, start + step))
        outputs[start : start + step] = _forward(module, encoder.encode(block), n_outputs)
    return outputs


def block_rows(encoder) -> int:
    """Rows that are encoded and passed through the network at a time."""
    return max(_MIN_BLOCK_ROWS, min(_MAX_BLOCK_ROWS, _BLOCK_CELLS // encoder.n_cells_))


def network_inputs(encoded: Encoded, device: torch.device) -> dict[str, torch.Tensor]:
    """A few encoded rows as dense tensors by the names of the network's inputs."""
    return {name: dense(value, device) for name, value in to_tensors(encoded, device).items()}


def _forward(module: nn.Module, encoded: Encoded, n_outputs: int) -> np.ndarray:
    n_rows = encoded.x_num.shape[0]
    if n_rows < _MIN_BLOCK_ROWS:
        encoded = Encoded(*(_pad(values, _MIN_BLOCK_ROWS) for values in encoded))
    inputs = network_inputs(encoded, _device_of(module))
    with torch.inference_mode():
        output = call_module(module, inputs)
        return as_columns(output, n_outputs).detach().cpu().numpy()[:n_rows]


def _pad(values, n_rows: int):
    """The last row repeated until there are `n_rows`."""
    if values is None:
        return None
    values = values.toarray() if sparse.issparse(values) else values
    padded = np.empty((n_rows, *values.shape[1:]), dtype=values.dtype)
    padded[: len(values)] = values
    padded[len(values) :] = values[-1]
    return padded


def _device_of(module: nn.Module) -> torch.device:
    for parameter in module.parameters():
        return parameter.device
    return torch.device("cpu")
