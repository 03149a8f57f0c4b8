"""Pickles hold plain data: skops takes them with no types but the estimator's own. And a file of each version."""

import copyreg
import io
import pickle
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sknn
from helpers import BOTH, TwoLayers, outputs
from sknn import NNClassifier, NNRegressor
from sknn.plain import CLASSES
from sknn.targets import CLASSIFICATION_LOSSES, MULTILABEL_LOSSES, REGRESSION_LOSSES

FILES = Path(__file__).parent / "files"
OURS = ["sknn.classifier.NNClassifier", "sknn.regressor.NNRegressor"]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame({
    "number": X[:, 0],
    "level": RNG.choice(list("abcdefghijklm"), 60),
    "date": pd.Timestamp("2024-01-01", tz="Europe/Paris") + pd.to_timedelta(RNG.integers(0, 999, 60), unit="h"),
    "kind": pd.Categorical(RNG.choice([1, 2], 60)),
})  # fmt: skip
PARAMS = {
    "mlp": {"module": "mlp", "hidden_layer_sizes": (4,), "callbacks": [sknn.callbacks.Penalty()]},
    "tabular": {"module": "tabular", "hidden_layer_sizes": (4,), "n_members": 2, "warm_start": True},
    "ensemble": {"module": "resnet", "hidden_layer_sizes": (4,), "n_members": 2},
}


def accuracy(estimator, X, y):
    return (estimator.predict(X) == y).mean()


def fitted(cls, params, X=FRAME):
    return cls(**{"max_epochs": 1, "random_state": 0} | params).fit(X, Y)


@BOTH
@pytest.mark.parametrize("params", PARAMS)
def test_skops_stores_estimators_with_no_types_but_their_own(cls, params):
    model = fitted(cls, PARAMS[params])
    data = skops.io.dumps(model)
    assert skops.io.get_untrusted_types(data=data) == [f"{cls.__module__}.{cls.__name__}"]
    loaded = skops.io.loads(data, trusted=OURS)
    np.testing.assert_array_equal(outputs(loaded, FRAME), outputs(model, FRAME))
    assert list(vars(loaded)) == list(vars(model))


@BOTH
@pytest.mark.parametrize("params", PARAMS)
def test_skops_stores_pipelines(cls, params):
    model = make_pipeline(StandardScaler(), cls(**{"max_epochs": 1, "random_state": 0} | PARAMS[params])).fit(X, Y)
    loaded = skops.io.loads(skops.io.dumps(model), trusted=OURS)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@BOTH
def test_skops_stores_estimators_that_are_not_fitted(cls):
    model = cls("mlp", optimizer_params={"betas": (0.9, 0.99)}, preprocessing=sknn.preprocessing.TableEncoder())
    loaded = skops.io.loads(skops.io.dumps(model), trusted=OURS)
    assert repr(loaded) == repr(model)


def test_a_dict_with_numbers_and_flags_as_keys_comes_back():
    for weights in ({0: 1.0, 1: 2.0}, {False: 1.0, True: 2.0}, {"@": 1.0, "b": 2.0}, {None: 1.0, 2.5: 2.0}):
        model = NNClassifier(class_weight=weights)
        for loaded in (pickle.loads(pickle.dumps(model)), skops.io.loads(skops.io.dumps(model), trusted=OURS)):
            assert repr(loaded.class_weight) == repr(weights)


@BOTH
@pytest.mark.parametrize("params", PARAMS)
def test_a_pickle_names_no_class_of_torch_or_pandas(cls, params):
    class Names(pickle.Unpickler):
        def find_class(self, module, name):
            found.add(module.partition(".")[0])
            return super().find_class(module, name)

    found: set = set()
    model = fitted(cls, PARAMS[params])
    loaded = Names(io.BytesIO(pickle.dumps(model))).load()
    np.testing.assert_array_equal(outputs(loaded, FRAME), outputs(model, FRAME))
    assert found - {copyreg.__name__} <= {"sknn", "numpy"}


