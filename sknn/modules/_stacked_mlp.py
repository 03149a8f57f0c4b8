"""Plain networks as the members of one `TabularNet`, each with numbers of its own. Torch only.

Shapes: K members, P parameters of a member, B rows of a batch, D layer width.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from sknn.modules._layers import Dropout, EnsembleLinear, Linear
from sknn.modules._manual_backward import ACTIVATION_PASSES
from sknn.modules._mlp import MLP
from sknn.modules._tabular import TabularNet

_VECTOR = 16  # floats of a CPU's widest vectors


def can_be_stacked(network: nn.Module) -> bool:
    """Whether a network is an `MLP` of layers that `StackedPasses` covers."""
    known = Linear, Dropout, *ACTIVATION_PASSES
    return isinstance(network, MLP) and all(type(layer) in known for layer in network.layers)


def stacked_mlp(networks: Sequence[MLP]) -> TabularNet:
    """An ensemble of networks that differ in their numbers only, with the same outputs in evaluation."""
    first = networks[0]
    linear = [[layer for layer in network.layers if isinstance(layer, nn.Linear)] for network in networks]
    activations = [layer for layer in first.layers if not isinstance(layer, Linear | Dropout)]
    embedding = first.embedding
    cardinalities, width = [], linear[0][0].in_features
    if embedding is not None:
        starts = [*embedding.first_codes.tolist(), embedding.weight.shape[0]]
        cardinalities = [stop - start for start, stop in pairwise(starts)]
        width -= len(cardinalities) * embedding.embedding_dim
    with torch.random.fork_rng(devices=[]):  # the first numbers are replaced
        net = TabularNet(
            width,
            linear[0][-1].out_features,
            cardinalities,
            n_members=len(networks),
            hidden_layer_sizes=[layer.out_features for layer in linear[0][:-1]],
            activation=[type(layer) for layer in activations],
            embedding_dim=8 if embedding is None else embedding.embedding_dim,
            learnable_scale=False,
        ).to(linear[0][0].weight.device)
    with torch.no_grad():
        wide = [layer for layer in net.layers if isinstance(layer, EnsembleLinear)]
        for layer, singles in zip(wide, zip(*linear, strict=True), strict=True):
            layer.weight.copy_(torch.stack([single.weight for single in singles]))
            layer.bias.copy_(torch.stack([single.bias for single in singles]))
        if net.categories is not None:
            of_networks: list[Any] = [network.embedding for network in networks]
            net.categories.weight.copy_(torch.stack([each.weight for each in of_networks]))
    return net


class MemberBlocks:
    """The parameters of a stacked network as blocks (K, P) of which they become views; and so do their gradients.

    The numbers of a member lie side by side in each block. There is one for most parameters; one for those that do not
    fill the vectors of a CPU, in whose step the last few numbers take another path; and one for embeddings, whose rows
    must lie side by side over all members.

    Attributes
    ----------
    values : list of Parameter
        The blocks, each with its `grad`.
    """

    def __init__(self, module: TabularNet):
        self.module = module
        self.ragged: dict[str, nn.Parameter] = {}
        even: dict[str, nn.Parameter] = {}
        embeddings: dict[str, nn.Parameter] = {}
        for name, parameter in module.named_parameters():
            is_ragged = parameter[0].numel() % _VECTOR > 0
            (embeddings if name.startswith("categories") else self.ragged if is_ragged else even)[name] = parameter
        self.named = [named for named in (even, self.ragged, embeddings) if named]
        self.values = [_side_by_side(list(named.values())) for named in self.named]

    def parts(self, start: int, stop: int) -> list[list[nn.Parameter]]:
        """What an optimizer steps for some members: parts (K', ...) that together hold all of them, for each block.

        Those of the parameters that do not fill vectors are for each member and parameter.
        """
        found = []
        for named, block in zip(self.named, self.values, strict=True):
            if named is self.ragged:
                found += [[_part(parameter, k, k + 1) for k in range(start, stop)] for parameter in named.values()]
            else:
                found.append([_part(block, start, stop)])
        return found

    def tensors(self, values: Sequence[Tensor]) -> dict[str, Tensor]:
        """The parts (K', ...) of blocks (K', P) by names of parameters."""
        tensors: dict[str, Tensor] = {}
        for named, block in zip(self.named, values, strict=True):
            tensors |= zip(named, _views(block, list(named.values())), strict=True)
        return tensors

    def outputs(self, values: Sequence[Tensor], x_num: Tensor, x_cat: Tensor | None) -> Tensor:
        """Outputs (K', B, O) in evaluation of networks with other numbers, blocks (K', P), on rows that they share."""
        tensors = self.tensors(values)
        if self.module.categories is not None:
            vectors = tensors["categories.weight"]
            starts = vectors.shape[1] * torch.arange(len(vectors), device=vectors.device).view(-1, 1, 1)
            tensors["categories.first_codes"] = starts + self.module.categories.first_codes[:1]
            tensors["categories.weight"] = vectors.contiguous()
        inputs = (x_num,) if x_cat is None else (x_num, x_cat)
        with torch.no_grad():
            return torch.func.functional_call(self.module.eval(), tensors, inputs)


def _side_by_side(parameters: list[nn.Parameter]) -> nn.Parameter:
    block = nn.Parameter(torch.cat([parameter.detach().flatten(1) for parameter in parameters], 1))
    block.grad = torch.zeros_like(block)
    values, grads = (_views(tensor, parameters) for tensor in (block.detach(), block.grad))
    for parameter, value, grad in zip(parameters, values, grads, strict=True):
        parameter.data, parameter.grad = value, grad
    return block


def _views(block: Tensor, parameters: list[nn.Parameter]) -> list[Tensor]:
    """Parts of a block (K', P) in the shapes (K', ...) of parameters."""
    parts = block.split([parameter[0].numel() for parameter in parameters], 1)
    return [part.view(len(block), *p.shape[1:]) for part, p in zip(parts, parameters, strict=True)]


def _part(block: nn.Parameter, start: int, stop: int) -> nn.Parameter:
    """Some members' numbers as a parameter, a view with its gradient."""
    part = nn.Parameter(block.detach()[start:stop])
    assert block.grad is not None
    part.grad = block.grad[start:stop]
    return part
