"""Targets in the user's unit, one or several."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from sknn import NNRegressor

X, y = load_diabetes(return_X_y=True)


def quick(**params):
    return NNRegressor(**{"module": "mlp", "max_epochs": 30, "learning_rate": 0.01, "random_state": 0} | params)


def test_a_linear_network_finds_the_linear_regression():
    plain = {"hidden_layer_sizes": (), "preprocessing": None, "weight_decay": 0, "early_stopping": False}
    steps = {"learning_rate": 0.05, "batch_size": 1000, "max_epochs": 2000}
    net = NNRegressor("mlp", **plain, **steps, random_state=0).fit(X / X.std(0), y)
    np.testing.assert_allclose(net.predict(X / X.std(0)), LinearRegression().fit(X, y).predict(X), rtol=0.01)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (-1, 3)])
def test_predictions_have_the_shape_of_the_targets(shape):
    targets = np.c_[y, y, y] if shape == (-1, 3) else y.reshape(shape)
    net = quick(max_epochs=2).fit(X, targets)
    assert net.predict(X).shape == targets.shape
    assert net.n_outputs_ == (3 if shape == (-1, 3) else 1)


@pytest.mark.parametrize("kind", [pd.Series, torch.tensor, list])
def test_targets_of_any_container(kind):
    assert quick(max_epochs=2).fit(X, kind(y)).predict(X).shape == (442,)


def test_several_targets_of_very_different_scale_are_learned_alike():
    targets = np.c_[y, 1e-6 * y, 1e9 - 1e6 * y]
    net = quick(max_epochs=60).fit(X, targets)
    scores = r2_score(targets, net.predict(X), multioutput="raw_values")
    assert (scores > 0.4).all()


def test_scale_and_offset_of_the_target_do_not_matter():
    first = quick().fit(X, y).predict(X)
    second = quick().fit(X, 1e5 * y - 3e7).predict(X)
    np.testing.assert_allclose((second + 3e7) / 1e5, first, rtol=1e-3)


def test_a_constant_target_is_predicted():
    np.testing.assert_allclose(quick(max_epochs=200).fit(X, np.full(442, 3.5)).predict(X), 3.5, atol=0.2)


def test_targets_are_standardised_over_the_training_rows_and_their_weights():
    weight = np.random.RandomState(0).uniform(0, 1, 442)
    net = quick(max_epochs=1, early_stopping=False).fit(X, y, sample_weight=weight)
    mean = np.average(y, weights=weight)
    found = np.ldexp([net._target.mean[0], net._target.scale[0]], net._target.exponent)
    np.testing.assert_allclose(found, [mean, np.sqrt(np.average((y - mean) ** 2, weights=weight))])


@pytest.mark.parametrize("loss", ["mean_absolute_error", "huber", "mean_squared_error"])
def test_losses_by_name_train(loss):
    assert quick(loss=loss).fit(X, y).score(X, y) > 0.4


def test_absolute_error_finds_the_median_and_squared_error_the_mean():
    skewed = np.r_[np.zeros(300), np.full(100, 8.0)]
    constant = np.zeros((400, 1))
    common = {"max_epochs": 300, "dropout": 0, "early_stopping": False, "batch_size": 400}
    for loss, expected in (("mean_squared_error", 2), ("mean_absolute_error", 0)):
        net = quick(loss=loss, **common).fit(constant, skewed)
        assert net.predict([[0.0]])[0] == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.r_[np.nan, y[1:]], "NaN"),
        (np.r_[np.inf, y[1:]], "infinity"),
        (np.array(["a"] * 442), "y must hold numbers. Got 'a' in row 0"),
        (y[:-1], "inconsistent numbers of samples"),
        (None, "requires y to be passed"),
        (np.zeros((442, 2, 2)), r"y must be array-like of shape .* Got shape \(442, 2, 2\)"),
    ],
)
def test_impossible_targets_are_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(X, targets)


def test_partial_fit_keeps_the_number_of_targets():
    net = quick().partial_fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="1 target"):
        net.partial_fit(X, np.c_[y, y])


def test_meta_estimators_take_it():
    net = TransformedTargetRegressor(quick(), func=np.log, inverse_func=np.exp).fit(X, y)
    assert net.score(X, y) > 0.4
