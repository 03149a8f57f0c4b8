"""Which epoch's weights stay, on a net that only plays back a history."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import make_regression
from torch import nn

from sknn import NNRegressor
from sknn.callbacks import BestWeights


def play(callback, losses, column="valid_loss"):
    """Run a callback over epochs whose weights are their numbers, and return the weight that remains."""
    module = nn.Linear(1, 1, bias=False)
    module.register_buffer("count", torch.zeros((), dtype=torch.int64))
    net = SimpleNamespace(module_=module, history=[])
    callback.initialize()
    callback.on_train_begin(net)
    for epoch, loss in enumerate(losses, start=1):
        with torch.no_grad():
            module.weight.fill_(epoch)
            module.count.fill_(epoch)
        net.history.append({"epoch": epoch, "train_loss": 1.0, column: loss})
        callback.on_epoch_end(net)
    callback.on_train_end(net)
    assert module.count.item() == module.weight.item()
    return module.weight.item()


@pytest.mark.parametrize(("losses", "best"), [([3, 1, 2], 2), ([3, 2, 1], 3), ([1, 2, 3], 1), ([2, 1, 1], 2), ([5], 1)])
def test_the_lowest_loss_wins_and_the_first_of_equals(losses, best):
    callback = BestWeights("valid_loss")
    assert play(callback, losses) == best
    assert callback.best_epoch_ == best


def test_the_highest_score_wins_if_lower_is_not_better():
    assert play(BestWeights("valid_auc", lower_is_better=False), [0.6, 0.9, 0.7], "valid_auc") == 2


def test_without_a_monitor_the_last_epoch_wins():
    assert play(BestWeights(None), [1, 2, 3]) == 3


@pytest.mark.parametrize(
    ("losses", "finite", "best"),
    [
        ([1.0, 1.0, 1.0], False, 3),  # has not diverged
        ([1.0, 1e30, math.nan], False, 1),
        ([1.0, 1e30, math.nan], True, 2),
        ([1.0, math.inf], False, 0),
    ],
)
def test_without_a_monitor_weights_whose_outputs_are_not_finite_do_not_stay(losses, finite, best):
    callback, module = BestWeights(None).initialize(), nn.Linear(1, 1)
    net = SimpleNamespace(module_=module, history=[], outputs_are_finite=lambda: finite)
    nn.init.zeros_(module.weight)
    callback.on_train_begin(net)
    for epoch, loss in enumerate(losses, start=1):
        nn.init.constant_(module.weight, epoch)
        net.history.append({"epoch": epoch, "train_loss": loss})
        if math.isfinite(loss):  # else another callback has stopped training
            callback.on_epoch_end(net)
    callback.on_train_end(net)
    assert module.weight.item() == best
    assert callback.best_epoch_ == best


def test_a_fit_that_diverges_predicts_finite_numbers():
    X, y = make_regression(30, 3, random_state=0)
    net = NNRegressor(
        preset="fast", optimizer="sgd", learning_rate=0.1, optimizer_params={"momentum": 0.9}, random_state=0
    )
    with pytest.warns(UserWarning, match="training stopped and the best weights"):
        net.fit(X, y)
    assert np.isfinite(net.predict(X)).all()


def test_a_score_that_is_nan_loses_to_any_other():
    assert play(BestWeights("valid_auc", lower_is_better=False), [float("nan"), 0.1, float("nan")], "valid_auc") == 2


def test_training_that_ends_before_an_epoch_leaves_the_weights():
    assert play(BestWeights("valid_loss"), [3]) == 1
    callback, module = BestWeights("valid_loss").initialize(), nn.Linear(1, 1)
    net = SimpleNamespace(module_=module, history=[])
    before = module.weight.clone()
    callback.on_train_begin(net)
    callback.on_train_end(net)
    assert torch.equal(module.weight, before)
