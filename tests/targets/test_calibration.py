"""Temperatures, by hand, and the one at which a classifier predicts."""

import copy
import pickle

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from sknn import NNClassifier
from sknn.targets._calibration import best_temperature, ensemble_shrinkage

X, Y = load_iris(return_X_y=True)


def test_the_temperature_is_the_best_one():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=2_000) * 2
    y = rng.random(2_000) < 1 / (1 + np.exp(-logits))
    overconfident = 3 * logits

    def loss(temperature):
        return np.mean(np.logaddexp(0, np.where(y, -1, 1) * overconfident / temperature))

    assert best_temperature(loss, 1_000_000) == pytest.approx(3, rel=0.1)
    assert best_temperature(lambda temperature: 1.0, 100) == 1.0


def test_few_rows_without_an_error_do_not_make_a_network_sure_of_itself():
    def loss(temperature):  # of rows that are all right
        return float(np.log1p(np.exp(-4 / temperature)))

    assert 0.9 < best_temperature(loss, 50) < 1.0
    assert best_temperature(loss, 100_000) < 0.5


def test_an_ensemble_needs_less_temperature_by_the_noise_that_it_averages_out():
    """Members are a common part of variance 4 and noise of variance 1: a mean of 10 has variance 4.1 and not 5."""
    rng = np.random.default_rng(0)
    common = rng.normal(0, 2, size=(1, 20_000, 1))
    members = common + rng.normal(size=(10, 20_000, 1))
    assert ensemble_shrinkage(members, members.mean(0)) == pytest.approx(4.1 / 5, rel=0.02)
    assert ensemble_shrinkage(members, 0.5 * members.mean(0)) == pytest.approx(0.5 * 4.1 / 5, rel=0.02)


@pytest.fixture(scope="module")
def net():
    net = NNClassifier(max_epochs=2, n_members=2, preset="fast", random_state=0).fit(X, Y)
    net.temperature_ = 1
    return net


def test_predictions_are_made_at_the_temperature_that_is_set(net):
    logits, labels, std, out_of_fold = net.decision_function(X), net.predict(X), net.predict_std(X), net.oof_prediction_
    warm = copy.copy(net)
    warm.temperature_ = 5
    assert warm.temperature_ == 5
    np.testing.assert_allclose(warm.decision_function(X), logits / 5)
    np.testing.assert_allclose(warm.predict_proba(X), softmax(logits / 5, axis=1))
    np.testing.assert_allclose(warm.predict_log_proba(X), log_softmax(logits / 5, axis=1))
    np.testing.assert_array_equal(warm.predict(X), labels)
    np.testing.assert_array_equal(warm.oof_prediction_, out_of_fold)
    assert warm.predict_std(X).max() < std.max()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(warm)).predict_proba(X), warm.predict_proba(X))
    assert net.temperature_ == 1  # of which `warm` is a copy
    np.testing.assert_array_equal(net.decision_function(X), logits)


@pytest.mark.parametrize("temperature", [0, -1.0, np.nan, np.inf, "1", None, True])
def test_a_temperature_is_a_number_larger_than_0(net, temperature):
    before = net.temperature_
    with pytest.raises(ValueError, match=r"temperature_ must be a finite number larger than 0\. Got"):
        net.temperature_ = temperature
    assert net.temperature_ == before


def test_there_is_a_temperature_once_there_is_a_fit():
    unfitted = NNClassifier()
    assert not hasattr(unfitted, "temperature_")
    with pytest.raises(NotFittedError):
        unfitted.temperature_ = 2.0


@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_resumed_fit_finds_its_temperature_anew_where_it_holds_out_rows(early_stopping):
    net = NNClassifier("mlp", max_epochs=2, warm_start=True, early_stopping=early_stopping, random_state=0).fit(X, Y)
    assert (net.temperature_ == 1) == (not early_stopping)
    net.temperature_ = 3
    net.fit(X, Y)
    assert (net.temperature_ == 3) == (not early_stopping)
