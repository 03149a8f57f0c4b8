"""What a regressor makes of outputs: quantiles that cannot cross, spreads, and logarithmic links."""

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_diabetes
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_gamma_deviance, mean_pinball_loss, mean_poisson_deviance
from sklearn.model_selection import train_test_split

from sknn import NNRegressor
from sknn.targets._regression import GaussianTargets, LogLinkTargets, QuantileTargets, StandardizedTargets

X, Y = load_diabetes(return_X_y=True)
RNG = np.random.default_rng(0)


def quick(**params):
    return NNRegressor(**{"max_epochs": 10, "n_members": 3, "random_state": 0} | params)


MEMBERS = RNG.normal(0, 1, (4, 7, 6)).astype(np.float32)  # (K, n, n_outputs)
TWO = np.column_stack([Y, Y**2])[:50]


@pytest.mark.parametrize("target", [StandardizedTargets(np.hstack([TWO, TWO, TWO]), None),
                                    LogLinkTargets(np.hstack([TWO, TWO, TWO]), None, "poisson"),
                                    QuantileTargets(TWO, None, (0.1, 0.6, 0.9))])  # fmt: skip
def test_an_ensemble_predicts_the_mean_of_its_members(target, monkeypatch):
    target.range = -np.inf, np.inf  # the mean of clipped predictions is another one
    expected = np.mean([target.predict(outputs) for outputs in MEMBERS], axis=0)
    np.testing.assert_allclose(target.predict(target.combine(MEMBERS)), expected, rtol=1e-5)
    if isinstance(target, QuantileTargets):
        expected = np.mean([target.predict_quantiles(outputs, None) for outputs in MEMBERS], axis=0)
        np.testing.assert_allclose(target.predict_quantiles(target.combine(MEMBERS), None), expected, rtol=1e-5)


def test_a_gaussian_ensemble_has_the_moments_of_the_mixture():
    target = GaussianTargets(np.hstack([TWO, Y[:50, None]]), None)
    mean, log_variance = np.split(MEMBERS.astype(float), 2, axis=-1)
    draws = RNG.normal(mean, np.exp(log_variance / 2), (20_000, *mean.shape))
    combined = target.combine(MEMBERS)
    found = np.split(combined, 2, axis=-1)
    np.testing.assert_allclose(found[0], draws.mean((0, 1)), atol=0.05)
    np.testing.assert_allclose(np.exp(found[1]), draws.var((0, 1)), rtol=0.1)


def test_the_point_prediction_is_the_median_between_the_levels_around_it():
    def median(quantiles):
        target = QuantileTargets(Y, None, quantiles)
        outputs = RNG.normal(size=(5, len(quantiles)))
        return target.predict(outputs), target.predict_quantiles(outputs, None)

    found, levels = median((0.1, 0.5, 0.8))
    np.testing.assert_allclose(found, levels[:, 1])
    found, levels = median((0.25, 0.75))
    np.testing.assert_allclose(found, levels.mean(axis=1), rtol=0.05)
    found, levels = median((0.8, 0.9))
    np.testing.assert_allclose(found, levels[:, 0])


@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_quantiles_do_not_cross_and_cover_their_share(module):
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    parts = train_test_split(X, Y, random_state=0)
    net = quick(module=module, loss="quantile", loss_params={"quantiles": levels}, max_epochs=40)
    net.fit(parts[0], parts[2])
    found = net.predict_quantiles(parts[1])
    assert found.shape == (len(parts[1]), 5)
    assert (np.diff(found, axis=1) >= 0).all()
    inside = (parts[3] >= found[:, 0]) & (parts[3] <= found[:, 4])
    assert 0.75 < inside.mean() < 1
    np.testing.assert_array_equal(net.predict(parts[1]), found[:, 2])
    constant = np.quantile(parts[2], 0.95)
    assert mean_pinball_loss(parts[3], found[:, 4], alpha=0.95) < mean_pinball_loss(
        parts[3], np.full(len(parts[3]), constant), alpha=0.95
    )


def test_quantiles_of_several_targets():
    net = quick(loss="quantile", loss_params={"quantiles": [0.2, 0.8]}).fit(X, np.column_stack([Y, -Y]))
    assert net.predict_quantiles(X[:9]).shape == (9, 2, 2)
    assert net.predict(X[:9]).shape == (9, 2)


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
    assert (net.predict(x) > 0).all() or net.predict(x).min() >= y.min()


