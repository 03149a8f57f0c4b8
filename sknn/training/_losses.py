"""Losses by name, and the mean of a loss over weighted rows. Torch only.

A loss is called with the network's output and the target and gives one value a row, so that rows
can be weighted.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable

from torch import Tensor, nn

from sknn.modules import as_columns

F = nn.functional

CLASSIFICATION_LOSSES: dict[str, Callable] = {"cross_entropy": F.cross_entropy}
MULTILABEL_LOSSES: dict[str, Callable] = {"cross_entropy": F.binary_cross_entropy_with_logits}
REGRESSION_LOSSES: dict[str, Callable] = {
    "huber": F.huber_loss,
    "mean_absolute_error": F.l1_loss,
    "mean_squared_error": F.mse_loss,
}


def _cross_entropy_and_gradient(output: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Of logits (K, B, O) and codes (K, B): −log softmax at the code; softmax − 1 there."""
    log_share = F.log_softmax(output, -1)
    codes = target.unsqueeze(-1)
    loss = log_share.gather(-1, codes).squeeze(-1).neg_()
    gradient = log_share.exp_().scatter_add_(-1, codes, codes.new_full(codes.shape, -1, dtype=output.dtype))
    return _weighted(loss, gradient, weight)


def _squared_error_and_gradient(output: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Of means (K, B, O) and targets of the same shape: (output − target)², the mean over outputs."""
    difference = output - target
    loss = difference.square().mean(-1)
    return _weighted(loss, difference.mul_(2 / output.shape[-1]), weight)


def _weighted(loss: Tensor, gradient: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """The mean loss of all rows, and the gradient of the sum of the members' mean losses."""
    if weight is not None:
        loss = loss * weight
        gradient = gradient * weight.unsqueeze(-1)
    return loss.mean(), gradient.mul_(1 / loss.shape[1])


# Losses whose gradient is known, for packs: torch's own takes several times as long for a few rows.
GRADIENTS: dict[Callable, Callable] = {
    F.cross_entropy: _cross_entropy_and_gradient,
    F.mse_loss: _squared_error_and_gradient,
}


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
    """

    def __init__(self, loss: Callable, n_outputs: int):
        super().__init__()
        self.n_outputs = n_outputs
        if isinstance(loss, type):
            loss = loss()
        self.loss = copy.deepcopy(loss) if isinstance(loss, nn.Module) else loss
        self._reduces = not isinstance(loss, nn.Module) and "reduction" in _parameters(loss)

    def forward(self, output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        output = as_columns(output, self.n_outputs)
        if weight is None:
            loss = self.loss(output, target)
            return loss if loss.ndim == 0 else loss.mean()
        return (self._per_row(output, target) * weight).mean()

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
                "Rows have weights (sample_weight or class_weight), so the 'loss' must return one "
                "value a row. Got a single value: leave out its mean, or let it take reduction='none'."
            )
        return loss.flatten(1).mean(1) if loss.ndim > 1 else loss


def _parameters(function: Callable) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some builtins have no signature
        return set()
