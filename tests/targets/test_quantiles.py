"""Quantiles that cannot cross: the loss, the transform in torch and in numpy, and predictions."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import InvalidParameterError

from helpers import quick_regressor as quick
from sknn.targets import REGRESSION_LOSSES, WeightedLoss
from sknn.targets._quantiles import QuantileTarget, check_quantiles, increasing, increasing_array

X, Y = load_diabetes(return_X_y=True)
RNG = np.random.default_rng(0)


def test_several_quantiles_are_increasing_and_share_the_pinball_loss():
    levels = [0.1, 0.5, 0.9]
    output = torch.tensor(np.random.default_rng(0).normal(0, 3, (50, 6)))  # two targets
    quantiles = increasing(output, 3)
    assert (quantiles.diff(dim=2) > 0).all()
    assert torch.equal(quantiles[:, :, 0], output[:, [0, 3]])
    target = np.random.default_rng(1).normal(size=(50, 2))
    expected = np.mean([mean_pinball_loss(target, quantiles[..., k].numpy(), alpha=q) for k, q in enumerate(levels)])
    loss = WeightedLoss(REGRESSION_LOSSES["quantile"].with_params({"quantiles": levels}), 6)
    assert loss(output, torch.tensor(target)).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n_levels", [1, 2, 5])
def test_both_transforms_agree(n_levels):
    outputs = np.random.default_rng(0).normal(0, 8, (40, 3 * n_levels))
    outputs[0] = np.linspace(-700, 700, 3 * n_levels)  # softplus does not overflow
    found = increasing_array(outputs, n_levels)
    assert found.shape == (40, 3, n_levels)
    np.testing.assert_allclose(found, increasing(torch.from_numpy(outputs), n_levels).numpy(), rtol=1e-7, atol=1e-7)
    members = increasing_array(outputs.reshape(4, 10, -1), n_levels)
    np.testing.assert_array_equal(members.reshape(found.shape), found)


def test_the_point_prediction_is_the_median_between_the_levels_around_it():
    def median(quantiles):
        target = QuantileTarget(REGRESSION_LOSSES["quantile"], {"quantiles": quantiles}, Y)
        outputs = RNG.normal(size=(5, len(quantiles)))
        return target.predict(outputs), target.predict_quantiles(outputs, None)

    found, levels = median((0.1, 0.5, 0.8))
    np.testing.assert_allclose(found, levels[:, 1])
    found, levels = median((0.25, 0.75))
    np.testing.assert_allclose(found, levels.mean(axis=1), rtol=0.05)
    found, levels = median((0.8, 0.9))
    np.testing.assert_allclose(found, levels[:, 0])


@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_quantiles_do_not_cross_and_cover_their_fraction(module):
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


def test_quantiles_need_a_loss_that_has_them():
    with pytest.raises(ValueError, match=r"needs loss='quantile' or .* Got loss='mean_squared_error'"):
        quick().fit(X, Y).predict_quantiles(X)
    net = quick(loss="quantile", loss_params={"quantiles": [0.1, 0.9]}).fit(X, Y)
    with pytest.raises(ValueError, match=r"those of the fit in order, \[0.1, 0.9\]"):
        net.predict_quantiles(X, [0.5])


@pytest.mark.parametrize("levels", [[0.9, 0.1], [0.5, 1.0], [0.0, 0.5], [0.5, 0.5], [], [np.nan], "high", [None], True])
def test_levels_are_increasing_numbers_between_0_and_1(levels):
    with pytest.raises(InvalidParameterError, match=r"quantiles must be increasing numbers between 0 and 1\. Got"):
        check_quantiles(levels)
    with pytest.raises(InvalidParameterError, match="'quantiles' in 'loss_params' of NNRegressor must be increasing"):
        quick(loss="quantile", loss_params={"quantiles": levels}).fit(X, Y)


@pytest.mark.parametrize("levels", [0.3, [0.3], (0.1, 0.9), np.array([0.1, 0.5]), np.float32(0.25)])
def test_levels_of_any_container(levels):
    net = quick(loss="quantile", loss_params={"quantiles": levels}, max_epochs=1, n_members=1).fit(X[:60], Y[:60])
    assert net.predict_quantiles(X[:5]).shape == (5, np.size(levels))