def test_positive_targets_with_a_growing_spread():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 2))
    y = rng.gamma(2.0, np.exp(x @ [0.7, -0.3]))
    net = quick(loss="gamma", max_epochs=30).fit(x[:1000], y[:1000])
    dummy = np.full(500, y[:1000].mean())
    assert mean_gamma_deviance(y[1000:], net.predict(x[1000:])) < 0.8 * mean_gamma_deviance(y[1000:], dummy)


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({"loss": "poisson"}, Y - 200, "needs targets at least 0. Got -"),
        ({"loss": "gamma"}, Y - Y.min(), "needs targets larger than 0. Got 0"),
        ({"loss": "poisson"}, 0 * Y, "sum of y must be larger than 0"),
        ({"loss": "quantile", "loss_params": {"quantiles": [0.9, 0.1]}}, Y, r"increasing numbers .* Got \[0.9, 0.1\]"),
        ({"loss": "quantile", "loss_params": {"quantiles": [0.5, 1.0]}}, Y, "between 0 and 1"),
    ],
)
def test_targets_and_levels_that_do_not_fit_a_loss_are_refused(params, y, message):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(X, y)


def test_quantiles_need_a_loss_that_has_them():
    with pytest.raises(ValueError, match=r"needs loss='quantile' or .* Got loss='mean_squared_error'"):
        quick().fit(X, Y).predict_quantiles(X)
    net = quick(loss="quantile", loss_params={"quantiles": [0.1, 0.9]}).fit(X, Y)
    with pytest.raises(ValueError, match=r"those of the fit in order, \[0.1, 0.9\]"):
        net.predict_quantiles(X, [0.5])


def test_a_module_must_give_all_the_outputs_of_a_loss():
    from torch import nn

    with pytest.raises(ValueError, match="must return one row of 2 outputs"):
        quick(module=lambda n_features: nn.Linear(n_features, 1), n_members=1, loss="gaussian_nll").fit(X, Y)
    params = {"loss": "quantile", "loss_params": {"quantiles": [0.1, 0.5, 0.9]}}
    net = quick(module=nn.Sequential(nn.Linear(10, 1)), n_members=1, **params)
    with pytest.warns(UserWarning, match="gives 1 outputs, but y needs 3"):
        net.fit(X, Y)
    assert net.predict_quantiles(X).shape == (442, 3)


SIZE = np.abs(RNG.normal(size=40)) + 0.1
EXTREMES = {
    "1e155": 1e155 * SIZE,
    "1e308": 1e308 * (SIZE / SIZE.max()),
    "1e-308": 1e-308 * SIZE,
    "subnormal": 5e-324 * np.ceil(9 * SIZE),
    "all magnitudes": 10.0 ** np.linspace(-300, 308, 40),
    "the largest float": np.full(40, np.finfo(float).max),
    "beyond float32": 1e39 * SIZE,
    "beyond the integers of float64": 2**60 + np.arange(40),
    "constant": np.full(40, 0.1),
    "large and small columns": np.c_[1e308 * (SIZE / SIZE.max()), 1e-308 * SIZE],
}


@pytest.mark.parametrize("loss", ["mean_squared_error", "quantile", "gaussian_nll", "gamma"])
@pytest.mark.parametrize("name", EXTREMES)
def test_predictions_of_targets_of_any_size_are_finite_and_in_range(name, loss):
    y, x = EXTREMES[name], RNG.normal(size=(40, 2))
    params = {"loss_params": {"quantiles": [0.1, 0.5, 0.9]}} if loss == "quantile" else {}
    net = quick(loss=loss, max_epochs=1, n_members=2, early_stopping=True, hidden_layer_sizes=(8,), **params).fit(x, y)
    for predicted in (net.predict(x), net.oof_prediction_):
        assert ((predicted >= y.min(axis=0)) & (predicted <= y.max(axis=0))).all()
    others = [net.predict_std(x), net.oof_score_]
    others += [net.predict_quantiles(x)] if loss in ("quantile", "gaussian_nll") else []
    assert all(np.isfinite(values).all() for values in others)


@pytest.mark.parametrize("power", [-1000, 900])
def test_a_power_of_two_of_the_targets_is_one_of_the_predictions(power):
    x = RNG.normal(size=(40, 2))
    first, second = (quick(max_epochs=1, hidden_layer_sizes=(8,)).fit(x, y) for y in (SIZE, np.ldexp(SIZE, power)))
    np.testing.assert_array_equal(np.ldexp(first.predict(x), power), second.predict(x))
    np.testing.assert_array_equal(np.ldexp(first.predict_std(x), power), second.predict_std(x))


def test_later_targets_that_are_too_far_from_the_first_are_refused():
    net = quick().partial_fit(np.arange(40).reshape(-1, 1), SIZE)
    with pytest.raises(ValueError, match="y and y_val must hold targets whose distance from the mean"):
        net.partial_fit(np.arange(40).reshape(-1, 1), 1e300 * SIZE)
