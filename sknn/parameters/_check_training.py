"""Checks of the validation split and augmentations."""

from __future__ import annotations

import numpy as np
from sklearn.utils._param_validation import (
    InvalidParameterError,
)

from sknn.augmentation import Augment
from sknn.parameters._constraints import refuse
from sknn.parameters._defaults import is_auto


def check_training(owner: str, params: dict) -> None:
    """Refuse invalid splits and augmentations, and patience without early stopping."""
    _check_validation_split(owner, params)
    _check_augmentation(owner, params["augmentation"])
    if params["early_stopping"] is False and not is_auto(params["patience"]):
        refuse(owner, params, "patience", "be 'auto' with early_stopping=False, which never stops")


def check_held_out(owner: str, params: dict, X_val, y_val) -> None:
    """Refuse parameters that have no effect with, or without, the user's validation rows.

    Raises
    ------
    ValueError
        For rows without their targets, or targets without rows.
    InvalidParameterError
    """
    has_validation_rows = X_val is not None
    if has_validation_rows != (y_val is not None):
        given, missing = ("X_val", "y_val") if has_validation_rows else ("y_val", "X_val")
        raise ValueError(f"X_val and y_val must be given together. Got {given} without {missing}.")
    if has_validation_rows and not is_auto(params["validation_split"]):
        refuse(owner, params, "validation_split", "be 'auto' with X_val, which takes its place")
    holds_out = has_validation_rows or params["early_stopping"] or not is_auto(params["validation_split"])
    if not holds_out and not (isinstance(params["monitor"], str) and params["monitor"] == "loss"):
        hint = "set early_stopping or validation_split, or pass X_val"
        refuse(owner, params, "monitor", "be 'loss' where early_stopping=False and no rows validate", hint)


def _check_validation_split(owner: str, params: dict) -> None:
    split = params["validation_split"]
    is_flat = isinstance(split, bytes | dict | set | frozenset) or (isinstance(split, np.ndarray) and split.ndim < 2)
    if split is None or is_flat or (isinstance(split, list | tuple) and not split):
        must = (
            "be 'auto', a fraction of the rows, a number of folds, a splitter or pairs of rows to train and to validate"
        )
        refuse(owner, params, "validation_split", must)


def _check_augmentation(owner: str, augmentation) -> None:
    try:
        Augment(augmentation or [], seed=0)
    except ValueError as error:
        raise InvalidParameterError(f"The 'augmentation' parameter of {owner} is not valid: {error}") from error
