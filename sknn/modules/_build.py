"""From the estimators' `module` parameter to an `nn.Module` of the right shape."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable

from torch import nn

from sknn.modules._mlp import MLP

MODULES: dict[str, type[nn.Module]] = {"mlp": MLP}


def module_params_of(module) -> list[str] | None:
    """Keyword parameters that `module` can be given, or None when it takes any (or none can be told)."""
    if isinstance(module, nn.Module):
        return []
    signature = inspect.signature(MODULES[module] if isinstance(module, str) else module)
    kinds = [p.kind for p in signature.parameters.values()]
    if inspect.Parameter.VAR_KEYWORD in kinds:
        return None
    positional_only, star = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL
    return [n for n, p in signature.parameters.items() if p.kind not in (positional_only, star)]


def embeds_categories(module) -> bool:
    """Whether a module takes categories as codes: its `forward`, or the factory, names the parameter for them."""
    if isinstance(module, str):
        module = MODULES[module]
    if isinstance(module, nn.Module) or isinstance(module, type):
        return "x_cat" in inspect.signature(module.forward).parameters
    return "cat_cardinalities" in inspect.signature(module).parameters


def build_module(
    module: str | nn.Module | type[nn.Module] | Callable[..., nn.Module],
    module_params: dict,
    *,
    n_features: int,
    n_outputs: int,
    cat_cardinalities: tuple[int, ...],
) -> nn.Module:
    """Build the network: a class or factory is called with those data facts that its signature names.

    A module instance is copied, so that the user's own is never trained.
    """
    if isinstance(module, nn.Module):
        return copy.deepcopy(module)
    make = MODULES[module] if isinstance(module, str) else module
    facts = {
        "n_features": n_features,
        "n_outputs": n_outputs,
        "cat_cardinalities": cat_cardinalities,
    }
    named = inspect.signature(make).parameters
    arguments = {name: value for name, value in facts.items() if name in named} | module_params
    built = make(**arguments)
    if not isinstance(built, nn.Module):
        raise TypeError(f"The 'module' callable must return an nn.Module. Got {type(built).__name__} instead.")
    return built
