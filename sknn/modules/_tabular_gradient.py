"""Forward and backward pass of `TabularNet` by hand, for training. Torch only.

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

from sknn.modules._randomness import dropout_mask
from sknn.modules._tabular import PiecewiseLinear, Steps, TabularNet

aten = torch.ops.aten

# Activations by class: the operator, and the one from the gradient of its output, and its input z, to that of z.
_ACTIVATIONS = {
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


def has_hand_gradient(module: nn.Module) -> bool:
    """Whether `HandGradient` covers what a module is made of."""
    return (
        type(module) is TabularNet
        and isinstance(module.numeric, PiecewiseLinear | Steps | None)
        and module.shortcut is None
        and not len(module.mixes)
        and len(module.activations) > 0
        and all(type(activation) in _ACTIVATIONS for activation in module.activations)
    )


class HandGradient:
    """Trains a `TabularNet`: `forward` gives outputs, `backward` turns their gradient into those of the parameters.

    Each parameter must have a `grad`, which is overwritten; parameters and their gradients must stay
    where they are in memory. Keeps what a step needs from forward to backward, so an object of this
    class belongs to one training loop.
    """

    def __init__(self, net: TabularNet):
        self.net = net
        self._plans: dict[int, _Plan] = {}
        self._plan: _Plan | None = None

    def forward(self, x_num: Tensor, x_cat: Tensor | None) -> Tensor:
        """Outputs (K, B, O), whose gradient `backward` asks for; x_num (K, B, F), x_cat (K, B, C)."""
        n_rows = x_num.shape[1]
        plan = self._plan = self._plans.get(n_rows)
        if plan is None:
            plan = self._plan = self._plans[n_rows] = _Plan(self.net, n_rows)
        with torch.no_grad():
            return plan.forward(x_num, x_cat)

    def backward(self, grad: Tensor) -> None:
        """From the gradient (K, B, O) of the outputs."""
        with torch.no_grad():
            if self._plan is None:
                raise RuntimeError("backward() needs the forward() that it belongs to.")
            self._plan.backward(grad.transpose(1, 2))


class _Hidden:
    """A hidden layer for batches of one size: its memory, and the views that its operators need."""

    def __init__(self, net: TabularNet, layer: int, h: Tensor):
        """`h` (K, D_in, B) is the memory of its input."""
        weight = net.weights[layer]
        self.function, self.backward = _ACTIVATIONS[type(net.activations[layer])]
        self.weight, self.bias = weight, net.biases[layer]
        shape = self.shape = (len(weight), weight.shape[1], h.shape[2])
        self.z, self.h, self.g, self.gz = (torch.empty(shape, device=h.device, dtype=h.dtype) for _ in range(4))
        self.mask: Tensor = self.z  # of dropout, anew at each step


class _Plan:
    """Both passes for batches of one size."""

    def __init__(self, net: Any, n_rows: int):
        self.net, self.n_rows = net, n_rows
        first = net.weights[0]
        self.k, self.width = len(first), first.shape[2]
        self.scale = net.scale
        self._lay_out_inputs()
        self.first = self._empty(first.shape) if self.scale is not None else first  # weights times the scale
        self.first_t = self.first.transpose(1, 2)
        self.effective = self._empty(first.shape)
        self.hidden: list[_Hidden] = []
        h = self.inputs
        for layer in range(len(net.activations)):
            self.hidden.append(_Hidden(net, layer, h))
            h = self.hidden[-1].h
        self.hidden[0].weight = self.first
        self.weights_t = [weight.transpose(1, 2) for weight in net.weights]  # (K, D_in, D)
        self.inputs_t = [h.transpose(1, 2) for h in [self.inputs, *(layer.h for layer in self.hidden)]]  # (K, B, D_in)
        self.weight_grads = [weight.grad for weight in net.weights]
        self.bias_grads = [bias.grad for bias in net.biases]
        # Parameters in lists of Python's own: a look-up in torch's takes as long as a small operator.
        self.first_weight, self.last_weight, self.last_bias = net.weights[0], net.weights[-1], net.biases[-1]
        self.scale_grad = None if self.scale is None else self.scale.grad

    def _empty(self, shape) -> Tensor:
        like = self.net.weights[0]
        return torch.empty(tuple(shape), device=like.device, dtype=like.dtype)

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

    def forward(self, x_num: Tensor, x_cat: Tensor | None) -> Tensor:
        """Outputs (K, O, B) as (K, B, O)."""
        self._embed(x_num.transpose(1, 2), x_cat)
        if self.scale is not None:
            torch.mul(self.first_weight, self.scale, out=self.first)
        h, dropout = self.inputs, self.net.dropout
        for layer in self.hidden:
            torch.baddbmm(layer.bias, layer.weight, h, out=layer.z)
            h = layer.function(layer.z, layer.h)
            if dropout:
                layer.mask = dropout_mask(layer.shape, dropout, h.device)
                h.mul_(layer.mask)
        return torch.baddbmm(self.last_bias, self.last_weight, h).transpose(1, 2)

    def backward(self, g: Tensor) -> None:
        """From the gradient (K, O, B) of the outputs."""
        dropout = self.net.dropout
        for layer in range(len(self.hidden), 0, -1):
            below = self.hidden[layer - 1]
            torch.bmm(g, self.inputs_t[layer], out=self.weight_grads[layer])
            torch.sum(g, 2, keepdim=True, out=self.bias_grads[layer])
            torch.bmm(self.weights_t[layer], g, out=below.g)
            if dropout:
                below.g.mul_(below.mask)
            g = below.backward(below.g, below.z, below.gz)
        torch.sum(g, 2, keepdim=True, out=self.bias_grads[0])
        if self.scale is None:
            torch.bmm(g, self.inputs_t[0], out=self.weight_grads[0])
        else:
            torch.bmm(g, self.inputs_t[0], out=self.effective)
            torch.mul(self.effective, self.scale, out=self.weight_grads[0])
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
            self.codes = self.categories.rows(x_cat)
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
