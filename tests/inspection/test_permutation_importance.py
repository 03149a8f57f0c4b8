"""Importances are those of scikit-learn's loop around the members that held each row out."""

import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss, make_scorer, mean_absolute_error, r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import BOTH, data
from sknn import NNClassifier, NNRegressor
from sknn.inspection import PermutationImportanceDisplay, oof_permutation_importance
from sknn.training import outputs_on_held_out, positions_held_out

mpl.use("Agg")
import matplotlib.pyplot as plt

QUICK = {"preset": "fast", "max_epochs": 4, "random_state": 0}
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def mixed(n_rows=200):
    X = pd.DataFrame(
        {
            "signal": RNG.normal(size=n_rows),
            "level": pd.Categorical(RNG.choice(list("abc"), n_rows)),
            "noise": RNG.normal(size=n_rows),
            "count": pd.array(RNG.integers(0, 9, n_rows), dtype="Int64"),
        }
    )
    X.loc[3, "noise"] = np.nan
    return X, X["signal"] + 2.0 * (X["level"] == "a")


@pytest.fixture(scope="module")
def fitted():
    X, y = mixed()
    return NNRegressor(**QUICK | {"max_epochs": 15}).fit(X, y), X, y


class Members:
    """What predicts held-out rows by a loop over members, and all of their columns."""

    def __init__(self, net):
        self.net, self.members = net, net._held_out_rows

    def predict(self, X):
        outputs = self.net._member_outputs(X)
        found = np.full(len(X), np.nan)
        for rows, of_member in zip(self.members, outputs, strict=True):
            found[rows] = self.net._target.predict(of_member)[rows]
        return found


CASES = {
    "tabular": {},
    "own folds": {"validation_split": 3, "n_members": 4, "preset": "default"},
    "ensemble of mlps": {"module": "mlp", "n_members": 3, "hidden_layer_sizes": 8},
}


@BOTH
@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
def test_predictions_of_unchanged_rows_are_those_of_the_fit(cls, params):
    X, y = data(cls, as_frame=True)
    net = cls(**QUICK | params).fit(X, y)
    rows, members = positions_held_out(net)
    outputs = outputs_on_held_out(net, net._check_table(X.iloc[rows]), members)
    target = net._target
    if cls is NNClassifier:
        found = target.at_temperature(target.member_temperature).predict_proba(outputs)
    else:
        found = target.predict(outputs)
    assert np.array_equal(rows, np.arange(len(X)))
    np.testing.assert_allclose(found, net.oof_prediction_, rtol=1e-5, atol=1e-6)


def test_scores_of_unchanged_rows_are_those_of_the_fit():
    X, y = data(NNClassifier, as_frame=True)
    net = NNClassifier(**QUICK).fit(X, y)
    result = oof_permutation_importance(net, X, y, columns=[0], n_repeats=1, scoring=["neg_log_loss", "roc_auc"])
    assert result["neg_log_loss"].score == pytest.approx(-log_loss(y, net.oof_prediction_), rel=1e-5)
    assert result["roc_auc"].score == pytest.approx(roc_auc_score(y, net.oof_prediction_[:, 1]), rel=1e-5)
    assert oof_permutation_importance(net, X, y, columns=[0]).score == pytest.approx(net.oof_score_)


def test_importances_are_those_of_a_loop_over_members(fitted):
    net, X, y = fitted
    result = oof_permutation_importance(net, X, y, n_repeats=2, random_state=3)
    loop, generator = Members(net), np.random.RandomState(3)
    before = r2_score(y, loop.predict(X))
    for j, name in enumerate(X.columns):
        for repeat in range(2):
            permuted = X.assign(**{name: X[name].array.take(generator.permutation(len(X)))})
            expected = before - r2_score(y, loop.predict(permuted))
            assert result.importances[j, repeat] == pytest.approx(expected, abs=1e-5)
    assert result.names == list(X.columns)
    np.testing.assert_allclose(result.importances_mean, result.importances.mean(1))
    np.testing.assert_allclose(result.importances_std, result.importances.std(1))


