"""How networks are trained: rows and batches, the step, the loop, and what a fit is made of around them."""

from sknn.training._data import Rows, dense, merge_repeats, network_inputs, to_tensors
from sknn.training._encoding import encode_parts, encoder_draws, new_encoder, preprocessing_source
from sknn.training._ensemble_batches import EnsembleRows, held_out_outputs, rows_of_members
from sknn.training._fit_callbacks import begin_task, end_task, finished_epochs, make_callbacks, monitored_column
from sknn.training._fit_rows import MeanWeight, make_rows
from sknn.training._held_out import learn_from_held_out
from sknn.training._inference import block_rows, network_outputs
from sknn.training._loop import TrainingNet
from sknn.training._make_net import make_net
from sknn.training._network import build_network, check_takes, initialize_by_rows
from sknn.training._optimizer import OptimizerState, optimizer_state
from sknn.training._out_of_fold import outputs_on_held_out, positions_held_out
from sknn.training._pickling import EstimatorPickles
from sknn.training._scoring import ScoringView
from sknn.training._stack import Member, Source, Stack, in_stacks, joined

__all__ = [
    "EnsembleRows",
    "EstimatorPickles",
    "MeanWeight",
    "Member",
    "OptimizerState",
    "Rows",
    "ScoringView",
    "Source",
    "Stack",
    "TrainingNet",
    "begin_task",
    "block_rows",
    "build_network",
    "check_takes",
    "dense",
    "encode_parts",
    "encoder_draws",
    "end_task",
    "finished_epochs",
    "held_out_outputs",
    "in_stacks",
    "initialize_by_rows",
    "joined",
    "learn_from_held_out",
    "make_callbacks",
    "make_net",
    "make_rows",
    "merge_repeats",
    "monitored_column",
    "network_inputs",
    "network_outputs",
    "new_encoder",
    "optimizer_state",
    "outputs_on_held_out",
    "positions_held_out",
    "preprocessing_source",
    "rows_of_members",
    "to_tensors",
]
