"""Asynchronous successive halving: a candidate that falls behind stops at a rung of its epochs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from sknn.callbacks import Callback, StopTraining

# Strict first and lenient then: in the same seconds the result was better than with one factor for all rungs.
FRACTIONS = 1 / 16, 1 / 8  # of a candidate's epochs, after which it is compared
FACTORS = 6, 2  # one of so many goes on
BATCH = 4  # candidates that are compared with those before them, and not with each other

Limits = tuple[float, ...]  # the loss that a candidate must not exceed, at each rung
NO_LIMITS: Limits = (math.inf,) * len(FRACTIONS)


class Rungs(Callback):
    """Stop a fit whose lowest validation loss is above the limit at a rung.

    Parameters
    ----------
    limits : tuple of float
        By rung; infinite where any loss will do.
    """

    def __init__(self, limits: Limits):
        self.limits = limits

    def on_epoch_end(self, net, **kwargs):
        if "valid_loss" in net.history[-1] and _falls_behind(net.history[:, "valid_loss"], net.max_epochs, self.limits):
            raise StopTraining


def limits_of(losses: Sequence[Sequence[float]]) -> Limits:
    """The limits for a further candidate: at each rung it has to be among the best of those that came there.

    Parameters
    ----------
    losses : sequence of sequence of float
        Of each candidate so far the losses at the rungs that it came to.

    References
    ----------
    L. Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020, in the form that stops
    candidates where Algorithm 2 there promotes them.
    """
    limits = []
    for rung, factor in enumerate(FACTORS):
        seen = sorted(of_one[rung] for of_one in losses if len(of_one) > rung and not math.isnan(of_one[rung]))
        n_going_on = math.ceil((len(seen) + 1) / factor)
        limits.append(seen[n_going_on - 1] if len(seen) >= n_going_on else math.inf)
    return tuple(limits)


def losses_at_rungs(net, limits: Limits) -> tuple[list[float], bool]:
    """The lowest validation loss of a fitted network at each rung that it came to, and whether it was stopped there.

    Of one that has ended before a rung, by early stopping, the lowest loss of all counts.
    """
    losses, max_epochs = net.history_["valid_loss"].to_numpy(), net.resolved_params_["max_epochs"]
    is_dropped = _falls_behind(losses, max_epochs, limits)
    reached = [rung for rung in _rungs(max_epochs) if rung <= len(losses) or not is_dropped]
    return [float(np.fmin.reduce(losses[:rung])) for rung in reached], is_dropped


def changes_loss(params: Mapping[str, Any]) -> bool:
    """Whether a candidate's loss is not to be compared with that of others."""
    parts = {part for name in params for part in name.split("__")}
    return not parts.isdisjoint({"loss", "loss_params", "class_weight"})


@contextmanager
def stopping_at(limits: Limits, estimator) -> Iterator[None]:
    """A block in which fits of an estimator stop at the rungs; its parameters are then what they were."""
    if limits == NO_LIMITS:
        yield
        return
    net = network_of(estimator)
    callbacks = net.callbacks
    net.set_params(callbacks=[*(callbacks or []), Rungs(limits)])
    try:
        yield
    finally:
        net.set_params(callbacks=callbacks)
        if hasattr(net, "resolved_params_"):
            net.resolved_params_["callbacks"] = callbacks


def network_of(estimator) -> Any:
    """The last step of a Pipeline, or the estimator itself."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _falls_behind(losses: Sequence[float], max_epochs: int, limits: Limits) -> bool:
    """Whether the epochs so far end at a rung, with a loss above the limit or NaN. The last epoch is no rung."""
    n, lowest = len(losses), np.fmin.reduce(losses)
    at_rung = [limit for rung, limit in zip(_rungs(max_epochs), limits, strict=True) if n == rung < max_epochs]
    return not all(lowest <= limit for limit in at_rung)


def _rungs(n_epochs: int) -> list[int]:
    return [math.ceil(fraction * n_epochs) for fraction in FRACTIONS]
