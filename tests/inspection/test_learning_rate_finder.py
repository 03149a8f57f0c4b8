"""The range test raises the rate at each step, stops when the loss explodes, and suggests a rate that trains."""

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from sknn import LearningRateFinder, NNClassifier, NNRegressor
from sknn.callbacks import MaxNorm
from sknn.inspection._learning_rate_finder import _steepest

mpl.use("Agg")
X, Y = load_breast_cancer(return_X_y=True)


@pytest.mark.parametrize("module", ["mlp", "tabular"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_rates_rise_by_a_factor_and_losses_are_those_of_the_batches(module, optimizer):
    finder = LearningRateFinder(NNClassifier(module, optimizer=optimizer, random_state=0), n_steps=40).fit(X, Y)
    n = len(finder.learning_rates_)
    assert 10 < n <= 40
    assert len(finder.losses_) == len(finder.smoothed_losses_) == n
    np.testing.assert_allclose(finder.learning_rates_, 1e-5 * (1e5 ** (np.arange(n) / 39)))
    assert finder.losses_[0] == pytest.approx(np.log(2), abs=0.6)


def test_it_ends_when_the_loss_explodes():
    net = NNRegressor("mlp", optimizer="sgd", random_state=0)
    finder = LearningRateFinder(net, max_learning_rate=1e6).fit(*load_diabetes(return_X_y=True))
    assert finder.learning_rates_[-1] < 1e6
    assert np.isfinite(finder.losses_).all()


def test_the_suggestion_is_where_the_loss_falls_fastest():
    rates = np.logspace(-5, 0, 101)
    losses = 1 - 0.9 / (1 + np.exp(-4 * (np.log10(rates) + 2.5)))
    losses[80:] += np.linspace(0, 5, 21)
    assert _steepest(rates, losses) == pytest.approx(10**-2.5, rel=0.2)


def test_the_suggestion_trains_well_and_the_estimator_is_not_changed():
    net = NNClassifier("mlp", callbacks=[MaxNorm(5.0)], max_epochs=20, random_state=0)
    before = str(net.get_params())
    finder = LearningRateFinder(net).fit(X, Y, sample_weight=np.ones(len(Y)))
    assert str(net.get_params()) == before
    assert not hasattr(net, "module_")
    assert net.set_params(learning_rate=finder.suggestion_).fit(X, Y).score(X, Y) > 0.95


def test_the_plot_shows_the_curve_and_the_suggestion():
    finder = LearningRateFinder(NNClassifier("mlp", random_state=0), n_steps=30).fit(X, Y)
    ax = finder.plot()
    assert ax.get_xscale() == "log"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), finder.losses_)
    assert finder.plot(ax=ax) is ax
    mpl.pyplot.close("all")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"min_learning_rate": 1.0, "max_learning_rate": 0.1}, "less than max_learning_rate. Got 1.0 and 0.1"),
        ({"n_steps": 3}, "n_steps must be at least 10. Got 3"),
    ],
)
def test_a_range_that_is_none_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        LearningRateFinder(NNClassifier(), **params).fit(X, Y)
