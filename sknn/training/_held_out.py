"""What a fit learns from the predictions of rows that were held out."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknn.splitting import TrainValidationSplit
from sknn.training._loop import TrainingNet


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
