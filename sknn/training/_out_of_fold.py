"""Predictions of a fitted network for rows that it has held out, or for changed ones in their places."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import torch

from sknn.modules import call_module, is_ensemble
from sknn.preprocessing import Table
from sknn.training._data import unlabelled_rows
from sknn.training._ensemble_batches import EnsembleRows
from sknn.utils import all_seeded, limited_to, usual_settings

_BATCH_VALUES, _LEAST_BATCH_ROWS = 1 << 18, 32  # encoded values of all members that are predicted at a time


def positions_held_out(estimator) -> tuple[np.ndarray, list[np.ndarray]]:
    """Rows of the fit that some member of a fitted estimator holds out, and of each member which of these.

    Returns
    -------
    rows : ndarray of shape (n,)
        Positions among the rows passed to `fit`, increasing.
    members : list of K int arrays
        Positions in `rows`.
    """
    of_members: list[np.ndarray] = estimator._held_out_rows
    rows = np.unique(np.concatenate(of_members))
    return rows, [np.searchsorted(rows, positions) for positions in of_members]


@usual_settings()
def outputs_on_held_out(estimator, table: Table, members: list[np.ndarray]) -> np.ndarray:
    """Outputs (n, n_outputs) for the rows in `positions_held_out`, or others in their places, as the members give them.

    Each member predicts the rows that it holds out and no others, so that an ensemble takes the time of one network.
    """
    module, encoder, target = estimator.module_, estimator.encoder_, estimator._target
    if not is_ensemble(module):
        return estimator._outputs(table)
    device, seed = next(module.parameters()).device, estimator._prediction_seed
    rows = EnsembleRows(unlabelled_rows(encoder.encode(table), device), members, held_out=True)
    size = max(_LEAST_BATCH_ROWS, _BATCH_VALUES // (encoder.n_cells_ * len(members)))
    with torch.inference_mode(), limited_to(1), nullcontext() if seed is None else all_seeded(seed, device):
        outputs = [call_module(module, inputs) for inputs, _ in rows.batches(batch_size=size)]
    return rows.outputs_of(outputs, target.n_outputs, target)
