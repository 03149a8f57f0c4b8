"""The scale of real targets, and what any kind of them has in common."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from helpers import quick_regressor as quick
from sknn.targets import REGRESSION_LOSSES
from sknn.targets._quantiles import QuantileTarget

X, Y = load_diabetes(return_X_y=True)
RNG = np.random.default_rng(0)


MEMBERS = RNG.normal(0, 1, (4, 7, 6)).astype(np.float32)  # (K, n, n_outputs)
TWO = np.column_stack([Y, Y**2])[:50]


def target_of(name, y, **loss_params):
    loss = REGRESSION_LOSSES[name]
    return loss.target(loss, loss_params, y)


@pytest.mark.parametrize("target", [target_of("mean_squared_error", np.hstack([TWO, TWO, TWO])),
                                    target_of("poisson", np.hstack([TWO, TWO, TWO])),
                                    target_of("quantile", TWO, quantiles=(0.1, 0.6, 0.9))])  # fmt: skip
def test_an_ensemble_predicts_the_mean_of_its_members(target, monkeypatch):
    target.range = -np.inf, np.inf  # the mean of clipped predictions is another one
    expected = np.mean([target.predict(outputs) for outputs in MEMBERS], axis=0)
    np.testing.assert_allclose(target.predict(target.combine(MEMBERS)), expected, rtol=1e-5)
    if isinstance(target, QuantileTarget):
        expected = np.mean([target.predict_quantiles(outputs, None) for outputs in MEMBERS], axis=0)
        np.testing.assert_allclose(target.predict_quantiles(target.combine(MEMBERS), None), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({"loss": "poisson"}, Y - 200, r"for loss='poisson' each must be a float in the range \[0.0, inf\). Got -"),
        ({"loss": "gamma"}, Y - Y.min(), r"for loss='gamma' each must be a float in the range \(0.0, inf\). Got 0"),
        ({"loss": "poisson"}, 0 * Y, "sum of y must be larger than 0"),
        ({"loss": "quantile", "loss_params": {"quantiles": [0.9, 0.1]}}, Y, r"increasing numbers .* Got \[0.9, 0.1\]"),
        ({"loss": "quantile", "loss_params": {"quantiles": [0.5, 1.0]}}, Y, "between 0 and 1"),
    ],
)
def test_targets_and_levels_that_do_not_fit_a_loss_are_refused(params, y, message):
    with pytest.raises(ValueError, match=message):
        quick(**params).fit(X, y)


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
