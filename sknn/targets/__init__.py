"""Between y and the outputs of a network: kinds of targets, each with its link and its losses."""

from sknn.targets._base import Target
from sknn.targets._classes import ClassTarget, check_labels
from sknn.targets._distributions import LARGEST_LOG_MEAN, LARGEST_LOG_VARIANCE, GaussianTarget, LogLinkTarget
from sknn.targets._labels import LabelTarget
from sknn.targets._losses import Loss
from sknn.targets._multilabel import LabelIndicatorTarget
from sknn.targets._quantiles import QuantileTarget
from sknn.targets._registry import (
    CLASSIFICATION_LOSSES,
    MULTILABEL_LOSSES,
    REGRESSION_LOSSES,
    find_loss,
    loss_parameters,
)
from sknn.targets._regression import RealTarget, check_numbers
from sknn.targets._weighted_loss import WeightedLoss

__all__ = [
    "CLASSIFICATION_LOSSES",
    "LARGEST_LOG_MEAN",
    "LARGEST_LOG_VARIANCE",
    "MULTILABEL_LOSSES",
    "REGRESSION_LOSSES",
    "ClassTarget",
    "GaussianTarget",
    "LabelIndicatorTarget",
    "LabelTarget",
    "LogLinkTarget",
    "Loss",
    "QuantileTarget",
    "RealTarget",
    "Target",
    "WeightedLoss",
    "check_labels",
    "check_numbers",
    "find_loss",
    "loss_parameters",
]
