"""What skorch's callbacks lack. `BestWeights`, `StopIfNotFinite` and `TimeLimit` go into `callbacks=[...]` as well."""

from sknn.callbacks._best_weights import BestWeights
from sknn.callbacks._finite import StopIfNotFinite
from sknn.callbacks._monitor import MonitorScore
from sknn.callbacks._progress import ProgressLine
from sknn.callbacks._sklearn_bridge import SklearnTasks
from sknn.callbacks._time_limit import TimeLimit

__all__ = ["BestWeights", "MonitorScore", "ProgressLine", "SklearnTasks", "StopIfNotFinite", "TimeLimit"]
