"""Randomness that belongs to one fit and leaves no trace in the process."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import numpy as np
import torch

# Torch's default generator is one for the process, so two threads must not borrow it at once.
_borrowing = threading.RLock()


def fresh_random_state(random_state) -> np.random.RandomState:
    """Like scikit-learn's `check_random_state`, but None draws from the system and not from `np.random`."""
    if random_state is None:
        return np.random.RandomState()
    if isinstance(random_state, np.random.RandomState):
        return random_state
    return np.random.RandomState(random_state)


def draw_seed(random_state: np.random.RandomState) -> int:
    return int(random_state.randint(np.iinfo(np.int32).max))


@contextmanager
def torch_seeded(seed: int, device: torch.device):
    """Run a block with torch's default generators seeded, one thread at a time, and restore them after it."""
    kind = device.type
    backend = getattr(torch, kind) if kind in ("cuda", "mps") else None
    with _borrowing:
        cpu_state = torch.get_rng_state()
        device_state = backend.get_rng_state() if backend else None
        try:
            torch.default_generator.manual_seed(seed)
            if backend:
                backend.manual_seed(seed)
            yield
        finally:
            torch.set_rng_state(cpu_state)
            if backend:
                backend.set_rng_state(device_state)
