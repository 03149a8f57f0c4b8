"""What a fit learns from the predictions of rows that were held out."""

from __future__ import annotations

import numpy as np

from sknn.splitting import TrainValidationSplit
from sknn.training._loop import TrainingNet


def learn_from_held_out(net: TrainingNet, parts: TrainValidationSplit, n_rows: int) -> tuple[np.ndarray, float] | None:
    """Calibrate on the predictions of held-out rows.

    Returns
    -------
    out_of_fold : tuple of (ndarray of shape (n_rows, ...), float) or None
        Where each row was held out by some member: the predictions, NaN for rows that have none, and their score.
    """
    valid = parts.valid
    if valid is None:
        return None
    outputs = net.outputs_for(net.valid)
    members = net.member_outputs() if parts.is_cross_fitted else None
    predicted = net.target.calibrate(outputs, valid.y, valid.weight, members)
    if not parts.is_cross_fitted:
        return None
    of_rows = np.full((n_rows, *predicted.shape[1:]), np.nan)
    of_rows[np.arange(n_rows) if valid.positions is None else valid.positions] = predicted
    return of_rows, net.target.score(outputs, valid.y, valid.weight)
