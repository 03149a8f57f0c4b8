"""What the parameters shared by both estimators may be, and the checks that need more than a type."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Mapping
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
    make_constraint,
)
from torch import nn

from sknn.augmentation import Augment
from sknn.callbacks import Penalty
from sknn.modules import (
    ACTIVATIONS,
    INITIALIZERS,
    MODULES,
    NUMERIC_EMBEDDINGS,
    is_ensemble,
    module_params_of,
)
from sknn.optim import (
    OPTIMIZERS,
    PLATEAU,
    SCHEDULED,
    SCHEDULES,
    is_full_batch,
    is_torch_scheduler,
    make_schedule,
    optimizer_class,
    optimizer_parameters,
    schedule_parameters,
    takes_groups,
    takes_weight_decay,
    torch_scheduler,
)
from sknn.parameters._callbacks import callback_of, check_callbacks, is_kind_of
from sknn.parameters._defaults import PRESETS, is_auto
from sknn.pretrained import Pretrained
from sknn.targets import loss_parameters
from sknn.utils import import_quietly

AUTO = StrOptions({"auto"})


class Number(Interval):
    """scikit-learn's interval, but True and False are no numbers."""

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
    "shuffle": ["boolean"],
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
    "verbose": ["verbose"],
}

# Parameters that have a dict of further ones: the prefix in a grid, and the dict's name.
NESTED = {
    "module": "module_params",
    "loss": "loss_params",
    "optimizer": "optimizer_params",
    "lr_schedule": "lr_schedule_params",
}

SHAPE = ("hidden_layer_sizes", "activation", "dropout")  # what built-in networks are shaped by

_NETWORK_FACTS = {"self", "n_features", "n_outputs", "cat_cardinalities"}
_OF_BUILT_IN = {"bins", "n_members", "image_shape", "hidden_layer_sizes", "activation", "dropout"}


def nested_names(params: dict, prefix: str) -> list[str] | None:
    """Names that `<prefix>_params` may hold; None when any will do."""
    if prefix == "optimizer":
        return optimizer_parameters(params["optimizer"])
    if prefix == "loss":
        constraints = loss_parameters(params["loss"])
        return None if constraints is None else list(constraints)
    if prefix == "lr_schedule":
        schedule = _of_learning_rate(params["lr_schedule"])
        known = not isinstance(schedule, str) or schedule in {*SCHEDULES, PLATEAU}
        return schedule_parameters(schedule) if known else None  # a wrong name is refused in fit
    module = params["module"]
    if isinstance(module, Pretrained):
        module = module.architecture
    names = module_params_of(module)
    if names is None:
        return None
    taken = _NETWORK_FACTS | (_OF_BUILT_IN if isinstance(module, str) else set())
    own = [name for name in names if name not in taken]
    of_built_in = ["weight_init"] * isinstance(params["module"], str) + ["n_bins"] * (module == "tabular")
    return [*own, *of_built_in]  # what is read before the network is built


def check_nested(owner: str, params: dict, prefix: str, names) -> None:
    """Refuse names that `<prefix>_params` cannot hold."""
    known = nested_names(params, prefix)
    unknown = [] if known is None else [name for name in names if name not in known]
    if unknown:
        what = params[prefix] if isinstance(params[prefix], str | dict | None) else _name(params[prefix])
        raise InvalidParameterError(
            f"The '{NESTED[prefix]}' parameter of {owner} must hold only parameters of {prefix} {what}: {known}. "
            f"Got {unknown} instead.{_hint(unknown, params)}"
        )


def python_numbers(value: Any) -> Any:
    """Numbers and flags of numpy, 0-d arrays too, as Python's; also those inside of dicts, lists and tuples."""
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0 and value.dtype.kind in "biuf":
        number = value.item()
        return float(number) if isinstance(number, np.floating) else number  # long doubles are their own items
    if type(value) is dict:
        return {key: python_numbers(entry) for key, entry in value.items()}
    if type(value) in (list, tuple):
        return type(value)(python_numbers(entry) for entry in value)
    return value


