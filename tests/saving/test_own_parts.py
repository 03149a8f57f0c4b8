"""What is the user's own is given to `load` again; what cannot be saved is refused with its name and the way out."""

import copy
import re

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn

import sknn
from helpers import TwoLayers
from sknn import NNClassifier, NNFeatures, NNRegressor, Pretrained
from sknn.callbacks import Callback, Penalty
from sknn.saving import ArchiveError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y, REAL = (X[:, 0] > 0).astype(int), X[:, 0].astype(float)


class Count(Callback):
    def on_epoch_end(self, net, **kwargs):
        self.n_ = getattr(self, "n_", 0) + 1


def absolute(output, target, *, reduction="mean"):
    loss = (output - target).abs()
    return loss.mean() if reduction == "mean" else loss


def shifted(values):
    return values + 1


class Half(nn.Module):
    def forward(self, x):
        return x / 2


class Doubled(StandardScaler):
    """A transformer of the user's own."""


def round_trip(model, folder, **parts):
    sknn.save(model, folder / "model.sknn")
    return sknn.load(folder / "model.sknn", **parts)


def quick(cls, *args, **params):
    return cls(*args, **{"max_epochs": 2, "random_state": 0} | params)


OWN = {
    "class": (lambda: quick(NNClassifier, TwoLayers), {"module": TwoLayers}),
    "ensemble": (lambda: quick(NNClassifier, TwoLayers, n_members=3), {"module": TwoLayers}),
    "with statistics": (
        lambda: quick(NNClassifier, nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2)), n_members=2),
        {"module": nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))},
    ),
    "lazy": (lambda: quick(NNClassifier, nn.Sequential(nn.LazyLinear(2))), {"module": nn.Sequential(nn.LazyLinear(2))}),
    "module_params": (lambda: quick(NNClassifier, TwoLayers, module_params={"width": 7}), {"module": TwoLayers}),
    "activation": (lambda: quick(NNClassifier, "mlp", activation=["relu", Half]), {"activation": [None, Half]}),
    "callbacks": (lambda: quick(NNClassifier, "mlp", callbacks=[Penalty(l1=0.1), ("count", Count())]),
                  {"callbacks": [None, ("count", Count())]}),
    "no callbacks": (lambda: quick(NNClassifier, "mlp", callbacks=[Count()]), {"callbacks": None}),
    "schedule": (lambda: quick(NNClassifier, "mlp", lr_schedule=abs), {"lr_schedule": abs}),
}  # fmt: skip


@pytest.mark.parametrize("case", OWN)
def test_own_parts_are_given_to_load(case, tmp_path):
    make, parts = OWN[case]
    model = make().fit(X, Y)
    before = torch.get_rng_state()
    loaded = round_trip(model, tmp_path, **parts)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    for name, part in parts.items():
        assert part is None or not isinstance(part, type) or getattr(loaded, name) is part
    assert type(loaded.module_) is type(model.module_)


def test_a_callback_of_ours_beside_one_of_ones_own_comes_from_the_file(tmp_path):
    count = Count()
    model = quick(NNClassifier, "mlp", callbacks=[Penalty(l1=0.1), ("count", Count())]).fit(X, Y)
    loaded = round_trip(model, tmp_path, callbacks=[None, ("count", count)])
    assert loaded.callbacks[0].l1 == 0.1
    assert loaded.callbacks[1] == ("count", count)
    assert round_trip(model, tmp_path, callbacks=None).callbacks is None


@pytest.mark.parametrize("loss", [absolute, nn.SmoothL1Loss(beta=0.5)])
def test_a_loss_of_ones_own_trains_on(loss, tmp_path):
    model = quick(NNRegressor, "mlp", loss=loss, warm_start=True).fit(X, REAL)
    loaded = round_trip(model, tmp_path, loss=loss)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.fit(X, REAL).predict(X), model.fit(X, REAL).predict(X))


def test_an_instance_whose_head_was_replaced_comes_back(tmp_path):
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 7))
    with pytest.warns(UserWarning, match="last layer"):
        model = quick(NNClassifier, network).fit(X, Y)
    np.testing.assert_array_equal(round_trip(model, tmp_path, module=network).predict(X), model.predict(X))


def test_missing_parts_are_named_together(tmp_path):
    model = quick(NNClassifier, TwoLayers, callbacks=[Count()]).fit(X, Y)
    with pytest.raises(ValueError, match=r"'module' \(helpers\.TwoLayers\) and 'callbacks' \(.*Count\)"):
        round_trip(model, tmp_path)
    with pytest.raises(ValueError, match=re.escape("sknn.load(path, module=...)")):
        round_trip(model, tmp_path, callbacks=None)
    with pytest.raises(ValueError, match="'module'"):
        round_trip(model, tmp_path, callbacks=None, module=None)


