# ruff: noqa: NPY002 - the global generators are what is tested
"""Modules, losses, activations and callbacks of a user's own, which may work in place and draw random numbers."""

import random
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.metrics import make_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch.callbacks import Callback
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from sknn import LearningRateFinder, NNClassifier, NNFeatures, NNRegressor
from sknn.augmentation import Augment, Augmentation
from sknn.modules import MLP, ResNet, TabularNet, initialize, scale_to_unit_variance

N_ROWS = 90


@pytest.fixture(scope="module")
def table():
    X = np.random.default_rng(0).normal(size=(N_ROWS, 3)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int)


class Net(nn.Module):
    """Shifts its input, and a unit's output, in place or not."""

    def __init__(self, n_features, n_outputs, in_place=True):
        super().__init__()
        self.shift = nn.Parameter(torch.ones(n_features))
        self.hidden, self.head, self.in_place = nn.Linear(n_features, 4), nn.Linear(4, n_outputs), in_place

    def forward(self, x):
        if self.in_place:
            x -= 1
            x *= 2
        else:
            x = (x - 1) * 2
        return self.head(self.hidden(x + self.shift).relu())


class Normed(Net):
    """Its buffers keep its members from being stacked."""

    def __init__(self, n_features, n_outputs, in_place=True):
        super().__init__(n_features, n_outputs, in_place)
        self.hidden = nn.Sequential(self.hidden, nn.BatchNorm1d(4))


class ReLUFirst(nn.Module):
    def __init__(self, n_features, n_outputs, in_place=True):
        super().__init__()
        self.layers = nn.Sequential(nn.ReLU(inplace=in_place), nn.Linear(n_features, n_outputs))

    def forward(self, x):
        return self.layers(x)


class ScaledByWeight(nn.Module):
    """Stacked members cannot write what depends on their weights into rows that they share."""

    def __init__(self, n_features, n_outputs, in_place=True):
        super().__init__()
        self.scale = nn.Parameter(torch.full((n_features,), 2.0))
        self.head, self.in_place = nn.Linear(n_features, n_outputs), in_place

    def forward(self, x):
        return self.head(x.mul_(self.scale.detach()) if self.in_place else x * self.scale.detach())


SETTINGS = {
    "raw": {"preprocessing": None},
    "validation": {"validation_split": 0.3, "early_stopping": True},
    "one batch": {"batch_size": 500, "preprocessing": None},
    "lbfgs": {"optimizer": "lbfgs", "preprocessing": None, "batch_size": "auto"},
    "weighted": {"class_weight": "balanced"},
    "members": {"n_members": 3},
    "raw members": {"n_members": 2, "preprocessing": None},
}


@pytest.mark.parametrize("module", [Net, Normed, ReLUFirst, ScaledByWeight])
@pytest.mark.parametrize("params", SETTINGS.values(), ids=SETTINGS)
def test_a_module_that_works_in_place_trains_and_predicts_as_one_that_does_not(module, params, table):
    X, y = table
    given, rows = X.copy(), X[:7].copy()
    fitted = [
        NNClassifier(module, module_params={"in_place": in_place}, random_state=0, batch_size=32, max_epochs=2)
        .set_params(**params)
        .fit(given, y)
        for in_place in (True, False)
    ]
    np.testing.assert_array_equal(given, X)
    history = [net.history_[[name for name in net.history_ if name.endswith("loss")]] for net in fitted]
    np.testing.assert_allclose(*history, rtol=1e-4, atol=1e-6)
    first, second = fitted[0].predict_proba(rows), fitted[0].predict_proba(rows)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(rows, X[:7])
    np.testing.assert_allclose(first, fitted[1].predict_proba(rows), rtol=1e-3, atol=1e-5)


def test_features_and_learning_rates_of_a_module_that_works_in_place_leave_the_rows_alone(table):
    X, y = table
    rows = X.copy()
    net = NNClassifier(Net, preprocessing=None, max_epochs=1, random_state=0)
    features = NNFeatures(net).fit(rows, y).transform(rows)
    of_module = NNFeatures(nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2))).fit(rows)
    np.testing.assert_array_equal(of_module.transform(rows), np.maximum(X, 0))
    LearningRateFinder(net, n_steps=10).fit(rows, y)
    np.testing.assert_array_equal(rows, X)
    expected = NNFeatures(net.set_params(module__in_place=False)).fit(rows, y).transform(rows)
    np.testing.assert_allclose(features, expected, rtol=1e-5)