def test_what_matters_is_important_and_noise_is_not(fitted):
    result = oof_permutation_importance(*fitted, random_state=0)
    found = dict(zip(result.names, result.importances_mean, strict=True))
    assert min(found["signal"], found["level"]) > 0.2 > 0.1 > max(abs(found["noise"]), abs(found["count"]))


def test_columns_that_tell_the_same_are_permuted_together():
    signal = RNG.normal(size=300)
    X = pd.DataFrame({"a": signal, "b": signal, "noise": RNG.normal(size=300)})
    net = NNRegressor(**QUICK | {"max_epochs": 15}).fit(X, signal)
    groups = {"a alone": ["a"], "both": ["a", "b"]}
    result = oof_permutation_importance(net, X, signal, columns=groups, random_state=0)
    assert result.names == ["a alone", "both"]
    assert result.importances_mean[1] > 1.5 * result.importances_mean[0]
    assert oof_permutation_importance(net, X, signal, columns=[["a", 1], "noise"]).names == ["a, b", "noise"]


def test_an_array_and_a_frame_give_the_same():
    X, y = load_diabetes(return_X_y=True)
    net = NNRegressor(**QUICK).fit(X, y)
    of_array = oof_permutation_importance(net, X, y, random_state=0)
    of_list = oof_permutation_importance(net, X.tolist(), y.tolist(), random_state=0)
    assert of_array.names == list(range(10))
    assert np.array_equal(of_array.importances, of_list.importances)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(10)])
    net = NNRegressor(**QUICK).fit(frame, y)
    of_frame = oof_permutation_importance(net, frame, y, random_state=0)
    of_polars = oof_permutation_importance(net, pl.DataFrame(frame), y, random_state=0)
    np.testing.assert_allclose(of_frame.importances, of_array.importances, atol=1e-6)
    assert np.array_equal(of_frame.importances, of_polars.importances)


def test_weights_count_in_the_scores(fitted):
    _, X, y = fitted
    weight = RNG.uniform(size=len(y))
    weight[:20] = 0  # left out of the fit
    net = NNRegressor(**QUICK).fit(X, y, sample_weight=weight)
    result = oof_permutation_importance(net, X, y, sample_weight=weight, random_state=0)
    kept = weight > 0
    expected = r2_score(y[kept], net.oof_prediction_[kept], sample_weight=weight[kept])
    assert result.score == pytest.approx(expected, abs=1e-5)
    assert result.score != pytest.approx(oof_permutation_importance(net, X, y, columns=[0]).score, abs=1e-6)


def test_a_single_network_is_asked_about_its_validation_rows():
    X, y = load_diabetes(return_X_y=True)
    net = NNRegressor("mlp", hidden_layer_sizes=8, max_epochs=30, random_state=0).fit(X, y)
    (rows,) = net._held_out_rows
    assert len(rows) == 45
    scoring = make_scorer(mean_absolute_error, greater_is_better=False)
    result = oof_permutation_importance(net, X, y, scoring=scoring, n_repeats=40, random_state=0)
    expected = permutation_importance(net, X[rows], y[rows], scoring=scoring, n_repeats=40, random_state=0)
    assert result.score == pytest.approx(-mean_absolute_error(y[rows], net.predict(X[rows])))
    # other permutations: means differ by less than four standard errors
    error = np.hypot(result.importances_std, expected.importances_std) / np.sqrt(40)
    assert (np.abs(result.importances_mean - expected.importances_mean) < 4 * error + 1e-9).all()


def test_a_pipeline_gets_raw_columns():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    pipeline = make_pipeline(StandardScaler(), NNRegressor(**QUICK)).fit(X, y)
    result = oof_permutation_importance(pipeline, X, y, random_state=0)
    assert result.names == list(X.columns)
    inner = oof_permutation_importance(pipeline[-1], pipeline[0].transform(X), y, random_state=0)
    np.testing.assert_allclose(result.importances, inner.importances, atol=1e-6)


