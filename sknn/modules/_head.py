"""The last layer of a network and its replacement; loading of pretrained weights. Torch only."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from sknn.modules._layers import CategoryEmbedding, EnsembleEmbedding, EnsembleLinear, Linear
from sknn.modules._numeric_embeddings import NumericEmbedding

_LINEAR = (nn.Linear, EnsembleLinear)
_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag, CategoryEmbedding, EnsembleEmbedding, NumericEmbedding)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def last_linear(module: nn.Module) -> tuple[str, Any]:
    """The last linear layer and its name; None for a network without one."""
    linear = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, _LINEAR)]
    return linear[-1] if linear else ("", None)


def head_of(module: nn.Module) -> str:
    """Name of the last linear layer.

    Raises
    ------
    ValueError
        When there is none.
    """
    name, layer = last_linear(module)
    if layer is None:
        raise ValueError(f"The network must end in an nn.Linear. Got {type(module).__name__}, which has none.")
    return name


def n_outputs_of(module: nn.Module) -> int | None:
    """Outputs of the last layer, if it is a linear one."""
    _, layer = last_linear(module)
    return None if layer is None else layer.out_features


def is_of_head(module: nn.Module, name: str) -> bool:
    """Whether a parameter belongs to the last layer."""
    return name.rpartition(".")[0] == head_of(module)


def renew_head(module: nn.Module, n_outputs: int) -> nn.Module:
    """The module with a new last layer of `n_outputs` outputs; the layer, if it is the whole module."""
    name, old = head_of(module), last_linear(module)[1]
    new: nn.Module
    if isinstance(old, EnsembleLinear):
        new = EnsembleLinear(old.in_features, n_outputs, old.n_members, old.scale is not None)
    else:
        new = (Linear if isinstance(old, Linear) else nn.Linear)(old.in_features, n_outputs, bias=old.bias is not None)
    return replaced(module, name, new.to(old.weight))


def replaced(module: nn.Module, name: str, part: nn.Module) -> nn.Module:
    """The module with another part of this name; the part, if it is the whole module."""
    if not name:
        return part
    parent, _, attribute = name.rpartition(".")
    setattr(module.get_submodule(parent), attribute, part)
    return module


def names_outside_hidden(module: nn.Module) -> set[str]:
    """Names of the parameters of embeddings, the first convolution and the output layer.

    The output layer is the last linear one, or the last convolution if there is none. The first linear layer of a
    network for tables counts as hidden: otherwise a network with one hidden layer would have none.
    """
    linear, convolutions, embeddings = (
        [layer for layer in module.modules() if isinstance(layer, kinds)]
        for kinds in (_LINEAR, _CONVOLUTIONS, _EMBEDDINGS)
    )
    layers = [*embeddings, *convolutions[:1], *(linear or convolutions)[-1:]]
    of_layers = {id(parameter) for layer in layers for parameter in layer.parameters()}
    return {name for name, parameter in module.named_parameters() if id(parameter) in of_layers}


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
