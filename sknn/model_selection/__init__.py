"""Which rows train and which validate."""

from sknn.model_selection._data import Sample
from sknn.model_selection._groups import check_groups, warn_of_shared_groups
from sknn.model_selection._splitting import check_groups_stay_whole, held_out_folds, held_out_rows

__all__ = [
    "Sample",
    "check_groups",
    "check_groups_stay_whole",
    "held_out_folds",
    "held_out_rows",
    "warn_of_shared_groups",
]