def test_labels_of_several_columns():
    X, y = data(NNClassifier)
    labels = np.column_stack([y, X[:, 0] > np.median(X[:, 0])]).astype(int)
    net = NNClassifier(**QUICK).fit(X, labels)
    result = oof_permutation_importance(net, X, labels, scoring="neg_log_loss", columns=[0, 1], random_state=0)
    assert result.importances_mean.shape == (2,)


def test_the_estimator_and_the_rows_stay_as_they_are(fitted):
    net, X, y = fitted
    before, predicted = X.copy(), net.predict(X)
    oof_permutation_importance(net, X, y, n_repeats=1)
    pd.testing.assert_frame_equal(X, before)
    assert np.array_equal(net.predict(X), predicted)


def test_errors_say_what_to_pass(fitted):
    net, X, y = fitted
    with pytest.raises(ValueError, match="in the same order: its out-of-fold predictions are others"):
        oof_permutation_importance(net, X[::-1], y)
    with pytest.raises(ValueError, match=r"must hold the rows of fit, 200\. Got 100"):
        oof_permutation_importance(net, X[:100], y[:100])
    with pytest.raises(ValueError, match=r"by its name or its position. Got 'age'"):
        oof_permutation_importance(net, X, y, columns=["age"])
    with pytest.raises(ValueError, match="must not hold an empty list"):
        oof_permutation_importance(net, X, y, columns={"none": []})
    with pytest.raises(ValueError, match=r"n_repeats must be a whole number of at least 1. Got 0"):
        oof_permutation_importance(net, X, y, n_repeats=0)
    numbers = X[["signal", "noise"]].fillna(0)
    unheld = NNRegressor(**QUICK, early_stopping=False).fit(numbers, y)
    with pytest.raises(ValueError, match=r"held out none of the rows of fit .* Use sklearn\.inspection"):
        oof_permutation_importance(unheld, numbers, y)
    unheld = NNRegressor(**QUICK).fit(numbers, y, X_val=numbers, y_val=y)
    with pytest.raises(ValueError, match="held out none"):
        oof_permutation_importance(unheld, numbers, y)
    of_sparse = NNRegressor(**QUICK).fit(sparse.csr_array(numbers), y)
    with pytest.raises(TypeError, match=r"must be a DataFrame or an array of two dimensions. Got csr_array"):
        oof_permutation_importance(of_sparse, sparse.csr_array(numbers), y)


def test_the_display_shows_bars_from_the_most_important_down(fitted):
    display = PermutationImportanceDisplay.from_estimator(*fitted, random_state=0)
    result = oof_permutation_importance(*fitted, random_state=0)
    order = np.argsort(result.importances_mean)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == [result.names[j] for j in order]
    np.testing.assert_allclose([bar.get_width() for bar in display.bars_], result.importances_mean[order])
    (errors,) = display.ax_.collections
    (low, _), (high, _) = errors.get_segments()[-1]
    assert (high - low) / 2 == pytest.approx(result.importances_std[order[-1]])
    assert display.ax_.get_xlabel() == "fall of R² when permuted"


def test_the_display_shows_as_many_as_wanted_and_draws_where_it_is_told(fitted):
    figure, ax = plt.subplots()
    display = PermutationImportanceDisplay.from_estimator(
        *fitted, scoring="neg_mean_absolute_error", max_columns=2, ax=ax, bar_kw={"color": "C3"}
    )
    assert len(display.bars_) == 2
    assert display.figure_ is figure
    assert display.bars_[0].get_facecolor() == mpl.colors.to_rgba("C3")
    assert "neg_mean_absolute_error" in ax.get_xlabel()
    assert len(display.plot(max_columns=None).bars_) == 4
    with pytest.raises(ValueError, match="scoring must be a single score"):
        PermutationImportanceDisplay.from_estimator(*fitted, scoring=["r2"])


def test_without_matplotlib_an_error_names_the_extra(fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="PermutationImportanceDisplay needs matplotlib"):
        PermutationImportanceDisplay.from_estimator(*fitted)
