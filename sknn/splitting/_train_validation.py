"""The split into training and validation rows, for an ensemble also by member."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from sknn.parameters import ResolvedParams, has_own_members, is_auto
from sknn.preprocessing import Table, TableEncoder, take_rows
from sknn.splitting._data import TrainingData
from sknn.splitting._folds import check_groups_stay_whole, held_out_folds, held_out_rows

_HELD_OUT_FRACTION = 0.1
_PROBED_ROWS = 100  # on which a transformer is tried without y


class TrainValidationSplit(NamedTuple):
    """Training and validation rows; for an ensemble, also which of them each member uses."""

    train: TrainingData
    valid: TrainingData | None
    train_rows: list[np.ndarray] | None = None  # of the K members; None: all rows of `train`
    valid_rows: list[np.ndarray] | None = None  # likewise, of `valid`
    was_given: bool = False  # the validation rows are the user's own

    @property
    def is_cross_fitted(self) -> bool:
        """Whether each member holds out a fold of its own."""
        return self.valid_rows is not None

    def resolved(self, params) -> dict[str, Any]:
        """The values of `n_members` and of an automatic `validation_split`."""
        found: dict[str, Any] = {} if self.train_rows is None else {"n_members": len(self.train_rows)}
        if is_auto(params["validation_split"]):
            holds_out = self.valid is not None and not self.was_given
            fraction_or_folds = _HELD_OUT_FRACTION if self.valid_rows is None else len(self.valid_rows)
            found["validation_split"] = fraction_or_folds if holds_out else None
        return found


def split_rows(
    owner: str,
    data: TrainingData,
    held_out: TrainingData | None,
    params: ResolvedParams,
    classes: np.ndarray | None,
    seed: int,
) -> TrainValidationSplit:
    """Split the rows of a fit; without early stopping, only if the user asked for validation rows.

    Parameters
    ----------
    owner : str
        Name of the estimator, for errors.
    data : TrainingData
        All rows.
    held_out : TrainingData or None
        Validation rows of the user's own, in place of a split.
    params : ResolvedParams
    classes : ndarray of shape (n_rows,) or None
        Class codes by which to stratify.
    seed : int
    """
    validation_split, preprocessing, n_members = (
        params[name] for name in ("validation_split", "preprocessing", "n_members")
    )
    asks = params["early_stopping"] or not is_auto(validation_split)
    if held_out is not None or not asks:
        return TrainValidationSplit(data.without_zero_weights(), held_out, was_given=held_out is not None)
    fraction = _fraction(validation_split)
    splitter = None if is_auto(validation_split) or fraction is not None else validation_split
    if n_members == 1 or fraction is not None or _needs_target(preprocessing, data.table):
        fraction = fraction or _HELD_OUT_FRACTION
        rows = held_out_rows(
            len(data.y), classes, data.groups, fraction=fraction, splitter=splitter, y=data.y, seed=seed
        )
        return _single_split(data, *rows, validation_split)
    folds = held_out_folds(len(data.y), classes, data.groups, n_folds=n_members, splitter=splitter, y=data.y, seed=seed)
    if len(folds) == 1:  # a single split is one for all
        return _single_split(data, *folds[0], validation_split)
    if params.was_auto("n_members") and not has_own_members(params["module"]):
        n_members = len(folds)
    elif n_members < len(folds):  # there would be rows that no member holds out
        raise InvalidParameterError(
            f"The 'n_members' parameter of {owner} must be 'auto', 1, or at least the number of folds in "
            f"validation_split, {len(folds)}, of which each member holds out one. Got {n_members} instead."
        )
    return _cross_fit(data, folds, n_members, validation_split)


def gives_positions(validation_split) -> bool:
    """Whether it names rows by position; a fraction and a number of folds do not."""
    return not is_auto(validation_split) and not isinstance(validation_split, Real)


def _single_split(data: TrainingData, train: np.ndarray, valid: np.ndarray, validation_split) -> TrainValidationSplit:
    parts = [data.take(rows).without_zero_weights() for rows in (train, valid)]
    if not all(len(part.y) for part in parts):
        raise ValueError("All rows of a part of validation_split have weight 0. Give some of them a weight.")
    check_groups_stay_whole(parts[0].groups, parts[1].groups, validation_split)
    return TrainValidationSplit(parts[0], parts[1])


def _cross_fit(data: TrainingData, folds: list, n_members: int, validation_split) -> TrainValidationSplit:
    """Member k holds out fold k, modulo the number of folds."""
    if data.weight is not None and not data.weight.all():
        kept = data.weight > 0
        folds = [(train[kept[train]], valid[kept[valid]]) for train, valid in folds]
        if not all(len(train) and len(valid) for train, valid in folds):
            raise ValueError("All rows of a fold have weight 0. Give some of them a weight.")
    if data.groups is not None:
        for rows, held_out in folds:
            check_groups_stay_whole(data.groups[rows], data.groups[held_out], validation_split)
    train_rows, valid_rows = zip(*(folds[k % len(folds)] for k in range(n_members)), strict=True)
    # Rows that members train on or hold out are encoded once.
    train, positions = _restrict_to_used(data, [*train_rows, *valid_rows])
    valid, valid_positions = _restrict_to_used(data, list(valid_rows))
    valid = train if len(valid.y) == len(train.y) else valid
    return TrainValidationSplit(train, valid, positions[:n_members], valid_positions)


def _restrict_to_used(data: TrainingData, parts: list[np.ndarray]) -> tuple[TrainingData, list[np.ndarray]]:
    """The rows that occur in any part, and the parts as positions among them. No copy if all rows occur."""
    occurs = np.zeros(len(data.y), dtype=bool)
    for rows in parts:
        occurs[rows] = True
    if occurs.all():
        return data, parts
    position = np.cumsum(occurs) - 1
    return data.take(np.flatnonzero(occurs)), [position[rows] for rows in parts]


def _fraction(validation_split) -> float | None:
    """The fraction of the rows that is held out, if `validation_split` is one."""
    is_fraction = isinstance(validation_split, Real) and not isinstance(validation_split, Integral)
    return float(validation_split) if is_fraction else None


def _needs_target(preprocessing, table: Table) -> bool:
    """Whether a transformer needs y to be fitted, so that the rows it is fitted on are not unseen."""
    if isinstance(preprocessing, TableEncoder) or not hasattr(preprocessing, "fit_transform"):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            clone(preprocessing).fit_transform(take_rows(table, slice(_PROBED_ROWS)).copy())
        except Exception:  # whatever it raises when there is no y
            return True
    return False
