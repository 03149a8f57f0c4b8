"""`NNSearchCV`: the scores of scikit-learn's search, one fit a candidate, and an ensemble that is honestly scored."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import parametrize_with_checks

from helpers import BOTH, data
from sknn import NNClassifier, NNRegressor
from sknn.model_selection import NNSearchCV, greedy_weights

FOLDS = KFold(2, shuffle=True, random_state=0)
GRID = {"learning_rate": [0.001, 0.03], "dropout": [0.0, 0.2]}


def quick(cls, **params):
    """Two members, each of which holds out a fold."""
    given = {"max_epochs": 3, "hidden_layer_sizes": (8,), "n_members": 2, "early_stopping": True, "random_state": 0}
    return cls(**(given | params), device="cpu")


@BOTH
def test_with_splits_the_scores_are_those_of_a_grid_search(cls):
    X, y = data(cls, 120, as_frame=True)
    grid = GridSearchCV(quick(cls), GRID, cv=FOLDS).fit(X, y)
    search = NNSearchCV(quick(cls), GRID, n_iter=None, cv=FOLDS, ensemble=None).fit(X, y)
    assert set(grid.cv_results_) - set(search.cv_results_) == set()
    assert search.cv_results_["params"][1:] == grid.cv_results_["params"]
    for column in ("param_learning_rate", "param_dropout"):
        ours, theirs = search.cv_results_[column], grid.cv_results_[column]
        assert (ours.mask[0], ours.dtype, ours[1:].tolist()) == (True, theirs.dtype, theirs.tolist())
    for key in ("mean_test_score", "std_test_score", "split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(search.cv_results_[key][1:], grid.cv_results_[key])
    if search.best_index_:
        assert search.best_params_ == grid.best_params_
        np.testing.assert_array_equal(search.predict(X), grid.predict(X))


@BOTH
def test_out_of_fold_a_candidate_is_one_fit(cls):
    X, y = data(cls, 120, as_frame=True)
    search = NNSearchCV(quick(cls), GRID, n_iter=None, halving=False).fit(X, y)
    assert search.n_splits_ == 1
    alone = [quick(cls, **params).fit(X, y) for params in search.cv_results_["params"]]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], [net.oof_score_ for net in alone], rtol=1e-6)
    np.testing.assert_array_equal(search.best_estimator_.predict(X), alone[search.best_index_].predict(X))
    method = "predict_proba" if cls is NNClassifier else "predict"
    of_each = np.stack([getattr(net, method)(X) for net in alone])
    np.testing.assert_allclose(getattr(search, method)(X), np.tensordot(search.weights_, of_each, 1), rtol=1e-6)
    assert search.weights_.sum() == pytest.approx(1)
    if cls is NNClassifier:
        np.testing.assert_array_equal(search.predict(X), search.classes_[search.predict_proba(X).argmax(1)])


def test_the_weights_are_those_of_greedy_selection_by_log_loss():
    X, y = data(NNClassifier, 150)
    search = NNSearchCV(quick(NNClassifier), GRID, n_iter=None, halving=False, random_state=0).fit(X, y)
    predictions = np.stack([quick(NNClassifier, **p).fit(X, y).oof_prediction_ for p in search.cv_results_["params"]])
    counts, total = np.zeros(5), 0.0
    best = np.inf
    for n in range(1, 21):
        losses = [log_loss(y, np.clip((total + own) / n, 1e-12, 1)) for own in predictions]
        counts[np.argmin(losses)] += 1
        total = total + predictions[np.argmin(losses)]
        if min(losses) < best - 1e-12:
            best, weights = min(losses), counts / n
    np.testing.assert_allclose(search.weights_, weights)


def test_of_the_portfolio_the_estimator_as_it_is_given_has_a_quarter_of_the_weight():
    X, y = data(NNRegressor, 150)
    search = NNSearchCV(NNRegressor(max_epochs=3, n_members=2, random_state=0), n_iter=3, random_state=0).fit(X, y)
    nets = [clone(search.estimator).set_params(**params) for params in search.cv_results_["params"]]
    predictions = np.stack([net.fit(X, y).oof_prediction_ for net in nets])
    chosen = greedy_weights(predictions, lambda p, rows: -np.mean((p - y[rows]) ** 2), np.arange(150))
    np.testing.assert_allclose(search.weights_, 0.75 * chosen + 0.25 * np.eye(len(nets))[0])


def test_greedy_weights_of_a_single_model_and_of_equal_ones():
    y = np.arange(6.0)

    def score(predicted, rows):
        return -np.mean((predicted - y[rows]) ** 2)

    np.testing.assert_array_equal(greedy_weights(y[None], score, np.arange(6)), [1.0])
    np.testing.assert_array_equal(greedy_weights(np.stack([y, y]), score, np.arange(6)), [1.0, 0.0])


def test_on_noise_the_score_of_the_ensemble_is_that_of_chance():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 4)), rng.integers(0, 2, 400)
    space = {"learning_rate": [0.001, 0.003, 0.01, 0.03, 0.1]}
    search = NNSearchCV(quick(NNClassifier), space, n_iter=None, scoring="roc_auc", random_state=0).fit(X, y)
    assert abs(search.oof_score_ - 0.5) < 0.06  # two standard errors


def test_a_pipeline_is_fitted_once_for_each_split():
    X, y = data(NNRegressor, 120)
    net = make_pipeline(StandardScaler(), quick(NNRegressor))
    search = NNSearchCV(net, {"nnregressor__dropout": [0.0, 0.2]}, n_iter=None, cv=FOLDS).fit(X, y)
    expected = [
        cross_val_score(clone(net).set_params(**params), X, y, cv=FOLDS) for params in search.cv_results_["params"]
    ]
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], np.mean(expected, 1))
    assert NNSearchCV(net, {"nnregressor__dropout": [0.1]}).fit(X, y).n_splits_ == 5
    drawn = NNSearchCV(net, n_iter=1, cv=FOLDS, random_state=0).fit(X, y).cv_results_["params"][1]
    assert all(name.startswith("nnregressor__") for name in drawn)
    with pytest.raises(ValueError, match="cv='out_of_fold' needs"):
        NNSearchCV(net, {"nnregressor__dropout": [0.1]}, cv="out_of_fold").fit(X, y)


def test_few_rows_are_split_and_without_time_the_first_candidate_is_left():
    X, y = data(NNClassifier, 60)
    search = NNSearchCV(NNClassifier(preset="fast", max_epochs=2, random_state=0), max_time=1e-6, random_state=0).fit(
        X, y
    )
    assert search.n_splits_ == 5
    assert search.cv_results_["params"] == [{}]


@BOTH
def test_candidates_at_the_same_time_are_the_same(cls):
    X, y = data(cls, 120)
    alone = NNSearchCV(quick(cls), n_iter=3, random_state=0).fit(X, y)
    together = NNSearchCV(quick(cls), n_iter=3, random_state=0, n_jobs=2).fit(X, y)
    assert alone.cv_results_["params"] == together.cv_results_["params"]
    np.testing.assert_array_equal(alone.predict(X), together.predict(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(alone)).predict(X), alone.predict(X))


def test_a_candidate_that_cannot_be_fitted_has_no_weight():
    X, y = data(NNClassifier, 120)
    space = {"dropout": [0.1, 2.0]}
    with pytest.warns(FitFailedWarning, match="'dropout'"):
        search = NNSearchCV(quick(NNClassifier), [{"dropout": [2.0]}, {"dropout": [0.1]}], n_iter=None).fit(X, y)
    assert search.weights_[1] == 0
    assert search.cv_results_["rank_test_score"][1] == 3
    with pytest.raises(InvalidParameterError, match="'dropout'"):
        NNSearchCV(quick(NNClassifier), space, n_iter=None, error_score="raise").fit(X, y)


def test_several_metrics_need_the_one_that_chooses():
    X, y = data(NNClassifier, 120)
    search = NNSearchCV(quick(NNClassifier), GRID, n_iter=2, scoring=["accuracy", "neg_log_loss"], random_state=0)
    with pytest.raises(InvalidParameterError, match="'refit'"):
        search.fit(X, y)
    search.set_params(refit="neg_log_loss").fit(X, y)
    assert search.best_score_ == search.cv_results_["mean_test_neg_log_loss"].max()
    assert search.score(X, y) == pytest.approx(-log_loss(y, search.predict_proba(X)))
    unchosen = clone(search).set_params(refit=False).fit(X, y)
    assert not hasattr(unchosen, "best_index_")
    with pytest.raises(NotFittedError):
        unchosen.predict(X)


def test_groups_weights_and_label_indicators():
    X, y = data(NNClassifier, 120, as_frame=True)
    groups, weight = np.arange(120) % 6, np.arange(120) % 2 + 1.0
    search = NNSearchCV(quick(NNClassifier), GRID, n_iter=2, random_state=0).fit(X, y, groups, sample_weight=weight)
    net = quick(NNClassifier).fit(X, y, sample_weight=weight, groups=groups)
    assert search.cv_results_["mean_test_score"][0] != quick(NNClassifier).fit(X, y).oof_score_
    np.testing.assert_array_equal(search.estimators_[0].classes_, net.classes_)
    by_splits = NNSearchCV(quick(NNClassifier), GRID, n_iter=1, cv=GroupKFold(3), random_state=0).fit(X, y, groups)
    assert by_splits.n_splits_ == 3
    labels = pd.DataFrame({"a": y, "b": 1 - y})
    of_labels = NNSearchCV(quick(NNClassifier), GRID, n_iter=2, random_state=0).fit(X, labels)
    assert of_labels.predict_proba(X).shape == (120, 2)
    np.testing.assert_array_equal(of_labels.predict(X), (of_labels.predict_proba(X) > 0.5).astype(int))


@BOTH
def test_it_nests_in_cross_validation(cls):
    X, y = data(cls, 120)
    search = NNSearchCV(quick(cls), GRID, n_iter=1, random_state=0)
    scores = cross_val_score(search, X, y, cv=FOLDS, error_score="raise")
    for score, (train, test) in zip(scores, FOLDS.split(X), strict=True):
        assert score == clone(search).fit(X[train], y[train]).score(X[test], y[test])


CHECKED = NNClassifier("mlp", max_epochs=20, hidden_layer_sizes=8, learning_rate=0.05, random_state=0)


@parametrize_with_checks([NNSearchCV(CHECKED, {"dropout": [0.1]}, n_iter=1, cv=2)])
def test_sklearn_check(estimator, check):
    check(estimator)
