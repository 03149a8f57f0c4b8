"""From a checked table to the network's outputs, in blocks of bounded memory.

Nothing here changes the module, not even its mode, so that several threads can predict at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import numpy as np
import torch
from scipy import sparse
from torch import nn

from sknn.modules import as_columns, call_module, is_ensemble, is_of_linear_layers, n_members_of
from sknn.preprocessing import Encoded, Inputs, Table, take_rows
from sknn.training._data import network_inputs
from sknn.utils import all_seeded, available_threads, limited_to, usual_settings

Combine = Callable[[np.ndarray], np.ndarray]

_BLOCK_VALUES = 1 << 21  # encoded values held at a time
_MAX_BLOCK_ROWS = 1 << 15
_CACHED_ROWS = 1 << 11  # rows whose activations stay in a CPU's cache: the network takes half the time of whole blocks
_MIN_SHARED_FLOPS = 1e9  # below, a prediction takes one thread
_ENSEMBLE_WIDENING = 8  # a member of an ensemble embeds numbers, which takes more memory than the rows
# The vector units of a CPU work on up to 16 rows at once, and matrix products on tiles of a few such vectors; rows
# that are left over take other paths, whose last bits differ. With all blocks filled up to a multiple of this, a row's
# prediction does not depend on the rows beside it.
_ROW_MULTIPLE = 32


@usual_settings()
def network_outputs(
    module: nn.Module,
    encoder,
    table: Table | Encoded,
    n_outputs: int | None,
    combine: Combine,
    seed: int | None = None,
) -> np.ndarray:
    """Outputs (n_rows, n_outputs) float32 of a module in evaluation mode; `combine` of those of an ensemble's members.

    With `n_outputs=None` as many as there are. `seed` is for a module that draws random numbers in evaluation too.
    """
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    with nullcontext() if seed is None else all_seeded(seed, device):
        return _outputs(module, device, encoder, table, n_outputs, combine)


def _outputs(
    module: nn.Module, device: torch.device, encoder, table: Table | Encoded, n_outputs: int | None, combine: Combine
) -> np.ndarray:
    n_rows = table.shape[0]
    step = block_rows(encoder, module)
    if device.type == "cpu":
        step = min(step, _CACHED_ROWS)
    n_threads = threads_for_prediction(module, n_rows)
    result: np.ndarray
    for start, encoded in _encoded_blocks(encoder, table, step):
        with limited_to(n_threads):
            block = _forward(module, device, encoded, n_outputs)
        block = combine(block) if is_ensemble(module) else block
        block = block[..., : encoded.shape[0], :]  # without what has filled it up
        if block.shape[-2] == n_rows:
            return np.ascontiguousarray(block)  # sums along a row take another order in another layout
        if start == 0:
            result = np.empty((*block.shape[:-2], n_rows, block.shape[-1]), dtype=block.dtype)
        # Copied: small blocks left between the large ones of the network would keep their memory from being used again
        result[..., start : start + block.shape[-2], :] = block
    return result


def threads_for_prediction(module: nn.Module, n_rows: int) -> int:
    """All threads for large networks of other layers than linear ones; those gain nothing from a second one."""
    if is_of_linear_layers(module):
        return 1
    n_parameters = sum(parameter.numel() for parameter in module.parameters())
    return 1 if 2 * n_parameters * n_rows < _MIN_SHARED_FLOPS else available_threads()


def _encoded_blocks(encoder, table: Table | Encoded, step: int) -> Iterator[tuple[int, Encoded | Inputs]]:
    """The first row of each `step` rows, and these encoded; several are encoded at once: columns cost time."""
    if isinstance(table, Encoded):
        yield 0, table
        return
    n_rows = table.shape[0]
    n_encoded = step * max(1, min(_MAX_BLOCK_ROWS, _BLOCK_VALUES // encoder.n_cells_) // step)
    for first in range(0, max(n_rows, 1), n_encoded):
        encoded = encoder.encode(table if n_rows <= n_encoded else take_rows(table, slice(first, first + n_encoded)))
        for start in range(first, max(min(first + n_encoded, n_rows), first + 1), step):
            yield start, encoded if n_rows <= step else encoded.take(slice(start - first, start - first + step))


def block_rows(encoder, module: nn.Module) -> int:
    """Rows that are encoded and passed through the network at a time."""
    n_members = n_members_of(module)
    if n_members == 1:
        rows = min(_MAX_BLOCK_ROWS, _BLOCK_VALUES // encoder.n_cells_)
    else:
        rows = min(_MAX_BLOCK_ROWS // 2, _BLOCK_VALUES // (_ENSEMBLE_WIDENING * encoder.n_cells_)) // n_members
    return max(1, rows // _ROW_MULTIPLE) * _ROW_MULTIPLE


def _forward(module: nn.Module, device: torch.device, encoded: Encoded | Inputs, n_outputs: int | None) -> np.ndarray:
    n_missing = -encoded.shape[0] % _ROW_MULTIPLE
    if n_missing:
        encoded = encoded.map(lambda values: _pad(values, n_missing))
    inputs = network_inputs(encoded, device)
    with torch.inference_mode():
        output = call_module(module, inputs, shared=True)
        output = output if is_ensemble(module) or n_outputs is None else as_columns(output, n_outputs)
        return output.detach().cpu().numpy()


def _pad(values, n_missing: int):
    """The last row repeated `n_missing` times."""
    values = values.toarray() if sparse.issparse(values) else values
    padded = np.empty((len(values) + n_missing, *values.shape[1:]), values.dtype)
    padded[: len(values)], padded[len(values) :] = values, values[-1:]
    return padded
