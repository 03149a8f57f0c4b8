"""Plain networks as the members of one `TabularNet`, each with numbers of its own. Torch only.

Shapes: K members, P parameters of a member, B rows of a batch, D layer width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import Any

import torch
from torch import Tensor, nn

from sknn.modules._layers import NORMALIZATIONS, Dropout, EnsembleDropout, EnsembleLinear, Linear
from sknn.modules._manual_backward import has_manual_backward
from sknn.modules._mlp import MLP
from sknn.modules._tabular import TabularNet


class MaskedDropout(EnsembleDropout):
    """Dropout whose masks are those that the single networks would draw, each from its own generator.

    Parameters
    ----------
    draws : sequence of (torch.Generator, float)
        Different generators, with the probability of zero.
    index : Tensor of shape (K,)
        Which of them each member draws from.
    """

    def __init__(self, draws: Sequence[tuple[torch.Generator, float]], index: Tensor):
        super().__init__(max(p for _, p in draws))
        self.draws, self.index = draws, index

    def mask(self, shape: Sequence[int], device: torch.device) -> Tensor:
        _, width, n_rows = shape
        drawn = [
            torch.empty((n_rows, width), device=device).bernoulli_(1 - p, generator=generator).div_(1 - p).t()
            if p
            else torch.ones((width, n_rows), device=device)
            for generator, p in self.draws
        ]
        return drawn[0].unsqueeze(0) if len(drawn) == 1 else torch.stack(drawn).index_select(0, self.index)


def can_be_stacked(network: nn.Module) -> bool:
    """Whether a network is an `MLP` whose layers a `TabularNet` has in the form of an ensemble."""
    if not isinstance(network, MLP) or any(type(layer) in NORMALIZATIONS.values() for layer in network.layers):
        return False
    return has_manual_backward(stacked_mlp([network], None))


def stacked_mlp(networks: Sequence[MLP], dropout: MaskedDropout | None) -> TabularNet:
    """An ensemble of networks that differ in their numbers only, with the same outputs.

    Parameters
    ----------
    networks : sequence of MLP
    dropout : MaskedDropout or None
        After each hidden layer in the place of the networks' own.
    """
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
    if dropout is not None:
        parts = [[layer] if isinstance(layer, EnsembleLinear) else [layer, dropout] for layer in net.layers]
        net.layers = nn.Sequential(*chain(*parts))
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

    The numbers of a member lie side by side, apart from those of embeddings, whose rows must do so over all members.

    Attributes
    ----------
    values : list of Parameter
        The blocks, each with its `grad`.
    """

    def __init__(self, module: TabularNet):
        self.module = module
        embeddings = {} if module.categories is None else {"categories.weight": module.categories.weight}
        others = {name: p for name, p in module.named_parameters() if name not in embeddings}
        self.named = [named for named in (others, embeddings) if named]
        self.values = [_side_by_side(list(named.values())) for named in self.named]

    def outputs(self, values: Sequence[Tensor], x_num: Tensor, x_cat: Tensor | None) -> Tensor:
        """Outputs (K', B, O) in evaluation of networks with other numbers, blocks (K', P), on rows that they share."""
        tensors: dict[str, Tensor] = {}
        for named, block in zip(self.named, values, strict=True):
            tensors |= zip(named, _views(block, named.values()), strict=True)
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


def _views(block: Tensor, parameters: Iterable[Tensor]) -> list[Tensor]:
    """Parts of a block (K', P) in the shapes (K', ...) of parameters."""
    parameters = list(parameters)
    parts = block.split([parameter[0].numel() for parameter in parameters], 1)
    return [part.view(len(block), *p.shape[1:]) for part, p in zip(parts, parameters, strict=True)]
