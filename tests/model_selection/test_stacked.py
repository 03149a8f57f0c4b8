"""Candidates and folds that are trained together have the scores that they have one by one."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import BOTH, data
from sknn import NNClassifier, NNRegressor
from sknn.augmentation import MixUp
from sknn.callbacks import Penalty
from sknn.model_selection import NNSearchCV

FOLDS = KFold(3, shuffle=True, random_state=0)
GRID = {"learning_rate": [0.001, 0.005], "weight_decay": [0.01, 0.5], "dropout": [0.0, 0.3]}


def quick(cls, **params):
    given = {"module": "mlp", "hidden_layer_sizes": (16, 8), "max_epochs": 6, "batch_size": 32, "random_state": 0}
    return cls(**given | params, device="cpu")


def together(estimator, X, y, grid=GRID, **options):
    given = {"n_iter": None, "cv": FOLDS, "ensemble": None, "refit": False, "halving": False}
    return NNSearchCV(estimator, grid, **given | options).fit(X, y)


def assert_same_scores(search, grid, n_splits=3, rtol=1e-4):
    for key in [f"split{k}_test_score" for k in range(n_splits)]:
        np.testing.assert_allclose(search.cv_results_[key][-len(grid.cv_results_[key]) :], grid.cv_results_[key], rtol)


def with_categories(X):
    return X.assign(kind=np.where(np.arange(len(X)) % 7 < 3, "a", "b"), part=(np.arange(len(X)) % 5).astype(str))


@BOTH
def test_the_scores_are_those_of_a_grid_search(cls):
    X, y = data(cls, 151, as_frame=True)
    X, scoring = with_categories(X), "neg_log_loss" if cls is NNClassifier else "r2"
    estimator = quick(cls, early_stopping=True, patience=2, max_epochs=15)
    search = together(estimator, X, y, scoring=scoring)
    assert search.cv_results_["is_stacked"].all()
    assert_same_scores(search, GridSearchCV(estimator, GRID, cv=FOLDS, scoring=scoring, refit=False).fit(X, y))
    params = search.cv_results_["params"][-1]
    alone = cross_validate(estimator.set_params(**params), X, y, cv=FOLDS, return_estimator=True)
    assert search.cv_results_["n_epochs"][-1] == np.mean([net.n_iter_ for net in alone["estimator"]])
    assert len(set(search.cv_results_["n_epochs"])) > 1


OTHERS = [
    {"random_state": [0, 1], "hidden_layer_sizes": [(8,), (8, 8)]},
    {"activation": ["relu", "silu", "gelu", "tanh"], "loss_params": [{"label_smoothing": 0.1}]},
    {"batch_size": [7, 1000], "max_epochs": [2, 5], "class_weight": ["balanced"]},
    {"loss": ["cross_entropy", "focal"], "lr_schedule": [None, "cosine"], "learning_rate": [0.01]},
    {"module": ["linear"], "learning_rate": [0.01, 0.1], "dropout": ["auto"], "hidden_layer_sizes": ["auto"]},
    {"optimizer": ["adam", "sgd"], "preprocessing": ["auto", None], "early_stopping": [False]},
]


@pytest.mark.parametrize("grid", OTHERS, ids=lambda grid: ", ".join(grid))
def test_candidates_that_differ_in_more_than_rates(grid):
    X, y = load_iris(return_X_y=True)
    estimator = quick(NNClassifier, dropout=0.1)
    search = together(estimator, X, y, grid, scoring="neg_log_loss")
    one_by_one = together(estimator, X, y, grid, scoring="neg_log_loss", stacked=False)
    assert_same_scores(search, one_by_one)
    assert not one_by_one.cv_results_["is_stacked"].any()
    expected = [p.get("activation") != "tanh" for p in search.cv_results_["params"]]
    np.testing.assert_array_equal(search.cv_results_["is_stacked"], expected)


def test_several_labels_and_several_targets():
    X, y = make_multilabel_classification(120, 8, n_classes=3, random_state=0)
    estimator = quick(NNClassifier)
    assert_same_scores(together(estimator, X, y), together(estimator, X, y, stacked=False))
    X, y = data(NNRegressor, 120)
    search = together(quick(NNRegressor), X, np.column_stack([y, X[:, :2]]))
    assert_same_scores(search, together(quick(NNRegressor), X, np.column_stack([y, X[:, :2]]), stacked=False))
    assert search.cv_results_["is_stacked"].all()


class Noting(StandardScaler):
    fitted: list[int] = []

    def fit(self, X, y=None):
        self.fitted.append(len(X))
        return super().fit(X, y)


def test_the_steps_of_a_pipeline_are_fitted_once_a_fold_to_its_training_rows():
    X, y = data(NNClassifier, 151)
    Noting.fitted.clear()
    pipeline = make_pipeline(Noting(), quick(NNClassifier))
    grid = {f"nnclassifier__{name}": values for name, values in GRID.items()}
    search = together(pipeline, X, y, grid, scoring="neg_log_loss")
    assert Noting.fitted == [100, 101, 101]
    assert search.cv_results_["is_stacked"].all()
    assert_same_scores(search, together(pipeline, X, y, grid, scoring="neg_log_loss", stacked=False))


@pytest.mark.parametrize(
    "params",
    [
        {"callbacks": [Penalty(l1=0.01)]},
        {"module": "tabular", "n_members": 1},
        {"dropout": [0.1, 0.2]},
        {"monitor": "accuracy"},
        {"augmentation": [MixUp()]},
        {"lr_schedule": "plateau"},
    ],
    ids=lambda params: next(iter(params)),
)
def test_what_cannot_be_stacked_is_trained_one_by_one(params):
    X, y = data(NNClassifier, 120)
    grid, estimator = {"learning_rate": [0.01]}, quick(NNClassifier, **params)
    search = together(estimator, X, y, grid)
    assert not search.cv_results_["is_stacked"].any()
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"],
        together(estimator, X, y, grid, stacked=False).cv_results_["mean_test_score"],
    )


def test_rows_with_weights_are_trained_one_by_one():
    X, y = data(NNClassifier, 120)
    search = NNSearchCV(quick(NNClassifier), GRID, n_iter=2, cv=FOLDS, ensemble=None, refit=False, random_state=0)
    assert not search.fit(X, y, sample_weight=np.arange(120.0)).cv_results_["is_stacked"].any()


@pytest.mark.parametrize("grid", [{"learning_rate": [0.01, -1.0]}, {"learning_rate": [0.01, 1e30]}])
def test_a_candidate_that_fails_is_told_of_by_its_own_fit(grid):
    X, y = data(NNRegressor, 120)
    with pytest.warns(FitFailedWarning):
        search = together(quick(NNRegressor), X, y, grid)
    np.testing.assert_array_equal(search.cv_results_["is_stacked"], [True, True, False])
    np.testing.assert_array_equal(np.isnan(search.cv_results_["mean_test_score"]), [False, False, True])


def test_the_number_of_threads_changes_no_bit():
    X, y = data(NNClassifier, 151)
    one, two = (together(quick(NNClassifier), X, y, scoring="neg_log_loss", n_jobs=n).cv_results_ for n in (1, 2))
    np.testing.assert_array_equal(one["mean_test_score"], two["mean_test_score"])
    assert torch.get_num_threads() >= 1


def test_halving_trains_the_better_half_on_from_each_rung():
    X, y = data(NNClassifier, 151)
    grid = {"learning_rate": np.logspace(-5, -2, 7)}
    estimator, options = quick(NNClassifier, max_epochs=16), {"grid": grid, "scoring": "neg_log_loss"}
    full = together(estimator, X, y, **options).cv_results_
    search = together(estimator, X, y, halving=True, refit=True, **options)
    found = search.cv_results_
    assert sorted(found["n_epochs"]) == [2] * 4 + [4] * 2 + [7, 16]
    assert found["n_epochs"][0] == 16  # the estimator as it is
    np.testing.assert_array_equal(found["is_dropped"], found["n_epochs"] < 16)
    ended = ~found["is_dropped"]
    np.testing.assert_allclose(found["mean_test_score"][ended], full["mean_test_score"][ended], rtol=1e-5)
    assert ended[search.best_index_]


def test_candidates_that_have_ended_are_not_dropped():
    X, y = data(NNClassifier, 151)
    found = together(quick(NNClassifier), X, y, {"max_epochs": [1, 2, 20]}, halving=True).cv_results_
    assert found["n_epochs"][1] == 1
    assert not found["is_dropped"][1]


@BOTH
def test_the_best_candidate_of_a_stack_is_fitted_to_all_rows(cls):
    X, y = data(cls, 151)
    search = together(quick(cls), X, y, refit=True)
    alone = quick(cls, **search.best_params_).fit(X, y)
    np.testing.assert_allclose(search.predict(X), alone.predict(X), rtol=1e-4)
    assert search.best_estimator_.n_iter_ == alone.n_iter_


class Scaled(TransformerMixin, BaseEstimator):
    """A step with a parameter that is called like one of the network's."""

    def __init__(self, learning_rate=1.0):
        self.learning_rate = learning_rate

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.clip(np.asarray(X), 0, self.learning_rate)


def test_a_parameter_of_another_step_is_not_the_networks():
    X, y = data(NNClassifier, 120)
    net = NNClassifier("mlp", hidden_layer_sizes=(8,), max_epochs=3, random_state=0, device="cpu")
    grid = {"scaled__learning_rate": [0.1, 100.0], "nnclassifier__learning_rate": [0.001, 0.1]}
    options = {"n_iter": None, "cv": 2, "ensemble": None, "refit": False, "scoring": "neg_log_loss"}
    searches = [NNSearchCV(make_pipeline(Scaled(), net), grid, stacked=stacked, **options) for stacked in (True, False)]
    together, alone = (search.fit(X, y).cv_results_ for search in searches)
    assert together["is_stacked"].all()
    np.testing.assert_allclose(together["mean_test_score"], alone["mean_test_score"], rtol=1e-4)
