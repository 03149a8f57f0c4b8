"""Which candidates a search has time for."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np

SHAPE = "batch_size", "hidden_layer_sizes", "max_epochs", "n_members"  # on which the time of a fit depends
# Measured with the default network on a CPU, about:
_INPUTS = 200  # of the first hidden layer
_OTHER_WEIGHTS = 12_000  # as long as what these take takes what does not depend on the layers
_STEP_ROWS = 8  # in whose time a step does what does not depend on its rows


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
        self.reserve = 0.0  # seconds of what follows the candidates
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
        """Seconds of a further candidate: in proportion to its work; to the root of it if there is less to do.

        The mean of what follows from each that was measured.
        """
        ratios = [(work / done, seconds) for done, seconds in self._measured]
        return float(np.mean([seconds * (ratio if ratio > 1 else math.sqrt(ratio)) for ratio, seconds in ratios]))


def work_of(params: Mapping[str, Any]) -> float:
    """Work of a fit, relative to that of others: epochs, members, weights between layers, and steps.

    Parameters
    ----------
    params : mapping
        Those in `SHAPE` of a network, resolved; empty for what is no network of ours.
    """
    if not params:
        return 1.0
    n_rows, sizes, n_epochs, n_members = (params[name] for name in SHAPE)
    widths = [_INPUTS, *([sizes] if isinstance(sizes, Integral) else sizes), 1]
    n_weights = _OTHER_WEIGHTS + sum(a * b for a, b in pairwise(widths))
    return n_epochs * n_members * (1 + _STEP_ROWS / n_rows) * n_weights
