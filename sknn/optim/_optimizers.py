"""Optimizers by name, and the arguments that each can be given."""

from __future__ import annotations

import inspect

import torch
from torch import optim

from sknn.optim._fused_adam import FusedAdam, FusedAdamW, has_fused_operators
from sknn.optim._muon import Muon
from sknn.utils import import_quietly

OPTIMIZERS: dict[str, type[optim.Optimizer]] = {
    "adagrad": optim.Adagrad,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "lbfgs": optim.LBFGS,
    "muon": Muon,
    "nadam": optim.NAdam,
    "radam": optim.RAdam,
    "rmsprop": optim.RMSprop,
    "sgd": optim.SGD,
}

_FUSED = {optim.Adam: FusedAdam, optim.AdamW: FusedAdamW}
_FUSED_DEVICES = ("cpu", "cuda", "mps")
# As scikit-learn's MLP: a step is one that lowers the loss.
_LBFGS_DEFAULTS = {"line_search_fn": "strong_wolfe"}
_STEP_VARIANTS = {"amsgrad", "capturable", "differentiable", "foreach", "fused"}


def optimizer_class(optimizer: str | type[optim.Optimizer]) -> type[optim.Optimizer]:
    return OPTIMIZERS[optimizer] if isinstance(optimizer, str) else optimizer


def optimizer_parameters(optimizer: str | type[optim.Optimizer]) -> list[str] | None:
    """Names allowed in `optimizer_params`, or None if they are unknown.

    `param_groups` is skorch's way to set them by patterns of parameter names. The learning rate
    and the weight decay are parameters of the estimator.
    """
    parameters = inspect.signature(optimizer_class(optimizer)).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return None
    owned = {"self", "params", "lr", "weight_decay", "stacked", "orthogonal"}
    return [name for name in parameters if name not in owned] + ["param_groups"]


def is_elementwise(optimizer: type[optim.Optimizer]) -> bool:
    """Whether updates are elementwise, so that parameters can be concatenated."""
    return optimizer in {*OPTIMIZERS.values(), *_FUSED.values()} and optimizer not in (optim.LBFGS, Muon)


def is_adaptive(optimizer: type[optim.Optimizer]) -> bool:
    """Whether updates are normalised by past gradients, so that a learning rate suits all parameters."""
    plain = optim.SGD, optim.LBFGS, optim.ASGD, optim.Rprop
    return not (isinstance(optimizer, type) and issubclass(optimizer, plain))


def is_full_batch(optimizer: str | type[optim.Optimizer]) -> bool:
    """Whether the optimizer compares losses of several evaluations, which need the same rows."""
    cls = optimizer_class(optimizer)
    return isinstance(cls, type) and issubclass(cls, optim.LBFGS)


def needs_closure(optimizer: type[optim.Optimizer]) -> bool:
    """Whether a step may evaluate the loss again, as L-BFGS does and a user-defined optimizer may."""
    is_known = isinstance(optimizer, type) and optimizer.__module__.startswith(("torch.optim.", "sknn.optim."))
    return not is_known or is_full_batch(optimizer)


def takes_groups(optimizer: type[optim.Optimizer]) -> bool:
    """Whether parameters may have learning rates of their own."""
    return not (isinstance(optimizer, type) and issubclass(optimizer, optim.LBFGS))


def takes_weight_decay(optimizer: str | type[optim.Optimizer]) -> bool:
    return "weight_decay" in inspect.signature(optimizer_class(optimizer)).parameters


def make_optimizer(
    optimizer: str | type[optim.Optimizer], params: dict, *, weight_decay: float, device: torch.device
) -> tuple[type[optim.Optimizer], dict]:
    """The class to build and its keyword arguments: the user's, the weight decay and torch's fused step."""
    cls = optimizer_class(optimizer)
    arguments = (_LBFGS_DEFAULTS if cls is optim.LBFGS else {}) | params
    if takes_weight_decay(optimizer):
        arguments["weight_decay"] = weight_decay
    plain = not _STEP_VARIANTS & set(params) and device.type in _FUSED_DEVICES
    if plain and cls in _FUSED and has_fused_operators():
        return _FUSED[cls], arguments
    import_quietly("torch._dynamo")  # torch's compiler, which its own optimizers import
    if plain and cls is optim.SGD:
        arguments["fused"] = True
    return cls, arguments