def test_parts_that_do_not_fit_are_refused(tmp_path):
    model = quick(NNClassifier, TwoLayers, callbacks=[Count()]).fit(X, Y)
    with pytest.raises(ValueError, match="'module' passed to load does not fit") as raised:
        round_trip(model, tmp_path, callbacks=None, module=nn.Linear(4, 2))
    assert not isinstance(raised.value, ArchiveError)
    with pytest.raises(ValueError, match=r"'callbacks' passed to load must have the entry \[0\]"):
        round_trip(model, tmp_path, callbacks=[], module=TwoLayers)
    with pytest.raises(TypeError, match=r"got \['loss'\], but the file holds"):
        round_trip(model, tmp_path, callbacks=None, module=TwoLayers, loss=absolute)


def test_a_network_of_ours_that_was_changed_is_refused(tmp_path):
    model = quick(NNClassifier, "mlp").fit(X, Y)
    model.module_.layers[1] = nn.Tanh()
    with pytest.raises(ValueError, match="'module'"):
        round_trip(model, tmp_path)  # its numbers are stored, but not what it is made of


def scaled():
    return make_column_transformer((StandardScaler(), [0, 1]), remainder="passthrough")


@pytest.mark.parametrize("transformer", [StandardScaler(), scaled(), make_pipeline(StandardScaler(), scaled())])
def test_transformers_of_sklearn_are_stored_by_skops(transformer, tmp_path):
    model = quick(NNRegressor, "mlp", preprocessing=transformer).fit(X, REAL)
    loaded = round_trip(model, tmp_path)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert repr(loaded.preprocessing) == repr(transformer)


def test_a_transformer_with_types_of_ones_own_is_refused(tmp_path):
    model = quick(NNRegressor, "mlp", preprocessing=FunctionTransformer(shifted)).fit(X, REAL)
    with pytest.raises(TypeError, match=r"FunctionTransformer in 'preprocessing' cannot be saved: .*shifted"):
        sknn.save(model, tmp_path / "model.sknn")
    with pytest.raises(TypeError, match=r"Doubled at '/encoder_/transformer'.*pickle"):
        sknn.save(quick(NNRegressor, "mlp", preprocessing=Doubled()).fit(X, REAL), tmp_path / "model.sknn")
    assert list(tmp_path.iterdir()) == []


def test_without_skops_the_extra_is_named(monkeypatch, tmp_path):
    model = quick(NNRegressor, "mlp", preprocessing=StandardScaler()).fit(X, REAL)
    monkeypatch.setitem(__import__("sys").modules, "skops.io", None)
    with pytest.raises(ImportError, match=r"pip install 'sknn\[skops\]'"):
        sknn.save(model, tmp_path / "model.sknn")


def test_features_are_saved_with_their_estimator(tmp_path):
    for estimator in (quick(NNClassifier, "mlp"), FrozenEstimator(quick(NNClassifier, "mlp").fit(X, Y))):
        features = NNFeatures(estimator).fit(X, Y)
        loaded = round_trip(features, tmp_path)
        np.testing.assert_array_equal(loaded.transform(X), features.transform(X))
    assert loaded.estimator.estimator is loaded.estimator_


def test_a_fine_tuned_network_is_saved_with_its_source(tmp_path):
    source = quick(NNClassifier, "mlp", hidden_layer_sizes=(6,)).fit(X, Y)
    tuned = quick(NNClassifier, Pretrained(source, freeze="layers.0*")).fit(X, RNG.integers(0, 3, 60))
    loaded = round_trip(tuned, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), tuned.predict_proba(X))
    assert [weight.requires_grad for weight in loaded.module_.parameters()] == [False, False, True, True]
    np.testing.assert_array_equal(loaded.module.source.predict(X), source.predict(X))


def test_a_splitter_and_a_request_of_metadata_are_saved(tmp_path):
    model = quick(NNClassifier, "mlp", n_members=3, validation_split=KFold(3, shuffle=True, random_state=1))
    with config_context(enable_metadata_routing=True):
        model.set_fit_request(sample_weight=True, groups=False)
    loaded = round_trip(model.fit(X, Y), tmp_path)
    assert repr(loaded.validation_split) == repr(model.validation_split)
    assert str(loaded.get_metadata_routing()) == str(model.get_metadata_routing())
    np.testing.assert_array_equal(loaded.oof_prediction_, model.oof_prediction_)


@pytest.mark.parametrize(
    ("model", "way_out"),
    [
        (make_pipeline(StandardScaler(), NNClassifier()), "skops"),
        (LogisticRegression(), "skops"),
        (None, "NNClassifier, NNRegressor"),
    ],
)
def test_other_models_are_refused_with_the_way_out(model, way_out, tmp_path):
    with pytest.raises(TypeError, match=way_out):
        sknn.save(model, tmp_path / "model.sknn")


def test_a_subclass_of_ones_own_is_refused(tmp_path):
    class Own(NNClassifier):
        pass

    with pytest.raises(TypeError, match="Got Own"):
        sknn.save(Own(), tmp_path / "model.sknn")


def test_a_copy_shares_no_weights_with_the_original():
    model = quick(NNClassifier, "mlp").fit(X, Y)
    deep, shallow = copy.deepcopy(model), copy.copy(model)
    assert shallow.module_ is model.module_
    assert deep.module_ is not model.module_
    np.testing.assert_array_equal(deep.predict(X), model.predict(X))
