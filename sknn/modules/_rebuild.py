"""A built-in network as what it was built with and its numbers, and back. Torch only.

Weights are not initialised on the way back, and no more memory is taken than the numbers explain: a plan may come from
a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sknn.modules._build import MODULES, mark, outputs_of
from sknn.modules._ensemble import ModuleEnsemble, SequentialEnsemble, VmapEnsemble
from sknn.modules._head import n_outputs_of
from sknn.modules._numeric_embeddings import PiecewiseLinear, ThermometerEncoding
from sknn.modules._tabular import TabularNet

_ENSEMBLES: dict[str, type[ModuleEnsemble]] = {"sequential": SequentialEnsemble, "vmap": VmapEnsemble}
_USUAL_SIZE, _LARGEST_IMAGE = 4_096, 2**24  # what sizes may be that no array shows: of parts that are left out; pixels
_SPARE_VALUES = 1_000_000
_FACTORIES = {torch.empty, torch.randn, torch.rand, torch.zeros, torch.ones}
_DRAWING = {"normal_", "uniform_", "exponential_", "bernoulli_"}


def plan_of(module: nn.Module) -> dict[str, Any] | None:
    """What a network, or an ensemble, can be rebuilt from besides its tensors.

    Returns
    -------
    plan : dict or None
        None for a module that was not built by name, or has been changed in its structure since.
    """
    network = module.network if isinstance(module, ModuleEnsemble) else module
    name, _ = network.__dict__.get("built_with", (None, None))
    if type(network) is not MODULES.get(name):
        return None
    ensemble = next((key for key, kind in _ENSEMBLES.items() if type(module) is kind), None)
    plan = {
        "name": name,
        "arguments": built_with(network),
        "bins": _bins_of(network),
        "ensemble": ensemble,
        "n_members": module.n_members if isinstance(module, ModuleEnsemble) else 1,
        "n_outputs": getattr(module.call, "args", (0,))[0] if isinstance(module, ModuleEnsemble) else 0,
        "is_built_in": network.__dict__["is_built_in"],
        "frozen": [key for key, parameter in module.named_parameters() if not parameter.requires_grad],
        "training": module.training,
    }
    return plan if _structure(_built(plan)) == _structure(module) else None


def built_with(module: nn.Module) -> dict[str, Any] | None:
    """The arguments that a network was built with by name, or each of an ensemble, with its outputs of today."""
    network = module.network if isinstance(module, ModuleEnsemble) else module
    _, arguments = network.__dict__.get("built_with", (None, None))
    return None if arguments is None else arguments | {"n_outputs": n_outputs_of(network)}


def rebuild(plan: Mapping[str, Any], tensors: dict[str, Tensor]) -> nn.Module:
    """The network of a plan, with the tensors of its state dict.

    Raises
    ------
    ValueError
        When they do not fit each other.
    """
    _check_sizes(plan, tensors)
    n_values = 2 * sum(tensor.numel() for tensor in tensors.values()) + _SPARE_VALUES
    module = _built(plan, n_values)
    own = module.state_dict()
    wrong = [key for key in own.keys() | tensors.keys() if _form(own.get(key)) != _form(tensors.get(key))]
    if wrong:
        raise ValueError(f"The weights {sorted(wrong)} do not fit the network {plan['name']!r}.")
    module.load_state_dict(tensors)
    parameters = dict(module.named_parameters())
    for name in plan["frozen"]:
        parameters[name].requires_grad_(False)
    return module.train(plan["training"])


def _built(plan: Mapping[str, Any], max_values: float = math.inf) -> nn.Module:
    """The network with any numbers."""
    arguments = dict(plan["arguments"])
    with torch.no_grad(), _WithoutNumbers(max_values) as built:
        if plan["bins"] is not None:
            arguments["bins"] = _some_bins(plan["bins"], arguments, built)
        network = mark(MODULES[plan["name"]](**arguments), is_built_in=plan["is_built_in"])
        network.__dict__["built_with"] = plan["name"], dict(plan["arguments"])
        if plan["ensemble"] is None:
            return network
        built.count(plan["n_members"] * sum(value.numel() for value in network.state_dict().values()))
        return _ENSEMBLES[plan["ensemble"]]([network] * plan["n_members"], outputs_of(plan["n_outputs"]))


class _WithoutNumbers(TorchFunctionMode):
    """A block in which new tensors hold any numbers, and not more than `max_values` in all."""

    def __init__(self, max_values: float):
        super().__init__()
        self.left = max_values

    def count(self, n_values: int) -> None:
        self.left -= n_values
        if self.left < 0:
            raise ValueError("The network would be larger than its weights.")

    def __torch_function__(self, func: Callable, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init" or getattr(func, "__name__", "") in _DRAWING:
            return args[0] if args else kwargs["tensor"]
        if func in _FACTORIES:
            self.count(math.prod(_sizes(args, kwargs)))
            func = torch.empty if func in (torch.randn, torch.rand) else func
        return func(*args, **kwargs)


def _sizes(args: tuple, kwargs: dict) -> tuple[int, ...]:
    given = args or (kwargs.get("size", ()),)
    return tuple(given[0]) if len(given) == 1 and not isinstance(given[0], int) else given


def _check_sizes(plan: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Refuse a size that no array shows, before lists of that length are made."""
    sizes = [size for tensor in tensors.values() if tensor.numel() for size in tensor.shape]
    largest = max([_USUAL_SIZE, *sizes])

    def check(value: Any, limit: int) -> None:
        if isinstance(value, Mapping):
            for name, part in value.items():
                check(part, _LARGEST_IMAGE if name == "image_shape" else limit)
        elif isinstance(value, list | tuple):
            for part in value:
                check(part, limit)
        elif isinstance(value, int) and not 0 <= value <= limit:
            raise ValueError(f"A network of the size {value} does not fit its weights.")
        elif not (value is None or isinstance(value, int | float | str) or callable(value)):
            raise TypeError(f"A network is not built with a {type(value).__name__}.")

    check(plan, largest)
    n_members = plan["n_members"]
    if plan["ensemble"] is not None and any(tensor.shape[:1] != (n_members,) for tensor in tensors.values()):
        raise ValueError(f"An ensemble of {n_members} members does not fit its weights.")
    arguments, n_values = plan["arguments"], sum(tensor.numel() for tensor in tensors.values())
    n_codes = arguments.get("n_members", 1) * len(arguments.get("cat_cardinalities", ()))
    if len(arguments.get("hidden_layer_sizes", ())) > len(tensors) or n_codes > n_values:
        raise ValueError("A network of so many parts does not fit its weights.")


