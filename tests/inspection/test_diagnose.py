"""Planted faults are named, and sound fits have none."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from helpers import BOTH, data
from sknn import NNClassifier, NNRegressor
from sknn.inspection import Finding, TrainingWarning, diagnose
from sknn.inspection._findings import Case

QUICK = {"module": "mlp", "hidden_layer_sizes": 16, "max_epochs": 15, "random_state": 0}
RNG = np.random.default_rng(0)


def names(net, X, y, **options):
    return [finding.name for finding in diagnose(net, X, y, **options)]


def frame(cls, n=300):
    return data(cls, n, as_frame=True)


class Dead(nn.Module):
    """ReLUs that no row switches on."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.hidden, self.relu, self.last = nn.Linear(n_features, 8), nn.ReLU(), nn.Linear(8, n_outputs)
        nn.init.constant_(self.hidden.bias, -100.0)

    def forward(self, x):
        return self.last(self.relu(self.hidden(x)))


class Deaf(nn.Linear):
    """Gives the same for all rows."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)

    def forward(self, x):
        return super().forward(0 * x)


@BOTH
def test_a_sound_fit_has_no_findings(cls):
    X, y = frame(cls)
    net = cls(preset="fast", random_state=0).fit(X, y)
    findings = diagnose(net, X, y)
    assert findings == []
    assert repr(findings) == "No findings."


@BOTH
@pytest.mark.parametrize(("rate", "name"), [(1e-7, "learning rate too low"), (100.0, "learning rate too high")])
@pytest.mark.filterwarnings("ignore::sknn.inspection.TrainingWarning")
def test_learning_rates_far_off(cls, rate, name):
    X, y = frame(cls)
    net = cls(**QUICK | {"max_epochs": 50}, learning_rate=rate).fit(X, y)
    (finding,) = [each for each in diagnose(net, X, y) if each.name.startswith("learning rate")]
    assert finding.name == name
    assert "learning_rate=0.001" in finding.advice  # what "auto" is here


def test_a_learning_rate_off_that_does_as_well_is_none():
    X, y = frame(NNClassifier)
    net = NNClassifier(**QUICK, learning_rate=0.04).fit(X, y)
    assert not [name for name in names(net, X, y) if name.startswith("learning rate")]


@BOTH
@pytest.mark.parametrize("n_members", [1, 2])
def test_dead_units(cls, n_members):
    X, y = frame(cls)
    net = cls(Dead, n_members=n_members, max_epochs=2, random_state=0).fit(X, y)
    (finding,) = diagnose(net, X, y)
    assert finding.name == "dead units"
    assert f"{8 * n_members} of the {8 * n_members} units after the activation 'relu'" in finding.seen


def test_dead_units_of_the_tabular_network_and_of_images():
    X, y = frame(NNClassifier)
    net = NNClassifier(preset="fast", max_epochs=2, activation="relu", random_state=0).fit(X, y)
    assert names(net, X, y) == []
    with torch.no_grad():
        net.module_.layers[0].bias[:, :40] = -1e6  # of 64
    assert names(net, X, y) == ["dead units"]

    images = RNG.normal(size=(60, 6, 6)).astype(np.float32)
    labels = (images.mean((1, 2)) > 0).astype(int)
    net = NNClassifier("cnn", hidden_layer_sizes=(4,), max_epochs=3, random_state=0).fit(images, labels)
    assert "dead units" not in names(net, images, labels)
    with torch.no_grad():
        for layer in net.module_.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.bias[:3] = -1e6
    assert "dead units" in names(net, images, labels)


@BOTH
def test_a_loss_that_stays_flat(cls):
    X, y = frame(cls)
    net = cls(Deaf, max_epochs=3, random_state=0).fit(X, y)
    assert names(net, X, y) == ["flat loss"]


@BOTH
def test_identifiers(cls):
    X, y = frame(cls)
    n_rows = len(X)
    ids = {
        "row": RNG.permutation(n_rows),
        "code": RNG.choice(10**9, n_rows, replace=False).astype(float),
        "key": [f"{number:08x}" for number in RNG.choice(2**31, n_rows, replace=False)],
    }
    net = cls(preset="fast", max_epochs=4, random_state=0).fit(X.assign(**ids), y)
    (finding,) = diagnose(net, X.assign(**ids), y)
    assert finding.name == "identifier"
    assert "Columns 'row', 'code', 'key' have" in finding.seen


def test_numbers_text_and_dates_that_differ_in_every_row_are_no_identifiers():
    X, y = frame(NNClassifier)
    n_rows = len(X)
    skewed = np.unique(np.exp(RNG.normal(8, 1, 5 * n_rows)).astype(int))
    columns = {
        "amount": RNG.choice(skewed, n_rows, replace=False),
        "size": RNG.uniform(size=n_rows),
        "title": [f"the {number} word of words" for number in range(n_rows)],
        "when": pd.Timestamp("2025-01-01") + pd.to_timedelta(RNG.permutation(n_rows), "h"),
    }
    table = X.assign(**columns)
    net = NNClassifier(preset="fast", max_epochs=4, random_state=0).fit(table, y)
    assert names(net, table, y) == []


@BOTH
def test_columns_that_leak_the_target(cls):
    X, y = frame(cls)
    leaks = {
        "number": np.where(RNG.uniform(size=len(y)) < 0.002, 0, 3.0 * np.asarray(y) + 1),
        "level": pd.Categorical([f"level {value}" for value in np.asarray(y)]),
    }
    leaks |= {"missing": np.where(y == 1, np.nan, 5.0)} if cls is NNClassifier else {}
    table = X.assign(**leaks, near=y + RNG.normal(0, 0.5 * np.std(y), len(y)))
    net = cls(preset="fast", max_epochs=4, random_state=0).fit(table, y)
    (finding,) = diagnose(net, table, y)
    assert finding.name == "leaking column"
    expected = ["number", "level", "missing"] if cls is NNClassifier else ["number"]  # levels of numbers do not repeat
    assert ", ".join(map(repr, expected)) in finding.seen
    assert "near" not in finding.seen


def test_copies_of_rows_among_training_and_validation_rows():
    X, y = frame(NNClassifier, 100)
    copied, targets = (pd.concat([part] * 3, ignore_index=True) for part in (X, y))
    net = NNClassifier(preset="fast", max_epochs=4, random_state=0).fit(copied, targets)
    assert names(net, copied, targets) == ["repeated rows"]
    net.fit(copied, targets, groups=np.tile(np.arange(100), 3))
    assert names(net, copied, targets) == []


def test_few_levels_repeat_by_themselves():
    X = pd.DataFrame({"a": RNG.integers(0, 3, 200), "b": RNG.choice(list("xyz"), 200)})
    y = X["a"].to_numpy() > RNG.integers(0, 3, 200)
    net = NNClassifier(preset="fast", max_epochs=4, random_state=0).fit(X, y)
    assert names(net, X, y) == []


@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_inputs_that_are_not_scaled(cls):
    load = load_breast_cancer if cls is NNClassifier else load_diabetes
    options = {} if cls is NNClassifier else {"scaled": False}
    X, y = load(return_X_y=True, **options)
    net = cls(**QUICK, preprocessing=None).fit(X, y)
    found = {finding.name: finding for finding in diagnose(net, X, y)}
    n_large = (np.sqrt(np.square(X).mean(0)) > 30).sum()
    assert f"{n_large} of the {X.shape[1]} numbers that the network takes as x_num" in found["unscaled inputs"].seen
    scaled = make_pipeline(StandardScaler(), cls(**QUICK, preprocessing=None)).fit(X, y)
    assert names(scaled, X, y) == []


def test_overfitting():
    X, y = load_diabetes(return_X_y=True)
    params = {"early_stopping": False, "validation_split": 0.5, "dropout": 0.0, "weight_decay": 0.0}
    net = NNRegressor("mlp", hidden_layer_sizes=(256, 256), max_epochs=100, random_state=0, **params)
    net.fit(X[:120], y[:120])
    assert names(net, X[:120], y[:120]) == ["overfitted"]
    net.set_params(early_stopping=True, patience=100).fit(X[:120], y[:120])
    assert names(net, X[:120], y[:120]) == []


def test_divergence():
    X, y = frame(NNRegressor)
    net = NNRegressor(**QUICK | {"max_epochs": 20}, lr_schedule=lambda t: 10 ** (5 * t), early_stopping=False)
    assert "diverged" in names(net.fit(X, y), X, y)
    assert issubclass(TrainingWarning, ConvergenceWarning)


@BOTH
def test_a_constant_target(cls):
    X, y = frame(cls)
    y = np.full(len(X), 7)
    net = cls(preset="fast", max_epochs=2, random_state=0).fit(X, y)
    assert names(net, X, y) == ["constant target"]


def test_a_finding_tells_what_was_seen_and_what_to_try():
    finding = Finding("fault", "It was seen. " * 12, "this.")
    assert str(finding).startswith("fault: It was seen.")
    assert str(finding).endswith("\nTry: this.")
    assert max(map(len, str(finding).splitlines())) <= 100


@pytest.mark.parametrize("kind", ["sparse", "several targets", "indicator", "weights", "text"])
def test_tables_and_targets_of_all_kinds(kind):
    X, y = load_breast_cancer(return_X_y=True)
    X, y, weight = X[:150], y[:150], None
    cls, params = NNClassifier, {"preset": "fast", "max_epochs": 3, "random_state": 0}
    if kind == "sparse":
        X = sparse.csr_array(X / 100)
    elif kind == "several targets":
        cls, y = NNRegressor, np.column_stack([X[:, 0] + RNG.normal(size=150), RNG.normal(size=150)])
    elif kind == "indicator":
        y = np.column_stack([y, RNG.permutation(y)])
    elif kind == "weights":
        weight = np.r_[np.zeros(50), np.ones(100)]
    else:
        y = np.where(y, "good", "bad")
    net = cls(**params).fit(X, y, **({} if weight is None else {"sample_weight": weight}))
    assert names(net, X, y, sample_weight=weight) == []


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("mean_squared_error", 1.0), ("mean_absolute_error", None), ("gaussian_nll", 0.5)],
)
def test_the_loss_of_the_best_constant(loss, expected):
    X, y = load_diabetes(return_X_y=True)
    net = NNRegressor("linear", loss=loss, max_epochs=1, early_stopping=False, random_state=0).fit(X, y)
    z = (y - y.mean()) / y.std()
    expected = np.abs(z - np.median(z)).mean() if expected is None else expected
    assert Case(net, X, X, y, None).constant_loss == pytest.approx(expected, rel=1e-3)


def test_the_loss_of_the_best_constant_is_the_entropy_of_weighted_classes():
    X, y = load_breast_cancer(return_X_y=True)
    net = NNClassifier("linear", max_epochs=1, class_weight="balanced", random_state=0).fit(X, y)
    assert Case(net, X, X, y, None).constant_loss == pytest.approx(np.log(2), rel=1e-4)


def test_errors_say_what_to_pass():
    X, y = frame(NNClassifier)
    with pytest.raises(NotFittedError):
        diagnose(NNClassifier(), X, y)
    with pytest.raises(ValueError, match="must be a fitted NNClassifier or NNRegressor"):
        diagnose(StandardScaler(), X, y)
    net = NNClassifier(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match="y must have as many"):
        diagnose(net, X, y[:-1])
    with pytest.raises(ValueError, match=r"must hold the rows of fit, .*\. Got 20"):
        diagnose(net, X[:20], y[:20])
    with pytest.raises(ValueError, match="feature"):
        diagnose(net, X.iloc[:, :3], y)


def test_the_estimator_stays_as_it_is():
    X, y = frame(NNClassifier)
    net = NNClassifier(**QUICK, learning_rate=1e-7).fit(X, y)
    before, history = net.predict_proba(X), net.history_.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        diagnose(net, X, y)
    assert np.array_equal(net.predict_proba(X), before)
    assert net.history_.equals(history)
    assert not net.module_._forward_hooks
