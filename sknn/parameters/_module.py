"""What the `module` parameter is: a built-in network, one of the user's, or one that starts from learned weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sknn.modules import MODULES, TabularNet, is_ensemble, is_tabular_net
from sknn.pretrained import Pretrained


def weight_init_of(params: Mapping[str, Any]) -> Any:
    """How the first weights of a built-in network are drawn; None for a module of one's own, which brings them."""
    return params["module_params"]["weight_init"] if isinstance(params["module"], str) else None


def is_data_dependent(params: Mapping[str, Any]) -> bool:
    """Whether a tabular network's first weights are fitted to training rows."""
    return params["module"] is TabularNet or weight_init_of(params) == "unit_variance"


def has_own_members(module) -> bool:
    """Whether it is a tabular network of the user's, which says itself how many members it has."""
    return is_ensemble(architecture_of(module))


def pretrained_of(module) -> Pretrained | None:
    return module if isinstance(module, Pretrained) else None


def architecture_of(module):
    """What `module` is built from: with `Pretrained` the network that is its source, or that its weights are for."""
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
