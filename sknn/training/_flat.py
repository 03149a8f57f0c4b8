"""Parameters of a module as a few long tensors, one for all that are trained alike.

An optimizer's step on a tensor costs an operator, whatever its size. Parameters become views of the
long tensors for as long as training runs.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn


class Segment(NamedTuple):
    """Parameters that share their settings: their values side by side, whose `grad` holds their gradients."""

    values: nn.Parameter
    lr_factor: float
    decay_factor: float


class FlatParameters:
    """Lays a module's parameters out in segments; `release` gives each its own memory again.

    Parameters
    ----------
    module : nn.Module
        Its `settings()`, if it has them, say for each parameter's name the factors on the learning rate and
        on the rate of decay.
    """

    def __init__(self, module: nn.Module):
        self.parameters = list(module.parameters())
        groups: dict[tuple, list[nn.Parameter]] = {}
        for key, parameter in settings_of(module):
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


def settings_of(module: nn.Module) -> list[tuple[tuple[float, float], nn.Parameter]]:
    """The factors on the learning rate and on the rate of decay, for each parameter."""
    settings = getattr(module, "settings", None)
    known = settings() if callable(settings) else {}
    return [(tuple(known.get(name, (1.0, 1.0))), parameter) for name, parameter in module.named_parameters()]


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
