"""Weighted means of losses, by hand."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from sknn.modules import as_columns
from sknn.targets import (
    CLASSIFICATION_LOSSES,
    MULTILABEL_LOSSES,
    REGRESSION_LOSSES,
    WeightedLoss,
    loss_parameters,
)

F = nn.functional
ALL = [(CLASSIFICATION_LOSSES, "classes"), (MULTILABEL_LOSSES, "labels"), (REGRESSION_LOSSES, "numbers")]
CASES = [(loss.function, kind) for losses, kind in ALL for name, loss in losses.items() if name != "gaussian_nll"]
GRADIENTS = [loss for losses, _ in ALL for loss in losses.values() if loss.gradient is not None]


def example(kind):
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(6, 3, generator=generator)
    if kind == "classes":
        return output, torch.tensor([0, 2, 1, 1, 0, 2])
    target = torch.randn(6, 3, generator=generator)
    return output, (target > 0).float() if kind == "labels" else target


@pytest.mark.parametrize(("function", "kind"), CASES)
def test_without_weights_the_loss_is_torchs_mean(function, kind):
    output, target = example(kind)
    assert torch.equal(WeightedLoss(function, 3)(output, target), function(output, target))


@pytest.mark.parametrize(("function", "kind"), CASES)
def test_a_row_of_weight_two_counts_as_the_row_twice(function, kind):
    output, target = example(kind)
    loss = WeightedLoss(function, 3)
    weight = torch.tensor([2.0, 1, 1, 2, 1, 1])
    twice = torch.tensor([0, 0, 1, 2, 3, 3, 4, 5])
    weighted = loss(output, target, weight / weight.mean())
    torch.testing.assert_close(weighted, loss(output[twice], target[twice]))


def test_a_loss_module_is_asked_for_rows_and_left_as_it_was():
    module = nn.MSELoss()
    loss = WeightedLoss(module, 3)
    output, target = example("numbers")
    weight = torch.tensor([0.5, 0.5, 0.5, 1.5, 1.5, 1.5])
    expected = ((output - target).square().mean(1) * weight).mean()
    torch.testing.assert_close(loss(output, target, weight), expected)
    assert module.reduction == "mean"
    assert loss(output, target) == F.mse_loss(output, target)


def test_a_loss_class_is_built():
    output, target = example("numbers")
    assert WeightedLoss(nn.L1Loss, 3)(output, target) == F.l1_loss(output, target)


def test_a_function_may_return_one_value_a_row():
    output, target = example("numbers")
    loss = WeightedLoss(lambda prediction, y: (prediction - y).abs().sum(1), 3)
    torch.testing.assert_close(loss(output, target), (output - target).abs().sum(1).mean())
    weight = torch.tensor([0.0, 0, 0, 0, 0, 6])
    torch.testing.assert_close(loss(output, target, weight), (output - target)[5].abs().sum())


def test_a_function_that_averages_cannot_be_weighted():
    output, target = example("numbers")
    loss = WeightedLoss(lambda prediction, y: (prediction - y).abs().mean(), 3)
    with pytest.raises(ValueError, match="one value a row"):
        loss(output, target, torch.ones(6))


def test_single_logit_of_two_classes_is_the_log_odds():
    logit = torch.tensor([0.3, -2.0])
    pair = as_columns(logit, 2)
    torch.testing.assert_close(pair.softmax(1)[:, 1], logit.sigmoid())
    target = torch.tensor([1, 0])
    expected = F.binary_cross_entropy_with_logits(logit, target.float())
    torch.testing.assert_close(WeightedLoss(F.cross_entropy, 2)(logit, target), expected)


@pytest.mark.parametrize("shape", [(4, 2), (4, 3, 1), (4,)])
def test_outputs_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(n_rows, 3\). Got"):
        as_columns(torch.zeros(shape), 3)


def test_regression_targets_and_one_dimensional_outputs_do_not_broadcast():
    target = torch.arange(4.0).reshape(4, 1)
    loss = WeightedLoss(F.mse_loss, 1)
    assert loss(torch.zeros(4), target).item() == pytest.approx((0 + 1 + 4 + 9) / 4)


@pytest.mark.parametrize("loss", GRADIENTS, ids=lambda loss: loss.name)
@pytest.mark.parametrize("weighted", [False, True])
def test_closed_form_gradients_are_those_of_torch(loss, weighted):
    torch.manual_seed(0)
    output = torch.randn(3, 7, 4, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 4, (3, 7)) if loss.name == "cross_entropy" else torch.randn_like(output)
    weight = torch.rand(3, 7, dtype=torch.float64) if weighted else None
    found, gradient = loss.gradient(output.detach().clone(), target, weight)
    flat = None if weight is None else weight.flatten()
    expected = WeightedLoss(loss.function, 4)(output.flatten(0, 1), target.flatten(0, 1), flat)
    torch.testing.assert_close(found, expected.detach())
    torch.testing.assert_close(gradient, 3 * torch.autograd.grad(expected, output)[0])  # of the sum over 3 members


# -- each name by its formula, in numpy -------------------------------------------------------

Z = np.array([[0.2, -1.0, 0.7], [2.0, 0.1, -0.4], [-0.3, 0.8, 0.5]])  # logits of 3 classes
CODES = np.array([2, 0, 0])
PROB = np.exp(Z[range(3), CODES]) / np.exp(Z).sum(1)
LABELS = np.array([[1.0, 0, 1], [0, 0, 1], [1, 1, 0]])
SIDE = 2 * LABELS - 1
PROB_OF_LABEL = 1 / (1 + np.exp(-SIDE * Z))
Y = np.array([[0.5, 2.0, 0.1], [1.0, 0.2, 3.0], [0.0, 1.5, 0.4]])  # targets, none negative
R = Y - Z
LARGEST_OTHER = np.array([0.2, 0.1, 0.8])

FORMULAS = [
    ("classes", "cross_entropy", {}, -np.log(PROB)),
    (
        "classes",
        "cross_entropy",
        {"label_smoothing": 0.3},
        -0.7 * np.log(PROB) - 0.1 * np.log(np.exp(Z) / np.exp(Z).sum(1, keepdims=True)).sum(1),
    ),
    ("classes", "focal", {}, -((1 - PROB) ** 2) * np.log(PROB)),
    ("classes", "focal", {"gamma": 0.0}, -np.log(PROB)),
    ("classes", "hinge", {}, np.maximum(0, 1 + LARGEST_OTHER - Z[range(3), CODES])),
    ("classes", "hinge", {"margin": 0.2}, np.maximum(0, 0.2 + LARGEST_OTHER - Z[range(3), CODES])),
    ("labels", "cross_entropy", {}, -np.log(PROB_OF_LABEL)),
    (
        "labels",
        "cross_entropy",
        {"label_smoothing": 0.2},
        -0.9 * np.log(PROB_OF_LABEL) - 0.1 * np.log(1 - PROB_OF_LABEL),
    ),
    ("labels", "focal", {"gamma": 3.0}, -((1 - PROB_OF_LABEL) ** 3) * np.log(PROB_OF_LABEL)),
    ("labels", "hinge", {}, np.maximum(0, 1 - SIDE * Z)),
    ("numbers", "mean_squared_error", {}, R**2),
    ("numbers", "mean_absolute_error", {}, abs(R)),
    ("numbers", "huber", {"delta": 0.6}, np.where(abs(R) < 0.6, R**2 / 2, 0.6 * (abs(R) - 0.3))),
    ("numbers", "log_cosh", {}, np.log(np.cosh(R))),
    ("numbers", "poisson", {}, np.exp(Z) - Y * Z),
    ("numbers", "gamma", {}, Z + Y / np.exp(Z)),
    ("numbers", "quantile", {"quantiles": [0.2]}, np.maximum(0.2 * R, -0.8 * R)),
]


@pytest.mark.parametrize(("kind", "name", "params", "expected"), FORMULAS)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_loss_is_its_formula(kind, name, params, expected, weighted):
    losses = {"classes": CLASSIFICATION_LOSSES, "labels": MULTILABEL_LOSSES, "numbers": REGRESSION_LOSSES}[kind]
    target = {"classes": CODES, "labels": LABELS, "numbers": Y}[kind]
    assert set(params) <= set(loss_parameters(name))
    loss = WeightedLoss(losses[name].with_params(params), 3)
    weight = np.array([0.5, 2.0, 0.5])
    of_rows = expected.reshape(3, -1).mean(1)
    found = loss(torch.tensor(Z), torch.tensor(target), torch.tensor(weight) if weighted else None)
    assert found.item() == pytest.approx((of_rows * weight if weighted else of_rows).mean(), rel=1e-6)


def test_the_gaussian_loss_is_scipys_likelihood():
    output = np.hstack([Z, 0.3 * Z[:, ::-1]])  # means, then logarithms of variances
    expected = -stats.norm(Z, np.exp(0.15 * Z[:, ::-1])).logpdf(Y).mean() - 0.5 * np.log(2 * np.pi)
    loss = WeightedLoss(REGRESSION_LOSSES["gaussian_nll"].function, 6)
    assert loss(torch.tensor(output), torch.tensor(Y)).item() == pytest.approx(expected, rel=1e-6)


def test_focal_loss_of_a_low_power_has_a_gradient_where_the_network_is_sure():
    output = torch.tensor([[60.0, -60.0]], requires_grad=True)
    CLASSIFICATION_LOSSES["focal"].function(output, torch.tensor([0]), gamma=0.5).backward()
    assert torch.isfinite(output.grad).all()
