"""Muon against torch's own, which takes single matrices alone."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from sknn import NNClassifier
from sknn.optim import Muon
from sknn.optim._muon import orthogonalized


def steps(optimizer, parameter, n_steps=4):
    generator = torch.Generator().manual_seed(0)
    for _ in range(n_steps):
        parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
    return parameter.detach()


def start(*shape):
    return nn.Parameter(torch.randn(*shape, generator=torch.Generator().manual_seed(1)))


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
@pytest.mark.parametrize("shape", [(16, 32), (40, 10)])
@pytest.mark.parametrize("nesterov", [True, False])
def test_a_matrix_takes_the_steps_of_torchs_muon(shape, nesterov):
    ours, theirs = start(*shape), start(*shape)
    before = ours.detach().clone()
    params = {"lr": 0.02, "weight_decay": 0.1, "nesterov": nesterov}
    moved = steps(Muon([ours], **params), ours) - before
    expected = steps(torch.optim.Muon([theirs], adjust_lr_fn="match_rms_adamw", **params), theirs) - before
    assert (moved - expected).norm() < 0.03 * expected.norm()  # torch's iterations are in bfloat16


def test_stacked_matrices_take_the_steps_of_each():
    stacked = start(3, 16, 12)
    single = [nn.Parameter(matrix.clone()) for matrix in stacked.detach()]
    stacked.grad = torch.randn(3, 16, 12, generator=torch.Generator().manual_seed(2))
    for matrix, grad in zip(single, stacked.grad, strict=True):
        matrix.grad = grad.clone()
    Muon([stacked], lr=0.1, stacked=True).step()
    Muon(single, lr=0.1).step()
    torch.testing.assert_close(stacked, torch.stack(single))


@pytest.mark.parametrize("shape", [(7,), (4, 1, 20), (3, 5)])
def test_what_is_no_matrix_takes_the_steps_of_adamw(shape):
    ours, theirs = start(*shape), start(*shape)
    moved = steps(Muon([ours], lr=0.02, weight_decay=0.1), ours)
    torch.testing.assert_close(moved, steps(torch.optim.AdamW([theirs], lr=0.02, weight_decay=0.1), theirs))


def test_a_convolution_is_a_matrix_of_its_kernels():
    kernel = start(16, 8, 3, 3)
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    kernel.grad = torch.randn(16, 8, 3, 3, generator=torch.Generator().manual_seed(2))
    matrix.grad = kernel.grad.flatten(1).clone()
    Muon([kernel], lr=0.1).step()
    Muon([matrix], lr=0.1).step()
    torch.testing.assert_close(kernel.flatten(1), matrix)


def test_singular_values_become_nearly_one():
    values = torch.linalg.svdvals(orthogonalized(start(20, 30).detach(), 5))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_a_group_that_is_not_orthogonal_takes_the_steps_of_adamw():
    ours, theirs = (torch.nn.Parameter(torch.ones(16, 12)) for _ in range(2))
    moved = steps(Muon([{"params": [ours], "orthogonal": False}], lr=0.02, weight_decay=0.1), ours)
    expected = steps(torch.optim.AdamW([theirs], lr=0.02, weight_decay=0.1), theirs)
    torch.testing.assert_close(moved, expected)


class OwnNet(nn.Module):
    def __init__(self, n_features, n_outputs, cat_cardinalities):
        super().__init__()
        self.table = nn.Embedding(sum(cat_cardinalities), 8)
        self.hidden, self.head = nn.Linear(n_features + 8, 16), nn.Linear(16, n_outputs)

    def forward(self, x_num, x_cat):
        return self.head(self.hidden(torch.cat([x_num, self.table(x_cat[:, 0])], 1)).relu())


@pytest.mark.parametrize(
    ("module", "params", "hidden"),
    [
        ("mlp", {"hidden_layer_sizes": [16, 16], "n_members": 1}, {"layers.0.weight", "layers.3.weight"}),
        ("mlp", {"hidden_layer_sizes": [16], "n_members": 2}, {"layers.0.weight"}),
        ("linear", {}, set()),
        ("tabular", {"hidden_layer_sizes": [16, 16], "preset": "fast"}, {"layers.0.weight", "layers.3.weight"}),
        ("tabular", {"hidden_layer_sizes": []}, set()),
        (OwnNet, {}, {"hidden.weight"}),
        (OwnNet, {"n_members": 2}, {"hidden.weight"}),
        (
            "mlp",
            {"hidden_layer_sizes": [16], "optimizer_params": {"param_groups": [("layers.0*", {"lr": 0.1})]}},
            {"layers.0.weight"},
        ),
    ],
)
def test_only_hidden_weights_of_a_network_are_made_orthogonal(module, params, hidden):
    found = {}

    class Sees(Callback):
        def on_train_end(self, net, **kwargs):
            names = {id(parameter): name for name, parameter in net.module_.named_parameters()}
            for group in net.optimizer_.param_groups:
                for parameter in group["params"]:
                    state = net.optimizer_.state[parameter]
                    found[names[id(parameter)]] = "momentum_buffer" in state

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(90, 8)), columns=list("abcdefgh"))
    X["level"] = pd.Categorical(rng.integers(0, 30, 90).astype(str))
    y = rng.integers(0, 9, 90)
    NNClassifier(module, optimizer="muon", max_epochs=1, callbacks=[Sees()], random_state=0, **params).fit(X, y)
    orthogonal = {name for name, is_orthogonal in found.items() if is_orthogonal}
    assert orthogonal == hidden


class Convolutions(nn.Module):
    """Without a linear layer."""

    def __init__(self, n_outputs):
        super().__init__()
        self.first, self.hidden = nn.Conv2d(1, 9, 3), nn.Conv2d(9, 9, 3)
        self.last = nn.Conv2d(9, n_outputs, 1)

    def forward(self, x):
        return self.last(self.hidden(self.first(x))).mean((2, 3))


@pytest.mark.parametrize(
    ("module", "hidden"), [("cnn", {"features.4.weight", "head.2.weight"}), (Convolutions, {"hidden.weight"})]
)
@pytest.mark.parametrize("n_members", [1, 2])
def test_the_first_convolution_and_the_last_layer_take_the_steps_of_adamw(module, hidden, n_members):
    found = set()

    class Sees(Callback):
        def on_train_end(self, net, **kwargs):
            state = net.optimizer_.state
            found.update(name for name, p in net.module_.named_parameters() if "momentum_buffer" in state[p])

    X = np.random.default_rng(0).normal(size=(36, 1, 8, 8))
    params = {"preprocessing": None, "optimizer": "muon", "max_epochs": 1, "callbacks": [Sees()]}
    NNClassifier(module, n_members=n_members, **params).fit(X, np.arange(36) % 9)
    assert found == hidden


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))])
@pytest.mark.parametrize("stacked", [False, True])
def test_a_copy_goes_on_with_the_same_steps(copied, stacked):
    shape = (2, 16, 12) if stacked else (16, 12)
    optimizer = Muon([start(*shape)], lr=0.1, stacked=stacked)
    steps(optimizer, optimizer.param_groups[0]["params"][0])
    other = copied(optimizer)
    ours, theirs = (steps(one, one.param_groups[0]["params"][0]) for one in (optimizer, other))
    torch.testing.assert_close(theirs, ours)
