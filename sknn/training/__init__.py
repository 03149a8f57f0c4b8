"""How networks are trained: rows and batches, losses, optimisers, the loop, threads and seeds."""

from sknn.training._data import Rows, dense, merge_repeats, to_tensors
from sknn.training._ensemble_batches import EnsembleRows
from sknn.training._fit_callbacks import make_callbacks, monitored_column
from sknn.training._inference import block_rows, network_outputs
from sknn.training._loop import TrainingNet
from sknn.training._net_outputs import held_out_outputs
from sknn.training._network import (
    build_network,
    check_takes_several,
)

__all__ = [
    "EnsembleRows",
    "Rows",
    "TrainingNet",
    "block_rows",
    "build_network",
    "check_takes_several",
    "dense",
    "held_out_outputs",
    "make_callbacks",
    "merge_repeats",
    "monitored_column",
    "network_outputs",
    "to_tensors",
]
