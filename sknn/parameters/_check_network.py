"""Checks of the parameters of the network, and of the device."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import (
    InvalidParameterError,
    StrOptions,
    make_constraint,
)
from torch import nn

from sknn.modules import ACTIVATIONS, INITIALIZERS, NUMERIC_EMBEDDINGS, is_ensemble, module_params_of
from sknn.optim import takes_groups
from sknn.parameters._check_functions import FunctionOf
from sknn.parameters._constraints import SHAPE, Number, name_of, refuse
from sknn.parameters._defaults import is_auto
from sknn.pretrained import Pretrained

# What entries of `module_params` may be that are read before a built-in network is built.
_ENTRIES: dict[str, list] = {
    "weight_init": [StrOptions({"auto", *INITIALIZERS}), FunctionOf("weight")],
    "numeric_embedding": [StrOptions({"auto", *NUMERIC_EMBEDDINGS}), make_constraint(None)],
    "n_bins": [Number(Integral, 1, None, closed="left"), make_constraint(None)],
}


def check_network(owner: str, params: dict) -> None:
    """Refuse parameters that no network can have or this one does not use, and a device that does not exist."""
    if isinstance(params["module"], Pretrained):
        params["module"].check()
    _check_hidden_layer_sizes(owner, params["hidden_layer_sizes"])
    _check_lists(owner, params)
    _check_network(owner, params)
    _check_start(owner, params)
    _check_device(owner, params["device"])


def _check_network(owner: str, params: dict) -> None:
    """Refuse parameters that a network cannot have, or does not use."""
    module = params["module"]
    if isinstance(params["activation"], nn.Module):
        hint = f"pass the class, {name_of(params['activation'])}"
        refuse(owner, params, "activation", "be a name, an nn.Module class or a callable that builds one", hint)
    if isinstance(params["preprocessing"], type):
        hint = f"it is a class, so call it: {name_of(params['preprocessing'])}()"
        refuse(owner, params, "preprocessing", "be a transformer instance", hint)
    if not isinstance(module, str):
        for name in () if isinstance(module, Pretrained) else SHAPE:
            if not is_auto(params[name]):
                hint = f"pass module_params={{{name!r}: ...}}, if it takes that"
                refuse(owner, params, name, "be 'auto' for a module of your own", hint)
        if is_ensemble(module) and params["n_members"] not in ("auto", module.n_members):
            refuse(owner, params, "n_members", f"be 'auto' for a network that has {module.n_members}")
        return
    for name in SHAPE:
        if not is_auto(params[name]) and name not in (module_params_of(module) or []):
            refuse(owner, params, name, f"be 'auto' for module={module!r}, which has no hidden layers")
    if isinstance(params["dropout"], list | tuple) and module in ("tabular", "cnn"):
        refuse(
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
    """Refuse parameters that contradict existing weights."""
    module = params["module"]
    if not isinstance(module, Pretrained):
        return
    for name in SHAPE if module.network is not None else ():
        if not is_auto(params[name]):
            refuse(owner, params, name, "be 'auto' with Pretrained, which starts from a network as it is")
    grouped = not takes_groups(params["optimizer"]) or "param_groups" in (params["optimizer_params"] or {})
    if module.learning_rates and grouped:
        raise InvalidParameterError(
            f"The 'learning_rates' of Pretrained in 'module' of {owner} must be None for L-BFGS, which has one rate, "
            f"and with param_groups in 'optimizer_params'. Got {module.learning_rates!r} instead."
        )


def _check_lists(owner: str, params: dict) -> None:
    """Activations and dropout probabilities that are given per layer."""
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


def check_layer_lists(owner: str, params: dict) -> None:
    """Refuse lists that do not hold a value for each hidden layer of a built-in network."""
    n_layers = len(params["hidden_layer_sizes"])
    for name in ("activation", "dropout"):
        value = params[name]
        if isinstance(params["module"], str) and isinstance(value, list | tuple) and len(value) != n_layers:
            must = f"be one value, or a list of {n_layers}, one for each entry of hidden_layer_sizes"
            refuse(owner, params, name, must)


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
