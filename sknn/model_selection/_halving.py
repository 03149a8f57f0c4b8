"""Asynchronous successive halving: a candidate that falls behind stops at a rung of its epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sklearn.pipeline import Pipeline

from sknn.callbacks import Callback, StopTraining

FRACTIONS = 1 / 9, 1 / 3  # of a candidate's epochs, after which it is compared
FACTOR = 3  # one of so many goes on
BATCH = 4  # candidates that are compared with those before them, and not with each other

Limits = tuple[float, ...]  # the loss that a candidate must not exceed, at each rung
NO_LIMITS: Limits = (math.inf,) * len(FRACTIONS)


class Rungs(Callback):
    """Stop a fit whose loss is above the limit at a rung.

    Parameters
    ----------
    limits : tuple of float
        By rung; infinite where any loss will do.
    """

    def __init__(self, limits: Limits):
        self.limits = limits

    def on_epoch_end(self, net, **kwargs):
        for rung, limit in zip(_rungs(net.max_epochs), self.limits, strict=True):
            if len(net.history) == rung and not min(net.history[:, "valid_loss"]) <= limit:  # also if it is NaN
                raise StopTraining


def limits_of(losses: Sequence[Sequence[float]]) -> Limits:
    """The limits for a further candidate: at each rung it has to be in the best third of those that came there.

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
    for rung in range(len(FRACTIONS)):
        seen = sorted(of_one[rung] for of_one in losses if len(of_one) > rung and not math.isnan(of_one[rung]))
        n_going_on = max(1, math.ceil((len(seen) + 1) / FACTOR))
        limits.append(seen[n_going_on - 1] if len(seen) >= n_going_on else math.inf)
    return tuple(limits)


def losses_at_rungs(net, limits: Limits) -> tuple[list[float], bool]:
    """The lowest validation loss of a fitted network at each rung that it came to, and whether it was stopped there.

    Of one that has ended before a rung, by early stopping, the lowest loss of all counts.
    """
    lowest = net.history_["valid_loss"].cummin().tolist()
    losses: list[float] = []
    for rung, limit in zip(_rungs(net.resolved_params_["max_epochs"]), limits, strict=True):
        losses.append(lowest[min(rung, len(lowest)) - 1])
        if rung == len(lowest) and not losses[-1] <= limit:
            return losses, True
    return losses, False


def changes_loss(params: Mapping[str, Any]) -> bool:
    """Whether a candidate's loss is not to be compared with that of others."""
    return any(part in ("loss", "loss_params") for name in params for part in name.split("__"))


@contextmanager
def stopping_at(limits: Limits, estimator):
    """A block in which fits of an estimator stop at the rungs; its parameters are then what they were."""
    net = network_of(estimator)
    callbacks = net.get_params(deep=False).get("callbacks")
    if limits == NO_LIMITS:
        yield
        return
    net.set_params(callbacks=[*(callbacks or []), Rungs(limits)])
    try:
        yield
    finally:
        net.set_params(callbacks=callbacks)


def _rungs(n_epochs: int) -> list[int]:
    return [math.ceil(fraction * n_epochs) for fraction in FRACTIONS]


def network_of(estimator) -> Any:
    """The last step of a Pipeline, or the estimator itself."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
