"""The process around a fit: threads, generators, interrupts, and rollback of a failed fit."""

from sknn.utils._codes import FIRST_LEVEL, MISSING, UNSEEN
from sknn.utils._imports import import_quietly
from sknn.utils._interrupt import check_interrupts, is_interrupted, noticing_interrupts
from sknn.utils._rollback import all_or_nothing
from sknn.utils._seeds import Seeds, all_seeded, draws, seed_unset, torch_seeded
from sknn.utils._settings import usual_settings
from sknn.utils._threads import available_threads, limited_to, sums_are_whole, threads_for

__all__ = [
    "FIRST_LEVEL",
    "MISSING",
    "UNSEEN",
    "Seeds",
    "all_or_nothing",
    "all_seeded",
    "available_threads",
    "check_interrupts",
    "draws",
    "import_quietly",
    "is_interrupted",
    "limited_to",
    "noticing_interrupts",
    "seed_unset",
    "sums_are_whole",
    "threads_for",
    "torch_seeded",
    "usual_settings",
]
