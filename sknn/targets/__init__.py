"""Between y and the outputs of a network: kinds of targets, losses, calibration."""

from sknn.targets._calibration import SPREAD, WIDE_SPREAD, best_temperature, ensemble_shrinkage
from sknn.targets._losses import (
    CLASSIFICATION_LOSSES,
    GRADIENTS,
    MULTILABEL_LOSSES,
    REGRESSION_LOSSES,
    WeightedLoss,
    loss_parameters,
    make_loss,
)
from sknn.targets._regression import GaussianTargets, QuantileTargets, kind_of_targets, make_targets

__all__ = [
    "CLASSIFICATION_LOSSES",
    "GRADIENTS",
    "MULTILABEL_LOSSES",
    "REGRESSION_LOSSES",
    "SPREAD",
    "WIDE_SPREAD",
    "GaussianTargets",
    "QuantileTargets",
    "WeightedLoss",
    "best_temperature",
    "ensemble_shrinkage",
    "kind_of_targets",
    "loss_parameters",
    "make_loss",
    "make_targets",
]
