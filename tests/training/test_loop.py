"""The training net's bookkeeping, by hand."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from sknn.preprocessing import Encoded
from sknn.targets import WeightedLoss
from sknn.training import Rows, TrainingNet

CPU = torch.device("cpu")


class Constant(nn.Module):
    """Predicts one learned number."""

    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.value.expand(len(x), 1)


def rows(values, weight=None):
    target = np.array(values, dtype=np.float32)[:, None]
    weight = None if weight is None else np.array(weight)
    return Rows(Encoded(np.zeros((len(values), 1), np.float32)), target, weight, CPU, decode=lambda y: y)


def run_net(train, valid=None, **params):
    defaults = {"max_epochs": 1, "batch_size": 2, "lr": 0.0, "optimizer": torch.optim.SGD, "device": "cpu"}
    loss = WeightedLoss(nn.functional.mse_loss, 1)
    target = SimpleNamespace(predict=lambda outputs: outputs)
    return TrainingNet(Constant(), loss, target=target, train=train, valid=valid, **(defaults | params)).run()


def test_the_epochs_loss_is_the_mean_over_rows_and_not_over_batches():
    net = run_net(rows([1, 1, 1, 2, 2]), rows([3, 0, 0, 1, 1]), batch_size=3, iterator_valid__batch_size=3)
    assert net.history[-1]["train_loss"] == pytest.approx((3 * 1 + 2 * 4) / 5)
    assert net.history[-1]["valid_loss"] == pytest.approx((9 + 2 * 1) / 5)
    assert net.history[-1]["train_batch_count"] == 2


def test_the_epochs_loss_is_weighted():
    net = run_net(rows([1, 2], weight=[0.5, 1.5]), batch_size=10)
    assert net.history[-1]["train_loss"] == pytest.approx((0.5 * 1 + 1.5 * 4) / 2)


def test_best_flags_follow_the_lowest_loss():
    net = run_net(rows([1.0]), batch_size=10, max_epochs=4, lr=1.2)  # overshoots more and more
    losses = [row["train_loss"] for row in net.history]
    assert losses == sorted(losses)
    assert [row["train_loss_best"] for row in net.history] == [True, False, False, False]


def test_batch_hooks_see_every_batch_with_its_targets():
    seen = []

    class Watch(Callback):
        def on_batch_end(self, net, batch=None, training=None, loss=None, **kwargs):
            seen.append((training, batch[1].ravel().tolist(), loss.item()))

    run_net(rows([1, 2]), rows([3]), callbacks=[Watch()], iterator_valid__batch_size=2)
    assert seen == [(True, [1.0, 2.0], 2.5), (False, [3.0], 9.0)]


def test_gradients_reach_callbacks_before_the_step():
    class Halve(Callback):
        def on_grad_computed(self, net, named_parameters=None, **kwargs):
            for _, parameter in named_parameters:
                parameter.grad.mul_(0.5)

    plain, halved = (
        run_net(rows([1.0, 1.0]), lr=0.1, batch_size=10, callbacks=callbacks) for callbacks in (None, [Halve()])
    )
    assert plain.module_.value.item() == pytest.approx(0.1 * 2)
    assert halved.module_.value.item() == pytest.approx(0.1)


def test_validation_neither_trains_nor_changes_the_mode_of_training():
    modes = []

    class Watch(Callback):
        def on_batch_begin(self, net, training=None, **kwargs):
            modes.append((training, net.module_.training))

    net = run_net(rows([1, 2]), rows([3]), callbacks=[Watch()], max_epochs=2, iterator_valid__batch_size=2)
    assert modes == [(True, True), (False, False)] * 2
    assert net.valid_outputs().tolist() == [[0.0]]


@pytest.mark.parametrize("optimizer", [torch.optim.LBFGS, partial(torch.optim.LBFGS, max_iter=5)])
def test_optimizers_with_a_closure_find_the_minimum(optimizer):
    net = run_net(rows([1, 2, 6]), optimizer=optimizer, lr=1.0, batch_size=10)
    assert net.module_.value.item() == pytest.approx(3, abs=1e-3)
