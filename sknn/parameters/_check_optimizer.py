"""Checks of the optimizer and the schedules, and the functions that schedules become."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from sklearn.utils._param_validation import (
    InvalidParameterError,
)

from sknn.callbacks import Penalty
from sknn.optim import (
    SCHEDULED,
    SCHEDULES,
    is_full_batch,
    is_torch_scheduler,
    make_schedule,
    optimizer_class,
    takes_weight_decay,
    torch_scheduler,
)
from sknn.parameters._callbacks import callback_of, is_kind_of
from sknn.parameters._constraints import name_of, refuse
from sknn.parameters._defaults import is_auto
from sknn.utils import import_quietly


def check_optimizer(owner: str, params: dict) -> None:
    """Refuse parameters that the optimizer or the schedule does not have or support."""
    _check_schedule(owner, params)
    _check_schedule_params(owner, params)
    _check_optimizer_params(owner, params)
    _check_abilities(owner, params)


def _check_abilities(owner: str, params: dict) -> None:
    """Refuse parameters that an optimizer does not support."""
    decays = params["weight_decay"] and not is_auto(params["weight_decay"])
    if decays and not takes_weight_decay(params["optimizer"]):
        optimizer = params["optimizer"]
        shown = repr(optimizer) if isinstance(optimizer, str) else name_of(optimizer)
        must = f"be 0 for the optimizer {shown}, which has no weight decay"
        refuse(owner, params, "weight_decay", must)
    if not is_full_batch(params["optimizer"]):
        return
    if any(is_kind_of(item, Penalty) and getattr(callback_of(item), "l1", 0) for item in params["callbacks"] or []):
        must = "hold no Penalty with l1 for L-BFGS, whose line search needs a smooth loss"
        refuse(owner, params, "callbacks", must, "use Penalty(l2=...), or another optimizer")
    if params["augmentation"]:
        must = "be None for L-BFGS, which compares losses of the same rows"
        refuse(owner, params, "augmentation", must, "use another optimizer")


def _check_optimizer_params(owner: str, params: dict) -> None:
    """Let an optimizer of torch or this package check its own arguments."""
    arguments = dict(params["optimizer_params"] or {})
    groups = arguments.pop("param_groups", [])
    is_listed = isinstance(groups, list | tuple) and all(
        isinstance(group, list | tuple) and len(group) == 2 and isinstance(group[0], str) and isinstance(group[1], dict)
        for group in groups
    )
    if not is_listed:
        refuse(owner, params, "optimizer_params", "hold in 'param_groups' a list of (pattern, dict)")
    known = isinstance(params["optimizer"], str) or params["optimizer"].__module__.startswith("torch.optim")
    if arguments and known:
        import_quietly("torch._dynamo")  # torch's compiler, which its own optimizers import
        try:
            make: Any = optimizer_class(params["optimizer"])
            make([torch.zeros(2, 2, requires_grad=True)], **{"lr": 1.0} | arguments)
        except (TypeError, ValueError) as error:
            refuse(owner, params, "optimizer_params", "hold what the optimizer takes", f"torch says: {error}")


def _check_schedule(owner: str, params: dict) -> None:
    schedule = params["lr_schedule"]
    if is_torch_scheduler(schedule):
        options = {key: v for key, v in (params["lr_schedule_params"] or {}).items() if key != "step_every"}
        import_quietly("torch._dynamo")
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch_scheduler(schedule)(optimizer, **options)
        except (TypeError, ValueError) as error:
            refuse(owner, params, "lr_schedule_params", "hold what the scheduler takes", f"torch says: {error}")
    if not isinstance(schedule, dict):
        return
    if any(is_torch_scheduler(value) for value in schedule.values()):
        raise InvalidParameterError(
            f"The 'lr_schedule' parameter of {owner} must be torch's scheduler or 'plateau' itself, not in a dict. "
            f"Got {schedule!r}."
        )
    values = [value for value in schedule.values() if value is not None and not callable(value)]
    fits = all(isinstance(value, str) and value in SCHEDULES for value in values)
    if not fits or not set(schedule) <= set(SCHEDULED):
        raise InvalidParameterError(
            f"The 'lr_schedule' parameter of {owner}, as a dict, must have keys among {list(SCHEDULED)} and values "
            f"that are None, a callable or one of {sorted(SCHEDULES)}. Got {schedule!r} instead."
        )


def of_learning_rate(schedule):
    """The learning rate's schedule; for "auto" that of the tabular network."""
    if isinstance(schedule, dict):
        return schedule.get("learning_rate")
    return "one_cycle" if is_auto(schedule) else schedule


def schedule_functions(params: Mapping[str, Any]) -> dict:
    """`lr_schedule` as functions of progress by what they multiply."""
    value, options = params["lr_schedule"], params["lr_schedule_params"] or {}
    if is_torch_scheduler(value):
        return {}
    named = value if isinstance(value, dict) else {"learning_rate": value}
    return {
        name: make_schedule(schedule, options if name == "learning_rate" else {})
        for name, schedule in named.items()
        if schedule is not None
    }


# Of the parameters of schedules by name.
_SCHEDULE_RANGES = {
    "gamma": (0, math.inf),
    "step_size": (1, math.inf),
    "n_cycles": (1, math.inf),
    "warmup": (0, 1),
}


def _check_schedule_params(owner: str, params: dict) -> None:
    schedule = params["lr_schedule"]
    if callable(schedule) or is_torch_scheduler(schedule):  # whose parameters of that name mean something else
        return
    for name, (low, high) in _SCHEDULE_RANGES.items():
        value = (params["lr_schedule_params"] or {}).get(name, low)
        if not isinstance(value, Real) or not low <= float(value) <= high:
            raise InvalidParameterError(
                f"The {name!r} in 'lr_schedule_params' of {owner} must be a number from {low} to {high}. "
                f"Got {value!r} instead."
            )
