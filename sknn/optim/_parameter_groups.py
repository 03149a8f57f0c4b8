"""Parameters of a module as a few long tensors, one for all with the same factors.

An optimizer's step on a tensor costs an operator, whatever its size. Parameters become views of the
long tensors for as long as training runs.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn


class Segment(NamedTuple):
    """Parameters with the same factors: their concatenated values, whose `grad` holds their gradients.

    The factors are those on the optimizer's learning rate and weight decay.
    """

    values: nn.Parameter
    lr_factor: float
    decay_factor: float


class FlatParameters:
    """Concatenates a module's parameters in segments; `release` gives each its own memory again.

    Parameters
    ----------
    module : nn.Module
        Its `parameter_factors()`, if it has them, say for each parameter's name the factors on the learning rate and
        on the rate of decay.
    lr_factors : dict or None, default=None
        Further factors on the learning rate, by names of parameters.
    is_adaptive : bool, default=True
        See `factors_of`.
    """

    def __init__(self, module: nn.Module, lr_factors: dict[str, float] | None = None, is_adaptive: bool = True):
        self.parameters = list(module.parameters())
        groups: dict[tuple, list[nn.Parameter]] = {}
        for key, parameter in factors_of(module, lr_factors, is_adaptive):
            groups.setdefault((*key, parameter.dtype, parameter.device), []).append(parameter)
        self.segments = [Segment(_side_by_side(members), *key[:2]) for key, members in groups.items()]

    def zero_grad(self) -> None:
        for segment in self.segments:
            if segment.values.grad is not None:
                segment.values.grad.zero_()

    def release(self) -> None:
        for parameter in self.parameters:
            parameter.data = parameter.data.clone()
            parameter.grad = None


def factors_of(
    module: nn.Module, lr_factors: dict[str, float] | None = None, is_adaptive: bool = True
) -> list[tuple[tuple[float, float], nn.Parameter]]:
    """The factors on the learning rate and on the weight decay, for each parameter.

    A module's own factors are for steps that are measured by past gradients (`is_adaptive`); they leave the rate of
    decay, which is the product of both, as it is. `lr_factors` are the user's, by names of parameters.
    """
    own_factors = getattr(module, "parameter_factors", None)
    known = own_factors() if callable(own_factors) else {}
    users = lr_factors or {}
    found = []
    for name, parameter in module.named_parameters():
        lr_factor, decay_factor = known.get(name, (1.0, 1.0))
        lr_factor = lr_factor if is_adaptive else 1.0
        found.append(((lr_factor * users.get(name, 1.0), decay_factor / lr_factor), parameter))
    return found


def _side_by_side(parameters: list[nn.Parameter]) -> nn.Parameter:
    values = torch.cat([parameter.detach().flatten() for parameter in parameters])
    grads = torch.zeros_like(values)
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        parameter.data = values[start:stop].view(parameter.shape)
        parameter.grad = grads[start:stop].view(parameter.shape)
        start = stop
    segment = nn.Parameter(values)
    segment.grad = grads
    return segment
