"""Constraints of single parameters, and the form of their errors."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NoReturn

import numpy as np
import torch
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
)

from sknn.modules import ACTIVATIONS, MODULES
from sknn.optim import OPTIMIZERS, PLATEAU, SCHEDULES
from sknn.parameters._defaults import PRESETS
from sknn.pretrained import Pretrained

AUTO = StrOptions({"auto"})


class Number(Interval):
    """scikit-learn's interval, without True and False."""

    def is_satisfied_by(self, val):
        return not isinstance(val, bool) and super().is_satisfied_by(val)


CONSTRAINTS: dict = {
    "module": [StrOptions(set(MODULES)), callable, Pretrained],
    "module_params": [dict, None],
    "hidden_layer_sizes": [AUTO, Number(Integral, 1, None, closed="left"), "array-like"],
    "activation": [AUTO, StrOptions(set(ACTIVATIONS)), callable, list, tuple],
    "dropout": [AUTO, Number(Real, 0, 1, closed="left"), list, tuple],
    "n_members": [AUTO, Number(Integral, 1, None, closed="left")],
    "preprocessing": [AUTO, HasMethods(["fit_transform", "transform", "get_params"]), None],
    "augmentation": [list, tuple, None],
    "loss_params": [dict, None],
    "weight_decay": [AUTO, Number(Real, 0, None, closed="left")],
    "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
    "optimizer_params": [dict, None],
    "learning_rate": [AUTO, Number(Real, 0, None, closed="neither")],
    "lr_schedule": [AUTO, StrOptions({*SCHEDULES, PLATEAU}), dict, callable, None],
    "lr_schedule_params": [dict, None],
    "batch_size": [AUTO, Number(Integral, 1, None, closed="left")],
    "max_epochs": [AUTO, Number(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean", AUTO],
    "validation_split": [AUTO, Number(Real, 0, 1, closed="neither"), "cv_object"],
    "patience": [AUTO, Number(Integral, 1, None, closed="left")],
    "monitor": [StrOptions({"loss"} | set(get_scorer_names())), callable],
    "preset": [StrOptions(set(PRESETS))],
    "callbacks": [list, tuple, None],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "device": [str, torch.device],
    "n_jobs": [Number(Integral, None, -1, closed="right"), Number(Integral, 1, None, closed="left"), None],
    "verbose": ["verbose"],
}

# Parameters that have a dict of further ones: the prefix in a grid, and the dict's name.
NESTED = {
    "module": "module_params",
    "loss": "loss_params",
    "optimizer": "optimizer_params",
    "lr_schedule": "lr_schedule_params",
}

SHAPE = ("hidden_layer_sizes", "activation", "dropout")  # of built-in networks


def python_numbers(value: Any) -> Any:
    """numpy's numbers and booleans, also 0-d arrays, as Python's; also in dicts, lists and tuples."""
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0 and value.dtype.kind in "biuf":
        number = value.item()
        return float(number) if isinstance(number, np.floating) else number  # long doubles are their own items
    if type(value) is dict:
        return {key: python_numbers(entry) for key, entry in value.items()}
    if type(value) in (list, tuple):
        return type(value)(python_numbers(entry) for entry in value)
    return value


def refuse(owner: str, params: dict, name: str, must: str, hint: str = "") -> NoReturn:
    """Raise the error about a parameter: what it must be, what it is, and a hint."""
    raise InvalidParameterError(
        f"The {name!r} parameter of {owner} must {must}. Got {params[name]!r} instead{f'; {hint}' if hint else ''}."
    )


def name_of(thing) -> str:
    """The name of a class or function, or of an object's class."""
    return getattr(thing, "__name__", type(thing).__name__)
