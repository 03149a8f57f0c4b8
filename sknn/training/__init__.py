"""How networks are trained: rows and batches, losses, optimisers, the loop, threads and seeds."""

from sknn.training._data import Rows, dense, merge_repeats, to_tensors
from sknn.training._losses import (
    CLASSIFICATION_LOSSES,
    MULTILABEL_LOSSES,
    REGRESSION_LOSSES,
    WeightedLoss,
)
from sknn.training._net import TrainingNet, held_out_outputs
from sknn.training._optimizers import OPTIMIZERS, make_optimizer, optimizer_parameters, takes_weight_decay
from sknn.training._packs import PackedRows
from sknn.training._schedules import SCHEDULED, SCHEDULES
from sknn.training._seeds import draw_seed, fresh_random_state, seed_unset, torch_seeded
from sknn.training._threads import limited_to, threads_for
from sknn.training._validation import held_out_folds, held_out_rows

__all__ = [
    "CLASSIFICATION_LOSSES",
    "MULTILABEL_LOSSES",
    "OPTIMIZERS",
    "REGRESSION_LOSSES",
    "SCHEDULED",
    "SCHEDULES",
    "PackedRows",
    "Rows",
    "TrainingNet",
    "WeightedLoss",
    "dense",
    "draw_seed",
    "fresh_random_state",
    "held_out_folds",
    "held_out_outputs",
    "held_out_rows",
    "limited_to",
    "make_optimizer",
    "merge_repeats",
    "optimizer_parameters",
    "seed_unset",
    "takes_weight_decay",
    "threads_for",
    "to_tensors",
    "torch_seeded",
]
