"""How many threads torch uses during a fit.

A step of a small network is slower on two threads than on one. And a sum over many rows is split
among threads, so that its last bits depend on their number; up to `_MAX_SHARED_ROWS` rows a batch
it is not (measured with torch 2.13 on two cores), and a fit gives the same bits wherever it runs.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

import torch

# Of one training step. Below, handing out the work costs more than it saves, and many times as much where another
# process has one of the cores: the threads then wait for each other at every operator.
_MIN_SHARED_FLOPS = 1e9
_MAX_SHARED_ROWS = 512

_lock = threading.Lock()
_users = 0
_before = 1


def threads_for(n_parameters: int, batch_size: int) -> int:
    """Threads for training steps: 6 multiplications and additions a parameter and row, forward and backward."""
    flops = 6 * n_parameters * batch_size
    if flops < _MIN_SHARED_FLOPS or batch_size > _MAX_SHARED_ROWS:
        return 1
    return torch.get_num_threads()


@contextmanager
def limited_to(n_threads: int):
    """Use at most `n_threads` within the block.

    Torch keeps the number for each Python thread, but threads started later begin with the number
    set last. So every fit restores the number that was there before the first of those that overlap.
    """
    global _users, _before
    with _lock:
        if _users == 0:
            _before = torch.get_num_threads()
        _users += 1
    _set(min(n_threads, _before))
    try:
        yield
    finally:
        _set(_before)
        with _lock:
            _users -= 1


def _set(n_threads: int) -> None:
    if torch.get_num_threads() != n_threads:
        torch.set_num_threads(n_threads)
