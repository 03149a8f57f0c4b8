"""Means with variances, counts and positive values."""

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_diabetes
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_gamma_deviance, mean_poisson_deviance

from helpers import quick_regressor as quick
from sknn.targets import REGRESSION_LOSSES
from sknn.targets._distributions import GaussianTarget

X, Y = load_diabetes(return_X_y=True)
RNG = np.random.default_rng(0)


MEMBERS = RNG.normal(0, 1, (4, 7, 6)).astype(np.float32)  # (K, n, n_outputs)
TWO = np.column_stack([Y, Y**2])[:50]


def test_a_gaussian_ensemble_has_the_moments_of_the_mixture():
    target = GaussianTarget(REGRESSION_LOSSES["gaussian_nll"], {}, np.hstack([TWO, Y[:50, None]]))
    mean, log_variance = np.split(MEMBERS.astype(float), 2, axis=-1)
    draws = RNG.normal(mean, np.exp(log_variance / 2), (20_000, *mean.shape))
    combined = target.combine(MEMBERS)
    found = np.split(combined, 2, axis=-1)
    np.testing.assert_allclose(found[0], draws.mean((0, 1)), atol=0.05)
    np.testing.assert_allclose(np.exp(found[1]), draws.var((0, 1)), rtol=0.1)


def test_the_gaussian_loss_learns_spread_and_gives_any_quantile():
    x = RNG.uniform(-1, 1, (2000, 1))
    y = RNG.normal(3 * x[:, 0], np.where(x[:, 0] > 0, 2.0, 0.2))
    net = quick(loss="gaussian_nll", max_epochs=30).fit(x, y)
    std = net.predict_std(np.array([[-0.5], [0.5]]))
    assert std[0] == pytest.approx(0.2, rel=0.5)
    assert std[1] == pytest.approx(2.0, rel=0.3)
    found = net.predict_quantiles(x, [0.1, 0.5])
    expected = stats.norm(net.predict(x), net.predict_std(x)).ppf(0.1)
    inner = (net.predict(x) > y.min()) & (net.predict(x) < y.max())
    np.testing.assert_allclose(found[inner, 0], expected[inner], rtol=1e-6)
    assert net.predict_quantiles(x).shape == (2000, 3)


def test_counts_are_predicted_as_well_as_by_poisson_regression():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 3))
    y = rng.poisson(np.exp(0.5 + x @ [0.6, -0.4, 0.2]))
    net = quick(loss="poisson", module="linear", max_epochs=100).fit(x[:1000], y[:1000])
    linear = PoissonRegressor(alpha=0).fit(x[:1000], y[:1000])
    deviances = [mean_poisson_deviance(y[1000:], model.predict(x[1000:])) for model in (net, linear)]
    assert deviances[0] < 1.05 * deviances[1]
    assert net.predict(x).min() >= y.min()


def test_positive_targets_with_a_growing_spread():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 2))
    y = rng.gamma(2.0, np.exp(x @ [0.7, -0.3]))
    net = quick(loss="gamma", max_epochs=30).fit(x[:1000], y[:1000])
    dummy = np.full(500, y[:1000].mean())
    assert mean_gamma_deviance(y[1000:], net.predict(x[1000:])) < 0.8 * mean_gamma_deviance(y[1000:], dummy)


@pytest.mark.parametrize("n_members", [1, 3])
def test_a_gaussian_std_is_that_of_any_other_rows(n_members):
    net = quick(loss="gaussian_nll", max_epochs=1, n_members=n_members, preset="fast").fit(X[:100], Y[:100])
    std = net.predict_std(X[:50])
    np.testing.assert_array_equal(np.concatenate([net.predict_std(X[i : i + 1]) for i in range(5)]), std[:5])
    low, high = net.predict_quantiles(X[:50], stats.norm.cdf([-1, 1])).T
    np.testing.assert_allclose((high - low) / 2, std, rtol=1e-6)
