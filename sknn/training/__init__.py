"""How networks are trained: rows and batches, losses, optimisers, the loop, threads and seeds."""

from sknn.training._data import Rows, dense, merge_repeats, to_tensors
from sknn.training._fit_callbacks import make_callbacks, monitored_column, sets_learning_rate
from sknn.training._inference import block_rows, network_outputs
from sknn.training._net import TrainingNet, held_out_outputs
from sknn.training._network import (
    architecture_of,
    build_network,
    check_takes_several,
    has_own_parts,
    is_data_dependent,
    is_name,
    is_tabular,
    pretrained_of,
    takes_images,
)
from sknn.training._packs import PackedRows

__all__ = [
    "PackedRows",
    "Rows",
    "TrainingNet",
    "architecture_of",
    "block_rows",
    "build_network",
    "check_takes_several",
    "dense",
    "has_own_parts",
    "held_out_outputs",
    "is_data_dependent",
    "is_name",
    "is_tabular",
    "make_callbacks",
    "merge_repeats",
    "monitored_column",
    "network_outputs",
    "pretrained_of",
    "sets_learning_rate",
    "takes_images",
    "to_tensors",
]
