"""Losses by name, and the mean of a loss over weighted rows. Torch only.

A loss is a function of the network's output and the target that gives one value for each row and output, or
with `reduction="mean"` their mean; its further arguments are what `loss_params` may hold. B rows, T targets or labels,
O classes, L levels.
"""

from __future__ import annotations

import copy
import functools
import inspect
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from sknn.modules import as_columns

F = nn.functional

_LOG_VARIANCE = -10.0, 10.0  # limits within which a predicted variance, of a standardised target, has a gradient


def focal(output: Tensor, target: Tensor, *, gamma: float = 2.0, reduction: str = "mean") -> Tensor:
    """−(1 − p)^γ log p of the true class' share p (Lin et al., ICCV 2017, eq. 4): rows that are easy count less."""
    log_share = F.log_softmax(output, 1).gather(1, target.unsqueeze(1)).squeeze(1)
    return _reduced(-_doubt(log_share).pow(gamma) * log_share, reduction)


def binary_focal(output: Tensor, target: Tensor, *, gamma: float = 2.0, reduction: str = "mean") -> Tensor:
    """The same for each label (B, T)."""
    log_share = F.logsigmoid(torch.where(target > 0.5, output, -output))
    return _reduced(-_doubt(log_share).pow(gamma) * log_share, reduction)


