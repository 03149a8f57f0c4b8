"""Which rows train and which validate, and which hyper-parameters are worth a search."""

from sknn.model_selection._data import TrainingData
from sknn.model_selection._ensemble_selection import greedy_weights
from sknn.model_selection._groups import check_groups, warn_of_shared_groups
from sknn.model_selection._search import NNSearchCV
from sknn.model_selection._search_space import search_space
from sknn.model_selection._splitting import check_groups_stay_whole, held_out_folds, held_out_rows
from sknn.model_selection._train_validation import TrainValidationSplit, gives_positions, split_rows

__all__ = [
    "NNSearchCV",
    "TrainValidationSplit",
    "TrainingData",
    "check_groups",
    "check_groups_stay_whole",
    "gives_positions",
    "greedy_weights",
    "held_out_folds",
    "held_out_rows",
    "search_space",
    "split_rows",
    "warn_of_shared_groups",
]
