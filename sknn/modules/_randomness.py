"""The random numbers that layers draw while their network trains.

Torch's own dropout can only draw from the process-wide generator, which other threads use too.
A context variable gives each fit a generator of its own, and leaves modules free of state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import torch
from torch import Tensor


class Draws:
    """A generator, and a pool of dropout masks drawn from it.

    Drawing a mask takes longer than the layer that it is for. So masks are cut at random offsets
    from a pool, which is drawn anew after `cuts` of them.
    """

    cuts = 512
    least = 1 << 17

    def __init__(self, generator: torch.Generator):
        self.generator = generator
        self._pool: Tensor | None = None
        self._p = math.nan
        self._offsets: list[int] = []

    def mask(self, shape: Sequence[int], p: float) -> Tensor:
        """Entries 0 with probability `p`, else 1 / (1 − p)."""
        size = math.prod(shape)
        pool = self._pool
        if pool is None or p != self._p or not self._offsets or len(pool) < 2 * size:
            pool = self._refill(size, p)
        offset = self._offsets.pop() % (len(pool) - size + 1)
        return pool.as_strided(shape, _strides(shape), offset)

    def _refill(self, size: int, p: float) -> Tensor:
        """A new pool, not the old one drawn anew: masks of this step may still be needed for its backward pass."""
        device = self.generator.device
        n_entries = max(self.least, 2 * size, 0 if self._pool is None else len(self._pool))
        self._pool = torch.empty(n_entries, device=device).bernoulli_(1 - p, generator=self.generator).div_(1 - p)
        drawn = torch.randint(1 << 40, (self.cuts,), generator=self.generator, device=device)
        self._offsets, self._p = drawn.tolist(), p
        return self._pool


@cache
def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of a contiguous tensor."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


_draws: ContextVar[Draws | None] = ContextVar("draws", default=None)


@contextmanager
def drawing_from(generator: torch.Generator):
    """Let layers draw from `generator` within the block (in this thread only)."""
    token = _draws.set(Draws(generator))
    try:
        yield
    finally:
        _draws.reset(token)


def current_generator() -> torch.Generator | None:
    """The generator of the running fit, or None for torch's default one."""
    draws = _draws.get()
    return None if draws is None else draws.generator


def dropout_mask(shape: Sequence[int], p: float, device: torch.device) -> Tensor:
    """A mask of 0 and 1 / (1 − p), from the pool of the running fit if there is one."""
    draws = _draws.get()
    if draws is None:
        return torch.empty(shape, device=device).bernoulli_(1 - p).div_(1 - p)
    return draws.mask(shape, p)