def hinge(output: Tensor, target: Tensor, *, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """max(0, m + max over the other classes of z − z of the true one) (Crammer and Singer, JMLR 2001)."""
    true = target.unsqueeze(1)
    others = output.scatter(1, true, -math.inf).amax(1)
    return _reduced(F.relu(margin + others - output.gather(1, true).squeeze(1)), reduction)


def binary_hinge(output: Tensor, target: Tensor, *, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """max(0, m − s·z) with s = ±1 for each label (B, T)."""
    return _reduced(F.relu(margin - torch.where(target > 0.5, output, -output)), reduction)


def binary_cross_entropy(
    output: Tensor, target: Tensor, *, label_smoothing: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """−t log p − (1 − t) log(1 − p) for each label (B, T), with labels drawn towards ½ by the smoothing."""
    smooth = target * (1 - label_smoothing) + label_smoothing / 2
    return F.binary_cross_entropy_with_logits(output, smooth, reduction=reduction)


def log_cosh(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """log cosh(r) of the residual r: r²/2 near 0, |r| − log 2 far from it."""
    size = (output - target).abs()
    return _reduced(size + F.softplus(-2 * size) - math.log(2), reduction)


def quantile(output: Tensor, target: Tensor, *, quantiles: Sequence[float] = (0.5,), reduction: str = "mean") -> Tensor:
    """max(τr, (τ − 1)r) of the residual r = y − q, the mean over levels τ (Koenker and Bassett, 1978).

    `output` (B, T · L) holds what `increasing` turns into quantiles that cannot cross.
    """
    quantiles = (quantiles,) if isinstance(quantiles, float) else quantiles
    residual = target.unsqueeze(2) - increasing(output, len(quantiles))  # (B, T, L)
    losses = [torch.maximum(q * residual[..., k], (q - 1) * residual[..., k]) for k, q in enumerate(quantiles)]
    return _reduced(torch.stack(losses, -1).mean(-1), reduction)


def increasing(output: Tensor, n_levels: int) -> Tensor:
    """(B, T · L) to (B, T, L) along which numbers increase: the first one, then softplus of each further one added."""
    lowest, *steps = output.unflatten(1, (-1, n_levels)).split(1, 2)
    return torch.cat([lowest, *(F.softplus(step) for step in steps)], 2).cumsum(2)


def poisson(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """μ − y log μ, the negative log-likelihood of a count up to a constant; the output is log μ."""
    return F.poisson_nll_loss(output, target, log_input=True, full=False, reduction=reduction)


def gamma(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """log μ + y / μ, the negative log-likelihood of a number > 0 whose spread grows with it; the output is log μ."""
    return _reduced(output + target * torch.exp(-output), reduction)


def gaussian_nll(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """½(log σ² + (y − μ)² / σ²) (Nix and Weigend, 1994); `output` (B, 2T) holds the means μ, then log σ²."""
    mean, log_variance = output.chunk(2, 1)
    log_variance = log_variance.clamp(*_LOG_VARIANCE)
    return _reduced(0.5 * (log_variance + (target - mean).square() * torch.exp(-log_variance)), reduction)


def _doubt(log_share: Tensor) -> Tensor:
    """1 − p, not quite 0, where a power below 1 has no gradient."""
    return (-torch.expm1(log_share)).clamp_min(1e-12)


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    return loss.mean() if reduction == "mean" else loss


CLASSIFICATION_LOSSES: dict[str, Callable] = {"cross_entropy": F.cross_entropy, "focal": focal, "hinge": hinge}
MULTILABEL_LOSSES: dict[str, Callable] = {
    "cross_entropy": F.binary_cross_entropy_with_logits,
    "focal": binary_focal,
    "hinge": binary_hinge,
}
REGRESSION_LOSSES: dict[str, Callable] = {
    "gamma": gamma,
    "gaussian_nll": gaussian_nll,
    "huber": F.huber_loss,
    "log_cosh": log_cosh,
    "mean_absolute_error": F.l1_loss,
    "mean_squared_error": F.mse_loss,
    "poisson": poisson,
    "quantile": quantile,
}
_OWN_PARAMS = {F.cross_entropy: ["label_smoothing"], F.huber_loss: ["delta"]}  # those of torch that make sense here
_BUILT_IN = [
    *CLASSIFICATION_LOSSES.values(), *MULTILABEL_LOSSES.values(), *REGRESSION_LOSSES.values(), binary_cross_entropy
]  # fmt: skip
_PLAIN = {F.l1_loss, F.mse_loss, F.binary_cross_entropy_with_logits}


def loss_parameters(loss: str | Callable) -> list[str] | None:
    """Names that `loss_params` may hold, or None when they cannot be told."""
    if isinstance(loss, str):
        loss = (CLASSIFICATION_LOSSES | REGRESSION_LOSSES)[loss]
    if isinstance(loss, nn.Module):
        return []
    if loss in _OWN_PARAMS:
        return _OWN_PARAMS[loss]
    if loss in _PLAIN:
        return []
    try:
        parameters = inspect.signature(loss).parameters
    except (TypeError, ValueError):  # some builtins have no signature
        return None
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return None
    first = 0 if isinstance(loss, type) else 2  # the output and the target
    return [name for name in list(parameters)[first:] if name not in {"self", "reduction", "reduce", "size_average"}]


def make_loss(loss: Callable, params: dict) -> Callable:
    """A loss with its further arguments: a class is built with them, a function called with them."""
    if isinstance(loss, type):
        return loss(**params)
    if not params:
        return loss
    if loss is F.binary_cross_entropy_with_logits:
        loss = binary_cross_entropy
    return functools.partial(loss, **params)


def _cross_entropy_and_gradient(output: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Of logits (K, B, O) and codes (K, B): −log softmax at the code; softmax − 1 there.

    Worked out as (K, O, B), as a pack lays its outputs out: rows side by side in memory.
    """
    log_share = F.log_softmax(output.transpose(1, 2), 1)
    codes = target.unsqueeze(1)
    loss = log_share.gather(1, codes).squeeze(1).neg_()
    gradient = log_share.exp_().scatter_add_(1, codes, codes.new_full(codes.shape, -1, dtype=output.dtype))
    return _weighted(loss, gradient.transpose(1, 2), weight)


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
        self._works_in_place = getattr(loss, "func", loss) not in _BUILT_IN  # or may do so
        self._reduces = not isinstance(loss, nn.Module) and "reduction" in _parameters(loss)

    def forward(self, output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        output = as_columns(output, self.n_outputs)
        if self._works_in_place:
            output, target = output.clone(), target.clone()
        if weight is None:
            loss = self.loss(output, target)
            if not isinstance(loss, Tensor):
                raise TypeError(f"The 'loss' must return a tensor. Got {type(loss).__name__} instead.")
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
                "Rows have weights (sample_weight, class_weight, or members of a pack with unlike numbers of rows), so "
                "the 'loss' must return one value a row. Got a single value: leave out its mean, or let it take "
                "reduction='none'."
            )
        return loss.flatten(1).mean(1) if loss.ndim > 1 else loss


def _parameters(function: Callable) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some builtins have no signature
        return set()
