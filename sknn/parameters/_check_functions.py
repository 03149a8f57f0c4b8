"""Checks of user-defined classes and functions: their base class and their arguments."""

from __future__ import annotations

import inspect

import torch
from torch import nn

from sknn.parameters._constraints import refuse

# What a class must be, where a parameter takes classes.
_BASES = {
    "module": nn.Module,
    "activation": nn.Module,
    "loss": nn.Module,
    "optimizer": torch.optim.Optimizer,
    "lr_schedule": torch.optim.lr_scheduler.LRScheduler,
}


def check_functions(owner: str, params: dict) -> None:
    """Refuse classes and functions that are not valid for their parameter."""
    _check_classes(owner, params)
    _check_functions(owner, params)


def _check_classes(owner: str, params: dict) -> None:
    """Refuse classes with another base class, and callables without the needed arguments."""
    for name, base in _BASES.items():
        value = params[name]
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
        for part in parts:
            fits = not isinstance(part, type) or issubclass(part, base)
            if not fits and not (name == "loss" and _makes_functions(part)):
                refuse(owner, params, name, f"be a subclass of {base.__name__}, if it is a class")
    for name in ("monitor", "validation_split"):
        if isinstance(params[name], type):
            refuse(owner, params, name, "not be a class", "pass an instance or a function")
    for name, needed in (("module", None), ("optimizer", "lr")):
        if callable(params[name]) and not isinstance(params[name], nn.Module):
            names = _argument_names(params[name])
            if names is None:
                refuse(owner, params, name, "be a callable whose arguments can be read")
            if needed is not None and not {needed, "**"} & names:
                refuse(owner, params, name, f"take {needed!r} as an argument")


# What a function that is given as a parameter is called with.
_CALLED_WITH = {
    "activation": (),
    "loss": ("output", "target"),
    "lr_schedule": ("progress",),
    "monitor": ("estimator", "X", "y"),
}


def _check_functions(owner: str, params: dict) -> None:
    """Refuse functions that cannot be called with their arguments."""
    for name, arguments in _CALLED_WITH.items():
        error = _call_error(params[name], arguments, (params["loss_params"] or {}) if name == "loss" else {})
        if error is not None:
            refuse(owner, params, name, f"be callable with ({', '.join(arguments)})", str(error))


def _call_error(function, arguments: tuple[str, ...], options: dict) -> TypeError | None:
    """Why a function cannot be called with these arguments; None if it can, or if it is not a function."""
    if not callable(function) or isinstance(function, type):
        return None
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have no signature
        return None
    try:
        signature.bind(*arguments, **options)
    except TypeError as error:
        return error
    return None


class FunctionOf:
    """The constraint of a function (not a class) of some arguments."""

    def __init__(self, *arguments: str):
        self.arguments = arguments

    def is_satisfied_by(self, value) -> bool:
        return callable(value) and not isinstance(value, type) and _call_error(value, self.arguments, {}) is None

    def __str__(self):
        return f"a function of ({', '.join(self.arguments)})"


def _makes_functions(cls: type) -> bool:
    """Whether its instances can be called."""
    return any("__call__" in vars(base) for base in cls.__mro__)


def _argument_names(function) -> set[str] | None:
    """Names of a callable's arguments, "**" if it takes any; None when they cannot be told."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some builtins have no signature
        return None
    return {"**" if p.kind is inspect.Parameter.VAR_KEYWORD else name for name, p in parameters.items()}