def test_features_of_a_layer_are_what_it_gives_before_the_next_one_works_in_place():
    X, layer = torch.tensor([[-1.0, 2.0]]), nn.Linear(2, 3)
    features = NNFeatures(nn.Sequential(layer, nn.ReLU(inplace=True), nn.Linear(3, 1)), layer="0").fit(X.numpy())
    np.testing.assert_allclose(features.transform(X.numpy()), layer(X).detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize("layer_in_place", [False, True])
def test_initialisation_leaves_the_rows_alone(layer_in_place):
    class Shifting(nn.Linear):
        def forward(self, x):
            return super().forward(x.sub_(1) if layer_in_place else x - 1)

    torch.manual_seed(0)
    net, x = nn.Sequential(Shifting(3, 4), nn.Sigmoid(), nn.Linear(4, 1)), torch.randn(50, 3)
    initialize(net, "unit_variance")
    before = x.clone()
    scale_to_unit_variance(net, {"x_num": x})
    assert torch.equal(x, before)
    assert net[0](x.clone()).std(correction=0).item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 1.5, N_ROWS)])
@pytest.mark.parametrize("params", [{"module": "mlp"}, {"preset": "fast"}, {"n_members": 2, "module": "mlp"}])
def test_a_loss_that_works_in_place_is_as_good_as_one_that_does_not(params, weight, table):
    X, _ = table
    y = X[:, 0].copy()

    def in_place(output, target):
        return output.sub_(target).square_().add_(target.abs_())

    def out_of_place(output, target):
        return (output - target).square() + target.abs()

    predicted = [
        NNRegressor(loss=loss, max_epochs=2, random_state=0, batch_size=500)
        .set_params(**params)
        .fit(X, y, sample_weight=weight)
        .predict(X)
        for loss in (in_place, out_of_place)
    ]
    np.testing.assert_array_equal(y, X[:, 0])
    np.testing.assert_array_equal(*predicted)


