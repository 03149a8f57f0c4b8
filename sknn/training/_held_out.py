"""What a fit learns from the predictions of rows that were held out, and such predictions afterwards."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from sknn.modules import call_module, is_ensemble
from sknn.preprocessing import Table
from sknn.splitting import TrainValidationSplit
from sknn.training._data import unlabelled_rows
from sknn.training._ensemble_batches import EnsembleRows
from sknn.training._loop import TrainingNet
from sknn.utils import all_seeded, limited_to, usual_settings

_BATCH_VALUES, _LEAST_BATCH_ROWS = 1 << 18, 32  # encoded values of all members that are predicted at a time


def learn_from_held_out(net: TrainingNet, parts: TrainValidationSplit, n_rows: int) -> dict[str, Any]:
    """Calibrate on the predictions of held-out rows.

    Returns
    -------
    attributes : dict
        By their names, those that there are: `_conformal_folds`, for each part of the rows the members that hold it
        out (None: all), with scores and weights of its rows; `_held_out_rows`, which of the rows passed to `fit` each
        member holds out; where each row was held out by some member `oof_prediction_` (n_rows, ...), NaN for rows that
        have none, and `oof_score_`.
    """
    valid = parts.valid
    if valid is None:
        return {}
    outputs = net.outputs_for(net.valid)
    members = net.member_outputs() if parts.is_cross_fitted else None
    predicted = net.target.calibrate(outputs, valid.y, valid.weight, members)
    found: dict[str, Any] = {"_conformal_folds": _conformal_folds(net, parts, outputs)}
    if parts.was_given:
        return found
    positions = np.arange(n_rows) if valid.positions is None else valid.positions
    if parts.valid_rows is None:
        return found | {"_held_out_rows": [positions] * net.n_members}
    of_rows = np.full((n_rows, *predicted.shape[1:]), np.nan)
    of_rows[positions] = predicted
    return found | {
        "_held_out_rows": [positions[rows] for rows in parts.valid_rows],
        "oof_prediction_": of_rows,
        "oof_score_": net.target.score(outputs, valid.y, valid.weight),
    }


def _conformal_folds(net: TrainingNet, parts: TrainValidationSplit, outputs: np.ndarray) -> list[dict[str, Any]]:
    """The scores of held-out rows, in the parts that the same members hold out."""
    valid = parts.valid
    assert valid is not None
    scores = net.target.conformity(outputs, valid.y, of_members=parts.is_cross_fitted)
    if parts.valid_rows is None:
        return [{"members": None, "scores": scores, "weight": valid.weight}]
    members: dict[bytes, list[int]] = {}
    for k, rows in enumerate(parts.valid_rows):
        members.setdefault(rows.tobytes(), []).append(k)
    return [
        {
            "members": which,
            "scores": None if scores is None else scores[parts.valid_rows[which[0]]],
            "weight": None if valid.weight is None else valid.weight[parts.valid_rows[which[0]]],
        }
        for which in members.values()
    ]


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
