"""Schedules: what the learning rate, weight decay and dropout are multiplied by as training progresses.

A schedule is a function of progress, the share of the planned steps that have been taken, from 0 to 1.
Callbacks may shorten the plan; the rest of the schedule then takes the steps that are left.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import nn
from torch.optim import Optimizer

Factor = Callable[[float], float]

_WARM_UP = 0.1  # share of the steps


def one_cycle(progress: float) -> float:
    """Up along a line in the first tenth, then down to 0 along a cosine (Smith, Topin, "Super-convergence", 2019)."""
    if progress < _WARM_UP:
        return progress / _WARM_UP
    return cosine((progress - _WARM_UP) / (1 - _WARM_UP))


def cosine(progress: float) -> float:
    """½(1 + cos πt), from 1 to 0 (Loshchilov and Hutter, "SGDR", ICLR 2017)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def flat_cosine(progress: float) -> float:
    """1 for the first half, then a cosine to 0 (Holzmüller et al., NeurIPS 2024, appendix A)."""
    return 1.0 if progress < 0.5 else cosine(2 * progress - 1)


def linear(progress: float) -> float:
    """1 − t."""
    return 1 - progress


def log_cosine(progress: float) -> float:
    """½(1 − cos(2π log₂(1 + 15t))), four waves that get longer (Holzmüller et al., NeurIPS 2024, appendix A)."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress)))


SCHEDULES: dict[str, Factor] = {
    "cosine": cosine,
    "flat_cosine": flat_cosine,
    "linear": linear,
    "log_cosine": log_cosine,
    "one_cycle": one_cycle,
}
SCHEDULED = ("learning_rate", "weight_decay", "dropout")


class Plan:
    """Where training stands in its schedules, and the values that they give.

    Parameters
    ----------
    schedules : dict
        Functions of progress by what they multiply, some of `SCHEDULED`.
    n_steps : int
        Steps planned.
    """

    def __init__(self, schedules: dict[str, Factor], n_steps: int):
        self.schedules = schedules
        self.progress = 0.0
        self.factor = 1.0  # on the learning rate, apart from its schedule
        self._step = 1 / max(1, n_steps)

    def begin(self, optimizer: Optimizer, module: nn.Module) -> None:
        """Note the values at which the schedules are 1."""
        self.groups = [(group, group["lr"], group.get("weight_decay")) for group in optimizer.param_groups]
        self.droppers = [(part, name, getattr(part, name)) for part, name in _dropouts(module)]

    def take_step(self) -> None:
        """Set the values for the next step. Dropout changes in steps of a twentieth of training."""
        schedules, t = self.schedules, min(self.progress, 1.0)
        if "learning_rate" in schedules:
            factor = self.factor * schedules["learning_rate"](t)
            for group, rate, _ in self.groups:
                group["lr"] = factor * rate
        if "weight_decay" in schedules:
            factor = schedules["weight_decay"](t)
            for group, _, decay in self.groups:
                if decay:
                    group["weight_decay"] = factor * decay
        if "dropout" in schedules:
            factor = schedules["dropout"](math.floor(20 * t) / 20)
            for part, name, p in self.droppers:
                setattr(part, name, factor * p)
        self.progress += self._step

    def end(self) -> None:
        """Put back what the module was built with."""
        for part, name, p in self.droppers:
            setattr(part, name, p)

    def finish_in(self, n_steps: int) -> None:
        """Let the rest of the schedules take `n_steps`."""
        self._step = (1 - self.progress) / max(1, n_steps)


def _dropouts(module: nn.Module):
    """Each part of a network that drops units, and the name of its probability."""
    for part in module.modules():
        if isinstance(getattr(part, "dropout", None), float):
            yield part, "dropout"
        elif "Dropout" in type(part).__name__ and isinstance(getattr(part, "p", None), float):
            yield part, "p"