def _bins_of(network: nn.Module) -> dict[str, Any] | None:
    """Which numbers a `TabularNet` embeds by bins, and how many each member has; the bins themselves are buffers."""
    if not isinstance(network, TabularNet) or network.numeric is None:
        return None
    embedding, n_bins = network.numeric, 0
    if isinstance(embedding, PiecewiseLinear | ThermometerEncoding):
        n_bins = embedding.weight.shape[-1] - 1
    by_member = isinstance(embedding, ThermometerEncoding)
    return {"embedded": network.embedded.tolist(), "n_bins": n_bins, "by_member": by_member}


def _some_bins(bins: Mapping[str, Any], arguments: Mapping[str, Any], built: _WithoutNumbers) -> list:
    """As many bins, at any place."""
    embedded, n_bins = set(bins["embedded"]), bins["n_bins"]
    n_rows = arguments["n_members"] if bins["by_member"] else 1
    built.count(len(embedded) * n_rows * (n_bins + 1))
    some = torch.zeros(n_rows, n_bins) if bins["by_member"] else list(range(n_bins + 1))
    return [some if j in embedded else None for j in range(arguments["n_features"])]


def _structure(module: nn.Module) -> list:
    """Each part of a network by name and kind, and the form of its tensors."""
    parts = [(name, type(part), part.extra_repr()) for name, part in module.named_modules()]
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return [*parts, *((name, _form(value)) for name, value in tensors)]


def _form(tensor: Tensor | None) -> tuple | None:
    return None if tensor is None else (tuple(tensor.shape), tensor.dtype)
