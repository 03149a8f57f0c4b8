"""Callbacks that skorch lacks. The public ones go into `callbacks=[...]`, together with skorch's."""

from sknn.callbacks._base import Callback, hooks_of
from sknn.callbacks._best_weights import BestWeights
from sknn.callbacks._finite import StopIfNotFinite, TrainingWarning
from sknn.callbacks._gradients import ClipGradient, GradientNorm
from sknn.callbacks._max_norm import MaxNorm
from sknn.callbacks._monitor import MonitorScore
from sknn.callbacks._penalty import Penalty
from sknn.callbacks._progress import ProgressLine
from sknn.callbacks._prune_trial import PruneTrial
from sknn.callbacks._sklearn_bridge import SklearnTasks
from sknn.callbacks._stop import StopTraining
from sknn.callbacks._stop_on_overfitting import StopOnOverfitting
from sknn.callbacks._time_limit import TimeLimit
from sknn.callbacks._unfreeze import Unfreeze
from sknn.callbacks._weight_average import WeightAverage

__all__ = [
    "BestWeights",
    "Callback",
    "ClipGradient",
    "GradientNorm",
    "MaxNorm",
    "MonitorScore",
    "Penalty",
    "ProgressLine",
    "PruneTrial",
    "SklearnTasks",
    "StopIfNotFinite",
    "StopOnOverfitting",
    "StopTraining",
    "TimeLimit",
    "TrainingWarning",
    "Unfreeze",
    "WeightAverage",
    "hooks_of",
]