def check_params(owner: str, params: dict) -> None:
    """Refuse what `CONSTRAINTS` cannot express. Called in `fit`, before any work."""
    if isinstance(params["module"], Pretrained):
        params["module"].check()
    _check_classes(owner, params)
    for prefix, name in NESTED.items():
        if params[name]:
            check_nested(owner, params, prefix, params[name])
    _check_hidden_layer_sizes(owner, params["hidden_layer_sizes"])
    check_callbacks(owner, params["callbacks"])
    _check_device(owner, params["device"])
    _check_schedule(owner, params)
    _check_augmentation(owner, params["augmentation"])
    _check_functions(owner, params)
    _check_validation_split(owner, params)
    _check_lists(owner, params)
    _check_loss_params(owner, params)
    _check_schedule_params(owner, params)
    _check_network(owner, params)
    _check_start(owner, params)
    _check_optimizer(owner, params)
    if params["early_stopping"] is False and not is_auto(params["patience"]):
        _refuse(owner, params, "patience", "be 'auto' with early_stopping=False, which never stops")


def _refuse(owner: str, params: dict, name: str, must: str, hint: str = "") -> NoReturn:
    raise InvalidParameterError(
        f"The {name!r} parameter of {owner} must {must}. Got {params[name]!r} instead{f'; {hint}' if hint else ''}."
    )


# What a class must be, where a parameter takes classes.
_BASES = {
    "module": nn.Module,
    "activation": nn.Module,
    "loss": nn.Module,
    "optimizer": torch.optim.Optimizer,
    "lr_schedule": torch.optim.lr_scheduler.LRScheduler,
}


def _check_classes(owner: str, params: dict) -> None:
    """Refuse classes and callables of another kind than what is built with them."""
    for name, base in _BASES.items():
        value = params[name]
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
        for part in parts:
            fits = not isinstance(part, type) or issubclass(part, base)
            if not fits and not (name == "loss" and _makes_functions(part)):
                _refuse(owner, params, name, f"be a subclass of {base.__name__}, where it is a class")
    for name in ("monitor", "validation_split"):
        if isinstance(params[name], type):
            _refuse(owner, params, name, "be no class", "pass an instance of it or a function")
    for name, needed in (("module", None), ("optimizer", "lr")):
        if callable(params[name]) and not isinstance(params[name], nn.Module):
            names = _argument_names(params[name])
            if names is None:
                _refuse(owner, params, name, "be a callable whose arguments can be read")
            if needed is not None and not {needed, "**"} & names:
                _refuse(owner, params, name, f"take {needed!r} as an argument")


# What a function that is given as a parameter is called with.
_CALLED_WITH = {
    "activation": (),
    "loss": ("output", "target"),
    "lr_schedule": ("progress",),
    "monitor": ("estimator", "X", "y"),
}


def _check_functions(owner: str, params: dict) -> None:
    """Refuse functions that cannot be called as they will be."""
    for name, arguments in _CALLED_WITH.items():
        error = _call_error(params[name], arguments, (params["loss_params"] or {}) if name == "loss" else {})
        if error is not None:
            _refuse(owner, params, name, f"be callable with ({', '.join(arguments)})", str(error))


def _call_error(function, arguments: tuple[str, ...], options: dict) -> TypeError | None:
    """Why a function cannot be called with these arguments; None where it can, and for what is no function."""
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


class _FunctionOf:
    """The constraint of a function, which is no class, of some arguments."""

    def __init__(self, *arguments: str):
        self.arguments = arguments

    def is_satisfied_by(self, value) -> bool:
        return callable(value) and not isinstance(value, type) and _call_error(value, self.arguments, {}) is None

    def __str__(self):
        return f"a function of ({', '.join(self.arguments)})"


# What entries of `module_params` may be that are read before a built-in network is built.
_ENTRIES: dict[str, list] = {
    "weight_init": [StrOptions({"auto", *INITIALIZERS}), _FunctionOf("weight")],
    "numeric_embedding": [StrOptions({"auto", *NUMERIC_EMBEDDINGS}), make_constraint(None)],
    "n_bins": [Number(Integral, 1, None, closed="left"), make_constraint(None)],
}


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


