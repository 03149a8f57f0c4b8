"""How networks are trained: rows and batches, losses, optimisers, the loop, threads and seeds."""

from sknn.training._data import Rows, dense, merge_repeats, to_tensors
from sknn.training._losses import (
    CLASSIFICATION_LOSSES,
    MULTILABEL_LOSSES,
    REGRESSION_LOSSES,
    WeightedLoss,
    loss_parameters,
    make_loss,
)
from sknn.training._muon import Muon
from sknn.training._net import TrainingNet, held_out_outputs
from sknn.training._optimizers import (
    OPTIMIZERS,
    make_optimizer,
    needs_all_rows,
    optimizer_class,
    optimizer_parameters,
    takes_groups,
    takes_weight_decay,
)
from sknn.training._packs import PackedRows
from sknn.training._penalties import Penalty
from sknn.training._schedules import (
    PLATEAU,
    SCHEDULED,
    SCHEDULES,
    is_torch_scheduler,
    make_schedule,
    schedule_parameters,
    torch_scheduler,
)
from sknn.training._seeds import (
    all_seeded,
    draw_seed,
    fresh_random_state,
    generator_states,
    seed_unset,
    torch_seeded,
)
from sknn.training._settings import usual_settings
from sknn.training._threads import available_threads, limited_to, threads_for
from sknn.training._validation import check_groups_stay_whole, held_out_folds, held_out_rows

__all__ = [
    "CLASSIFICATION_LOSSES",
    "MULTILABEL_LOSSES",
    "OPTIMIZERS",
    "PLATEAU",
    "REGRESSION_LOSSES",
    "SCHEDULED",
    "SCHEDULES",
    "Muon",
    "PackedRows",
    "Penalty",
    "Rows",
    "TrainingNet",
    "WeightedLoss",
    "all_seeded",
    "available_threads",
    "check_groups_stay_whole",
    "dense",
    "draw_seed",
    "fresh_random_state",
    "generator_states",
    "held_out_folds",
    "held_out_outputs",
    "held_out_rows",
    "is_torch_scheduler",
    "limited_to",
    "loss_parameters",
    "make_loss",
    "make_optimizer",
    "make_schedule",
    "merge_repeats",
    "needs_all_rows",
    "optimizer_class",
    "optimizer_parameters",
    "schedule_parameters",
    "seed_unset",
    "takes_groups",
    "takes_weight_decay",
    "threads_for",
    "to_tensors",
    "torch_scheduler",
    "torch_seeded",
    "usual_settings",
]
