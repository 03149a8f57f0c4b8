"""How many threads torch uses during a fit.

A step of a small network is slower on two threads than on one. And a sum over many rows is split
among threads, so that its last bits depend on their number; up to `_MAX_SHARED_ROWS` rows a batch
it is not (measured with torch 2.13 on two cores), and a fit gives the same bits wherever it runs.
"""

from __future__ import annotations

import os
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
_block = threading.local()  # its `limit` is that of the innermost block of this thread
_is_forked = False


def threads_for(n_parameters: int, batch_size: int) -> int:
    """Threads for training steps: 6 multiplications and additions a parameter and row, forward and backward."""
    flops = 6 * n_parameters * batch_size
    return available_threads() if flops >= _MIN_SHARED_FLOPS and sums_are_whole(batch_size) else 1


def sums_are_whole(n_rows: int) -> bool:
    """Whether sums over so many rows are not split among threads."""
    return n_rows <= _MAX_SHARED_ROWS


def available_threads() -> int:
    """Torch's number of threads outside of all blocks; one in a forked process.

    A process that is forked after torch has used several threads has none of them, and waits for them for ever.
    """
    if _is_forked:
        return 1
    with _lock:
        return _before if _users else torch.get_num_threads()


@contextmanager
def limited_to(n_threads: int):
    """Use at most `n_threads` within the block; a block inside another one sets its own limit.

    Torch keeps the number for each Python thread, but threads started later begin with the number
    set last. So every fit restores the number that was there before the first of those that overlap.
    """
    global _users, _before
    limit = min(n_threads, available_threads())
    with _lock:
        if _users == 0:
            _before = torch.get_num_threads()
        _users += 1
    outer = getattr(_block, "limit", None)
    _block.limit = limit
    _set(limit)
    try:
        yield
    finally:
        _block.limit = outer
        _set(_before if outer is None else outer)
        with _lock:
            _users -= 1


def _set(n_threads: int) -> None:
    if torch.get_num_threads() != n_threads:
        torch.set_num_threads(n_threads)


def _begin_forked() -> None:
    """In a forked process no other thread of the parent is running, whatever lock it held."""
    global _lock, _users, _is_forked
    _lock, _users, _is_forked = threading.Lock(), 0, True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_forked)
