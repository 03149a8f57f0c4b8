"""Intervals and sets against calculations by hand, and their coverage on rows of a known distribution."""

import pickle
from math import ceil

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification, make_regression
from sklearn.utils._param_validation import InvalidParameterError

from helpers import quick_regressor
from sknn import NNClassifier, NNRegressor
from sknn.conformal._quantiles import SortedScores, upper_bounds


def rows(n=240, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, 4).astype(np.float32)
    return X, X[:, 0] - X[:, 1] + rng.gamma(1.0, size=n)


def fold_of_rows(net, n):
    fold = np.empty(n, dtype=int)
    for k, held_out in enumerate(net._held_out_rows):
        fold[held_out] = k
    return fold


def cv_plus(predictions, fold, residuals, level):
    """Barber et al. 2021, eq. 6, with signed residuals: `predictions` (K, n)."""
    tail, n = (1 - level) / 2, len(residuals)
    values = np.sort(predictions[fold].T + residuals, axis=1)  # (n_new, n)
    upper = ceil((1 - tail) * (n + 1) - 1e-9)
    return np.stack([values[:, n - upper], values[:, upper - 1]], axis=1)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.97])
def test_cv_plus_by_hand(level):
    X, y = rows()
    net = quick_regressor().fit(X[:150], y[:150])
    members = np.stack([net._target.predict(outputs) for outputs in net._member_outputs(X[150:])])
    residuals = y[:150] - net.oof_prediction_
    expected = cv_plus(members, fold_of_rows(net, 150), residuals, level)
    np.testing.assert_allclose(net.predict_interval(X[150:], level), expected, rtol=1e-5, atol=1e-5)


def test_split_conformal_by_hand():
    X, y = rows()
    net = quick_regressor().fit(X[:100], y[:100])
    residuals = np.sort(y[100:199] - net.predict(X[100:199]))
    found = net.predict_interval(X[199:], 0.9, X_cal=X[100:199], y_cal=y[100:199])
    expected = net.predict(X[199:])[:, None] + [residuals[4], residuals[94]]  # the 5th and the 95th of 99
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_weighted_bounds_against_a_search_over_all_values():
    rng = np.random.RandomState(0)
    scores, weights = [rng.randn(n) for n in (5, 9, 7)], [rng.rand(n) for n in (5, 9, 7)]
    a, b = rng.randn(3, 6), rng.rand(3, 6) + 0.5
    found = upper_bounds(a, b, [SortedScores(s, w) for s, w in zip(scores, weights, strict=True)], 0.8)
    weight = np.concatenate(weights)
    for j in range(6):
        values = np.concatenate([a[k, j] + b[k, j] * scores[k] for k in range(3)])
        order = np.argsort(values)
        first = np.searchsorted(np.cumsum(weight[order]), 0.8 * (weight.sum() + weight.mean()))
        assert found[j] == pytest.approx(values[order][first], rel=1e-9)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"loss": "quantile", "loss_params": {"quantiles": [0.05, 0.95]}},
        {"loss": "gaussian_nll", "max_epochs": 30},
        {"loss": "gamma"},
        {"n_members": 6, "validation_split": 3},
        {"n_members": 1},
    ],
    ids=str,
)
def test_coverage_and_order_of_levels(params):
    X, y = rows(900)
    y = y - y.min() + 0.1
    net = quick_regressor(**params).fit(X[:400], y[:400])
    found = net.predict_interval(X[400:], [0.6, 0.9])
    assert found.shape == (500, 2, 2)
    assert (found[:, 0, 1] <= found[:, 0, 0]).all()
    assert (found[:, 1, 1] >= found[:, 1, 0]).all()
    covered = ((found[:, 0] <= y[400:, None]) & (y[400:, None] <= found[:, 1])).mean(0)
    assert (covered > [0.54, 0.85]).all()
    assert (covered < [0.75, 0.97]).all()  # CV+ covers more where members differ
    np.testing.assert_array_equal(net.predict_interval(X[400:], 0.9), found[..., 1])


def test_intervals_are_wider_where_the_predicted_deviation_is_larger():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(800, 1))
    y = rng.randn(800) * (0.1 + 2 * X[:, 0])
    net = NNRegressor(loss="gaussian_nll", max_epochs=15, n_members=3, random_state=0).fit(X, y)
    low, high = net.predict_interval([[0.1], [0.9]]).T
    assert (high - low)[1] > 2 * (high - low)[0]


def test_several_targets_and_groups():
    X, y = make_regression(200, 5, n_targets=2, noise=5, random_state=0)
    net = quick_regressor().fit(X, y, groups=np.arange(200) // 4)
    found = net.predict_interval(X[:7], [0.5, 0.8])
    assert found.shape == (7, 2, 2, 2)
    assert (found[:, :, 0] <= found[:, :, 1]).all()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).predict_interval(X[:7], [0.5, 0.8]), found)


