"""`partial_fit` learns from streams: rows one by one or in chunks, whatever the first of them are."""

import functools
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_diabetes, make_classification
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from torch import nn

from helpers import BOTH
from sknn import NNClassifier, NNRegressor
from sknn.preprocessing import TableEncoder

SIZES = pytest.mark.parametrize("size", [1, 7, 50])

X, y = make_classification(150, 6, n_informative=4, class_sep=1.5, random_state=0)
X = X * [1, 10, 1e3, 1e-3, 1, 1] + [0, 5, 1e6, 0, -1, 0]
t = 1000 + 20 * (X[:, 0] + X[:, 4])


def net_of(cls, module="tabular", **params):
    return cls(module, **{"preset": "fast", "random_state": 0} | params)


def target_of(cls):
    return y if cls is NNClassifier else t


def stream(net, table, target, size=10, n_passes=1, **kwargs):
    """Train on chunks; the classes are told in the first call."""
    if isinstance(net, NNClassifier) and np.ndim(target) == 1 and not hasattr(net, "module_"):
        kwargs["classes"] = np.unique(target)
    for _ in range(n_passes):
        for start in range(0, len(target), size):
            rows = slice(start, start + size)
            net.partial_fit(
                table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows], target[rows], **kwargs
            )
            kwargs = {}
    return net


# -- learning ---------------------------------------------------------------------------------


@functools.cache
def score_of_sklearn(cls, n_rows, size, n_passes):
    """Of scikit-learn's networks behind a StandardScaler, both fed by `partial_fit`."""
    scale, unit = StandardScaler(), StandardScaler()
    oracle = (MLPClassifier if cls is NNClassifier else MLPRegressor)(learning_rate_init=0.003, random_state=0)
    for _ in range(n_passes):
        for start in range(0, n_rows, size):
            part = slice(start, min(start + size, n_rows))
            rows = scale.partial_fit(X[part]).transform(X[part])
            if cls is NNClassifier:
                oracle.partial_fit(rows, y[part], classes=[0, 1])
            else:
                part = t[part, None]
                oracle.partial_fit(rows, unit.partial_fit(part).transform(part)[:, 0])
    if cls is NNClassifier:
        return oracle.score(scale.transform(X), y)
    return r2_score(t, unit.inverse_transform(oracle.predict(scale.transform(X))[:, None]))


@BOTH
@SIZES
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_a_stream_is_learned_as_well_as_by_sklearn(cls, size, module):
    n_rows, n_passes = {1: (60, 1), 7: (98, 2), 50: (150, 6)}[size]
    net = stream(net_of(cls, module, batch_size=50), X[:n_rows], target_of(cls)[:n_rows], size, n_passes)
    margin = 0.07 if cls is NNClassifier else 0.2
    assert net.score(X, target_of(cls)) > score_of_sklearn(cls, n_rows, size, n_passes) - margin


@pytest.mark.parametrize("module", ["resnet", nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(2))])
def test_other_networks_learn_row_by_row(module):
    net = stream(net_of(NNClassifier, module, learning_rate=0.003), X[:100], y[:100], 1)
    assert net.score(X, y) > 0.75


