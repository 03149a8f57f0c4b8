"""Weighted means of losses, by hand."""

import pytest
import torch
from torch import nn

from sknn.modules import as_columns
from sknn.training import CLASSIFICATION_LOSSES, MULTILABEL_LOSSES, REGRESSION_LOSSES, WeightedLoss
from sknn.training._losses import GRADIENTS

F = nn.functional
ALL = [(CLASSIFICATION_LOSSES, "classes"), (MULTILABEL_LOSSES, "labels"), (REGRESSION_LOSSES, "numbers")]
CASES = [(function, kind) for losses, kind in ALL for function in losses.values()]


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


@pytest.mark.parametrize("loss", list(GRADIENTS))
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_by_hand_are_those_of_torch(loss, weighted):
    torch.manual_seed(0)
    output = torch.randn(3, 7, 4, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 4, (3, 7)) if loss is nn.functional.cross_entropy else torch.randn_like(output)
    weight = torch.rand(3, 7, dtype=torch.float64) if weighted else None
    found, gradient = GRADIENTS[loss](output.detach().clone(), target, weight)
    flat = None if weight is None else weight.flatten()
    expected = WeightedLoss(loss, 4)(output.flatten(0, 1), target.flatten(0, 1), flat)
    torch.testing.assert_close(found, expected.detach())
    torch.testing.assert_close(gradient, 3 * torch.autograd.grad(expected, output)[0])  # of the sum over 3 members