def test_rows_of_large_weight_decide():
    X, y = rows(300)
    far = np.arange(300) % 2 == 0
    y = np.where(far, y + 50 * np.random.RandomState(0).choice([-1, 1], 300), y)
    of_near = quick_regressor().fit(X, y, sample_weight=np.where(far, 1e-3, 1.0)).predict_interval(X, 0.8)
    of_all = quick_regressor().fit(X, y).predict_interval(X, 0.8)
    assert np.median(np.ptp(of_near, axis=1)) < np.median(np.ptp(of_all, axis=1)) / 3


def test_given_validation_rows_are_what_is_counted():
    X, y = rows(300)
    net = quick_regressor().fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    expected = net.predict_interval(X[:5], 0.8, X_cal=X[200:], y_cal=y[200:])
    np.testing.assert_allclose(net.predict_interval(X[:5], 0.8), expected, rtol=1e-6)


def test_too_few_rows_for_a_level():
    X, y = rows(120)
    net = quick_regressor().fit(X, y)
    net.predict_interval(X[:2], 0.98)  # takes 99
    with pytest.raises(ValueError, match=r"confidence_level=0.99 takes at least 199 rows .* Got 120"):
        net.predict_interval(X[:2], 0.99)
    with pytest.raises(ValueError, match="takes at least 19 rows"):
        net.predict_interval(X[:2], 0.9, X_cal=X[:18], y_cal=y[:18])
    net.predict_interval(X[:2], 0.9, X_cal=X[:19], y_cal=y[:19])


def test_without_held_out_rows():
    X, y = rows(60)
    net = quick_regressor(early_stopping=False).fit(X, y)
    with pytest.raises(ValueError, match=r"early_stopping=True .* or pass X_cal and y_cal"):
        net.predict_interval(X)
    with pytest.raises(ValueError, match="both X_cal and y_cal"):
        net.predict_interval(X, X_cal=X)
    with pytest.raises(ValueError, match=r"as many rows\. Got 60 and 10"):
        net.predict_interval(X, X_cal=X, y_cal=y[:10])


def test_a_partial_fit_forgets_the_rows_of_the_fit_before():
    X, y = rows(120)
    net = quick_regressor().fit(X, y).partial_fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="held out"):
        net.predict_interval(X)


@pytest.mark.parametrize("level", [0, 1, 1.5, "high", [], [0.5, None]])
def test_invalid_levels(level):
    X, y = rows(120)
    net = quick_regressor(max_epochs=1).fit(X, y)
    with pytest.raises(InvalidParameterError, match="'confidence_level' parameter must be a number between 0 and 1"):
        net.predict_interval(X, level)


def labels(n=600, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, 3).astype(np.float32)
    return X, np.array(["a", "b", "c"])[(X[:, :1] + rng.gumbel(size=(n, 3)) * [1, 1, 2]).argmax(1)]


def test_sets_by_hand():
    X, y = labels()
    net = NNClassifier(max_epochs=8, n_members=3, random_state=0).fit(X[:300], y[:300])
    new, cal = X[400:], slice(300, 400)
    scores = np.sort(1 - net.predict_proba(X[cal])[np.arange(100), np.searchsorted(net.classes_, y[cal])])
    proba = net.predict_proba(new)
    expected = (1 - proba <= scores[ceil(0.8 * 101) - 1]) | (proba == proba.max(1, keepdims=True))
    np.testing.assert_array_equal(net.predict_set(new, 0.8, X_cal=X[cal], y_cal=y[cal]), expected)


def test_cross_conformal_sets_by_hand():
    X, y = labels()
    net = NNClassifier(max_epochs=8, n_members=3, random_state=0).fit(X[:300], y[:300])
    at = net._target.at_temperature(net._target.member_temperature)
    own = 1 - np.stack([at.predict_proba(outputs) for outputs in net._member_outputs(X[300:])])  # (K, n, 3)
    codes = np.searchsorted(net.classes_, y[:300])
    scores = 1 - net.oof_prediction_[np.arange(300), codes]
    lower = (scores[None, :, None] < own[fold_of_rows(net, 300)].transpose(1, 0, 2)).sum(1)
    expected = (lower < 0.8 * 301) | np.eye(3, dtype=bool)[own.mean(0).argmin(1)]
    assert (net.predict_set(X[300:], 0.8) == expected).mean() > 0.998  # but for ties within rounding


def test_coverage_of_sets():
    X, y = labels(1200)
    net = NNClassifier(max_epochs=8, n_members=3, random_state=0).fit(X[:400], y[:400])
    sets = net.predict_set(X[400:], [0.7, 0.95])
    assert sets.shape == (800, 3, 2)
    assert (sets[..., 0] <= sets[..., 1]).all()
    assert sets.any(1).all()
    covered = sets[np.arange(800), np.searchsorted(net.classes_, y[400:])].mean(0)
    assert covered == pytest.approx([0.7, 0.95], abs=0.06)


def test_sets_are_for_one_label_a_row():
    X, y = make_multilabel_classification(150, 5, n_classes=3, random_state=0)
    net = NNClassifier(max_epochs=2, n_members=2, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="predict_set is for one label a row"):
        net.predict_set(X)
