"""The fused step against torch's own, bit for bit, and without torch's private operators."""

import copy

import numpy as np
import pytest
import torch
from torch import nn, optim

from sknn import NNRegressor
from sknn.optim import make_optimizer
from sknn.optim._fused_adam import FusedAdam, FusedAdamW

PAIRS = [(FusedAdam, optim.Adam), (FusedAdamW, optim.AdamW)]


def make_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 2))


def train(network, optimizer, steps, scheduler=None, start=0):
    for step in range(start, start + steps):
        x = torch.randn(16, 5, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        network(x).square().mean().backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
    return [p.detach().clone() for p in network.parameters()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("fused", "torchs"), PAIRS)
@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1, "betas": (0.8, 0.95), "eps": 1e-6}])
def test_steps_equal_torchs(fused, torchs, options):
    a, b = make_network(), make_network()
    first = train(a, fused(a.parameters(), lr=0.01, **options), 20)
    second = train(b, torchs(b.parameters(), lr=0.01, fused=True, **options), 20)
    assert same(first, second)


@pytest.mark.parametrize(("fused", "torchs"), PAIRS)
def test_schedulers_and_parameter_groups_work(fused, torchs):
    results = []
    for cls, extra in ((fused, {}), (torchs, {"fused": True})):
        network = make_network()
        groups = [{"params": network[0].parameters(), "lr": 0.1}, {"params": network[2].parameters()}]
        optimizer = cls(groups, lr=0.01, **extra)
        results.append(train(network, optimizer, 10, optim.lr_scheduler.StepLR(optimizer, 3, gamma=0.5)))
    assert same(*results)


@pytest.mark.parametrize(("fused", "torchs"), PAIRS)
def test_state_goes_over_to_torch_and_back(fused, torchs):
    a, b = make_network(), make_network()
    ours, theirs = fused(a.parameters(), lr=0.01), torchs(b.parameters(), lr=0.01, fused=True)
    train(a, ours, 5)
    train(b, theirs, 5)
    state_a, state_b = copy.deepcopy(ours.state_dict()), copy.deepcopy(theirs.state_dict())
    ours.load_state_dict(state_b)
    theirs.load_state_dict(state_a)
    assert same(train(a, ours, 5, start=5), train(b, theirs, 5, start=5))


@pytest.mark.parametrize(("fused", "torchs"), PAIRS)
def test_a_parameter_frozen_for_a_while_keeps_its_step_count(fused, torchs):
    results = []
    for cls, extra in ((fused, {}), (torchs, {"fused": True})):
        network = make_network()
        optimizer = cls(network.parameters(), lr=0.01, **extra)
        for frozen in (False, True, False):
            network[0].requires_grad_(not frozen)
            optimizer.zero_grad()
            train(network, optimizer, 4)
        results.append([p.detach().clone() for p in network.parameters()])
    assert same(*results)


def test_step_runs_a_closure_and_returns_its_loss():
    network = make_network()
    optimizer = FusedAdam(network.parameters(), lr=0.01)

    def closure():
        optimizer.zero_grad()
        loss = network(torch.ones(2, 5)).square().mean()
        loss.backward()
        return loss

    before = closure().item()
    assert optimizer.step(closure).item() == before
    assert closure().item() < before


@pytest.mark.parametrize("missing", ["_fused_adam_", "_fused_adamw_"])
@pytest.mark.parametrize(("name", "torchs"), [("adam", optim.Adam), ("adamw", optim.AdamW)])
def test_a_torch_without_the_operators_trains_by_its_own_optimizers(name, torchs, missing, monkeypatch):
    x = np.random.default_rng(0).normal(size=(60, 3))
    params = {"optimizer": name, "max_epochs": 2, "random_state": 0, "early_stopping": False, "weight_decay": 0.01}
    expected = NNRegressor("mlp", optimizer_params={"fused": False}, **params).fit(x, x[:, 0])
    assert make_optimizer(name, {}, weight_decay=0.0, device=torch.device("cpu"))[0] is not torchs
    monkeypatch.delattr(torch, missing)
    assert make_optimizer(name, {}, weight_decay=0.0, device=torch.device("cpu"))[0] is torchs
    net = NNRegressor("mlp", **params).fit(x, x[:, 0])
    assert np.array_equal(net.predict(x), expected.predict(x))