def test_a_pickle_is_hardly_larger_than_its_weights():
    model = fitted(NNClassifier, {"module": "mlp", "hidden_layer_sizes": (256, 256)})
    n_bytes = sum(value.nbytes for value in model.module_.state_dict().values())
    assert len(pickle.dumps(model)) < 1.1 * n_bytes


def test_parts_of_ones_own_are_pickled_as_they_are():
    model = fitted(NNClassifier, {"module": TwoLayers, "monitor": accuracy, "early_stopping": True}, X)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert (loaded.module, loaded.monitor) == (TwoLayers, accuracy)
    assert type(loaded.module_) is type(model.module_)


def test_a_pickle_without_plain_data_is_read_too():
    model = fitted(NNClassifier, PARAMS["mlp"])
    loaded = NNClassifier.__new__(NNClassifier)
    loaded.__setstate__(dict(vars(model)))  # as they were pickled before
    np.testing.assert_array_equal(loaded.predict_proba(FRAME), model.predict_proba(FRAME))


def test_what_joblib_maps_from_a_file_is_copied(tmp_path):
    model = fitted(NNClassifier, PARAMS["mlp"])
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    np.testing.assert_array_equal(loaded.predict_proba(FRAME), model.predict_proba(FRAME))


def test_fitted_estimators_pass_between_processes():
    search = GridSearchCV(NNClassifier("mlp", max_epochs=1, random_state=0), {"hidden_layer_sizes": [(3,), (4,)]}, cv=2)
    search.set_params(n_jobs=2).fit(X, Y)
    alone = fitted(NNClassifier, {"module": "mlp"} | search.best_params_, X)
    np.testing.assert_array_equal(search.predict_proba(X), alone.predict_proba(X))


def test_all_kinds_of_targets_callbacks_and_augmentations_are_known():
    inner = {"Augment", "Augmentation", "BestWeights", "Callback", "Mixture", "MonitorScore", "ProgressLine"}
    inner |= {"PruneTrial", "SklearnTasks", "StopIfNotFinite", "StopTraining", "TrainingWarning", "hooks_of"}
    public = {*sknn.augmentation.__all__, *sknn.callbacks.__all__} - inner
    losses = [CLASSIFICATION_LOSSES, MULTILABEL_LOSSES, REGRESSION_LOSSES]
    targets = {loss.target.__name__ for by_name in losses for loss in by_name.values()}
    assert public | targets <= CLASSES.keys()


@pytest.mark.parametrize("path", sorted(FILES.glob("*.sknn")), ids=lambda path: path.stem)
def test_files_of_all_versions_are_read(path):
    """`python tests/saving/test_pickles.py NAME` has written them; they are never written again."""
    model = sknn.load(path)
    expected = np.load(path.with_suffix(".npy"))
    np.testing.assert_allclose(outputs(model, stored_rows()), expected, rtol=1e-5, atol=1e-6)


def test_there_is_a_file_of_each_version():
    assert {path.stem.rpartition("_")[0] for path in FILES.glob("*.sknn")} >= {"version_1"}


def stored_rows():
    k = np.arange(40)
    return pd.DataFrame({
        "number": np.sin(k),
        "missing": np.where(k % 7, np.cos(k), np.nan),
        "level": np.array(["é", "b", "c", "d"])[k % 4],
        "code": [f"code {j}" for j in k % 13],
        "date": pd.Timestamp("2024-01-01", tz="Europe/Paris") + pd.to_timedelta(31 * k, unit="h"),
        "kind": pd.Categorical(k % 3, categories=[2, 1, 0]),
    })  # fmt: skip


def write_files(version):
    rows = stored_rows()
    models = {
        "classifier": NNClassifier("mlp", hidden_layer_sizes=(3,), max_epochs=3, random_state=0),
        "regressor": NNRegressor("tabular", hidden_layer_sizes=(2,), n_members=2, max_epochs=2, random_state=0),
    }
    for name, model in models.items():
        model.fit(rows, np.arange(40) % 3)
        sknn.save(model, FILES / f"{version}_{name}.sknn")
        np.save(FILES / f"{version}_{name}.npy", outputs(model, rows))


if __name__ == "__main__":
    import sys

    FILES.mkdir(exist_ok=True)
    write_files(sys.argv[1])
