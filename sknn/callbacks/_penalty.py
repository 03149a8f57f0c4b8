"""Penalties on the size of the weights: L1, L2, and both, the elastic net. Torch only.

Weight decay is no penalty: it is the optimizer's, and for AdamW apart from the gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sknn.modules import own_axes


class Penalty:
    """l1·Σ|w| + ½·l2·Σw², added to the loss; w are all weights and embeddings, but no biases, scales or normalisations.

    |w| has no gradient at 0, and steps of a fixed size would jump from side to side of it. So, as in OWL-QN (Andrew and
    Gao, ICML 2007), a step that would take a weight across 0 ends there, and a weight at 0 leaves it only where the
    loss falls faster than the penalty rises: weights become exactly 0.

    Parameters
    ----------
    l1, l2 : float
        Strength of each, at least 0.
    """

    def __init__(self, l1: float, l2: float):
        self.l1, self.l2 = l1, l2

    def begin(self, module: nn.Module) -> None:
        """Look up the weights of a network that is to be trained."""
        self.weights = penalised(module)

    @torch.no_grad()
    def value(self) -> Tensor | float:
        """The penalty as it is now."""
        return sum(self.l1 * w.abs().sum() + 0.5 * self.l2 * w.square().sum() for w in self.weights)

    @torch.no_grad()
    def add_gradient(self) -> None:
        """To the gradients of the loss."""
        self._signs: list[tuple[Tensor, Tensor, Tensor]] = []
        for weight in self.weights:
            grad = weight.grad
            if grad is None:
                continue
            if self.l2:
                grad.add_(weight, alpha=self.l2)
            if self.l1:
                sign = torch.sign(weight)
                at_zero, shrunk = sign == 0, nn.functional.softshrink(grad, self.l1)
                grad.add_(sign, alpha=self.l1).copy_(torch.where(at_zero, shrunk, grad))
                self._signs.append((weight, sign, at_zero & (shrunk == 0)))

    @torch.no_grad()
    def end_step(self) -> None:
        """Stop at 0 those that the step took across it."""
        for weight, sign, stays in self._signs:
            weight.masked_fill_(stays | (sign * weight < 0), 0.0)
        self._signs = []


def penalised(module: nn.Module) -> list[nn.Parameter]:
    """Matrices, kernels and embeddings of a network, or of the members of an ensemble."""
    return [parameter for parameter, axis in own_axes(module).items() if parameter.ndim - axis >= 2]
