"""What holds for one network holds for each member of an ensemble: freezing, rates, limits, schedules, independence."""

import threading

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import KFold
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn

from sknn import NNClassifier, NNFeatures, NNRegressor, Pretrained
from sknn.callbacks import ClipGradient, GradientNorm, MaxNorm, Unfreeze
from sknn.modules import SequentialEnsemble, VmapEnsemble

X, Y = load_breast_cancer(return_X_y=True)
X, Y = X[:240], Y[:240]


def quick(module="mlp", **params):
    return NNClassifier(module, **{"max_epochs": 2, "hidden_layer_sizes": (8, 8), "random_state": 0} | params)


def member(net, k):
    """Parameters of one member."""
    return {name: p.detach()[k] for name, p in net.module_.named_parameters()}


@pytest.mark.parametrize("module", ["tabular", "mlp", "resnet"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon", "nadam"])
def test_a_member_does_not_see_the_targets_that_it_holds_out(module, optimizer):
    folds = list(KFold(8).split(X))
    flipped = Y.copy()
    flipped[folds[0][1]] = 1 - flipped[folds[0][1]]
    params = {"optimizer": optimizer, "n_members": 8, "validation_split": folds, "hidden_layer_sizes": (16, 16)}
    fits = [quick(module, max_epochs=1, **params).fit(X, y) for y in (Y, flipped)]
    first, second = (member(net, 0) for net in fits)
    assert all(torch.equal(first[name], second[name]) for name in first)
    first, second = (member(net, 1) for net in fits)
    assert not all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(("module", "kind"), [("mlp", VmapEnsemble), ("resnet", SequentialEnsemble)])
def test_members_are_frozen_freed_and_slowed_as_a_single_network_is(module, kind):
    known = quick(module).fit(X, Y)
    before = {name: p.detach() for name, p in known.module_.named_parameters()}
    last = list(before)[-2:]

    def moved(start, **params):
        net = quick(start, n_members=3, hidden_layer_sizes="auto", learning_rate=0.01, weight_decay=0.0, **params)
        net.fit(X, Y)
        assert type(net.module_) is kind
        found = [member(net, k) for k in range(3)]
        return [{name for name in before if not torch.equal(each[name], before[name])} for each in found]

    assert moved(Pretrained(known, freeze="backbone")) == [set(last)] * 3
    assert moved(Pretrained(known, learning_rates={"backbone": 0.0})) == [set(last)] * 3
    thawed = moved(Pretrained(known, freeze="backbone"), callbacks=[Unfreeze(2)], early_stopping=False)
    assert all(each > set(last) for each in thawed)


@pytest.mark.parametrize("module", ["tabular", "mlp", "resnet"])
def test_gradients_are_limited_member_by_member(module):
    seen = []

    class Look(ClipGradient):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            squares = [[grad.square().sum().item() for grad in p.grad] for _, p in named_parameters]
            seen.append(np.sqrt(np.sum(squares, 0)))

    quick(module, n_members=3, callbacks=[GradientNorm(), ClipGradient(0.05), Look()]).fit(X, Y)
    assert np.max(seen) <= 0.05 * (1 + 1e-5)
    assert np.mean(seen[0]) > 0.04


def test_a_schedule_of_dropout_reaches_the_members():
    fits = [
        quick(n_members=3, dropout=0.5, lr_schedule=schedule).fit(X, Y).predict_proba(X)
        for schedule in ({"dropout": lambda t: 0.0}, None)
    ]
    assert not np.array_equal(*fits)


def test_layers_that_are_set_free_are_limited_too():
    known = quick().fit(X, Y)
    net = quick(Pretrained(known, freeze="backbone"), hidden_layer_sizes="auto", early_stopping=False,
                callbacks=[Unfreeze(2), MaxNorm(0.05)]).fit(X, Y)  # fmt: skip
    assert net.module_.layers[0].weight.detach().norm(dim=1).max() <= 0.05 + 1e-6


@pytest.mark.parametrize("n_members", [1, 3])
def test_threads_that_predict_and_transform_do_not_disturb_each_other(n_members):
    digits, labels = load_digits(return_X_y=True)
    net = NNClassifier("mlp", n_members=n_members, hidden_layer_sizes=8, max_epochs=1, random_state=0)
    net.fit(digits[:300], labels[:300])
    calls = [net.predict_proba]
    if n_members == 1:
        calls.append(NNFeatures(FrozenEstimator(net)).fit(digits).transform)
    wrong = []

    def work(size):
        for _ in range(25):
            for call, expected in zip(calls, wanted[size], strict=True):
                found = call(digits[:size])
                if found.shape != expected.shape or not np.array_equal(found, expected):
                    wrong.append(size)

    wanted = {size: [call(digits[:size]) for call in calls] for size in (100, 130, 160, 190)}
    threads = [threading.Thread(target=work, args=(size,)) for size in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# -- going on, starting from weights, and what is refused -------------------------------------


def test_what_is_predicted_cannot_change_when_training_goes_on():
    net = NNRegressor("mlp", warm_start=True, max_epochs=2, random_state=0).fit(X, Y + 1.0)
    with pytest.raises(InvalidParameterError, match="must not change what is predicted"):
        net.set_params(loss="poisson").fit(X, Y + 1.0)
    net = NNRegressor("mlp", loss="quantile", loss_params={"quantiles": [0.1, 0.9]}, warm_start=True, max_epochs=2)
    net.fit(X, Y)
    with pytest.raises(InvalidParameterError, match="must not change what is predicted"):
        net.set_params(loss__quantiles=[0.4, 0.6]).fit(X, Y)
    NNRegressor("mlp", warm_start=True, max_epochs=2).fit(X, Y).set_params(loss="huber").fit(X, Y)


def test_later_rows_widen_the_range_of_predictions_and_are_checked():
    x, y = np.linspace(-1, 1, 200)[:, None], np.linspace(1, 21, 200)
    net = NNRegressor("linear", preprocessing=None, learning_rate=0.1, random_state=0)
    for _ in range(60):
        net.partial_fit(x[:100], y[:100]).partial_fit(x[100:], y[100:])
    assert net.predict(x).max() > 15
    counts = NNRegressor("linear", loss="poisson", random_state=0).partial_fit(x, y)
    with pytest.raises(ValueError, match=r"must be a float in the range \[0.0, inf\). Got -"):
        counts.partial_fit(x, -y)


def test_a_single_logit_is_kept_as_a_start_for_two_classes_and_not_for_two_labels():
    source = nn.Sequential(nn.Linear(30, 8), nn.ReLU(), nn.Linear(8, 1))
    known = NNClassifier(source, max_epochs=20, random_state=0).fit(X, Y)
    net = NNClassifier(Pretrained(known), learning_rate=1e-9, weight_decay=0, max_epochs=1, random_state=0).fit(X, Y)
    assert net.score(X, Y) == known.score(X, Y)
    with pytest.raises(ValueError, match="must return one row of 2 outputs"):
        NNClassifier(lambda n_features: nn.Linear(n_features, 1)).fit(X, np.column_stack([Y, 1 - Y]))


def test_the_source_is_not_reached_through_the_parameters():
    known = quick().fit(X, Y)
    net = quick(Pretrained(known))
    assert not [name for name in net.get_params() if name.startswith("module__source__")]
    with pytest.raises(InvalidParameterError):
        net.set_params(module__source__max_epochs=99).fit(X, Y)
    assert known.max_epochs == 2
    assert net.set_params(module__freeze="backbone").module.freeze == "backbone"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"module": "linear", "dropout": 0.5}, "must be 'auto' for module='linear'"),
        ({"module": "tabular", "dropout": [0.1, 0.2]}, "must be 'auto' or a number for module='tabular'"),
        ({"optimizer": "lbfgs", "weight_decay": 0, "batch_size": 32}, "must be 'auto' for L-BFGS"),
        ({"optimizer": "lbfgs", "weight_decay": 0, "augmentation": [lambda x: x]}, "must be None for L-BFGS"),
        ({"lr_schedule_params": {"warmup": 0.5}}, "must be None without a schedule"),
        ({"lr_schedule": "step", "lr_schedule_params": {"step_size": 0}}, "must be a number from 1 to inf. Got 0"),
        ({"loss_params": {"label_smoothing": 2.0}}, r"must be a float in the range \[0.0, 1.0\]. Got 2.0"),
        ({"module": Pretrained(nn.Linear(30, 2)), "dropout": 0.5}, "must be 'auto' with Pretrained"),
        (
            {"module": Pretrained(nn.Linear(30, 2)), "module_params": {"weight_init": "zero"}},
            "must hold only parameters of module",
        ),
    ],
)
def test_what_would_be_ignored_or_fail_later_is_refused(params, message):
    with pytest.raises(InvalidParameterError, match=message):
        NNClassifier(**{"module": "mlp", "max_epochs": 2} | params).fit(X, Y)
