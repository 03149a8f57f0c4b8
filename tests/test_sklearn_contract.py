"""scikit-learn's own checks of an estimator, in the configurations in which the estimators are used."""

import re

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator
from skorch.callbacks import EarlyStopping, EpochScoring, GradientNormClipping, LRScheduler
from torch import nn

from helpers import TwoLayers
from sknn import NNClassifier, NNRegressor


def one_layer(n_features, n_outputs):
    return nn.Linear(n_features, n_outputs)


class SklearnFitsByParts(NNClassifier):
    """`fit` as a loop of `partial_fit`, as out-of-core training uses it."""

    def fit(self, X, y, sample_weight=None):
        for name in list(vars(self)):
            if name.endswith("_") or name in {"_target", "_optimizer_state"}:
                delattr(self, name)
        labels = np.asarray(y)
        is_indicator = labels.ndim == 2 and labels.shape[1] > 1
        classes = {"classes": np.unique(labels)} if is_classifier(self) and not is_indicator else {}
        for _ in range(self.max_epochs):
            self.partial_fit(X, y, sample_weight=sample_weight, **classes)
        return self


class SklearnFitsRegressionByParts(NNRegressor):
    fit = SklearnFitsByParts.fit


def skorch_callbacks():
    return [
        EarlyStopping(monitor="train_loss", patience=40),
        GradientNormClipping(1.0),
        ("schedule", LRScheduler("StepLR", step_size=50)),
        EpochScoring("r2", on_train=True, use_caching=False, lower_is_better=False),
    ]


def estimators():
    """Each way in which the estimators work differently, once."""
    yield "bare", NNClassifier()
    yield "bare", NNRegressor()
    yield "transformer", NNClassifier(preprocessing=StandardScaler(with_mean=False))
    yield "no preprocessing", NNRegressor(preprocessing=None, early_stopping=False)
    yield "module class", NNClassifier(TwoLayers)
    yield "skorch callbacks", NNRegressor(one_layer, learning_rate=0.01, callbacks=skorch_callbacks(), max_epochs=100)
    yield "partial_fit", SklearnFitsByParts(learning_rate=0.01, max_epochs=40)
    yield "partial_fit", SklearnFitsRegressionByParts(learning_rate=0.01, max_epochs=40)


# The checks that need a network which has learned. All others compare two fits, or look at shapes, types and errors;
# for them scikit-learn trains its own networks for a few epochs too.
LEARNED = re.compile("train|classifiers_classes|class_weight|equivalence_on_dense")


def checks():
    for name, estimator in estimators():
        for one, check in estimator_checks_generator(estimator):
            check_name = getattr(check, "func", check).__name__
            if not LEARNED.search(check_name):
                one = clone(one).set_params(max_epochs=2)
            yield pytest.param(one, check, id=f"{name}-{type(one).__name__}-{check_name}")


@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings on purpose
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_sklearn_check(estimator, check):
    torch.manual_seed(0)
    check(estimator)
