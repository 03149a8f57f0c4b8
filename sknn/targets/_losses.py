"""Losses: what is known of one, their formulas, and closed-form gradients of two. `_registry` tells what each is for.

A loss is a function of the network's output and the target that gives one value for each row and output, or
with `reduction="mean"` their mean; its further arguments are what `loss_params` may hold. B rows, T targets or labels,
O classes, K members.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

F = nn.functional

_LOG_VARIANCE = -10.0, 10.0  # limits within which a predicted variance, of a standardised target, has a gradient


@dataclass(frozen=True)
class Loss:
    """A loss, and what goes with it.

    Attributes
    ----------
    name : str or callable
        What the estimator's `loss` is.
    function : callable
        A function of (output, target) that takes `reduction`; of one's own also an nn.Module class or instance.
    target : type
        The kind of target that it is for, a subclass of `Target`.
    parameters : dict or None
        What `loss_params` may hold: names with the constraint of each, which has `is_satisfied_by` and a text, or None.
        None where any name will do.
    gradient : callable or None
        Its closed-form gradient, from (output, target, weight), for an ensemble: see `WeightedLoss`.
    y_range : Interval or None
        Where y must lie.
    gives_probabilities : bool
        Whether logits trained by it are those of probabilities, so that calibration has little left to do.
    is_built_in : bool
        Whether it leaves its arguments as they are.
    """

    name: Any
    function: Callable
    target: type[Any]
    parameters: Mapping[str, Any] | None = field(default_factory=dict)
    gradient: Callable | None = None
    y_range: Interval | None = None
    gives_probabilities: bool = False
    is_built_in: bool = True

    def with_params(self, params: dict) -> Callable:
        """The function with its further arguments; a class is built with them."""
        if isinstance(self.function, type):
            return self.function(**params)
        return functools.partial(self.function, **params) if params else self.function


def focal(output: Tensor, target: Tensor, *, gamma: float = 2.0, reduction: str = "mean") -> Tensor:
    """−(1 − p)^γ log p of the true class' probability p (Lin et al., ICCV 2017, eq. 4): easy rows count less."""
    log_prob = F.log_softmax(output, 1).gather(1, target.unsqueeze(1)).squeeze(1)
    return _reduced(-_doubt(log_prob).pow(gamma) * log_prob, reduction)


def binary_focal(output: Tensor, target: Tensor, *, gamma: float = 2.0, reduction: str = "mean") -> Tensor:
    """The same for each label (B, T)."""
    log_prob = F.logsigmoid(torch.where(target > 0.5, output, -output))
    return _reduced(-_doubt(log_prob).pow(gamma) * log_prob, reduction)


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
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / 2
    return F.binary_cross_entropy_with_logits(output, target, reduction=reduction)


def log_cosh(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """log cosh(r) of the residual r: r²/2 near 0, |r| − log 2 far from it."""
    size = (output - target).abs()
    return _reduced(size + F.softplus(-2 * size) - math.log(2), reduction)


def poisson(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """μ − y log μ, the negative log-likelihood of a count up to a constant; the output is log μ."""
    return F.poisson_nll_loss(output, target, log_input=True, full=False, reduction=reduction)


def gamma(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """log μ + y / μ, the negative log-likelihood of y > 0 whose deviation grows with its mean; the output is log μ."""
    return _reduced(output + target * torch.exp(-output), reduction)


def gaussian_nll(output: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """½(log σ² + (y − μ)² / σ²) (Nix and Weigend, 1994); `output` (B, 2T) holds the means μ, then log σ²."""
    mean, log_variance = output.chunk(2, 1)
    log_variance = log_variance.clamp(*_LOG_VARIANCE)
    return _reduced(0.5 * (log_variance + (target - mean).square() * torch.exp(-log_variance)), reduction)


def _doubt(log_prob: Tensor) -> Tensor:
    """1 − p, not quite 0, where a power below 1 has no gradient."""
    return (-torch.expm1(log_prob)).clamp_min(1e-12)


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    return loss.mean() if reduction == "mean" else loss


def cross_entropy_and_gradient(output: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Of logits (K, B, O) and codes (K, B): −log softmax at the code; softmax − 1 there.

    Worked out as (K, O, B), as an ensemble lays its outputs out: the rows of a class are contiguous.
    """
    log_prob = F.log_softmax(output.transpose(1, 2), 1)
    codes = target.unsqueeze(1)
    loss = log_prob.gather(1, codes).squeeze(1).neg_()
    gradient = log_prob.exp_().scatter_add_(1, codes, codes.new_full(codes.shape, -1, dtype=output.dtype))
    return _weighted(loss, gradient.transpose(1, 2), weight)


@torch.no_grad()
def cross_entropy_of_members(output: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Of logits (K, B, O) and codes (K, B): the members' mean losses (K,), and the gradient of their sum."""
    log_prob, codes = F.log_softmax(output, -1), target.unsqueeze(-1)
    share = torch.full_like(log_prob[..., 0], 1 / target.shape[1])
    share = share if weight is None else share * weight
    losses = -(log_prob.gather(-1, codes).squeeze(-1) * share).sum(1)
    of_log_prob = torch.zeros_like(log_prob).scatter_(-1, codes, -share.unsqueeze(-1))
    return losses, torch.ops.aten._log_softmax_backward_data(of_log_prob, log_prob, -1, log_prob.dtype)


def squared_error_and_gradient(output: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
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
