"""Schedules: factors on the learning rate, weight decay and dropout over the course of training.

A schedule is a function of progress, the fraction t of the planned steps that have been taken, from 0 to 1. Callbacks
may reduce the planned steps; the rest of the schedule then takes the steps that are left. Torch's own schedulers, which
count epochs, are skorch's to run; "plateau" is one of them.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

Factor = Callable[[float], float]

PLATEAU = "plateau"


def constant(progress: float) -> float:
    """1."""
    return 1.0


def step(epoch: int, *, step_size: int = 10, gamma: float = 0.1) -> float:
    """γ^⌊epoch / step_size⌋: a drop every `step_size` epochs."""
    return gamma ** (epoch // step_size)


def exponential(epoch: int, *, gamma: float = 0.95) -> float:
    """γ^epoch."""
    return gamma**epoch


def cosine(progress: float, *, n_cycles: int = 1) -> float:
    """½(1 + cos πt), from 1 to 0; with warm restarts `n_cycles` times in a row (Loshchilov and Hutter, ICLR 2017)."""
    cycle = progress if progress >= 1 or n_cycles == 1 else progress * n_cycles % 1
    return 0.5 * (1 + math.cos(math.pi * cycle))


def one_cycle(progress: float, *, warmup: float = 0.1) -> float:
    """Linear warm-up in the first tenth, then a cosine to 0 (Smith, Topin, "Super-convergence", 2019)."""
    return _warmed_up(progress, cosine, warmup)


def flat_cosine(progress: float) -> float:
    """1 for the first half, then a cosine to 0 (Holzmüller et al., NeurIPS 2024, appendix A)."""
    return 1.0 if progress < 0.5 else cosine(2 * progress - 1)


def linear(progress: float) -> float:
    """1 − t."""
    return 1 - progress


def log_cosine(progress: float) -> float:
    """½(1 − cos(2π log₂(1 + 15t))), four waves that get longer (Holzmüller et al., NeurIPS 2024, appendix A)."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress)))


def _warmed_up(progress: float, schedule: Factor, warmup: float) -> float:
    """Linear warm-up from 0 in the fraction `warmup` of the steps, then the schedule."""
    if progress < warmup:
        return progress / warmup * schedule(0.0)
    return schedule((progress - warmup) / (1 - warmup)) if warmup < 1 else 1.0


class ByEpoch:
    """A schedule by completed epochs, independent of how many are planned.

    Parameters
    ----------
    factor : callable
        From the number of epochs to a factor.
    warmup : float
        Fraction of the steps with a linear warm-up from 0.
    """

    def __init__(self, factor: Callable[[int], float], warmup: float):
        self.factor, self.warmup = factor, warmup

    def __call__(self, progress: float, epoch: int) -> float:
        return self.factor(epoch) * (progress / self.warmup if progress < self.warmup else 1.0)


SCHEDULES: dict[str, Callable[..., float]] = {
    "constant": constant,
    "cosine": cosine,
    "exponential": exponential,
    "flat_cosine": flat_cosine,
    "linear": linear,
    "log_cosine": log_cosine,
    "one_cycle": one_cycle,
    "step": step,
}
_BY_EPOCH = {step, exponential}
SCHEDULED = ("learning_rate", "weight_decay", "dropout")


def is_torch_scheduler(schedule) -> bool:
    """Whether skorch's `LRScheduler` runs it: "plateau" or a class of torch's schedulers."""
    return schedule == PLATEAU or (isinstance(schedule, type) and issubclass(schedule, LRScheduler))


def torch_scheduler(schedule) -> type[LRScheduler]:
    return ReduceLROnPlateau if isinstance(schedule, str) else schedule


def schedule_parameters(schedule) -> list[str] | None:
    """Names allowed in `lr_schedule_params`."""
    if schedule is None:
        return []
    if is_torch_scheduler(schedule):
        names = list(inspect.signature(torch_scheduler(schedule)).parameters)
        return [*names[1:], "step_every"]  # without the optimizer; the latter is skorch's
    if isinstance(schedule, str):
        names = list(inspect.signature(SCHEDULES[schedule]).parameters)
        return list(dict.fromkeys([*names[1:], "warmup"]))
    return []


def make_schedule(schedule: str | Factor, params: dict) -> Factor | ByEpoch:
    """A schedule by name, with its parameters; all take `warmup`, the fraction of steps with a linear warm-up."""
    if not isinstance(schedule, str):
        return schedule
    function = SCHEDULES[schedule]
    names = inspect.signature(function).parameters
    known = {key: value for key, value in params.items() if key in names}
    factor = functools.partial(function, **known) if known else function
    if function in _BY_EPOCH:
        return ByEpoch(factor, params.get("warmup", 0.0))
    if "warmup" in params and "warmup" not in names:
        return functools.partial(_warmed_up, schedule=factor, warmup=params["warmup"])
    return factor


class ScheduleRunner:
    """Sets scheduled values during training, and keeps the progress.

    Parameters
    ----------
    schedules : dict
        Functions of progress by what they multiply, some of `SCHEDULED`.
    steps_per_epoch : int
    n_epochs : int
        Epochs planned.
    """

    def __init__(self, schedules: dict[str, Factor | ByEpoch], steps_per_epoch: int, n_epochs: int):
        self.schedules = schedules
        self.progress = 0.0
        self.factor = 1.0  # on the learning rate, apart from its schedule
        self.n_steps, self.steps_per_epoch = 0, max(1, steps_per_epoch)  # taken
        self.groups: list[tuple[dict, float, float | None]] = []
        self.droppers: list[tuple[nn.Module, str, float]] = []
        self._step = 1 / (self.steps_per_epoch * n_epochs)

    def begin(self, optimizer: Optimizer, module: nn.Module) -> None:
        """Record the values at factor 1."""
        self.groups = [(group, group["lr"], group.get("weight_decay")) for group in optimizer.param_groups]
        self.droppers = [(part, name, getattr(part, name)) for part, name in _dropouts(module)]

    def take_step(self) -> None:
        """Set the values for the next step. Dropout changes in steps of a twentieth of training."""
        schedules, t = self.schedules, min(self.progress, 1.0)
        if "learning_rate" in schedules:
            factor = self.factor * self._value("learning_rate", t)
            for group, rate, _ in self.groups:
                group["lr"] = factor * rate
        if "weight_decay" in schedules:
            factor = self._value("weight_decay", t)
            for group, _, decay in self.groups:
                if decay:
                    group["weight_decay"] = factor * decay
        if "dropout" in schedules:
            factor = self._value("dropout", math.floor(20 * t) / 20)
            for part, name, p in self.droppers:
                setattr(part, name, factor * p)
        self.progress += self._step
        self.n_steps += 1

    def _value(self, name: str, progress: float) -> float:
        schedule = self.schedules[name]
        if isinstance(schedule, ByEpoch):
            return schedule(progress, self.n_steps // self.steps_per_epoch)
        return schedule(progress)

    def end(self) -> None:
        """Restore the module's dropout probabilities."""
        for part, name, p in self.droppers:
            setattr(part, name, p)

    def finish_in(self, n_steps: int) -> None:
        """Let the rest of the schedules take `n_steps`."""
        self._step = (1 - self.progress) / max(1, n_steps)


def _dropouts(module: nn.Module):
    """Each submodule with dropout, and the name of its probability."""
    for part in module.modules():
        if isinstance(getattr(part, "dropout", None), float):
            yield part, "dropout"
        elif "Dropout" in type(part).__name__ and isinstance(getattr(part, "p", None), float):
            yield part, "p"