def check_held_out(owner: str, params: dict, X_val, y_val) -> None:
    """Refuse what cannot act in a fit with, or without, validation rows of the user's own.

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
        _refuse(owner, params, "validation_split", "be 'auto' with X_val, which takes its place")
    holds_out = has_validation_rows or params["early_stopping"] or not is_auto(params["validation_split"])
    if not holds_out and not (isinstance(params["monitor"], str) and params["monitor"] == "loss"):
        hint = "set early_stopping or validation_split, or pass X_val"
        _refuse(owner, params, "monitor", "be 'loss' where early_stopping=False and no rows validate", hint)


def _check_validation_split(owner: str, params: dict) -> None:
    split = params["validation_split"]
    is_flat = isinstance(split, bytes | dict | set | frozenset) or (isinstance(split, np.ndarray) and split.ndim < 2)
    if split is None or is_flat or (isinstance(split, list | tuple) and not split):
        must = "be 'auto', a share of the rows, a number of folds, a splitter or pairs of training and validation rows"
        _refuse(owner, params, "validation_split", must)


def check_layer_lists(owner: str, params: dict) -> None:
    """Refuse lists that do not hold a value for each hidden layer of a built-in network."""
    n_layers = len(params["hidden_layer_sizes"])
    for name in ("activation", "dropout"):
        value = params[name]
        if isinstance(params["module"], str) and isinstance(value, list | tuple) and len(value) != n_layers:
            must = f"be one value, or a list of {n_layers}, one for each entry of hidden_layer_sizes"
            _refuse(owner, params, name, must)


def _check_network(owner: str, params: dict) -> None:
    """Refuse what a network cannot be built with, or has no use for."""
    module = params["module"]
    if isinstance(params["activation"], nn.Module):
        hint = f"pass the class, {_name(params['activation'])}"
        _refuse(owner, params, "activation", "be a name, an nn.Module class or a callable that builds one", hint)
    if isinstance(params["preprocessing"], type):
        hint = f"it is a class, so call it: {_name(params['preprocessing'])}()"
        _refuse(owner, params, "preprocessing", "be a transformer instance", hint)
    if not isinstance(module, str):
        for name in () if isinstance(module, Pretrained) else SHAPE:
            if not is_auto(params[name]):
                hint = f"pass module_params={{{name!r}: ...}}, if it takes that"
                _refuse(owner, params, name, "be 'auto' for a module of your own", hint)
        if is_ensemble(module) and params["n_members"] not in ("auto", module.n_members):
            _refuse(owner, params, "n_members", f"be 'auto' for a network that has {module.n_members}")
        return
    for name in SHAPE:
        if not is_auto(params[name]) and name not in (module_params_of(module) or []):
            _refuse(owner, params, name, f"be 'auto' for module={module!r}, which has no hidden layers")
    if isinstance(params["dropout"], list | tuple) and module in ("tabular", "cnn"):
        _refuse(
            owner, params, "dropout", f"be 'auto' or a number for module={module!r}", "'mlp' and 'resnet' take a list"
        )
    entries = params["module_params"] or {}
    for name, constraints in _ENTRIES.items():
        if name in entries and not any(constraint.is_satisfied_by(entries[name]) for constraint in constraints):
            raise InvalidParameterError(
                f"The {name!r} in 'module_params' of {owner} must be {' or '.join(map(str, constraints))}. "
                f"Got {entries[name]!r} instead."
            )


def _check_start(owner: str, params: dict) -> None:
    """Refuse what contradicts weights that are there already."""
    module = params["module"]
    if not isinstance(module, Pretrained):
        return
    for name in SHAPE if module.network is not None else ():
        if not is_auto(params[name]):
            _refuse(owner, params, name, "be 'auto' with Pretrained, which starts from a network as it is")
    grouped = not takes_groups(params["optimizer"]) or "param_groups" in (params["optimizer_params"] or {})
    if module.learning_rates and grouped:
        raise InvalidParameterError(
            f"The 'learning_rates' of Pretrained in 'module' of {owner} must be None for L-BFGS, which has one rate, "
            f"and with param_groups in 'optimizer_params'. Got {module.learning_rates!r} instead."
        )


def _check_optimizer(owner: str, params: dict) -> None:
    """Refuse what an optimizer cannot do."""
    _check_optimizer_params(owner, params)
    decays = params["weight_decay"] and not is_auto(params["weight_decay"])
    if decays and not takes_weight_decay(params["optimizer"]):
        optimizer = params["optimizer"]
        shown = repr(optimizer) if isinstance(optimizer, str) else _name(optimizer)
        must = f"be 0 for the optimizer {shown}, which has none"
        _refuse(owner, params, "weight_decay", must)
    if not is_full_batch(params["optimizer"]):
        return
    if any(is_kind_of(item, Penalty) and getattr(callback_of(item), "l1", 0) for item in params["callbacks"] or []):
        must = "hold no Penalty with l1 for L-BFGS, whose line search needs a smooth loss"
        _refuse(owner, params, "callbacks", must, "use l2, or another optimizer")
    if params["augmentation"]:
        must = "be None for L-BFGS, which compares losses of the same rows"
        _refuse(owner, params, "augmentation", must, "use another optimizer")


def _check_optimizer_params(owner: str, params: dict) -> None:
    """Let an optimizer of torch's, or of ours, check its own arguments."""
    arguments = dict(params["optimizer_params"] or {})
    groups = arguments.pop("param_groups", [])
    is_listed = isinstance(groups, list | tuple) and all(
        isinstance(group, list | tuple) and len(group) == 2 and isinstance(group[0], str) and isinstance(group[1], dict)
        for group in groups
    )
    if not is_listed:
        _refuse(owner, params, "optimizer_params", "hold in 'param_groups' a list of (pattern, dict)")
    known = isinstance(params["optimizer"], str) or params["optimizer"].__module__.startswith("torch.optim")
    if arguments and known:
        import_quietly("torch._dynamo")  # torch's compiler, which its own optimizers import
        try:
            make: Any = optimizer_class(params["optimizer"])
            make([torch.zeros(2, 2, requires_grad=True)], **{"lr": 1.0} | arguments)
        except (TypeError, ValueError) as error:
            _refuse(owner, params, "optimizer_params", "hold what the optimizer takes", f"torch says: {error}")


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
            _refuse(owner, params, "lr_schedule_params", "hold what the scheduler takes", f"torch says: {error}")
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


