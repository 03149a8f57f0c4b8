"""Neural networks as scikit-learn estimators, on PyTorch."""

from sknn.classifier import NNClassifier
from sknn.regressor import NNRegressor

__all__ = ["NNClassifier", "NNRegressor", "__version__"]
__version__ = "0.1.0"
