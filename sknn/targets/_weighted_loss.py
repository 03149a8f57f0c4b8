"""The mean of a loss over weighted rows. Torch only; losses are in `_losses`."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable

import torch
from torch import Tensor, nn

from sknn.modules import as_columns
from sknn.targets._losses import cross_entropy_and_gradient, cross_entropy_of_members


class WeightedLoss(nn.Module):
    """The mean of a loss over the rows of a batch, Σ wᵢ·lossᵢ / B with weights of mean 1 over the training rows.

    Dividing by the number of rows and not by the batch's own weight keeps the gradient of a batch
    an unbiased estimate of the gradient of the whole.

    Parameters
    ----------
    loss : callable
        A function of (output, target), an nn.Module instance or an nn.Module class. When it takes
        `reduction`, it is asked for "mean" or "none" as needed; otherwise it may return one value
        a row, or a single one if no row is weighted.
    n_outputs : int
        Number of outputs that the network must have.
    gradient : callable or None
        From an ensemble's outputs (K, B, O), targets (K, B, ...) and weights (K, B) or None to the mean loss and the
        gradient of the sum of the members' mean losses: torch's own takes several times as long for a few rows.
    is_built_in : bool
        Whether the loss leaves its arguments as they are; others are given copies.
    """

    def __init__(self, loss: Callable, n_outputs: int, *, gradient: Callable | None = None, is_built_in: bool = False):
        super().__init__()
        self.n_outputs = n_outputs
        self.gradient = gradient
        if isinstance(loss, type):
            loss = loss()
        self.loss = copy.deepcopy(loss) if isinstance(loss, nn.Module) else loss
        self.is_built_in = is_built_in
        self._reduces = not isinstance(loss, nn.Module) and "reduction" in _parameters(loss)

    def forward(self, output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        output = as_columns(output, self.n_outputs)
        if not self.is_built_in:
            output, target = output.clone(), target.clone()
        if weight is None:
            loss = self.loss(output, target)
            if not isinstance(loss, Tensor):
                raise TypeError(f"The 'loss' must return a tensor. Got {type(loss).__name__} instead.")
            return loss if loss.ndim == 0 else loss.mean()
        return (self._per_row(output, target) * weight).mean()

    def of_members(self, output: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """The mean loss (K,) of each network, from outputs (K, B, O), targets (K, B, ...) and weights (K, B)."""
        losses = self._per_row(output.flatten(0, 1), target.flatten(0, 1)).view(target.shape[:2])
        return (losses if weight is None else losses * weight).mean(1)

    def gradient_of_members(self, output: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """Those losses and the gradient (K, B, O) of their sum, with the bits that single networks have."""
        if self.gradient is cross_entropy_and_gradient:
            return cross_entropy_of_members(output, target, weight)
        losses = self.of_members(output.requires_grad_(), target, weight)
        (gradient,) = torch.autograd.grad(losses.sum(), output)
        return losses.detach(), gradient

    def _per_row(self, output: Tensor, target: Tensor) -> Tensor:
        if self._reduces:
            loss = self.loss(output, target, reduction="none")
        elif hasattr(self.loss, "reduction"):
            before, self.loss.reduction = self.loss.reduction, "none"
            loss = self.loss(output, target)
            self.loss.reduction = before
        else:
            loss = self.loss(output, target)
        if loss.ndim == 0:
            raise ValueError(
                "Rows have weights (sample_weight, class_weight, or members of an ensemble with unlike numbers of "
                "rows), so the 'loss' must return one value a row. Got a single value: leave out its mean, or let it "
                "take reduction='none'."
            )
        return loss.flatten(1).mean(1) if loss.ndim > 1 else loss


def _parameters(function: Callable) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some builtins have no signature
        return set()
