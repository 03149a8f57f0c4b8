"""Neural networks as scikit-learn estimators, on PyTorch."""

from sknn.classifier import NNClassifier
from sknn.export import to_onnx
from sknn.features import NNFeatures
from sknn.inspection import LearningRateFinder, TrainingCurveDisplay
from sknn.pretrained import Pretrained
from sknn.regressor import NNRegressor
from sknn.saving import load, save

__all__ = [
    "LearningRateFinder",
    "NNClassifier",
    "NNFeatures",
    "NNRegressor",
    "Pretrained",
    "TrainingCurveDisplay",
    "__version__",
    "load",
    "save",
    "to_onnx",
]
__version__ = "0.1.0"