def _of_learning_rate(schedule):
    """The learning rate's own schedule; for "auto" the one that built-in packs have."""
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


def _check_loss_params(owner: str, params: dict) -> None:
    """Refuse values that the loss cannot be computed with."""
    for name, constraint in (loss_parameters(params["loss"]) or {}).items():
        value = (params["loss_params"] or {}).get(name)
        is_given = constraint is not None and name in (params["loss_params"] or {})
        if is_given and (isinstance(value, bool) or not constraint.is_satisfied_by(value)):
            raise InvalidParameterError(
                f"The {name!r} in 'loss_params' of {owner} must be {constraint}. Got {value!r} instead."
            )


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


def _check_lists(owner: str, params: dict) -> None:
    """Activations and shares of dropout that are given layer by layer."""
    for value in params["activation"] if isinstance(params["activation"], list | tuple) else ():
        if isinstance(value, nn.Module) or not (callable(value) or (isinstance(value, str) and value in ACTIVATIONS)):
            raise InvalidParameterError(
                f"The 'activation' parameter of {owner}, as a list, must hold names among {sorted(ACTIVATIONS)}, "
                f"nn.Module classes or callables. Got {value!r} in it."
            )
    for value in params["dropout"] if isinstance(params["dropout"], list | tuple) else ():
        if not isinstance(value, Real) or not 0 <= float(value) < 1:
            raise InvalidParameterError(
                f"The 'dropout' parameter of {owner}, as a list, must hold numbers in [0, 1). Got {value!r} in it."
            )


def _check_augmentation(owner: str, augmentation) -> None:
    try:
        Augment(augmentation or [], seed=0)
    except ValueError as error:
        raise InvalidParameterError(f"The 'augmentation' parameter of {owner} is not valid: {error}") from error


def layer_sizes(value) -> tuple[int, ...]:
    """`hidden_layer_sizes` as a tuple; a single number is one layer."""
    return (int(value),) if isinstance(value, Integral) else tuple(int(size) for size in value)


def _check_hidden_layer_sizes(owner: str, sizes) -> None:
    if isinstance(sizes, str | Integral):
        return
    listed = sizes if np.ndim(sizes) == 1 else [None]
    if not all(isinstance(size, Integral) and not isinstance(size, bool) and int(size) > 0 for size in listed):
        raise InvalidParameterError(
            f"The 'hidden_layer_sizes' parameter of {owner} must be 'auto', a positive int or a sequence of "
            f"positive ints. Got {sizes!r} instead."
        )


def _check_device(owner: str, device) -> None:
    if isinstance(device, str) and device == "auto":
        return
    try:
        kind = torch.device(device).type
    except RuntimeError:
        kind = None
    available = kind is not None and (kind == "cpu" or _is_available(torch.device(device)))
    if not available:
        raise InvalidParameterError(
            f"The 'device' parameter of {owner} must be 'auto' or a torch device of this machine, such as 'cpu', "
            f"'cuda' or 'mps'. Got {device!r} instead, which torch {torch.__version__} cannot use here."
        )


def _is_available(device: torch.device) -> bool:
    backend = getattr(torch, device.type, None)
    if backend is None or not hasattr(backend, "is_available") or not backend.is_available():
        return False
    return device.index is None or device.index < backend.device_count()


def _name(thing) -> str:
    return getattr(thing, "__name__", type(thing).__name__)


def _hint(unknown: list[str], params: dict) -> str:
    own = [name for name in unknown if name in params]
    own += ["learning_rate"] * ("lr" in unknown)
    return f" Set {own} on the estimator itself." if own else ""
