"""Which candidates a search has time for."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from itertools import pairwise
from numbers import Integral
from typing import Any

SHAPE = "hidden_layer_sizes", "max_epochs", "n_members"  # of a network, on which the time of a fit depends
_INPUTS = 100  # of the first hidden layer, about


class TimeBudget:
    """Estimates what a candidate will take from those that were measured.

    Parameters
    ----------
    seconds : float or None
        For all candidates and what follows them. None: no limit.
    begun : float
        When they began to count, by `time.perf_counter`.
    """

    def __init__(self, seconds: float | None, begun: float):
        self.seconds, self.begun = seconds, begun
        self.reserve = 0.0  # seconds of what follows
        self._measured: list[tuple[float, float]] = []  # work and seconds

    @property
    def spent(self) -> float:
        return time.perf_counter() - self.begun

    @property
    def left(self) -> float:
        """Seconds for candidates."""
        return math.inf if self.seconds is None else self.seconds - self.spent - self.reserve

    def note(self, work: float, seconds: float) -> None:
        """Learn what a candidate has taken that was trained in full."""
        self._measured.append((work, seconds))

    def estimate(self, work: float) -> float:
        """Seconds of a further candidate: those of the measured one whose work is closest, or more for more work."""
        closest, seconds = min(self._measured, key=lambda one: abs(math.log(work / one[0])))
        return seconds * max(1.0, work / closest)


def work_of(params: Mapping[str, Any]) -> float:
    """Work of a fit, relative to that of others: epochs, members, and the weights between hidden layers.

    Parameters
    ----------
    params : mapping
        Those in `SHAPE` of a network, resolved; empty for what is no network of ours.
    """
    if not params:
        return 1.0
    sizes, n_epochs, n_members = (params[name] for name in SHAPE)
    widths = [_INPUTS, *([sizes] if isinstance(sizes, Integral) else sizes), 1]
    return float(n_epochs * n_members * sum(a * b for a, b in pairwise(widths)))