@pytest.mark.parametrize("module", ["tabular", "mlp"])
@pytest.mark.parametrize("size", [6, 15])
def test_columns_that_do_not_vary_at_first_have_influence_later(module, size):
    rng = np.random.default_rng(0)
    late = pd.DataFrame(
        {"number": rng.normal(size=150), "flag": rng.random(150) < 0.5, "level": rng.choice([*"ab"], 150)}
    )
    late["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 150), unit="D")
    late["missing"] = np.where(rng.random(150) < 0.5, np.nan, 1.0)
    late.iloc[:30] = [0.0, False, "a", pd.Timestamp("2024-01-01"), 1.0]
    labels = (late["level"] == "b").to_numpy().astype(int)
    labels[:2] = 0, 1
    net = stream(net_of(NNClassifier, module, learning_rate=0.01), late, labels, size, n_passes=size // 3)
    for name in late:
        changed = late.assign(**{name: late[name].to_numpy()[::-1]})
        assert not np.array_equal(net.predict_proba(late), net.predict_proba(changed)), name
    assert net.score(late[30:], labels[30:]) > 0.9


@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_a_level_that_comes_later_is_learned(module):
    levels = pd.DataFrame({"level": ["a", "b"] * 25 + ["c", "d"] * 50})
    labels = np.r_[np.zeros(50), np.tile([0, 1], 50)].astype(int)
    net = stream(net_of(NNClassifier, module, learning_rate=0.02), levels, labels, 10, n_passes=4)
    assert net.predict(pd.DataFrame({"level": [*"abcd"]})).tolist() == [0, 0, 0, 1]
    unseen, missing = net.predict_proba(pd.DataFrame({"level": ["e", None]}))
    assert np.isfinite([unseen, missing]).all()


@pytest.mark.parametrize("first", [1, 10])
def test_the_scale_of_the_targets_follows_the_stream(first):
    targets = t.copy()
    targets[:first] = 5.0
    net = net_of(NNRegressor, "mlp").partial_fit(X[:first], targets[:first])
    assert net.predict(X) == pytest.approx(5.0)
    stream(net, X[first:], targets[first:], 15, n_passes=6)
    assert net.score(X[first:], targets[first:]) > 0.7
    seen = np.r_[targets[:first], np.tile(targets[first:], 6)]
    unit = 2.0**net._target.exponent
    assert net._target.mean * unit == pytest.approx(seen.mean(), rel=1e-10)
    assert net._target.scale * unit == pytest.approx(seen.std(), rel=1e-8)


def test_targets_that_drift_are_learned():
    drifting = np.r_[t[:50], 100 * t[50:100], 1e4 * t[100:]]
    net = net_of(NNRegressor, "mlp", learning_rate=0.01)
    stream(net, np.c_[X, np.arange(150) // 50], drifting, 15, n_passes=6)
    assert net.score(np.c_[X, np.arange(150) // 50], drifting) > 0.8


def test_predictions_stay_within_the_targets_so_far():
    net = net_of(NNRegressor)
    for stop in (1, 5, 50, 150):
        net.partial_fit(X[:stop], t[:stop])
        predicted = net.predict(X)
        assert t[:stop].min() <= predicted.min() <= predicted.max() <= t[:stop].max()


@pytest.mark.parametrize("loss", ["poisson", "quantile", "gaussian_nll", "mean_absolute_error"])
def test_every_loss_learns_from_a_first_row_of_zero(loss):
    counts = np.round((t - t.min()) / 10)
    order = np.argsort(counts, kind="stable")[:1].tolist()
    order += [k for k in range(150) if k not in order]
    net = net_of(NNRegressor, "mlp", loss=loss).partial_fit(X[order[:1]], counts[order[:1]])
    assert net.predict(X) == pytest.approx(0.0)
    assert stream(net, X[order], counts[order], 10, n_passes=4).score(X, counts) > 0.2


def test_several_targets_have_scales_of_their_own():
    targets = np.c_[t, 1e-3 * X[:, 0] - 7]
    net = stream(net_of(NNRegressor, "mlp"), X, targets, 5, n_passes=3)
    assert r2_score(targets, net.predict(X), multioutput="raw_values").min() > 0.5


# -- classes ----------------------------------------------------------------------------------


def test_the_first_call_needs_the_classes_and_further_ones_do_not():
    net = net_of(NNClassifier, "mlp")
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        net.partial_fit(X, y)
    net.partial_fit(X[:1], y[:1], classes=[0, 1, 2]).partial_fit(X, y)
    assert net.predict_proba(X).shape == (150, 3)
    assert net_of(NNClassifier, "mlp", max_epochs=1).fit(X, y).partial_fit(X, y).n_iter_ == 2


def test_label_indicators_take_no_classes():
    labels = np.c_[y, 1 - y, X[:, 0] > 0].astype(int)
    net = stream(net_of(NNClassifier, "mlp"), X[:80], labels[:80], 1)
    net.partial_fit(X, labels)
    assert (net.predict(X) == labels).mean() > 0.8
    with pytest.raises(ValueError, match="classes must be None for a label indicator"):
        net_of(NNClassifier).partial_fit(X, labels, classes=[0, 1])


# -- weights ----------------------------------------------------------------------------------


@BOTH
def test_weights_in_a_stream_count_as_repeated_rows(cls):
    weight = np.random.default_rng(0).integers(0, 3, 150)
    weight[::10] = 1
    rows, params = np.repeat(np.arange(150), weight), {"dropout": 0.0, "batch_size": 1000}
    weighted, repeated = net_of(cls, "mlp", **params), net_of(cls, "mlp", **params)
    classes = {"classes": [0, 1]} if cls is NNClassifier else {}
    for part in (slice(0, 50), slice(50, 150)):
        weighted.partial_fit(X[part], target_of(cls)[part], sample_weight=weight[part], **classes)
        some = rows[(rows >= part.start) & (rows < part.stop)]
        repeated.partial_fit(X[some], target_of(cls)[some], **classes)
    np.testing.assert_allclose(weighted.encoder_.encode(X).x_num, repeated.encoder_.encode(X).x_num, atol=1e-6)
    assert np.allclose(weighted.predict(X), repeated.predict(X), rtol=1e-3)


def test_no_weights_are_weights_of_one():
    none, ones = net_of(NNRegressor, "mlp"), net_of(NNRegressor, "mlp")
    for part in (slice(0, 1), slice(1, 50), slice(50, 150)):
        none.partial_fit(X[part], t[part], sample_weight=np.full(len(t[part]), 3.0) if part.start == 50 else None)
        ones.partial_fit(X[part], t[part], sample_weight=np.full(len(t[part]), 3.0 if part.start == 50 else 1.0))
    assert np.array_equal(none.predict(X), ones.predict(X))


def test_equal_rows_in_a_chunk_do_not_change_what_later_rows_count():
    table, target = np.arange(40.0).reshape(20, 2), np.arange(20.0)
    equal, alone = (net_of(NNRegressor, "linear", optimizer="sgd", preprocessing=None) for _ in range(2))
    equal.partial_fit(table[[0] * 5], target[[0] * 5]), alone.partial_fit(table[[0]], target[[0]])
    assert equal.history_["train_loss"].tolist() == alone.history_["train_loss"].tolist()
    before = [next(net.module_.parameters()).detach().clone() for net in (equal, alone)]
    assert torch.equal(*before)
    assert all(net._mean_weight.total == net._mean_weight.n_rows for net in (equal, alone))


@BOTH
def test_a_chunk_of_no_weight_is_refused_and_changes_nothing(cls):
    classes = {"classes": [0, 1]} if cls is NNClassifier else {}
    net = net_of(cls, "mlp")
    with pytest.raises(ValueError, match="sample_weight must contain at least one non-zero"):
        net.partial_fit(X[:3], target_of(cls)[:3], sample_weight=np.zeros(3), **classes)
    assert not hasattr(net, "module_")
    same = net_of(cls, "mlp").partial_fit(X, target_of(cls), **classes)
    assert np.array_equal(net.partial_fit(X, target_of(cls), **classes).predict(X), same.predict(X))


# -- tables -----------------------------------------------------------------------------------


@BOTH
def test_chunks_may_come_in_different_containers(cls):
    target = target_of(cls)
    names = list("abcdef")
    for first, second in [(pd.DataFrame, np.asarray), (np.asarray, pd.DataFrame), (np.asarray, torch.from_numpy)]:
        nets = net_of(cls, "mlp"), net_of(cls, "mlp")
        for net, kinds in zip(nets, [(first, second), (first, first)], strict=True):
            for kind, part in zip(kinds, [slice(0, 50), slice(50, 150)], strict=True):
                stream(net, kind(X[part]), target[part], 200)
        assert np.array_equal(nets[0].predict(X), nets[1].predict(X))
    named = stream(net_of(cls, "mlp"), pd.DataFrame(X, columns=names), target, 50)
    with pytest.raises(ValueError, match=r"feature names|columns of X"):
        named.partial_fit(pd.DataFrame(X, columns=names[::-1]), target)


@pytest.mark.parametrize("module", ["tabular", "mlp"])
@pytest.mark.parametrize("size", [5])
def test_sparse_rows_are_learned(module, size):
    table = sparse.csr_array(np.where(np.random.default_rng(0).random((150, 5)) < 0.5, 0.0, X[:, :1] + 3))
    labels = (table[:, [0]].toarray()[:, 0] > 0).astype(int)
    net = net_of(NNClassifier, module, learning_rate=0.01)
    for _ in range(size // 3):
        for start in range(0, 150, size):
            net.partial_fit(table[start : start + size], labels[start : start + size], classes=[0, 1])
    assert net.score(table, labels) > 0.9


def test_images_are_scaled_by_the_brightest_pixel_so_far():
    images = np.random.default_rng(0).integers(0, 2, (20, 8, 8)) * np.arange(20)[:, None, None]
    net = NNClassifier("cnn", module_params={}, hidden_layer_sizes=(4,), random_state=0)
    for k in range(6):
        net.partial_fit(images[k : k + 1], [k % 2], classes=[0, 1])
        assert np.abs(net.encoder_.encode(images[: k + 1]).x_num).max() == (1 if k else 0)


# -- preprocessing of one's own ---------------------------------------------------------------


def test_a_transformer_with_partial_fit_learns_from_every_chunk():
    net = stream(net_of(NNClassifier, "mlp", preprocessing=StandardScaler()), X, y, 5)
    np.testing.assert_allclose(net.encoder_.transformer.mean_, X.mean(0))
    assert net.score(X, y) > 0.8
    weight = np.linspace(1, 2, 150)
    weighted = net_of(NNClassifier, "mlp", preprocessing=StandardScaler())
    for part in (slice(0, 50), slice(50, 150)):
        weighted.partial_fit(X[part], y[part], classes=[0, 1], sample_weight=weight[part])
    np.testing.assert_allclose(weighted.encoder_.transformer.mean_, np.average(X, axis=0, weights=weight))


def test_a_transformer_without_partial_fit_is_fitted_to_the_first_chunk():
    net = stream(net_of(NNClassifier, "mlp", preprocessing=PCA(3)), X, y, 50)
    np.testing.assert_allclose(net.encoder_.transformer.mean_, X[:50].mean(0))


@pytest.mark.parametrize("preprocessing", [StandardScaler(), TableEncoder(), TableEncoder(embed=False)])
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_whatever_scales_the_first_row_leaves_no_column_out(preprocessing, module):
    net = net_of(NNClassifier, module, preprocessing=preprocessing, learning_rate=0.01)
    net.partial_fit(X[:1], y[:1], classes=[0, 1])
    assert stream(net, X, y, 15, n_passes=4).score(X, y) > 0.8


@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_prepared_numbers_are_learned_row_by_row(module):
    table = StandardScaler().fit_transform(X)
    net = stream(net_of(NNClassifier, module, preprocessing=None, learning_rate=0.01), table[:60], y[:60], 1)
    assert net.score(table, y) > 0.75


# -- calls of both kinds ----------------------------------------------------------------------


@BOTH
def test_partial_fit_after_fit_keeps_the_encoding(cls):
    net = net_of(cls, max_epochs=2).fit(X, target_of(cls))
    before = net.encoder_.encode(X).x_num
    net.partial_fit(X[:20] + 1, target_of(cls)[:20])
    assert np.array_equal(net.encoder_.encode(X).x_num, before)
    assert isinstance(net.encoder_, TableEncoder)


@BOTH
def test_a_warm_start_goes_on_from_a_stream_and_learns_from_its_rows(cls):
    net = stream(net_of(cls, "mlp", warm_start=True, max_epochs=2), X[:1], target_of(cls)[:1])
    if cls is NNClassifier:
        net = net_of(cls, "mlp", warm_start=True, max_epochs=2).partial_fit(X[:1], y[:1], classes=[0, 1])
    net.fit(X, target_of(cls))
    assert net.n_iter_ == 3
    assert (np.ptp(net.encoder_.encode(X).x_num[:, :6], axis=0) > 0).all()


@BOTH
def test_one_call_with_a_whole_table_is_about_an_epoch_of_fit(cls):
    params = {"dropout": 0.0, "learning_rate": 0.003, "batch_size": 10}
    by_parts = stream(net_of(cls, "mlp", **params), X, target_of(cls), 150, n_passes=6)
    whole = net_of(cls, "mlp", early_stopping=False, max_epochs=6, **params).fit(X, target_of(cls))
    assert by_parts.score(X, target_of(cls)) == pytest.approx(whole.score(X, target_of(cls)), abs=0.1)


@BOTH
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_streams_are_repeatable_and_go_on_from_a_pickle(cls, module):
    first = stream(net_of(cls, module), X[:60], target_of(cls)[:60], 20)
    second = stream(net_of(cls, module), X[:60], target_of(cls)[:60], 20)
    second = pickle.loads(pickle.dumps(second))
    for net in (first, second):
        stream(net, X[60:100], target_of(cls)[60:100], 20)
    assert np.array_equal(first.predict(X), second.predict(X))


@BOTH
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_rules_do_not_look_at_the_number_of_rows_of_the_first_chunk(cls, module):
    resolved = []
    for n_rows in (1, 100, 150):
        net = stream(
            cls(module, random_state=0),
            X[:n_rows],
            target_of(cls)[:n_rows],
            n_rows,
            **({"classes": [0, 1]} if cls is NNClassifier else {}),
        )
        resolved.append(net.resolved_params_)
    assert resolved[0] == resolved[1] == resolved[2]


def test_lbfgs_takes_each_chunk_at_once():
    data, target = load_diabetes(return_X_y=True)
    net = net_of(NNRegressor, "mlp", optimizer="lbfgs")
    for n_rows in (1, 40, 150):
        net.partial_fit(data[:n_rows], target[:n_rows])
        assert net.resolved_params_["batch_size"] == n_rows
