"""A scorer finds in the view of an epoch what it would find in an estimator that predicted the validation rows."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import get_scorer, mean_pinball_loss
from sklearn.utils.validation import check_is_fitted

from sknn import NNClassifier, NNRegressor
from sknn.training._scoring import ScoringView

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
CLASSIFIED = {
    "two": (X[:, 0] > 0).astype(int),
    "text": np.where(X[:, 0] > 0, "yes", "no"),
    "three": np.digitize(X[:, 0], [-0.5, 0.5]),
    "labels": (X[:, :2] > 0).astype(int),
}
REAL = {"one": X[:, 0], "several": X[:, :2]}
QUICK = {"max_epochs": 1, "early_stopping": False, "random_state": 0}
SCORES = {
    "two": ["accuracy", "roc_auc", "neg_log_loss", "f1", "average_precision", "neg_brier_score"],
    "text": ["accuracy", "neg_log_loss", "balanced_accuracy"],
    "three": ["accuracy", "roc_auc_ovr", "neg_log_loss", "f1_macro"],
    "labels": ["accuracy", "roc_auc", "f1_micro", "average_precision"],
    "one": ["r2", "neg_mean_absolute_error", "neg_median_absolute_error"],
    "several": ["r2", "neg_root_mean_squared_error"],
}


@pytest.fixture(scope="module")
def fitted():
    nets = {name: NNClassifier("mlp", **QUICK).fit(X, y) for name, y in CLASSIFIED.items()}
    return nets | {name: NNRegressor("mlp", **QUICK).fit(X, y) for name, y in REAL.items()}


def view_of(net):
    return ScoringView(net, X, net._outputs(X))


@pytest.mark.parametrize(("kind", "score"), [(kind, score) for kind, scores in SCORES.items() for score in scores])
def test_a_scorer_gives_what_it_gives_for_the_estimator(fitted, kind, score, monkeypatch):
    net, y = fitted[kind], (CLASSIFIED | REAL)[kind]
    expected = get_scorer(score)(net, X, y)
    view = view_of(net)
    monkeypatch.setattr(type(net), "_outputs", lambda *args: pytest.fail("it predicted again"))
    assert get_scorer(score)(view, X, y) == expected


METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "predict_quantiles", "predict_std")


@pytest.mark.parametrize("kind", [*CLASSIFIED, *REAL])
def test_the_view_has_the_methods_of_the_estimator_and_the_same_values(fitted, kind):
    net, view = fitted[kind], view_of(fitted[kind])
    for method in METHODS:
        assert hasattr(view, method) == hasattr(net, method), method
        if hasattr(net, method) and method != "predict_quantiles":
            np.testing.assert_array_equal(getattr(view, method)(X), getattr(net, method)(X))
    y = (CLASSIFIED | REAL)[kind]
    weight = np.arange(60.0)
    assert view.score(X, y) == pytest.approx(net.score(X, y))
    assert view.score(X, y, sample_weight=weight) == pytest.approx(net.score(X, y, sample_weight=weight))
    assert (is_classifier(view), is_regressor(view)) == (is_classifier(net), is_regressor(net))
    check_is_fitted(view)
    assert view.n_features_in_ == 3
    assert view.get_params() == net.get_params()
    assert type(clone(view)) is type(net)
    assert not hasattr(view, "partial")


def test_rows_that_are_not_the_validation_rows_are_predicted(fitted):
    net = fitted["two"]
    view = ScoringView(net, X, np.full((60, 2), 7.0))
    for other in (X.copy(), X[::-1], X[:5], X * 2):
        np.testing.assert_array_equal(view.predict_proba(other), net.predict_proba(other))
    np.testing.assert_array_equal(view.predict_proba(X), np.full((60, 2), 0.5))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda view: pickle.loads(pickle.dumps(view))])
def test_a_view_can_be_copied(fitted, copied):
    view = view_of(fitted["three"])
    assert copied(view).score(X, CLASSIFIED["three"]) == view.score(X, CLASSIFIED["three"])


def test_a_scorer_of_ones_own_sees_quantiles():
    y = REAL["one"]
    params = {"loss": "quantile", "loss_params": {"quantiles": [0.2, 0.8]}, "max_epochs": 2, "random_state": 0}

    def score(estimator, rows, y):
        return -mean_pinball_loss(y, estimator.predict_quantiles(rows)[:, 0], alpha=0.2)

    net = NNRegressor("mlp", monitor=score, **params).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert max(net.validation_scores_) == pytest.approx(score(net, X[40:], y[40:]), rel=1e-6)
