"""The estimators that a file may hold, and the classes of all objects in it."""

from __future__ import annotations

from sknn._estimator import BaseNN
from sknn.classifier import NNClassifier
from sknn.features import NNFeatures
from sknn.plain import CLASSES as OF_PARTS
from sknn.regressor import NNRegressor

MODELS: tuple[type, ...] = (NNClassifier, NNFeatures, NNRegressor)
CLASSES: dict[str, type] = {**OF_PARTS, **BaseNN._more_classes, **{cls.__name__: cls for cls in MODELS}}