@pytest.mark.parametrize(
    "make",
    [
        lambda activation: MLP(3, 2, hidden_layer_sizes=[4], activation=activation),
        lambda activation: ResNet(3, 2, hidden_layer_sizes=[4], width=4, activation=activation, normalization=None),
        lambda activation: TabularNet(3, 2, n_members=2, hidden_layer_sizes=[4], activation=activation),
    ],
)
def test_an_activation_may_work_in_place(make):
    x = torch.randn(6, 3)
    in_place, out_of_place = make(lambda: nn.LeakyReLU(0.5, inplace=True)), make(lambda: nn.LeakyReLU(0.5))
    for parameter in in_place.parameters():
        nn.init.uniform_(parameter, -1, 1)
    out_of_place.load_state_dict(in_place.state_dict())
    results = []
    for net in (in_place, out_of_place):
        output = net(x)
        output.square().sum().backward()
        results.append([output, *(parameter.grad for parameter in net.parameters())])
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("module", ["mlp", Net])
@pytest.mark.parametrize("kind", ["rows", "targets", "splits"])
def test_read_only_memory_is_taken_without_a_warning(module, kind, table, tmp_path):
    X, _ = table
    y, splits = X[:, 0].copy(), [(np.arange(60), np.arange(60, N_ROWS))]
    if kind == "rows":
        np.save(tmp_path / "X.npy", X)
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    (X if kind == "rows" else y if kind == "targets" else splits[0][0]).flags.writeable = False
    params = {"n_members": 2} if kind == "splits" else {}
    net = NNRegressor(module, preprocessing=None, max_epochs=1, validation_split=splits, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.set_warn_always(True)
        try:
            assert np.isfinite(net.fit(X, y).predict(X)).all()
        finally:
            torch.set_warn_always(False)


def test_an_augmentation_gets_a_copy_of_what_it_may_write_into(table):
    rows = torch.from_numpy(table[0].copy())
    Augment([lambda x: x.zero_()], seed=0)({"x_num": rows})
    assert torch.equal(rows, torch.from_numpy(table[0]))


class Noise(nn.Module):
    """Draws from all generators of the process in training."""

    def forward(self, x):
        return x * (torch.rand(1, device=x.device) + np.random.rand() + random.random()) if self.training else x


class Drawn(Augmentation):
    def __call__(self, x, generator=None):
        return Noise()(x)


class ShakesWeights(Callback):
    def on_batch_end(self, net, **kwargs):
        for parameter in net.module_.parameters():
            parameter.data.mul_(Noise()(torch.ones(1)).item())


class Langevin(torch.optim.SGD):
    def step(self, closure=None):
        loss = super().step(closure)
        for parameter in self.param_groups[0]["params"]:
            parameter.data.add_(torch.randn_like(parameter), alpha=0.01)
        return loss


def noisy_loss(output, target, reduction="mean"):
    return nn.functional.cross_entropy(Noise()(output), target, reduction=reduction)


class Projected(nn.CrossEntropyLoss):
    """Its constructor draws."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale * np.random.rand()

    def forward(self, output, target):
        return super().forward(output * self.scale, target)


class Jitter(TransformerMixin, BaseEstimator):
    """Draws when it is fitted."""

    def fit(self, X, y=None):
        self.scale_ = 1 + np.random.rand() + random.random() + torch.rand(1).item()
        return self

    def transform(self, X):
        return X * self.scale_


class RandomHalf:
    """A splitter that knows no random_state."""

    def split(self, X, y=None, groups=None):
        order = np.random.permutation(len(X))
        yield order[:60], order[60:]

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1


@pytest.mark.parametrize(
    "params",
    [
        {"preprocessing": Jitter()},
        {"preprocessing": make_pipeline(StandardScaler(), Jitter())},
        {"preprocessing": FunctionTransformer(lambda X: X * (1 + np.random.rand() + random.random()))},
        {"preprocessing": FunctionTransformer(lambda X: X + np.random.rand(*X.shape)), "n_members": 3},
        {"validation_split": RandomHalf()},
        {"monitor": lambda estimator, X, y: np.random.rand()},
        {"monitor": make_scorer(lambda y, predicted: random.random())},
        {"lr_schedule": LambdaLR, "lr_schedule_params": {"lr_lambda": lambda epoch: 0.5 + np.random.rand()}},
        {"activation": nn.RReLU},
        {"activation": Noise},
        {"preset": "fast", "module": "tabular", "activation": nn.RReLU},
        {"module_params": {"normalization": None}, "activation": [nn.RReLU], "hidden_layer_sizes": [4]},
        {"loss": noisy_loss},
        {"loss": Projected, "loss_params": {"scale": 2.0}},
        {"callbacks": [ShakesWeights()]},
        {"callbacks": [("shakes", ShakesWeights)]},
        {"augmentation": [Drawn()]},
        {"augmentation": [Noise()]},
        {"optimizer": Langevin},
        {"lr_schedule": lambda progress: np.random.rand()},
        {"module_params": {"weight_init": lambda weight: weight.normal_(std=np.random.rand())}},
        {"module": Net, "callbacks": [ShakesWeights()]},
    ],
    ids=lambda params: str(next(reversed(params))),
)
def test_what_draws_random_numbers_follows_random_state_and_leaves_the_process_alone(params, table):
    X, y = table
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
    params = {"module": "mlp", "max_epochs": 2, "batch_size": 32, "random_state": 0} | params
    first = NNClassifier(**params).fit(X, y).predict_proba(X)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert str(np.random.get_state()) == before[1]
    assert random.getstate() == before[2]
    torch.rand(1), np.random.rand(), random.random()
    np.testing.assert_array_equal(NNClassifier(**params).fit(X, y).predict_proba(X), first)


class DrawsToPredict(nn.Module):
    """Monte Carlo dropout, with a number of numpy's and one of Python's."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = nn.Linear(n_features, n_outputs)

    def forward(self, x):
        x = nn.functional.dropout(x, 0.5, training=True)
        return self.layer(x) * (1 + np.random.rand() + random.random())


@pytest.mark.parametrize("params", [{}, {"preprocessing": None}, {"n_members": 2}, {"validation_split": 3}], ids=str)
def test_predictions_that_are_drawn_follow_random_state_too(params, table):
    X, y = table
    seen = []
    for _ in range(2):
        net = NNClassifier(DrawsToPredict, max_epochs=1, random_state=0, **params).fit(X, y)
        before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()
        seen += [net.predict_proba(X), net.predict_proba(X)]
        assert torch.equal(torch.get_rng_state(), before[0])
        assert (str(np.random.get_state()), random.getstate()) == before[1:]
        torch.rand(1), np.random.rand(), random.random()
    for other in seen[1:]:
        np.testing.assert_array_equal(other, seen[0])


class WithoutStatistics(nn.Module):
    """Normalises over the batch in evaluation too."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        norm = nn.BatchNorm1d(4, track_running_stats=False)
        self.layers = nn.Sequential(nn.Linear(n_features, 4), norm, nn.Linear(4, n_outputs))

    def forward(self, x):
        return self.layers(x)


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("module", ["mlp", "resnet", "cnn", Normed, WithoutStatistics])
@pytest.mark.parametrize(("n_rows", "batch_size"), [(1, 2), (2, 1), (3, 2), (7, 2), (9, 4)])
def test_batch_normalisation_of_few_rows_works_or_says_what_to_change(n_members, module, n_rows, batch_size):
    X = np.random.default_rng(0).normal(size=(n_rows, 1, 1) if module == "cnn" else (n_rows, 3)).astype(np.float32)
    params = {"module_params": {"normalization": "batch"}} if module == "mlp" else {}
    net = NNRegressor(
        module, n_members=n_members, batch_size=batch_size, early_stopping=False, random_state=0, **params
    )
    net.set_params(max_epochs=1)
    if isinstance(module, str):
        net.set_params(hidden_layer_sizes=[4])
    # Running statistics stand in for those of a batch, where there are some, but for those of pixels.
    if min(n_rows, batch_size) == 1 and module in ("cnn", WithoutStatistics):
        with pytest.raises(ValueError, match=r"pass more rows, set batch_size to 2 or more"):
            net.fit(X, np.arange(n_rows))
    else:
        assert np.isfinite(net.fit(X, np.arange(n_rows)).predict(X)).all()
