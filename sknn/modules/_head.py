"""The last layer of a network: what it is given, and another one in its place. Torch only."""

from __future__ import annotations

import copy
import math
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from sknn.modules._build import call_module
from sknn.modules._members import n_members_of, tensor_of
from sknn.modules._mlp import Linear
from sknn.modules._tabular import TabularNet


def head_of(module: nn.Module) -> str:
    """Name of the last linear layer.

    Raises
    ------
    ValueError
        When there is none.
    """
    linear = [name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise ValueError(f"The network must end in an nn.Linear. Got {type(module).__name__}, which has none.")
    return linear[-1]


def is_of_head(module: nn.Module, name: str) -> bool:
    """Whether a parameter belongs to the last layer."""
    if isinstance(module, TabularNet):
        last = len(module.activations)
        return name in {f"weights.{last}", f"biases.{last}", "shortcut"}
    return name.rpartition(".")[0] == head_of(module)


def renew_head(module: nn.Module, n_outputs: int) -> nn.Module:
    """The module with a new last layer of `n_outputs` outputs; the layer, if it is the whole module."""
    if isinstance(module, TabularNet):
        weight = module.weights[-1]
        k, _, width = weight.shape
        module.weights[-1] = nn.Parameter(torch.randn(k, n_outputs, width).to(weight) / math.sqrt(width))
        module.biases[-1] = nn.Parameter(torch.zeros(k, n_outputs, 1).to(weight))
        if module.shortcut is not None:
            module.shortcut = nn.Parameter(torch.zeros(k, n_outputs, module.shortcut.shape[2]).to(weight))
        return module
    name = head_of(module)
    old: Any = module.get_submodule(name)
    layer = Linear if isinstance(old, Linear) else nn.Linear
    new = layer(old.in_features, n_outputs, bias=old.bias is not None).to(old.weight)
    if not name:
        return new
    parent, _, attribute = name.rpartition(".")
    setattr(module.get_submodule(parent), attribute, new)
    return module


class Backbone(nn.Module):
    """A network without its last layer: its outputs are what that layer would be given.

    Parameters
    ----------
    module : nn.Module
        A network that ends in a linear layer, or a :class:`TabularNet`. Its weights are shared, not copied.
    layer : str or None, default=None
        Name of another part of the network, whose outputs are taken.

    Shape: inputs of the module to (B, D); members of a pack side by side, (B, K · D).
    """

    def __init__(self, module: nn.Module, layer: str | None = None):
        super().__init__()
        if layer is None and n_members_of(module) is not None and not isinstance(module, TabularNet):
            raise ValueError("A pack of modules has no features of its own. Use n_members=1.")
        if layer is not None and layer not in dict(module.named_modules()):
            names = [name for name, _ in module.named_modules() if name]
            raise ValueError(f"layer must be one of {names}. Got {layer!r}.")
        self.layer = layer
        self.is_built_in = True  # it hands rows on, as `call_module` does
        self.is_tabular = layer is None and isinstance(module, TabularNet)
        if not self.is_tabular:
            module = _sharing_weights(module)
            name = head_of(module) if layer is None else layer
            tap = _Tap(module.get_submodule(name), takes_input=layer is None)
            if name:
                parent, _, attribute = name.rpartition(".")
                setattr(module.get_submodule(parent), attribute, tap)
            else:
                module = tap
        self.module = module

    def forward(self, *by_position: Tensor, **inputs: Tensor) -> Tensor:
        inputs = dict(zip(["x_num"], by_position, strict=False)) | inputs
        if self.is_tabular:
            net: Any = self.module
            hidden, _ = net.hidden(inputs["x_num"], inputs.get("x_cat"))
            return hidden.permute(2, 0, 1).flatten(1)  # (K, D, B) -> (B, K · D)
        found: list[Tensor] = []
        token = _tapped.set(found)
        try:
            call_module(self.module, inputs)
        finally:
            _tapped.reset(token)
        return found[-1].flatten(1)


_tapped: ContextVar[list[Tensor] | None] = ContextVar("tapped", default=None)


class _Tap(nn.Module):
    """A part of a network that tells the running call, and no other thread's, what it is given or gives."""

    def __init__(self, part: nn.Module, takes_input: bool):
        super().__init__()
        self.part, self.takes_input = part, takes_input

    def forward(self, *args, **kwargs):
        found = _tapped.get()
        if found is not None and self.takes_input:
            found.append(args[0].clone())  # this part, or one that follows, may work in place
        output = self.part(*args, **kwargs)
        if found is not None and not self.takes_input:
            found.append(tensor_of(output).clone())
        return output


def _sharing_weights(module: nn.Module) -> nn.Module:
    """A copy of a network's tree with the same tensors."""
    shared = {id(value): value for value in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, shared)


def load_weights(module: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Copy weights into a network; those of the last layer only if they fit. Returns the names that were left out.

    Raises
    ------
    ValueError
        When names or shapes of other weights differ.
    """
    own = module.state_dict()
    left = [
        name
        for name in own
        if is_of_head(module, name) and (name not in state or _shape(state[name]) != _shape(own[name]))
    ]
    missing = [name for name in own if name not in state and name not in left]
    unknown = [name for name in state if name not in own]
    wrong = [
        f"{name} {_shape(state[name])} for {_shape(own[name])}"
        for name in own
        if name not in left and name in state and _shape(state[name]) != _shape(own[name])
    ]
    if missing or unknown or wrong:
        raise ValueError(
            f"The weights do not fit the network {type(module).__name__}: missing {missing}, unknown {unknown}, of "
            f"other shapes {wrong}. Build the network as the one that they come from was built."
        )
    module.load_state_dict(
        {name: copy.deepcopy(state.get(name, own[name])) if name not in left else own[name] for name in own}
    )
    return left


def _shape(value: Tensor) -> tuple[int, ...]:
    return tuple(value.shape)
