"""Losses by name: what each record says is so, and one more is one line."""

import inspect
from numbers import Real

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.utils._param_validation import Interval, InvalidParameterError
from torch import nn

from sknn import NNClassifier, NNRegressor
from sknn.targets import (
    CLASSIFICATION_LOSSES,
    MULTILABEL_LOSSES,
    REGRESSION_LOSSES,
    ClassTarget,
    Loss,
    RealTarget,
    WeightedLoss,
    find_loss,
    loss_parameters,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)), RNG.uniform(0.1, 0.9, 60)
RECORDS = [
    pytest.param(loss, id=f"{loss.target.__name__} {loss.name}")
    for losses in (CLASSIFICATION_LOSSES, MULTILABEL_LOSSES, REGRESSION_LOSSES)
    for loss in losses.values()
]


def quick(cls=NNRegressor, **params):
    return cls("mlp", **{"max_epochs": 1, "batch_size": 16, "random_state": 0} | params)


@pytest.mark.parametrize("loss", RECORDS)
def test_a_record_names_arguments_of_its_function_whose_defaults_are_valid(loss):
    arguments = inspect.signature(loss.function).parameters
    for name, constraint in loss.parameters.items():
        assert constraint.is_satisfied_by(arguments[name].default)
    assert "reduction" in arguments


def test_classes_and_label_indicators_have_the_same_losses_with_the_same_parameters():
    assert CLASSIFICATION_LOSSES.keys() == MULTILABEL_LOSSES.keys()
    for name, loss in CLASSIFICATION_LOSSES.items():
        assert loss.parameters == MULTILABEL_LOSSES[name].parameters


def test_names_of_losses_tell_the_estimator():
    assert not CLASSIFICATION_LOSSES.keys() & REGRESSION_LOSSES.keys()


@pytest.mark.parametrize(
    ("cls", "loss", "params"),
    [
        (NNClassifier, "cross_entropy", {"label_smoothing": 2.0}),
        (NNClassifier, "cross_entropy", {"label_smoothing": True}),
        (NNClassifier, "cross_entropy", {"label_smoothing": np.nan}),
        (NNClassifier, nn.functional.cross_entropy, {"label_smoothing": -1}),
        (NNClassifier, "focal", {"gamma": -0.1}),
        (NNClassifier, "hinge", {"margin": "wide"}),
        (NNRegressor, "huber", {"delta": 0}),
        (NNRegressor, "huber", {"delta": None}),
        (NNRegressor, nn.functional.huber_loss, {"delta": 0}),
        (NNRegressor, "quantile", {"quantiles": [0.5, 0.1]}),
    ],
)
def test_a_value_that_a_loss_cannot_take_is_refused_by_its_name(cls, loss, params):
    (name,) = params
    with pytest.raises(InvalidParameterError, match=rf"'{name}' in 'loss_params' of {cls.__name__} must be .* Got"):
        quick(cls, loss=loss, loss_params=params).fit(X, Y > 0.5 if cls is NNClassifier else Y)


@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_torchs_function_is_the_built_in_loss(cls):
    function = nn.functional.cross_entropy if cls is NNClassifier else nn.functional.mse_loss
    y = Y > 0.5 if cls is NNClassifier else Y
    by_name, by_function = (quick(cls, **given).fit(X, y) for given in ({}, {"loss": function}))
    assert by_function._target.loss is by_name._target.loss
    np.testing.assert_array_equal(by_function.predict(X), by_name.predict(X))


def test_a_loss_of_ones_own_takes_parameters():
    def power(prediction, target, exponent=2.0):
        return (prediction - target).abs() ** exponent

    assert loss_parameters(power) == {"exponent": None}
    residual = RNG.normal(size=(5, 3))
    loss = WeightedLoss(find_loss(power, RealTarget).with_params({"exponent": 3.0}), 3)
    found = loss(torch.tensor(residual), torch.zeros(5, 3, dtype=torch.float64))
    assert found.item() == pytest.approx((abs(residual) ** 3).mean())
    assert isinstance(find_loss(nn.SmoothL1Loss, RealTarget).with_params({"beta": 0.5}), nn.SmoothL1Loss)
    assert "beta" in loss_parameters(nn.SmoothL1Loss)
    assert loss_parameters(nn.MSELoss()) == {}
    assert loss_parameters(lambda output, target, **options: output) is None


@pytest.mark.parametrize(
    "loss", [nn.L1Loss, nn.L1Loss(), lambda o, t: (o - t).abs()], ids=["class", "module", "function"]
)
def test_a_loss_of_ones_own_is_for_real_targets_or_classes(loss):
    assert find_loss(loss, RealTarget).target is RealTarget
    assert find_loss(loss, ClassTarget).target is ClassTarget
    expected = quick(loss="mean_absolute_error").fit(X, Y).predict(X)
    np.testing.assert_allclose(quick(loss=loss).fit(X, Y).predict(X), expected, rtol=1e-4)


def test_a_new_loss_is_one_line(monkeypatch):
    """Targets in (0, 1): the squared error of a logistic output, scaled."""

    def brier(output, target, *, factor=1.0, reduction="mean"):
        loss = factor * (torch.sigmoid(output) - target).square()
        return loss.mean() if reduction == "mean" else loss

    class Fraction(RealTarget):
        def _location_and_scale(self, y, weight):
            return np.zeros(y.shape[1]), np.ones(y.shape[1]) / 2.0  # in the unit of 2^exponent

        def _centers(self, outputs):
            return expit(outputs)

    between = Interval(Real, 0, 1, closed="neither")
    line = Loss("brier", brier, Fraction, {"factor": Interval(Real, 0, None, closed="neither")}, y_range=between)
    monkeypatch.setitem(REGRESSION_LOSSES, line.name, line)
    constraints = NNRegressor._parameter_constraints | {"loss": [str]}
    monkeypatch.setattr(NNRegressor, "_parameter_constraints", constraints)
    net = quick(loss="brier", loss_params={"factor": 2.0}).fit(X, Y)
    assert net._target.loss is line
    assert ((net.predict(X) >= Y.min()) & (net.predict(X) <= Y.max())).all()
    with pytest.raises(InvalidParameterError, match="'factor' in 'loss_params' of NNRegressor must be a float in"):
        quick(loss="brier", loss_params={"factor": -1.0}).fit(X, Y)
    with pytest.raises(ValueError, match=r"for loss='brier' each must be a float in the range \(0.0, 1.0\)"):
        quick(loss="brier").fit(X, Y + 1)
    with pytest.raises(InvalidParameterError, match="must hold only parameters of loss brier"):
        quick(loss="brier", loss_params={"beta": 1.0}).fit(X, Y)
    with pytest.raises(ValueError, match=r"predict_quantiles needs .* Got loss='brier'"):
        net.predict_quantiles(X)


def test_a_resumed_fit_takes_another_loss_of_the_same_kind_of_target():
    net = quick(loss="poisson", warm_start=True).fit(X, Y)
    net.set_params(loss="gamma").fit(X, Y)
    assert net._target.loss.name == "gamma"
    with pytest.raises(ValueError, match="for loss='gamma' each must be"):
        net.fit(X, np.where(Y > 0.5, Y, 0.0))
    with pytest.raises(InvalidParameterError, match=r"must not change what is predicted .* It was 'gamma' with"):
        net.set_params(loss="huber").fit(X, Y)
