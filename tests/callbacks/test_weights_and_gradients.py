"""Averages and norms of weights, norms of gradients: against what a plain loop would find."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import Callback
from torch import nn

from sknn import NNClassifier
from sknn.callbacks import ClipGradient, GradientNorm, MaxNorm, TimeLimit, Unfreeze, WeightAverage
from sknn.modules import EnsembleLinear

X, Y = load_breast_cancer(return_X_y=True)


def fit(*callbacks, module="mlp", **params):
    params = {"hidden_layer_sizes": (8,), "max_epochs": 5, "early_stopping": False, "dropout": 0.0} | params
    return NNClassifier(module, callbacks=list(callbacks), random_state=0, **params).fit(X, Y)


class Steps(Callback):
    """Keeps the weights after each step, and after each epoch."""

    seen = {}

    def on_train_begin(self, net, **kwargs):
        self.seen |= {"steps": [], "epochs": []}

    def on_step_end(self, net):
        self.seen["steps"].append([p.detach().clone() for p in net.module_.parameters()])

    def on_training_pass_end(self, net):
        self.seen["epochs"].append(self.seen["steps"][-1])


def values(net):
    return [p.detach() for p in net.module_.parameters()]


@pytest.mark.parametrize("module", ["mlp", "tabular"])
def test_swa_is_the_mean_of_the_weights_after_the_epochs(module):
    net = fit(Steps(), WeightAverage(None, start=0.4), module=module)
    kept = Steps.seen["epochs"][2:]
    for found, *each in zip(values(net), *kept, strict=True):
        torch.testing.assert_close(found, torch.stack(each).mean(0))


@pytest.mark.parametrize("module", ["mlp", "tabular"])
def test_the_moving_average_is_its_recursion(module):
    net = fit(Steps(), WeightAverage(0.8), module=module)
    average = None
    for n, weights in enumerate(Steps.seen["steps"]):
        decay = min(0.8, (1 + n) / (10 + n))
        average = weights if n == 0 else [decay * a + (1 - decay) * w for a, w in zip(average, weights, strict=True)]
    for found, expected in zip(values(net), average, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_averaging_does_not_change_the_steps():
    fit(Steps())
    plain = Steps.seen["steps"][-1]
    fit(Steps(), WeightAverage(0.9))
    assert all(torch.equal(a, b) for a, b in zip(plain, Steps.seen["steps"][-1], strict=True))


def test_the_average_is_what_is_validated_and_kept():
    held_out = {"X_val": X[400:], "y_val": Y[400:]}
    params = {"learning_rate": 0.05, "max_epochs": 20, "random_state": 0}
    net, plain = (
        NNClassifier("mlp", callbacks=callbacks, **params).fit(X[:400], Y[:400], **held_out)
        for callbacks in ([WeightAverage(0.99)], None)
    )
    net.temperature_ = 1
    proba = net.predict_proba(X[400:])
    log_loss = -np.log(np.where(Y[400:] == 1, proba[:, 1], proba[:, 0])).mean()
    assert log_loss == pytest.approx(min(net.validation_scores_), rel=1e-5)
    assert net.validation_scores_ != plain.validation_scores_
    assert net.history_["valid_loss"].min() == net.history_["valid_loss"][net.best_epoch_ - 1]


@pytest.mark.parametrize(("module", "axes"), [("mlp", 1), ("tabular", 2)])
def test_no_unit_has_a_larger_norm_than_allowed(module, axes):
    limited, free = fit(MaxNorm(0.5), module=module), fit(module=module)
    for net, holds in ((limited, True), (free, False)):
        linear = [part for part in net.module_.modules() if isinstance(part, nn.Linear | EnsembleLinear)]
        weights = [layer.weight.detach() for layer in linear]
        norms = [weight.norm(dim=axes).max().item() for weight in weights]
        assert (max(norms) <= 0.5 + 1e-6) == holds


class Gradients(Callback):
    seen = []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.seen.append([p.grad.detach().clone() for _, p in named_parameters])


@pytest.mark.parametrize("module", ["mlp", "tabular"])
def test_gradient_norms_are_recorded_and_limited(module):
    Gradients.seen.clear()
    net = fit(GradientNorm(by_layer=True), ClipGradient(0.1), Gradients(), module=module, max_epochs=1)
    stacked = module == "tabular"
    norms = [
        torch.stack([g.square().flatten(1 if stacked else 0).sum(-1) for g in grads]).sum(0).sqrt().max().item()
        for grads in Gradients.seen
    ]
    assert max(norms) <= 0.1 + 1e-6
    assert net.history_["gradient_norm"][0] > 0.1
    by_layer = [name for name in net.history_ if name.startswith("gradient_norm_")]
    assert len(by_layer) == len(values(net))


def test_the_recorded_norm_is_that_of_the_gradient():
    Gradients.seen.clear()
    net = fit(Gradients(), GradientNorm(), max_epochs=1)
    expected = np.mean([np.sqrt(sum(g.square().sum().item() for g in grads)) for grads in Gradients.seen])
    assert net.history_["gradient_norm"][0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (MaxNorm(0), r"The 'max_norm' parameter of MaxNorm must be a float in the range \(0.0, inf\). Got 0"),
        (MaxNorm(float("nan")), "The 'max_norm' parameter of MaxNorm"),
        (("named", ClipGradient(-1)), "The 'max_norm' parameter of ClipGradient"),
        (ClipGradient("1"), "The 'max_norm' parameter of ClipGradient"),
        (WeightAverage(1.0), "The 'decay' parameter of WeightAverage .* None"),
        (WeightAverage(start=1.0), "The 'start' parameter of WeightAverage"),
        (GradientNorm("all"), "The 'by_layer' parameter of GradientNorm"),
        (TimeLimit(0.0), "The 'seconds' parameter of TimeLimit"),
        (Unfreeze(0), "The 'epoch' parameter of Unfreeze"),
        (Unfreeze(patterns=None), "The 'patterns' parameter of Unfreeze"),
    ],
)
def test_values_that_are_not_valid_are_refused_before_any_work(callback, message):
    net = NNClassifier("mlp", callbacks=[callback])
    with pytest.raises(InvalidParameterError, match=message):
        net.fit(X, Y)
    assert not hasattr(net, "n_features_in_")


def test_patterns_must_fit_a_parameters_name():
    with pytest.raises(ValueError, match="No parameter's name fits"):
        fit(Unfreeze(patterns="nothing"))
