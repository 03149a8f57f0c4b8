"""The random generator that layers draw from while their network trains.

Torch's own dropout can only draw from the process-wide generator, which other threads use too.
A context variable gives each fit a generator of its own, and leaves modules free of state.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar

import torch

_generator: ContextVar[torch.Generator | None] = ContextVar("generator", default=None)


@contextmanager
def drawing_from(generator: torch.Generator):
    """Let layers draw from `generator` within the block (in this thread only)."""
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)


def current_generator() -> torch.Generator | None:
    """The generator of the running fit, or None for torch's default one."""
    return _generator.get()
