"""Training passes of a stack of plain networks, in closed form. Torch only.

They have the operators of the single networks, on rows in their layout, so that on many CPUs each member has the very
numbers of its own fit: where training is unstable, other last bits would lead to another network.

Shapes: K members, B rows of a batch, F float features, C embedded categories, E embedding width, D layer width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sknn.modules._layers import EnsembleLinear
from sknn.modules._manual_backward import ACTIVATION_PASSES
from sknn.modules._tabular import TabularNet


class StackedDropout:
    """Masks that the single networks would draw, each from its own generator.

    Parameters
    ----------
    draws : sequence of (torch.Generator, float)
        Different generators, with the probability of zero.
    index : Tensor of shape (K,)
        Which of them each member draws from.
    """

    def __init__(self, draws: Sequence[tuple[torch.Generator, float]], index: Tensor):
        self.draws, self.index = draws, index

    def mask(self, n_rows: int, width: int) -> Tensor:
        """A new mask, which broadcasts to (K, B, D)."""
        drawn = [
            torch.empty((n_rows, width), device=self.index.device).bernoulli_(1 - p, generator=generator).div_(1 - p)
            if p
            else torch.ones((n_rows, width), device=self.index.device)
            for generator, p in self.draws
        ]
        return drawn[0].unsqueeze(0) if len(drawn) == 1 else torch.stack(drawn).index_select(0, self.index)


class _Layer:
    """A linear layer's parameters and gradients as the operators need them."""

    def __init__(self, layer: EnsembleLinear):
        assert layer.weight.grad is not None
        assert layer.bias.grad is not None
        self.weight, self.bias = layer.weight.detach(), layer.bias.detach().unsqueeze(1)  # (K, D, D_in), (K, 1, D)
        self.weight_t = self.weight.transpose(1, 2)
        self.weight_grad, self.bias_grad = layer.weight.grad, layer.bias.grad.unsqueeze(1)


class StackedPasses:
    """Both passes for batches of one size; `backward` needs what the latest `forward` has left.

    Parameters
    ----------
    net : TabularNet
        From `stacked_mlp`. Each parameter has a `grad`, which is overwritten; both must stay where they are in memory.
    dropout : StackedDropout or None
        After each hidden layer.
    n_rows : int
    """

    def __init__(self, net: TabularNet, dropout: StackedDropout | None, n_rows: int):
        self.categories, self.dropout = net.categories, dropout
        self.layers = [_Layer(layer) for layer in net.layers if isinstance(layer, EnsembleLinear)]
        self.activations = [ACTIVATION_PASSES[type(a)] for a in net.layers if type(a) in ACTIVATION_PASSES]
        widths = [layer.weight.shape[1] for layer in self.layers[:-1]]
        new = self.layers[0].weight.new_empty
        self.z, self.h, self.g, self.gz = (
            [new((len(self.layers[0].weight), n_rows, width)) for width in widths] for _ in range(4)
        )
        self.masks: list[Tensor] = []

    @torch.no_grad()
    def forward(self, x_num: Tensor, x_cat: Tensor | None) -> Tensor:
        """Outputs (K, B, O) for x_num (K, B, F) and x_cat (K, B, C)."""
        h = self.inputs = x_num if self.categories is None else self._with_vectors(x_num, x_cat)
        self.masks.clear()
        for layer, (function, _), z, out in zip(self.layers, self.activations, self.z, self.h, strict=False):
            torch.baddbmm(layer.bias, h, layer.weight_t, out=z)
            h = function(z, out)
            if self.dropout is not None:
                self.masks.append(self.dropout.mask(*h.shape[1:]))
                h.mul_(self.masks[-1])
        last = self.layers[-1]
        if last.weight.shape[1] > 1:
            return torch.baddbmm(last.bias, h, last.weight_t)
        single = zip(last.bias, h, last.weight_t, strict=True)  # of a single unit all at once have other last bits
        return torch.stack([torch.addmm(bias, inputs, weight) for bias, inputs, weight in single])

    @torch.no_grad()
    def backward(self, g: Tensor) -> None:
        """From the gradient (K, B, O) of the outputs to those of the parameters."""
        inputs = [self.inputs, *self.h]
        for n in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[n]
            torch.bmm(g.transpose(1, 2), inputs[n], out=layer.weight_grad)
            torch.sum(g, 1, keepdim=True, out=layer.bias_grad)
            if n:
                torch.bmm(g, layer.weight, out=self.g[n - 1])
                if self.masks:
                    self.g[n - 1].mul_(self.masks[n - 1])
                g = self.activations[n - 1][1](self.g[n - 1], self.z[n - 1], self.gz[n - 1])
        if self.categories is not None:
            self._to_vectors(torch.bmm(g, self.layers[0].weight))

    def _with_vectors(self, x_num: Tensor, x_cat: Tensor | None) -> Tensor:
        assert self.categories is not None
        assert x_cat is not None
        self.positions = self.categories.positions(x_cat)  # (K, B, C)
        vectors = self.categories.weight.flatten(0, 1)[self.positions]  # (K, B, C, E)
        return torch.cat([x_num, vectors.flatten(2)], 2)

    def _to_vectors(self, g: Tensor) -> None:
        """From the gradient (K, B, F + C · E) of the first layer's inputs."""
        assert self.categories is not None
        grad: Any = self.categories.weight.grad
        dim = grad.shape[2]
        rows = g[:, :, -self.positions.shape[2] * dim :].reshape(-1, dim)
        grad.zero_().flatten(0, 1).index_add_(0, self.positions.flatten(), rows)
