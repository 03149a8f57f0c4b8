"""The classes whose objects plain data may hold. A new kind of target, callback or augmentation is a line.

The names are part of the format of files: a class that is renamed keeps its name here.
"""

from __future__ import annotations

from sklearn import model_selection
from sklearn.frozen import FrozenEstimator
from sklearn.utils._metadata_requests import MetadataRequest, MethodMetadataRequest

from sknn.augmentation import (
    Brightness,
    CutMix,
    CutOut,
    FeatureDropout,
    GaussianNoise,
    HorizontalFlip,
    MixUp,
    RandomCrop,
    Rotate,
    Scale,
    Translate,
    VerticalFlip,
)
from sknn.callbacks import (
    ClipGradient,
    GradientNorm,
    MaxNorm,
    Penalty,
    StopOnOverfitting,
    TimeLimit,
    Unfreeze,
    WeightAverage,
)
from sknn.preprocessing import STORED_CLASSES
from sknn.pretrained import Pretrained
from sknn.targets import (
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
    ClipGradient, GradientNorm, MaxNorm, Penalty, StopOnOverfitting, TimeLimit, Unfreeze, WeightAverage,
)  # fmt: skip
_AUGMENTATIONS = (
    Brightness, CutMix, CutOut, FeatureDropout, GaussianNoise, HorizontalFlip, MixUp,
    RandomCrop, Rotate, Scale, Translate, VerticalFlip,
)  # fmt: skip
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
