"""Forward and backward pass of `TabularNet` in closed form, for training. Torch only.

A step of small members is bound by the number of operators and by the memory that they touch, and
automatic differentiation takes half of both. Here a hidden layer is three operators forward and
five backward on memory and views that are laid out once, and gradients are written where the optimizer reads
them. `TabularNet.forward` is the reference: tests hold this file to its gradients.

Shapes as in `_tabular`: K members, B rows, F features, N embedded numbers, J bins, E embedding
width, C categories, D layer width, rows on the last axis.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sknn.modules._layers import EnsembleDropout, EnsembleLinear
from sknn.modules._numeric_embeddings import PiecewiseLinear, ThermometerEncoding
from sknn.modules._randomness import dropout_mask
from sknn.modules._tabular import TabularNet

aten = torch.ops.aten

# Activations by class: the operator, and the one from the gradient of its output, and its input z, to that of z.
ACTIVATION_PASSES = {
    nn.ReLU: (
        lambda z, out: torch.clamp_min(z, 0, out=out),
        lambda g, z, out: aten.threshold_backward(g, z, 0, grad_input=out),
    ),
    nn.SiLU: (
        lambda z, out: aten.silu(z, out=out),
        lambda g, z, out: aten.silu_backward(g, z, grad_input=out),
    ),
    nn.GELU: (
        lambda z, out: aten.gelu(z, out=out),
        lambda g, z, out: aten.gelu_backward(g, z, grad_input=out),
    ),
}


def has_manual_backward(module: nn.Module) -> bool:
    """Whether `ManualBackward` covers what a module is made of."""
    if type(module) is not TabularNet or not isinstance(module.numeric, PiecewiseLinear | ThermometerEncoding | None):
        return False
    covered = (EnsembleLinear, EnsembleDropout, *ACTIVATION_PASSES)
    return len(module.layers) > 1 and all(type(layer) in covered for layer in module.layers)


class ManualBackward:
    """Trains a `TabularNet`, by forward and backward passes for each size of batches.

    Each parameter must have a `grad`, which is overwritten; parameters and their gradients must stay
    where they are in memory. It is used again at each step, so an object of this class belongs to one training loop.
    """

    def __init__(self, net: TabularNet):
        self.net = net
        self._passes: dict[int, Passes] = {}

    def passes(self, n_rows: int) -> Passes:
        """Both passes for batches of `n_rows`."""
        if n_rows not in self._passes:
            self._passes[n_rows] = Passes(self.net, n_rows)
        return self._passes[n_rows]


class _Linear:
    """A linear layer's parameters and gradients as the operators need them, (K, D, 1) for a bias.

    In attributes of Python's own: a look-up in a module takes as long as a small operator.
    """

    def __init__(self, layer: EnsembleLinear):
        self.weight, self.weight_t = layer.weight, layer.weight.transpose(1, 2)  # (K, D, D_in), (K, D_in, D)
        self.bias = layer.bias.unsqueeze(2)
        self.weight_grad, self.bias_grad = _grad(layer.weight), _grad(layer.bias).unsqueeze(2)


def _grad(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        raise RuntimeError("Each parameter needs a grad to be written to.")
    return parameter.grad


class _Hidden:
    """What follows a hidden layer, for batches of one size: its activation, its dropout, and memory for both passes."""

    def __init__(self, linear: _Linear, activation: nn.Module, n_rows: int):
        self.function, self.backward = ACTIVATION_PASSES[type(activation)]
        self.dropout: EnsembleDropout | None = None
        self.weight: Tensor = linear.weight
        self.bias = linear.bias
        shape = self.shape = (*self.weight.shape[:2], n_rows)
        self.z, self.h, self.g, self.gz = (self.weight.new_empty(shape) for _ in range(4))
        self.mask: Tensor | None = None  # of dropout, anew at each step

    def drop(self, h: Tensor) -> None:
        self.mask = None
        if self.dropout is not None and self.dropout.p:
            self.mask = dropout_mask(self.shape, self.dropout.p, h.device)
            h.mul_(self.mask)


class Passes:
    """Both passes for batches of one size.

    `forward` gives outputs, `backward` turns their gradient into those of the parameters; it needs what the latest
    `forward` has left.
    """

    def __init__(self, net: Any, n_rows: int):
        self.net, self.n_rows = net, n_rows
        first, scale = net.layers[0].weight, net.layers[0].scale
        self.k, self.width, self.first_weight = len(first), first.shape[2], first
        self._lay_out_inputs()
        self.scale = None if scale is None else scale.unsqueeze(1)  # (K, 1, D_in)
        self.scale_grad = None if scale is None else _grad(scale).unsqueeze(1)
        self.first = first if scale is None else self._empty(first.shape)  # weights times the scale
        self.first_t = self.first.transpose(1, 2)
        self.effective = self._empty(first.shape)
        self.linear: list[_Linear] = []
        self.hidden: list[_Hidden] = []
        for layer in net.layers:
            if isinstance(layer, EnsembleLinear):
                self.linear.append(_Linear(layer))
            elif isinstance(layer, EnsembleDropout):
                self.hidden[-1].dropout = layer
            else:
                self.hidden.append(_Hidden(self.linear[-1], layer, n_rows))
        self.hidden[0].weight = self.first
        self.last = self.linear[-1]
        self.inputs_t = [h.transpose(1, 2) for h in [self.inputs, *(layer.h for layer in self.hidden)]]  # (K, B, D_in)

    def _empty(self, shape) -> Tensor:
        return self.first_weight.new_empty(tuple(shape))

    def _lay_out_inputs(self) -> None:
        net, k, size = self.net, self.k, self.n_rows
        self.inputs = self._empty((k, self.width, size))
        self.numeric, self.categories = net.numeric, net.categories
        n_numeric = n_categories = 0
        if self.numeric is not None:
            weight = self.numeric.weight  # (K, N, E, J + 1)
            n, dim, n_basis = weight.shape[1:]
            n_numeric, self.n_numbers = n * dim, n
            columns = net.embedded.cpu()
            self.leads = bool((columns == torch.arange(n)).all())  # no need to pick columns
            self.numbers = self._empty((k, n, size))
            self.numbers_wide = self.numbers.unsqueeze(2)
            self.basis = self._empty((k, n, n_basis, size))
            self.basis_flat = self.basis.view(k * n, n_basis, size)
            self.basis_t = self.basis_flat.transpose(1, 2)
            self.numeric_weight, self.numeric_grad = weight.flatten(0, 1), weight.grad.flatten(0, 1)
            self.vectors = self._empty((k * n, dim, size))
            self.vectors_kept = self.vectors.view(k, n_numeric, size)
            self.vectors_grad = self._empty((k, n_numeric, size))
            self.vectors_grad_flat = self.vectors_grad.view(k * n, dim, size)
        if self.categories is not None:
            weight = self.categories.weight  # (K, codes, E)
            dim = weight.shape[2]
            n_categories = self.categories.first_codes.shape[-1] * dim
            self.tables, self.tables_grad = weight.flatten(0, 1), weight.grad.flatten(0, 1)
            self.looked_up = self.inputs[:, self.width - n_categories :].view(k, -1, dim, size)
            self.looked_up_grad = self._empty((k, n_categories, size))
            self.looked_up_grad_rows = self.looked_up_grad.view(k, -1, dim, size).permute(0, 3, 1, 2)  # (K, B, C, E)
        self.n_numeric, self.n_categories = n_numeric, n_categories
        self.n_rest = len(net.rest)
        self.only_numeric = n_numeric == self.width
        if self.only_numeric:
            self.inputs = self.vectors_kept
        else:
            self.inputs_numeric = self.inputs[:, :n_numeric]
            self.inputs_rest = self.inputs[:, n_numeric : n_numeric + self.n_rest]

    @torch.no_grad()
    def forward(self, x_num: Tensor, x_cat: Tensor | None) -> Tensor:
        """Outputs (K, B, O), whose gradient `backward` asks for; x_num (K, B, F), x_cat (K, B, C)."""
        self._embed(x_num.transpose(1, 2), x_cat)
        if self.scale is not None:
            torch.mul(self.first_weight, self.scale, out=self.first)
        h = self.inputs
        for layer in self.hidden:
            torch.baddbmm(layer.bias, layer.weight, h, out=layer.z)
            h = layer.function(layer.z, layer.h)
            layer.drop(h)
        return torch.baddbmm(self.last.bias, self.last.weight, h).transpose(1, 2)

    @torch.no_grad()
    def backward(self, gradient: Tensor) -> None:
        """From the gradient (K, B, O) of the outputs."""
        g = gradient.transpose(1, 2)
        for n in range(len(self.hidden), 0, -1):
            layer, below = self.linear[n], self.hidden[n - 1]
            torch.bmm(g, self.inputs_t[n], out=layer.weight_grad)
            torch.sum(g, 2, keepdim=True, out=layer.bias_grad)
            torch.bmm(layer.weight_t, g, out=below.g)
            if below.mask is not None:
                below.g.mul_(below.mask)
            g = below.backward(below.g, below.z, below.gz)
        first = self.linear[0]
        torch.sum(g, 2, keepdim=True, out=first.bias_grad)
        if self.scale is None:
            torch.bmm(g, self.inputs_t[0], out=first.weight_grad)
        else:
            torch.bmm(g, self.inputs_t[0], out=self.effective)
            torch.mul(self.effective, self.scale, out=first.weight_grad)
            torch.sum(self.effective.mul_(self.first_weight), 1, keepdim=True, out=self.scale_grad)
        self._embedding_gradients(g)

    def _embed(self, x: Tensor, x_cat: Tensor | None) -> None:
        """Fill `inputs` from x (K, F, B) and x_cat (K, B, C)."""
        if self.n_numeric:
            self.numbers.copy_(x[:, : self.n_numbers] if self.leads else x[:, self.net.embedded])
            self.numeric.write_basis(self.numbers_wide, self.basis)
            torch.bmm(self.numeric_weight, self.basis_flat, out=self.vectors)
            if self.only_numeric:
                return
            self.inputs_numeric.copy_(self.vectors_kept)
        if self.n_rest:
            start = x.shape[1] - self.n_rest
            leads = not self.n_numeric or self.leads
            self.inputs_rest.copy_(x[:, start:] if leads else x[:, self.net.rest])
        if self.n_categories:
            self.codes = self.categories.positions(x_cat)
            vectors = self.tables.index_select(0, self.codes.flatten())
            self.looked_up.copy_(vectors.view(*self.codes.shape, -1).permute(0, 2, 3, 1))

    def _embedding_gradients(self, g: Tensor) -> None:
        """From the gradient (K, D, B) of the first layer's z."""
        if self.n_numeric:
            torch.bmm(self.first_t[:, : self.n_numeric], g, out=self.vectors_grad)
            torch.bmm(self.vectors_grad_flat, self.basis_t, out=self.numeric_grad)
        if self.n_categories:
            torch.bmm(self.first_t[:, self.width - self.n_categories :], g, out=self.looked_up_grad)
            rows = self.looked_up_grad_rows.reshape(-1, self.tables.shape[1])
            self.tables_grad.zero_().index_add_(0, self.codes.flatten(), rows)
