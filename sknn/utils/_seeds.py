"""Randomness that belongs to one fit and leaves no trace in the process."""

from __future__ import annotations

import os
import pickle
import random
import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

# Torch's default generator is one for the process, so two threads must not borrow it at once.
_borrowing = threading.RLock()


def _begin_forked() -> None:
    """In a forked process no thread of the parent holds it any more."""
    global _borrowing
    _borrowing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_forked)


def fresh_random_state(random_state) -> np.random.RandomState:
    """Like scikit-learn's `check_random_state`, but None draws from the system and not from `np.random`."""
    if random_state is None:
        return np.random.RandomState()
    if isinstance(random_state, np.random.RandomState):
        return random_state
    return np.random.RandomState(random_state)


class Seeds(NamedTuple):
    """A seed for each thing that a fit draws, so that none depends on how much another one draws."""

    split: int
    encoder: int
    module: int
    order: int
    dropout: int

    def after(self, n_epochs: int) -> Seeds:
        """For further training, which does not draw the same again."""
        return self._replace(order=self.order + n_epochs, dropout=self.dropout + n_epochs)

    @classmethod
    def drawn_from(cls, random_state) -> Seeds:
        """From a `random_state` parameter."""
        source = fresh_random_state(random_state)
        return cls(*(int(source.randint(np.iinfo(np.int32).max)) for _ in cls._fields))


def seed_unset(thing, seed: int):
    """Give an estimator's or splitter's `random_state`s that are None a seed; `thing` is changed and returned.

    None would draw from numpy's global generator.
    """
    if hasattr(thing, "get_params"):
        unset = [k for k, v in thing.get_params().items() if k.rpartition("__")[2] == "random_state" and v is None]
        return thing.set_params(**dict.fromkeys(sorted(unset), seed))
    if getattr(thing, "random_state", 0) is None and getattr(thing, "shuffle", True):
        thing.random_state = seed
    return thing


@contextmanager
def torch_seeded(seed: int, device: torch.device):
    """Run a block with torch's default generators seeded, one thread at a time, and restore them after it."""
    cuda = [device] if device.type == "cuda" else []
    with _borrowing, torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        if device.type != "mps":
            yield
            return
        before = torch.mps.get_rng_state()
        try:
            torch.mps.manual_seed(seed)
            yield
        finally:
            torch.mps.set_rng_state(before)


def generator_states(device: torch.device) -> tuple:
    """Of the global generators of torch, numpy and Python, to be compared."""
    of_numpy = np.random.get_state(legacy=False)  # noqa: NPY002
    of_torch = [torch.get_rng_state()]
    if device.type in ("cuda", "mps"):
        of_torch.append(torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.mps.get_rng_state())
    return random.getstate(), pickle.dumps(of_numpy), *(state.numpy().tobytes() for state in of_torch)


def draws(call: Callable[[], object], device: torch.device) -> bool:
    """Whether a call draws from global generators; for a block of `all_seeded`, which restores them."""
    before = generator_states(device)
    call()
    return generator_states(device) != before


@contextmanager
def all_seeded(seed: int, device: torch.device):
    """The same with the global generators of numpy and Python: for parts of a user's own, which may draw from any."""
    with torch_seeded(seed, device):
        of_numpy, of_python = np.random.get_state(), random.getstate()  # noqa: NPY002
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(of_numpy)  # noqa: NPY002
            random.setstate(of_python)
