"""Which rows train and which validate."""

from sknn.splitting._data import TrainingData
from sknn.splitting._folds import check_groups_stay_whole, held_out_folds, held_out_rows
from sknn.splitting._groups import check_groups, warn_of_shared_groups
from sknn.splitting._train_validation import TrainValidationSplit, gives_positions, split_rows

__all__ = [
    "TrainValidationSplit",
    "TrainingData",
    "check_groups",
    "check_groups_stay_whole",
    "gives_positions",
    "held_out_folds",
    "held_out_rows",
    "split_rows",
    "warn_of_shared_groups",
]
