"""The classes, functions and types that plain data may name. A new kind of encoder, target or callback is a line here.

The names are part of the format of files: a class that is renamed keeps its name here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn import model_selection
from sklearn.frozen import FrozenEstimator
from sklearn.utils._metadata_requests import MetadataRequest, MethodMetadataRequest
from torch import nn

from sknn import augmentation, callbacks
from sknn.modules import ACTIVATIONS, MODULES
from sknn.optim import OPTIMIZERS
from sknn.preprocessing import STORED_CLASSES
from sknn.pretrained import Pretrained
from sknn.targets import (
    CLASSIFICATION_LOSSES,
    MULTILABEL_LOSSES,
    REGRESSION_LOSSES,
    ClassTarget,
    GaussianTarget,
    LabelIndicatorTarget,
    LogLinkTarget,
    QuantileTarget,
    RealTarget,
)
from sknn.utils import Seeds

_TARGETS = (ClassTarget, GaussianTarget, LabelIndicatorTarget, LogLinkTarget, QuantileTarget, RealTarget)
_CALLBACKS = (
    callbacks.ClipGradient,
    callbacks.GradientNorm,
    callbacks.MaxNorm,
    callbacks.Penalty,
    callbacks.StopOnOverfitting,
    callbacks.TimeLimit,
    callbacks.Unfreeze,
    callbacks.WeightAverage,
)
_AUGMENTATIONS = (
    augmentation.Brightness,
    augmentation.CutMix,
    augmentation.CutOut,
    augmentation.FeatureDropout,
    augmentation.GaussianNoise,
    augmentation.HorizontalFlip,
    augmentation.MixUp,
    augmentation.RandomCrop,
    augmentation.Rotate,
    augmentation.Scale,
    augmentation.Translate,
    augmentation.VerticalFlip,
)
_OF_SKLEARN = (
    FrozenEstimator,
    MetadataRequest,
    MethodMetadataRequest,
    model_selection.GroupKFold,
    model_selection.GroupShuffleSplit,
    model_selection.KFold,
    model_selection.LeaveOneGroupOut,
    model_selection.LeavePGroupsOut,
    model_selection.PredefinedSplit,
    model_selection.ShuffleSplit,
    model_selection.StratifiedGroupKFold,
    model_selection.StratifiedKFold,
    model_selection.StratifiedShuffleSplit,
    model_selection.TimeSeriesSplit,
)

# Objects of these are their attributes.
CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (*STORED_CLASSES, *_TARGETS, *_CALLBACKS, *_AUGMENTATIONS, *_OF_SKLEARN, Pretrained, Seeds)
}

_ACTIVATIONS = (
    *ACTIVATIONS.values(), nn.CELU, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.LogSigmoid, nn.PReLU, nn.ReLU6,
    nn.Softsign, nn.Tanhshrink,
)  # fmt: skip
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.bool)
_SCALARS = (np.bool_, np.float32, np.float64, np.int32, np.int64, np.uint64, bool, float, int, object, str)

# Classes, functions and types that stand for themselves.
NAMES: dict[str, Any] = (
    {f"torch.nn.{cls.__name__}": cls for cls in _ACTIVATIONS}
    | {f"module {name}": cls for name, cls in MODULES.items()}
    | {f"optimizer {name}": cls for name, cls in OPTIMIZERS.items()}
    | {
        f"{kind} loss {name}": loss.function
        for kind, losses in (
            ("class", CLASSIFICATION_LOSSES),
            ("label", MULTILABEL_LOSSES),
            ("real", REGRESSION_LOSSES),
        )
        for name, loss in losses.items()
    }
    | {str(dtype): dtype for dtype in _DTYPES}
    | {cls.__name__: cls for cls in _SCALARS}
)
# By what a loss of one's own is for.
LOSS_KINDS: dict[str, type] = {"class": ClassTarget, "label": LabelIndicatorTarget, "real": RealTarget}
