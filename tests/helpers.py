"""What tests of several modules use: both estimators, rows for either, and calculations by hand. No test is here."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes
from torch import nn

from sknn import NNClassifier, NNRegressor

BOTH = pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])


class TwoLayers(nn.Module):
    """A network of the user's own."""

    def __init__(self, n_features, n_outputs, width=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, n_outputs)
        )

    def forward(self, x):
        return self.layers(x)


def data(cls, n=300, **options):
    """Rows for a classifier or a regressor."""
    load = load_breast_cancer if cls is NNClassifier else load_diabetes
    X, y = load(return_X_y=True, **options)
    return X[:n], y[:n]


def outputs(net, X):
    return net.predict_proba(X) if isinstance(net, NNClassifier) else net.predict(X)


def quick_regressor(**params):
    return NNRegressor(**{"max_epochs": 10, "n_members": 3, "random_state": 0} | params)


def robust(fitted, values=None, weight=None):
    """Robust scaling with a soft limit as its paper has it, by numpy's quantiles."""
    fitted = np.asarray(fitted, dtype=np.float64)
    values = fitted if values is None else values
    first, median, third = np.quantile(fitted, [0.25, 0.5, 0.75], method="inverted_cdf", weights=weight)
    z = (values - median) / ((third - first) or np.ptp(fitted) / 2)
    return z / np.sqrt(1 + (z / 3) ** 2)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)
