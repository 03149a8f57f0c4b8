"""A model that is loaded in another process predicts the same bits, whatever its network, target and columns."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import sknn
from sknn import NNClassifier, NNRegressor
from sknn.preprocessing import TableEncoder
from sknn.storage import read_archive

N_ROWS = 80
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(N_ROWS, 4)).astype(np.float32)
WORDS = np.array(["red", "green", "blue", "black", "white", "grey", "brown", "pink"])


def days(**options):
    return pd.Timestamp("2024-03-01", **options) + pd.to_timedelta(RNG.integers(0, 5_000, N_ROWS), unit="h")


COLUMNS = {
    "number": NUMBERS[:, 0].astype(float),
    "missing": np.where(NUMBERS[:, 1] > 0.5, np.nan, NUMBERS[:, 1]),
    "whole": pd.array([None, *RNG.integers(0, 100, N_ROWS - 1)], dtype="Int64"),
    "flag": NUMBERS[:, 2] > 0,
    "recurring": np.where(RNG.random(N_ROWS) < 0.6, 0, RNG.choice([7, 90, 1_200, 35_000], N_ROWS)),
    "text level": RNG.choice(WORDS, N_ROWS),
    "many levels": RNG.choice([f"level {k}é" for k in range(20)], N_ROWS),
    "categorical": pd.Categorical(RNG.choice([3, 1, 2], N_ROWS), categories=[3, 2, 1], ordered=True),
    "mixed levels": pd.Series(RNG.choice(np.array([1, "1", 2.5, None, (1, "a")], dtype=object), N_ROWS), dtype=object),
    "date levels": pd.Categorical(RNG.choice(days().unique()[:12], N_ROWS)),
    "interval": pd.cut(NUMBERS[:, 3], 12),
    "date": days(),
    "zoned": days(tz="Europe/Paris"),
    "period": pd.PeriodIndex(days(), freq="M"),
    "duration": pd.to_timedelta(RNG.integers(0, 10**6, N_ROWS), unit="s"),
    "words": [" ".join(RNG.choice(WORDS, 4)) for _ in range(N_ROWS)],
    "written": [f"${x:,.2f}" for x in RNG.integers(0, 10**6, N_ROWS) / 100],
}
FRAME = pd.DataFrame(COLUMNS)
SMALL = pd.DataFrame({name: FRAME[name] for name in ("number", "missing", "many levels", "date")})
CSR = sparse.random_array((N_ROWS, 6), density=0.4, rng=RNG, format="csr")
IMAGES = RNG.random((N_ROWS, 1, 6, 6))
BINARY, LABELS = (NUMBERS[:, 0] > 0).astype(int), RNG.choice(np.array(["no", "yes", "perhaps"]), N_ROWS)
REAL, COUNTS = NUMBERS[:, 0] * 1e6 + 5, RNG.integers(0, 9, N_ROWS)

TARGETS = {
    "binary": (NNClassifier, BINARY, {}),
    "labels": (NNClassifier, LABELS, {"class_weight": {"no": 2.0}, "loss": "focal", "loss_params": {"gamma": 1.5}}),
    "indicator": (NNClassifier, NUMBERS[:, :3] > 0, {}),
    "real": (NNRegressor, REAL, {}),
    "reals": (NNRegressor, NUMBERS[:, :2], {"loss": "huber", "loss_params": {"delta": 0.5}}),
    "quantiles": (NNRegressor, REAL, {"loss": "quantile", "loss_params": {"quantiles": [0.1, 0.5, 0.9]}}),
    "gaussian": (NNRegressor, REAL, {"loss": "gaussian_nll"}),
    "counts": (NNRegressor, COUNTS, {"loss": "poisson"}),
}
NETWORKS = {
    "linear": {},
    "mlp": {"hidden_layer_sizes": (6, 5), "activation": ["gelu", "relu"], "dropout": 0.1},
    "resnet": {"hidden_layer_sizes": (6,), "n_members": 2, "early_stopping": False},
    "tabular": {"hidden_layer_sizes": (6,)},
}
TABULAR = {"module": "tabular", "hidden_layer_sizes": (5,), "n_members": 2}
TABLES = {
    "array": (NUMBERS, {"module": "mlp"}),
    "CSR": (CSR, {"module": "mlp"}),
    "one-hot": (FRAME, {"module": "mlp", "preprocessing": TableEncoder(embed=False, scale="quantile")}),
    "as they are": (NUMBERS, {"module": "resnet", "preprocessing": None, "hidden_layer_sizes": [4]}),
    "images": (IMAGES, {"module": "cnn", "hidden_layer_sizes": (3,), "module_params": {"head_size": 5}}),
    "thermometer": (SMALL, TABULAR | {"module_params": {"numeric_embedding": "thermometer", "n_bins": 4}}),
    "piecewise": (SMALL, TABULAR | {"module_params": {"numeric_embedding": "piecewise_linear", "n_bins": 4}}),
    "periodic": (SMALL, TABULAR | {"module_params": {"numeric_embedding": "periodic"}}),
    "bare numbers": (SMALL, TABULAR | {"module_params": {"numeric_embedding": None}, "warm_start": True}),
    "callbacks": (NUMBERS, {"module": "mlp", "callbacks": [sknn.callbacks.WeightAverage(0.9)], "optimizer": "muon"}),
    "noise": (NUMBERS, {"module": "mlp", "augmentation": [sknn.augmentation.GaussianNoise(0.1)], "random_state": None}),
}
STREAMS = {"frame": FRAME, "array": NUMBERS, "CSR": CSR}


def models():
    """Fitted models by name, with the rows that they predict."""
    usual = {"max_epochs": 1, "random_state": 0}
    for network, params in NETWORKS.items():
        for name, (cls, y, of_target) in TARGETS.items():
            table = FRAME if name in ("binary", "real") else SMALL
            yield f"{network} {name}", cls(network, **usual | params | of_target).fit(table, y), table
    for name, (X, params) in TABLES.items():
        yield name, NNClassifier(**usual | {"hidden_layer_sizes": (4,)} | params).fit(X, BINARY), X
    for name, X in STREAMS.items():
        stream = NNRegressor("mlp", hidden_layer_sizes=(4,), random_state=np.random.RandomState(0))
        yield f"stream of {name}", stream.partial_fit(X[:50], REAL[:50]).partial_fit(X[50:], REAL[50:]), X


def predicted(model, X):
    found = [model.predict(X), *([model.predict_proba(X)] if hasattr(model, "predict_proba") else [])]
    return [*found, model.predict_std(X)] if model.resolved_params_["n_members"] > 1 else found


CHILD = """
import pathlib, pickle, sys
import numpy as np, sknn
sys.path.insert(0, sys.argv[2])
from test_round_trip import predicted
folder = pathlib.Path(sys.argv[1])
for rows, names in pickle.loads((folder / "rows.pkl").read_bytes()):
    for name in names:
        model = sknn.load(folder / f"{name}.sknn")
        np.savez(folder / f"{name}.npz", *predicted(model, rows))
