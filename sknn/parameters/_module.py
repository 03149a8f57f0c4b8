"""Kinds of the `module` parameter: a built-in network, a user-defined one, or a pretrained one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sknn.modules import MODULES, TabularNet, is_ensemble, is_tabular_net
from sknn.pretrained import Pretrained


def weight_init_of(params: Mapping[str, Any]) -> Any:
    """The initialiser of a built-in network; None for other modules, which initialise themselves."""
    return params["module_params"]["weight_init"] if isinstance(params["module"], str) else None


def is_data_dependent(params: Mapping[str, Any]) -> bool:
    """Whether a network's initial weights are fitted to training rows."""
    return params["module"] is TabularNet or weight_init_of(params) == "unit_variance"


def has_own_members(module) -> bool:
    """Whether it is an ensemble passed by the user, with its own number of members."""
    return is_ensemble(architecture_of(module))


def pretrained_of(module) -> Pretrained | None:
    return module if isinstance(module, Pretrained) else None


def architecture_of(module):
    """The network of `module`; for `Pretrained` its source, or the network of its weights."""
    return module.architecture if isinstance(module, Pretrained) else module


def is_name(module, name: str) -> bool:
    return isinstance(module, str) and module == name


def is_tabular(module) -> bool:
    """Whether the rules of the built-in tabular network hold for it."""
    network = architecture_of(module)
    return is_name(network, "tabular") or is_tabular_net(network)


def takes_images(module) -> bool:
    """Whether it is the built-in network for images."""
    network = architecture_of(module)
    return is_name(network, "cnn") or isinstance(network, MODULES["cnn"])
