"""scikit-learn's searches and curves around both estimators, at the end of a Pipeline over a raw table."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform, uniform
from sklearn import config_context
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    ParameterSampler,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from helpers import BOTH
from sknn import NNClassifier, NNRegressor
from sknn.model_selection import search_space

N = 90
FOLDS = KFold(2, shuffle=True, random_state=0)
LEARNING_RATES = np.array([0.003, 0.03])
EACH_SEARCH = pytest.mark.parametrize(
    "search_of",
    [
        lambda net, name: GridSearchCV(net, {name: LEARNING_RATES}, cv=FOLDS, error_score="raise"),
        lambda net, name: RandomizedSearchCV(
            net, {name: loguniform(1e-3, 1e-1)}, n_iter=2, cv=FOLDS, random_state=0, error_score="raise"
        ),
        lambda net, name: HalvingGridSearchCV(
            net, {name: LEARNING_RATES}, cv=FOLDS, factor=2, min_resources=40, random_state=0, error_score="raise"
        ),
        lambda net, name: HalvingRandomSearchCV(
            net, {name: loguniform(1e-3, 1e-1)}, n_candidates=2, cv=FOLDS, factor=2, min_resources=40, random_state=0,
            error_score="raise",
        ),
        lambda net, name: HalvingGridSearchCV(
            net, {name: LEARNING_RATES}, cv=FOLDS, factor=2, resource=name.replace("learning_rate", "max_epochs"),
            min_resources=1, max_resources=2, random_state=0, error_score="raise",
        ),
    ],
    ids=["grid", "randomized", "halving grid", "halving randomized", "halving of epochs"],
)  # fmt: skip


def table(cls):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.normal(size=N), "kind": rng.choice(["x", "y", None], N), "when": pd.Timestamp("2026-01-01")}
    )
    frame["when"] += pd.to_timedelta(rng.integers(0, 300, N), unit="D")
    frame.loc[::7, "a"] = np.nan
    y = frame["a"].fillna(0) + (frame["kind"] == "x")
    return frame, (y > 0.3).map({True: "high", False: "low"}) if cls is NNClassifier else y


def pipeline(cls, **params):
    net = cls("mlp", max_epochs=2, hidden_layer_sizes=4, random_state=0, **params)
    return make_pipeline(FunctionTransformer(lambda X: X.assign(month=X["when"].dt.month)), net), cls.__name__.lower()


@BOTH
@EACH_SEARCH
def test_a_search_over_a_pipeline_ends_in_its_best_candidate(cls, search_of):
    (net, step), (X, y) = pipeline(cls), table(cls)
    search = search_of(net, f"{step}__learning_rate").fit(X, y)
    results = pd.DataFrame(search.cv_results_)
    last = results[results["iter"] == results["iter"].max()] if "iter" in results else results
    assert search.best_score_ == last["mean_test_score"].max()
    if not isinstance(search, HalvingGridSearchCV | HalvingRandomSearchCV):  # those score fewer rows or epochs
        alone = cross_val_score(net.set_params(**search.best_params_), X, y, cv=FOLDS)
        np.testing.assert_array_equal(alone, [last.loc[search.best_index_, f"split{k}_test_score"] for k in range(2)])
    again = search.best_estimator_.set_params(**search.best_params_).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), again.predict(X))


@BOTH
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_search_in_several_processes_or_threads_has_the_same_scores(cls, backend):
    from joblib import parallel_config

    X, y = table(cls)
    net = cls("mlp", max_epochs=2, hidden_layer_sizes=4, random_state=0)
    grid = {"learning_rate": LEARNING_RATES, "batch_size": np.array([16, 64])}
    alone = GridSearchCV(net, grid, cv=FOLDS).fit(X, y)
    with parallel_config(backend=backend, n_jobs=2):
        together = GridSearchCV(net, grid, cv=FOLDS).fit(X, y)
    np.testing.assert_array_equal(together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


@BOTH
def test_a_search_nests_in_cross_validation_and_scores_several_metrics(cls):
    (net, step), (X, y) = pipeline(cls), table(cls)
    search = GridSearchCV(net, {f"{step}__dropout": [0.0, 0.3]}, cv=FOLDS, error_score="raise")
    metrics = ["accuracy", "neg_log_loss"] if cls is NNClassifier else ["r2", "neg_mean_absolute_error"]
    found = cross_validate(search, X, y, cv=FOLDS, scoring=metrics, return_estimator=True, error_score="raise")
    for name in metrics:
        assert np.isfinite(found[f"test_{name}"]).all()
    for inner, (train, _) in zip(found["estimator"], FOLDS.split(X), strict=True):
        again = inner.best_estimator_.fit(X.iloc[train], y.iloc[train])
        np.testing.assert_array_equal(inner.predict(X), again.predict(X))


@BOTH
def test_curves_are_those_of_single_fits(cls):
    (net, step), (X, y) = pipeline(cls), table(cls)
    sizes, _, scores = learning_curve(net, X, y, train_sizes=[20, 40], cv=FOLDS, error_score="raise")
    for size, of_size in zip(sizes, scores, strict=True):
        for score, (train, test) in zip(of_size, FOLDS.split(X), strict=True):
            rows = train[:size]
            assert score == net.fit(X.iloc[rows], y.iloc[rows]).score(X.iloc[test], y.iloc[test])
    name, values = f"{step}__max_epochs", np.array([1, 3])
    _, by_epochs = validation_curve(net, X, y, param_name=name, param_range=values, cv=FOLDS, error_score="raise")
    for epochs, of_value in zip(values, by_epochs, strict=True):
        expected = cross_val_score(net.set_params(**{name: epochs}), X, y, cv=FOLDS)
        np.testing.assert_array_equal(of_value, expected)


@BOTH
def test_weights_and_groups_reach_the_fit_and_the_splitter(cls):
    X, y = table(cls)
    weight, groups = np.arange(N) % 3 + 1.0, np.arange(N) % 6
    with config_context(enable_metadata_routing=True):
        net = cls("mlp", max_epochs=2, hidden_layer_sizes=4, random_state=0)
        net.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(net, {"learning_rate": LEARNING_RATES}, cv=GroupKFold(2), error_score="raise")
        search.fit(X, y, sample_weight=weight, groups=groups)
    for k, (train, test) in enumerate(GroupKFold(2).split(X, groups=groups)):
        fit = {"sample_weight": weight[train], "groups": groups[train]}
        best = cls("mlp", max_epochs=2, hidden_layer_sizes=4, random_state=0, **search.best_params_)
        score = best.fit(X.iloc[train], y.iloc[train], **fit).score(X.iloc[test], y.iloc[test], weight[test])
        assert search.cv_results_[f"split{k}_test_score"][search.best_index_] == score


@BOTH
@pytest.mark.parametrize("size", ["small", "full"])
@pytest.mark.parametrize("module", ["tabular", "mlp", "resnet", "linear"])
def test_whatever_is_drawn_from_a_search_space_can_be_fitted(cls, module, size):
    X, y = table(cls)
    net = cls(module, max_epochs=1, n_members=2 if module == "tabular" else 1, random_state=0)
    space = search_space(net, size)
    for params in ParameterSampler(space, 4, random_state=0):
        fitted = net.set_params(**params).fit(X, y)
        for name, value in params.items():
            if "__" not in name:
                assert fitted.resolved_params_[name] == value


def test_a_search_space_follows_the_network_and_the_task():
    small, full = search_space(NNClassifier()), search_space(NNClassifier(), "full")
    assert small.keys() < full.keys()
    assert search_space(NNRegressor())["learning_rate"].support()[0] > small["learning_rate"].support()[0]
    assert set(search_space(NNClassifier("linear"))) == {"learning_rate", "weight_decay"}
    assert isinstance(small["dropout"], type(uniform(0, 1)))
    with pytest.raises(ValueError, match=r"size must be 'small' or 'full'\. Got 'large'"):
        search_space(NNClassifier(), "large")