"""


@pytest.mark.filterwarnings("ignore")
def test_a_model_loaded_in_another_process_predicts_the_same_bits(tmp_path):
    expected, rows = {}, {}
    for name, model, X in models():
        sknn.save(model, tmp_path / f"{name}.sknn")
        expected[name] = predicted(model, X)
        rows.setdefault(id(X), (X, []))[1].append(name)
    (tmp_path / "rows.pkl").write_bytes(pickle.dumps(list(rows.values())))
    folder = os.path.dirname(__file__)
    subprocess.run([sys.executable, "-W", "ignore", "-c", CHILD, str(tmp_path), folder], check=True)
    for name, values in expected.items():
        found = np.load(tmp_path / f"{name}.npz", allow_pickle=False)
        for value, key in zip(values, found.files, strict=True):
            assert value.dtype.kind == found[key].dtype.kind, name
            np.testing.assert_array_equal(value, found[key], err_msg=name)
    assert len(expected) > 40


def tensors_of(model):
    return sum(value.numel() * value.element_size() for value in model.module_.state_dict().values())


@pytest.mark.parametrize("network", ["mlp", "tabular", "resnet"])
def test_a_file_is_hardly_larger_than_its_weights(network, tmp_path):
    model = NNClassifier(network, hidden_layer_sizes=(256, 256), max_epochs=1, random_state=0).fit(SMALL, LABELS)
    sknn.save(model, tmp_path / "model.sknn")
    assert tensors_of(model) > 250_000
    assert os.path.getsize(tmp_path / "model.sknn") <= 1.2 * tensors_of(model)


def test_everything_that_a_fit_has_set_comes_back(tmp_path):
    model = NNClassifier("mlp", hidden_layer_sizes=(4,), max_epochs=3, random_state=0, early_stopping=True)
    model.fit(FRAME, LABELS)
    sknn.save(model, tmp_path / "model.sknn")
    loaded = sknn.load(tmp_path / "model.sknn")
    assert list(vars(loaded)) == list(vars(model))
    assert repr(loaded) == repr(model)
    assert repr(loaded.resolved_params_) == repr(model.resolved_params_)
    pd.testing.assert_frame_equal(loaded.history_, model.history_)
    np.testing.assert_array_equal(loaded.classes_, model.classes_)
    assert loaded.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(loaded.feature_names_in_, model.feature_names_in_)
    assert loaded.feature_names_in_.dtype == object
    for name in ("n_iter_", "best_epoch_", "loss_curve_", "validation_scores_"):
        assert getattr(loaded, name) == getattr(model, name)
    for ours, theirs in zip(loaded.encoder_.encoders_, model.encoder_.encoders_, strict=True):
        assert type(ours) is type(theirs)
        for name in vars(theirs):
            assert repr(getattr(ours, name)) == repr(getattr(theirs, name))


def test_training_goes_on_from_a_file_as_without(tmp_path):
    model = NNRegressor("tabular", hidden_layer_sizes=(4,), n_members=2, max_epochs=2, warm_start=True, random_state=0)
    model.fit(SMALL, REAL)
    sknn.save(model, tmp_path / "model.sknn")
    loaded = sknn.load(tmp_path / "model.sknn")
    np.testing.assert_array_equal(loaded.fit(SMALL, REAL).predict(SMALL), model.fit(SMALL, REAL).predict(SMALL))


def test_a_model_that_is_not_fitted_has_its_parameters_back(tmp_path):
    params = {
        "class_weight": {0: 1.5, 1: np.float32(2)},
        "optimizer_params": {"betas": (0.9, 0.95)},
    }
    sknn.save(NNClassifier(**params), tmp_path / "model.sknn")
    loaded = sknn.load(tmp_path / "model.sknn")
    assert repr(loaded.get_params()) == repr(NNClassifier(**params).get_params())


def test_a_file_tells_its_versions_and_holds_the_weights_by_name(tmp_path):
    model = NNRegressor("mlp", hidden_layer_sizes=(4,), max_epochs=1).fit(NUMBERS, REAL)
    sknn.save(model, tmp_path / "model.sknn")
    tree = read_archive(tmp_path / "model.sknn")
    assert tree["versions"]["sknn"] == sknn.__version__
    weights = tree["model"]["state"]["module_"]["tensors"]
    np.testing.assert_array_equal(weights["layers.0.weight"], model.module_.layers[0].weight.detach().numpy())
