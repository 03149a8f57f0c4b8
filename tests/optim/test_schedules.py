"""Schedules against their formulas, and against torch's schedulers."""

import math
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from torch.optim import lr_scheduler

from sknn import NNRegressor
from sknn.optim import SCHEDULES, make_schedule, schedule_parameters
from sknn.optim._schedules import ByEpoch, ScheduleRunner

T = np.linspace(0, 1, 41)[:-1]


@pytest.mark.parametrize(
    ("name", "params", "formula"),
    [
        ("constant", {}, lambda t: 1.0),
        ("linear", {}, lambda t: 1 - t),
        ("cosine", {}, lambda t: 0.5 * (1 + math.cos(math.pi * t))),
        ("cosine", {"n_cycles": 4}, lambda t: 0.5 * (1 + math.cos(math.pi * (4 * t % 1)))),
        ("flat_cosine", {}, lambda t: 1.0 if t < 0.5 else 0.5 * (1 + math.cos(math.pi * (2 * t - 1)))),
        ("log_cosine", {}, lambda t: 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t)))),
        ("one_cycle", {}, lambda t: t / 0.1 if t < 0.1 else 0.5 * (1 + math.cos(math.pi * (t - 0.1) / 0.9))),
        ("one_cycle", {"warmup": 0.5}, lambda t: 2 * t if t < 0.5 else 0.5 * (1 + math.cos(math.pi * (2 * t - 1)))),
        ("linear", {"warmup": 0.25}, lambda t: 4 * t if t < 0.25 else (1 - t) / 0.75),
    ],
)
def test_a_schedule_is_its_formula(name, params, formula):
    assert set(params) <= set(schedule_parameters(name))
    schedule = make_schedule(name, params)
    assert [schedule(t) for t in T] == pytest.approx([formula(t) for t in T], abs=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_stays_between_0_and_1_and_takes_a_warm_up(name):
    def values(params):
        schedule = make_schedule(name, params)
        return [schedule(t, int(20 * t)) if isinstance(schedule, ByEpoch) else schedule(t) for t in T]

    assert min(values({})) >= 0
    assert max(values({})) <= 1
    assert values({"warmup": 0.2})[0] == 0


def test_drops_count_the_epochs_that_are_run_and_not_those_that_were_planned():
    schedules = {"learning_rate": make_schedule("step", {"step_size": 2, "gamma": 0.5, "warmup": 0.1})}
    layer = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    plan = ScheduleRunner(schedules, steps_per_epoch=5, n_epochs=100)
    plan.begin(optimizer, layer)
    found = []
    for step in range(30):
        if step == 10:
            plan.finish_in(20)
        plan.take_step()
        found.append(optimizer.param_groups[0]["lr"])
    assert found[0] == 0
    assert found[-5:] == [pytest.approx(0.25)] * 5


def rates(**params):
    X, y = load_diabetes(return_X_y=True)
    net = NNRegressor("mlp", learning_rate=0.01, max_epochs=12, random_state=0, early_stopping=False, **params)
    return net.fit(X, y).history_["lr"].to_numpy()


def of_torch(scheduler, **kwargs):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    scheduler = scheduler(optimizer, **kwargs)
    found = []
    for _ in range(12):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step()
    return found


@pytest.mark.parametrize(
    ("own", "torchs"),
    [
        (("step", {"step_size": 5}), (lr_scheduler.StepLR, {"step_size": 5})),
        (("exponential", {"gamma": 0.8}), (lr_scheduler.ExponentialLR, {"gamma": 0.8})),
        ((lr_scheduler.StepLR, {"step_size": 4}), (lr_scheduler.StepLR, {"step_size": 4})),
        ((lr_scheduler.CosineAnnealingLR, {"T_max": 12}), (lr_scheduler.CosineAnnealingLR, {"T_max": 12})),
    ],
)
def test_the_rates_of_a_fit_are_torchs(own, torchs):
    schedule, params = own
    np.testing.assert_allclose(
        rates(lr_schedule=schedule, lr_schedule_params=params), of_torch(torchs[0], **torchs[1]), rtol=1e-6
    )


def test_a_scheduler_of_torch_can_step_at_each_batch():
    params = {"max_lr": 0.01, "total_steps": 12 * 14, "step_every": "batch"}
    found = rates(lr_schedule=lr_scheduler.OneCycleLR, lr_schedule_params=params, batch_size=32)
    assert found.argmax() not in (0, 11)
    assert found[-1] < 1e-4


def test_on_a_plateau_the_rate_falls():
    found = rates(lr_schedule="plateau", lr_schedule_params={"patience": 0, "factor": 0.5, "threshold": 1e9})
    np.testing.assert_allclose(found[:4], [0.01, 0.005, 0.0025, 0.00125])


def test_without_a_schedule_the_rate_is_constant():
    assert set(rates(lr_schedule=None)) == {0.01}
