"""Muon for the matrices of a network, and AdamW for the rest. Torch only.

`torch.optim.Muon` takes two-dimensional parameters alone; an ensemble's weights are matrices stacked along its members,
and a network has biases too. Steps of a matrix are those of `torch.optim.Muon` with
`adjust_lr_fn="match_rms_adamw"`, in the precision of the weights where torch's are in bfloat16.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.optim import Optimizer

_COEFFICIENTS = 3.4445, -4.7750, 2.0315  # of the Newton-Schulz iteration (Jordan et al. 2024)
_LEAST_SIDE = 8  # smaller matrices, such as a scale of each input, have no directions to balance
_MATCH_ADAMW = 0.2  # root mean square of AdamW's updates (Liu et al. 2025, section 2.2)


class Muon(Optimizer):
    """Orthogonalised momentum, so that an update has the same size in all directions of a weight matrix.

    With momentum M ← μM + (1 − μ)G and Nesterov's look-ahead, a step is W ← (1 − lr·λ)W − lr·0.2·√max(m, n)·UVᵀ,
    where UVᵀ, the nearest orthogonal matrix, comes from five Newton-Schulz iterations. The factor makes learning rates
    comparable with those of AdamW, which updates parameters other than matrices of at least 8 × 8, and groups with
    `orthogonal=False`. The estimators put embeddings, the first convolution and the output layer into such groups: Muon
    is for hidden weights (Jordan et al. 2024, "Empirical considerations").

    Parameters
    ----------
    params : iterable of Tensor or dict
        Parameters, or groups of them as for other optimizers.
    lr : float, default=1e-3
        Learning rate.
    weight_decay : float, default=0.1
        Decoupled.
    momentum : float, default=0.95
        Factor μ on the previous momentum.
    nesterov : bool, default=True
        Whether to look ahead by the momentum.
    ns_steps : int, default=5
        Newton-Schulz iterations.
    betas : tuple of float, default=(0.9, 0.999)
        Of AdamW.
    eps : float, default=1e-8
        Of AdamW.
    orthogonal : bool, default=True
        Whether matrices are updated by Muon; False, for a group of embeddings or output weights, by AdamW.
    stacked : bool, default=False
        Whether the first axis of each parameter is that of the members of an ensemble, which are kept separate.

    References
    ----------
    K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
    https://kellerjordan.github.io/posts/muon. J. Liu et al., "Muon is scalable for LLM training", 2025 (the factor).

    Examples
    --------
    >>> import torch
    >>> from sknn.optim import Muon
    >>> layer = torch.nn.Linear(16, 8)
    >>> optimizer = Muon(layer.parameters(), lr=0.01)
    >>> layer(torch.ones(4, 16)).square().mean().backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        weight_decay=0.1,
        *,
        momentum=0.95,
        nesterov=True,
        ns_steps=5,
        betas=(0.9, 0.999),
        eps=1e-8,
        orthogonal=True,
        stacked=False,
    ):
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_steps": ns_steps,
            "betas": betas,
            "eps": eps,
            "orthogonal": orthogonal,
            "stacked": stacked,  # in the groups, which are pickled
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            first = 1 if group["stacked"] else 0  # axis of a matrix
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                is_hidden = group["orthogonal"] and _is_matrix(parameter.shape[first:])
                take = self._orthogonal_step if is_hidden else self._adam_step
                take(parameter, parameter.grad, self.state[parameter], group)
        return loss

    @staticmethod
    def _orthogonal_step(parameter: Tensor, grad: Tensor, state: dict, group: dict) -> None:
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        momentum = state["momentum_buffer"].lerp_(grad, 1 - group["momentum"])
        update = grad.lerp(momentum, group["momentum"]) if group["nesterov"] else momentum
        update = orthogonalized(update.flatten(2 if group["stacked"] else 1), group["ns_steps"])
        factor = _MATCH_ADAMW * math.sqrt(max(update.shape[-2:]))
        parameter.add_(update.reshape(parameter.shape), alpha=-group["lr"] * factor)

    @staticmethod
    def _adam_step(parameter: Tensor, grad: Tensor, state: dict, group: dict) -> None:
        if not state:
            state.update(n_steps=0, exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
        state["n_steps"] += 1
        first, second = group["betas"]
        mean = state["exp_avg"].lerp_(grad, 1 - first)
        square = state["exp_avg_sq"].mul_(second).addcmul_(grad, grad, value=1 - second)
        size = (square / (1 - second ** state["n_steps"])).sqrt_().add_(group["eps"])
        parameter.addcdiv_(mean, size, value=-group["lr"] / (1 - first ** state["n_steps"]))


def _is_matrix(shape: torch.Size) -> bool:
    """(m, n), or a convolution's (m, n, h, w), which is m × (n·h·w)."""
    return len(shape) in (2, 4) and min(shape[0], math.prod(shape[1:])) >= _LEAST_SIDE


def orthogonalized(matrices: Tensor, n_steps: int) -> Tensor:
    """Nearly UVᵀ of each matrix USVᵀ of (..., m, n), by iterations of an odd polynomial."""
    a, b, c = _COEFFICIENTS
    x = matrices
    is_tall = x.shape[-2] > x.shape[-1]
    x = x.mT if is_tall else x
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(n_steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if is_tall else x
