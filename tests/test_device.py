"""Fits on an accelerator, beside the same fits on the CPU. Skipped where there is none."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from skorch.callbacks import Checkpoint, EpochScoring
from torch import nn

from sknn import LearningRateFinder, NNClassifier, NNFeatures, NNRegressor, Pretrained
from sknn.augmentation import MixUp, Rotate
from sknn.callbacks import Penalty

ACCELERATORS = [name for name in ("cuda", "mps") if getattr(torch, name).is_available()]
pytestmark = pytest.mark.skipif(not ACCELERATORS, reason="no accelerator")
DEVICE = ACCELERATORS[0] if ACCELERATORS else "cpu"


class TwoLayers(nn.Module):
    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, 32), nn.ReLU(), nn.Linear(32, n_outputs))

    def forward(self, x):
        return self.layers(x)


@pytest.fixture(scope="module")
def table():
    X, y = make_classification(400, 6, n_informative=4, n_classes=3, random_state=0)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    frame["kind"] = pd.Series(np.where(X[:, 0] > 0, "up", "down")).astype("category")
    frame.loc[::7, "b"] = np.nan
    return frame, y


def close(on_cpu, on_device, X, method="predict_proba", tolerance=2e-3):
    assert next(on_device.module_.parameters()).device.type == DEVICE
    assert_allclose(getattr(on_device, method)(X), getattr(on_cpu, method)(X), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("module", ["tabular", "mlp", "resnet", "linear", TwoLayers])
def test_without_dropout_a_fit_is_that_of_the_cpu(table, module):
    X, y = table
    dropout = {} if module in ("linear", TwoLayers) else {"dropout": 0}
    X = X if isinstance(module, str) else X.drop(columns=["b"])
    fits = [
        NNClassifier(module, max_epochs=4, device=device, random_state=0, **dropout).fit(X, y)
        for device in ("cpu", DEVICE)
    ]
    close(*fits, X)
    assert_allclose(fits[1].history_["train_loss"], fits[0].history_["train_loss"], rtol=2e-3)


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": "adam"},
        {"optimizer": "sgd", "learning_rate": 0.05, "optimizer_params": {"momentum": 0.9}},
        {"optimizer": "muon"},
        {"optimizer": "rmsprop"},
        {"optimizer": "lbfgs", "early_stopping": False},
        {"callbacks": [Penalty(l1=1e-3, l2=1e-3)]},
        {"n_members": 1, "batch_size": 64},
        {"loss": "focal"},
        {"class_weight": "balanced"},
        {"preset": "fast"},
        {"module": "mlp", "n_members": 3, "learning_rate": 0.01},
        {"module": "mlp", "module_params": {"weight_init": "orthogonal"}},
    ],
    ids=str,
)
def test_options_act_as_on_the_cpu(table, params):
    X, y = table
    fits = [
        NNClassifier(max_epochs=3, dropout=0, device=device, random_state=0).set_params(**params).fit(X, y)
        for device in ("cpu", DEVICE)
    ]
    close(*fits, X, tolerance=1e-2)


def test_the_default_fit_learns_and_takes_the_accelerator():
    X, y = load_iris(return_X_y=True)
    net = NNClassifier(random_state=0).fit(X, y)
    assert next(net.module_.parameters()).device.type == ("cuda" if DEVICE == "cuda" else "cpu")
    assert net.oof_score_ > 0.9
    assert net.score(X, y) > 0.95


def test_regression_with_quantiles_and_a_spread(table):
    X, _ = table
    y = 100 + 20 * X["a"].to_numpy()
    net = NNRegressor(random_state=0, device=DEVICE, max_epochs=30).fit(X, y)
    assert net.score(X, y) > 0.8
    quantiles = NNRegressor(loss="quantile", loss_params={"quantiles": [0.1, 0.5, 0.9]}, device=DEVICE, max_epochs=3)
    assert (np.diff(quantiles.fit(X, y).predict_quantiles(X), axis=1) >= 0).all()
    assert (NNRegressor(loss="gaussian_nll", device=DEVICE, max_epochs=3).fit(X, y).predict_std(X) > 0).all()


def test_generators_of_the_process_stay_where_they_are(table):
    X, y = table
    backend = getattr(torch, DEVICE)
    before = backend.get_rng_state().clone(), torch.get_rng_state().clone()
    for module in ("tabular", TwoLayers):
        NNClassifier(module, max_epochs=2, device=DEVICE, random_state=0).fit(X.drop(columns=["b"]), y)
    assert torch.equal(backend.get_rng_state(), before[0])
    assert torch.equal(torch.get_rng_state(), before[1])


def test_the_same_seed_gives_the_same_fit(table):
    X, y = table
    first, second = (NNClassifier(max_epochs=5, device=DEVICE, random_state=0).fit(X, y) for _ in range(2))
    assert_allclose(first.predict_proba(X), second.predict_proba(X), atol=1e-4)


def test_a_row_is_its_row_in_the_batch(table):
    X, y = table
    net = NNClassifier(max_epochs=3, device=DEVICE, random_state=0).fit(X, y)
    together = net.predict_proba(X)
    assert_allclose(np.concatenate([net.predict_proba(X.iloc[[k]]) for k in range(20)]), together[:20], atol=1e-5)


PREDICTING_WITHOUT = """
import pickle, sys
import numpy as np, torch
assert not torch.cuda.is_available()
net, X = pickle.load(open(sys.argv[1], "rb"))
np.save(sys.argv[2], net.predict_proba(X))
net.set_params(warm_start=True, max_epochs=1, device="cpu").fit(X, np.arange(len(X)) % 3)
"""


@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_a_pickle_is_loaded_where_there_is_no_accelerator(table, module, tmp_path):
    X, y = table
    net = NNClassifier(module, max_epochs=3, device=DEVICE, random_state=0, warm_start=True).fit(X, y)
    (tmp_path / "net.pkl").write_bytes(pickle.dumps((net, X)))
    without = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    arguments = [str(tmp_path / "net.pkl"), str(tmp_path / "proba.npy")]
    subprocess.run([sys.executable, "-c", PREDICTING_WITHOUT, *arguments], env=without, check=True)
    assert_allclose(np.load(tmp_path / "proba.npy"), net.predict_proba(X), atol=1e-4)


def test_training_is_resumed_and_streams_are_learnt(table):
    X, y = table
    net = NNClassifier(max_epochs=2, device=DEVICE, random_state=0, warm_start=True).fit(X, y)
    assert len(net.fit(X, y).history_) == 4
    stream = NNClassifier("mlp", device=DEVICE, random_state=0, learning_rate=0.01)
    for _ in range(30):
        for part in np.array_split(np.arange(len(y)), 8):
            stream.partial_fit(X.iloc[part], y[part], classes=[0, 1, 2])
    assert stream.score(X, y) > 0.7


def test_callbacks_of_skorch(table, tmp_path):
    X, y = table
    callbacks = [
        EpochScoring("accuracy", lower_is_better=False, name="accuracy"),
        Checkpoint(monitor="valid_loss_best", dirname=tmp_path, f_pickle="net.pkl"),
    ]
    net = NNClassifier(max_epochs=3, device=DEVICE, random_state=0, callbacks=callbacks).fit(X, y)
    assert net.history_["accuracy"].between(0, 1).all()
    assert (tmp_path / "net.pkl").exists()


def test_images_with_augmentation():
    X, y = load_digits(return_X_y=True)
    X, y = X[:400].reshape(-1, 8, 8), y[:400]
    net = NNClassifier("cnn", max_epochs=15, device=DEVICE, random_state=0, augmentation=[Rotate(10), MixUp(0.2)])
    assert net.fit(X, y).score(X, y) > 0.7


def test_sparse_rows(table):
    _, y = table
    X = sparse.random(len(y), 50, 0.1, "csr", random_state=0, dtype=np.float32)
    X = sparse.hstack([X, sparse.csr_array(y[:, None].astype(np.float32))])
    net = NNClassifier(max_epochs=20, device=DEVICE, random_state=0).fit(X.tocsr(), y)
    assert net.score(X, y) > 0.5


def test_transfer_features_and_the_learning_rate(table):
    X, y = table
    net = NNClassifier("mlp", max_epochs=5, device=DEVICE, random_state=0).fit(X, y)
    further = NNClassifier(Pretrained(net), max_epochs=2, device=DEVICE, random_state=0).fit(X, y)
    assert next(further.module_.parameters()).device.type == DEVICE
    assert np.isfinite(NNFeatures(net).fit(X, y).transform(X)).all()
    assert LearningRateFinder(NNClassifier("mlp", device=DEVICE)).fit(X, y).suggestion_ > 0
    assert int(net.summary().frame["parameters"].sum()) > 0


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_searches_and_cross_validation(table, backend):
    import joblib

    X, y = table
    net = NNClassifier("mlp", max_epochs=3, device=DEVICE, random_state=0)
    with joblib.parallel_backend(backend, n_jobs=2):
        search = GridSearchCV(net, {"hidden_layer_sizes": [8, 16]}, cv=2).fit(X, y)
        scores = cross_val_score(net, X, y, cv=2)
    assert search.best_score_ > 0.3
    assert np.isfinite(scores).all()


@pytest.mark.skipif(DEVICE != "cuda", reason="memory is counted for CUDA alone")
def test_a_fit_leaves_no_memory_behind(table):
    X, y = table
    NNClassifier(max_epochs=2, device=DEVICE, random_state=0).fit(X, y)
    before = torch.cuda.memory_allocated()
    for _ in range(3):
        NNClassifier(max_epochs=2, device=DEVICE, random_state=0).fit(X, y)
    import gc

    gc.collect()
    assert torch.cuda.memory_allocated() <= before + 1_000_000
