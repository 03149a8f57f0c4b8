"""What a fit learns from the predictions of rows that were held out."""

from __future__ import annotations

import numpy as np

from sknn.splitting import TrainValidationSplit
from sknn.training._loop import TrainingNet

OutOfFold = tuple[np.ndarray, float]


def learn_from_held_out(
    net: TrainingNet, parts: TrainValidationSplit, n_rows: int
) -> tuple[list[np.ndarray] | None, OutOfFold | None]:
    """Calibrate on the predictions of held-out rows.

    Returns
    -------
    held_out : list of K int arrays, or None
        Which of the rows passed to `fit` each member holds out; None where none do.
    out_of_fold : tuple of (ndarray of shape (n_rows, ...), float) or None
        Where each row was held out by some member: the predictions, NaN for rows that have none, and their score.
    """
    valid = parts.valid
    if valid is None:
        return None, None
    outputs = net.outputs_for(net.valid)
    members = net.member_outputs() if parts.is_cross_fitted else None
    predicted = net.target.calibrate(outputs, valid.y, valid.weight, members)
    if parts.was_given:
        return None, None
    positions = np.arange(n_rows) if valid.positions is None else valid.positions
    if parts.valid_rows is None:
        return [positions] * net.n_members, None
    of_rows = np.full((n_rows, *predicted.shape[1:]), np.nan)
    of_rows[positions] = predicted
    return [positions[rows] for rows in parts.valid_rows], (of_rows, net.target.score(outputs, valid.y, valid.weight))
