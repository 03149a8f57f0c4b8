"""A step against plain loops: whatever the optimizer asks for, and whichever way the gradient is found."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sknn import NNClassifier, NNRegressor
from sknn.callbacks import Penalty
from sknn.optim import Muon, needs_closure, optimizer_class
from sknn.optim._fused_adam import FusedAdam

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = X[:, 0] + rng.normal(scale=0.3, size=60)


class Twice(torch.optim.SGD):
    """Evaluates the gradient at a point further on, as sharpness-aware minimisation does."""

    def step(self, closure=None):
        with torch.enable_grad():
            loss = closure()
        parameters = [p for group in self.param_groups for p in group["params"]]
        before = [p.detach().clone() for p in parameters]
        with torch.no_grad():
            for p in parameters:
                p.add_(p.grad, alpha=0.05)
        with torch.enable_grad():
            closure()
        with torch.no_grad():
            for p, value in zip(parameters, before, strict=True):
                p.copy_(value)
        super().step()
        return loss


class Counts(Callback):
    seen = None

    def on_train_begin(self, net, **kwargs):
        Counts.seen = {"gradients": 0, "steps": 0}

    def on_grad_computed(self, net, **kwargs):
        Counts.seen["gradients"] += 1

    def on_step_end(self, net):
        Counts.seen["steps"] += 1


@pytest.mark.parametrize("n_members", [1, 2])
def test_an_optimizer_of_ones_own_may_evaluate_the_loss_again(n_members):
    params = {"max_epochs": 1, "batch_size": 20, "early_stopping": False, "random_state": 0, "lr_schedule": None}
    params |= {"n_members": n_members, "weight_decay": 0.0, "learning_rate": 0.01}
    NNRegressor("mlp", optimizer=Twice, callbacks=[Counts()], **params).fit(X, Y)
    assert Counts.seen == {"gradients": 6, "steps": 3}
    NNRegressor("mlp", optimizer="sgd", callbacks=[Counts()], **params).fit(X, Y)
    assert Counts.seen == {"gradients": 3, "steps": 3}


def test_a_step_that_evaluates_twice_is_that_of_a_plain_loop():
    params = {"max_epochs": 3, "batch_size": 60, "early_stopping": False, "random_state": 0, "preprocessing": None}
    params |= {"lr_schedule": None, "weight_decay": 0.0, "learning_rate": 0.1}
    x, y = X.astype(np.float32), Y - Y.mean()
    y /= y.std()
    start = NNRegressor("linear", optimizer="sgd", **(params | {"max_epochs": 1, "learning_rate": 1e-12})).fit(x, y)
    weight, bias = (p.detach().clone().requires_grad_() for p in start.module_.parameters())
    optimizer = Twice([weight, bias], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (torch.from_numpy(x) @ weight.T + bias - torch.from_numpy(np.float32(y))[:, None]).square().mean()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    net = NNRegressor("linear", optimizer=Twice, **params).fit(x, y)
    for found, expected in zip(net.module_.parameters(), (weight, bias), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [(name, name == "lbfgs") for name in ("adam", "adamw", "lbfgs", "muon", "sgd", "rmsprop", "nadam")]
    + [(Twice, True), (FusedAdam, False), (Muon, False), (torch.optim.Adamax, False)],
)
def test_a_closure_is_for_optimizers_that_may_call_it(optimizer, expected):
    assert needs_closure(optimizer_class(optimizer)) == expected


@pytest.mark.parametrize(
    "params", [{}, {"loss": "focal"}, {"callbacks": [Penalty(l1=0.01)]}, {"activation": "silu"}], ids=str
)
def test_both_ways_to_the_gradient_train_alike(params):
    class Listens(Callback):  # to gradients, which the manual way does not show
        def on_grad_computed(self, net, **kwargs):
            pass

    params = {"max_epochs": 2, "dropout": 0.0, "early_stopping": False, "random_state": 0, "n_members": 2} | params
    callbacks = params.pop("callbacks", [])
    manual, automatic = (NNClassifier(callbacks=callbacks + c, **params).fit(X, Y > 0) for c in ([], [Listens()]))
    np.testing.assert_allclose(manual.predict_proba(X), automatic.predict_proba(X), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(manual.loss_curve_, automatic.loss_curve_, rtol=1e-3)
