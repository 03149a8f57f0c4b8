"""The state of a run: named, made once, and all that a step reads."""

import traceback
from dataclasses import fields

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from sknn import NNClassifier
from sknn.training._state import RunState

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
NETWORKS = {
    "tabular": {"n_members": 3},
    "single": {"module": "mlp"},
    "stacked": {"module": "mlp", "n_members": 2},
    "one by one": {"module": "resnet", "n_members": 2},
}
EACH = pytest.mark.parametrize("params", NETWORKS.values(), ids=NETWORKS)


def fit(*callbacks, **params):
    defaults = {"max_epochs": 2, "batch_size": 20, "random_state": 0, "validation_split": 2, "early_stopping": True}
    return NNClassifier(callbacks=list(callbacks), **(defaults | params)).fit(X, Y)


class Looks(Callback):
    """Calls `look(net)` when training begins and when an epoch ends."""

    def __init__(self, look):
        self.look = look

    def __deepcopy__(self, memo):
        return self

    def on_train_begin(self, net, **kwargs):
        self.look(net)

    def on_epoch_end(self, net, **kwargs):
        self.look(net)


@EACH
def test_training_adds_no_attribute_to_what_was_made_before_it(params):
    names = []
    fit(Looks(lambda net: names.append((sorted(vars(net)), sorted(vars(net.state))))), **params)
    assert len(names) == 3
    assert all(found == names[0] for found in names)
    assert names[0][1] == sorted(field.name for field in fields(RunState))


@EACH
@pytest.mark.parametrize("optimizer", ["adamw", "muon", "lbfgs"])
def test_a_fit_builds_one_optimizer(params, optimizer, monkeypatch):
    built, init = [], torch.optim.Optimizer.__init__

    def count(self, *args, **kwargs):
        built.append(type(self))
        init(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Optimizer, "__init__", count)
    more = {"lr_schedule": None, "batch_size": "auto"} if optimizer == "lbfgs" else {}
    fit(optimizer=optimizer, **more, **params)
    assert len(built) == 1


@EACH
def test_a_callback_may_set_parameters_of_the_optimizer(params):
    seen = []

    def change(net):
        group = net.optimizer_.param_groups[0]
        seen.append((group["lr"], group["weight_decay"]))
        net.set_params(lr=0.125, optimizer__weight_decay=0.5)

    fit(Looks(change), lr_schedule=None, learning_rate=0.01, weight_decay=0.01, **params)
    assert seen[0] != (0.125, 0.5)
    assert seen[1:] == [(0.125, 0.5)] * 2


class FirstOperator(TorchDispatchMode):
    """Notes this package's frames, from `fit` on, at the first arithmetic of a step."""

    frames = None

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        if self.frames is None and operator.__name__.split(".")[0] in {"addmm", "baddbmm", "bmm", "mul", "sub"}:
            names = [frame.name for frame in traceback.extract_stack() if "/sknn/" in frame.filename]
            self.frames = names[names.index("fit") :] if "__call__" in names else None
        return operator(*args, **(kwargs or {}))


@pytest.mark.parametrize("params", [{}, {"module": "mlp"}])
def test_from_a_fit_to_the_arithmetic_of_a_step_there_are_few_frames(params):
    with FirstOperator() as first:
        fit(**params)
    assert first.frames[:5] == ["fit", "run", "run_single_epoch", "__call__", first.frames[4]]
    assert len(first.frames) <= 8


class Perceptron(nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = nn.Linear(n_features, n_outputs)

    def forward(self, x):
        Perceptron.stack = [frame.name for frame in traceback.extract_stack() if "/sknn/" in frame.filename]
        return self.layer(x)


def test_a_module_of_ones_own_is_as_near():
    stacks = []
    net = Looks(lambda net: None)
    net.on_step_end = lambda net: stacks.append(Perceptron.stack)
    NNClassifier(Perceptron, callbacks=[net], max_epochs=1, random_state=0).fit(X, Y)
    names = stacks[0]
    assert names[names.index("run") :] == ["run", "run_single_epoch", "__call__", "_automatic_gradient", "call_module"]
