"""Starting from what a network has learned: other classes, frozen parts, learning rates by layer, features."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_transformer_general
from torch import nn

from sknn import NNClassifier, NNFeatures, NNRegressor, Pretrained
from sknn.callbacks import Penalty, Unfreeze

IMAGES, DIGITS = load_digits().images, load_digits().target
FLAT = IMAGES.reshape(-1, 64)
LOW, HIGH = DIGITS < 5, DIGITS >= 5
NEW = np.flatnonzero(HIGH)[:80]


def quick(module="mlp", **params):
    return NNClassifier(module, **{"max_epochs": 8, "random_state": 0} | params)


def rows_for(module):
    return IMAGES if module == "cnn" else FLAT


@pytest.fixture(scope="module")
def known():
    return {name: quick(name).fit(rows_for(name)[LOW], DIGITS[LOW]) for name in ("mlp", "tabular", "cnn", "resnet")}


def changed(before, after):
    """Names of the parameters that differ in any bit."""
    old = dict(before.named_parameters())
    return {name for name, value in after.named_parameters() if not torch.equal(value, old[name])}


HEADS = {
    "mlp": {"layers.6.weight", "layers.6.bias"},
    "tabular": {"layers.6.weight", "layers.6.bias"},
}


@pytest.mark.parametrize("module", ["mlp", "tabular", "cnn", "resnet"])
def test_other_classes_get_a_new_head_and_all_of_the_network_is_trained(known, module):
    net = quick(Pretrained(known[module])).fit(rows_for(module)[NEW], DIGITS[NEW])
    assert net.classes_.tolist() == [5, 6, 7, 8, 9]
    assert changed(known[module].module_, net.module_) == {name for name, _ in net.module_.named_parameters()}
    assert type(net.module_) is type(known[module].module_)


@pytest.mark.parametrize("module", ["mlp", "tabular"])
@pytest.mark.parametrize(
    "params", [{}, {"weight_decay": 0.5, "callbacks": [Penalty(l1=0.01)]}, {"optimizer": "sgd"}, {"optimizer": "muon"}]
)
def test_what_is_frozen_keeps_every_bit(known, module, params):
    net = quick(Pretrained(known[module], freeze="backbone"), **params).fit(FLAT[NEW], DIGITS[NEW])
    assert changed(known[module].module_, net.module_) == HEADS[module]


def test_frozen_batch_normalisation_keeps_its_statistics(known):
    net = quick(Pretrained(known["resnet"], freeze="backbone")).fit(FLAT[NEW], DIGITS[NEW])
    before, after = known["resnet"].module_.state_dict(), net.module_.state_dict()
    statistics = [name for name in before if "running" in name]
    assert statistics
    assert all(torch.equal(before[name], after[name]) for name in statistics)


def test_the_source_and_its_preprocessing_are_taken_over_and_not_changed(known):
    source = known["mlp"]
    before = pickle.dumps(source)
    net = quick(Pretrained(source)).fit(FLAT[NEW], DIGITS[NEW])
    assert pickle.dumps(source) == before
    np.testing.assert_array_equal(net.encoder_.encode(FLAT).x_num, source.encoder_.encode(FLAT).x_num)


def test_the_same_classes_keep_the_head(known):
    net = quick(Pretrained(known["mlp"], freeze=("layers.[03].*",)), max_epochs=1, learning_rate=1e-9, weight_decay=0)
    net.fit(FLAT[LOW], DIGITS[LOW])
    assert net.score(FLAT[LOW], DIGITS[LOW]) == known["mlp"].score(FLAT[LOW], DIGITS[LOW])
    anew = net.set_params(module__new_head=True).fit(FLAT[LOW], DIGITS[LOW])
    assert anew.score(FLAT[LOW], DIGITS[LOW]) < 0.6


@pytest.mark.parametrize("module", ["mlp", "tabular"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_learning_rates_by_layer(known, module, optimizer):
    """With a factor of 0 nothing moves; with 0.5 on all parameters the fit is that of half the rate."""
    params = {"weight_decay": 0.0, "optimizer": optimizer, "learning_rate": 0.01, "lr_schedule": None}
    stuck = quick(Pretrained(known[module], learning_rates={"backbone": 0.0}), **params).fit(FLAT[NEW], DIGITS[NEW])
    assert changed(known[module].module_, stuck.module_) == HEADS[module]
    halved = quick(Pretrained(known[module], learning_rates={"*": 0.5}), **params).fit(FLAT[NEW], DIGITS[NEW])
    half = quick(Pretrained(known[module]), **params | {"learning_rate": 0.005}).fit(FLAT[NEW], DIGITS[NEW])
    np.testing.assert_allclose(halved.predict_proba(FLAT), half.predict_proba(FLAT), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("module", ["mlp", "tabular"])
def test_a_frozen_part_is_trained_from_an_epoch_on(known, module):
    start = Pretrained(known[module], freeze="backbone")
    frozen = quick(start, max_epochs=3, callbacks=[Unfreeze(4)], early_stopping=False).fit(FLAT[NEW], DIGITS[NEW])
    assert changed(known[module].module_, frozen.module_) == HEADS[module]
    freed = quick(start, max_epochs=4, callbacks=[Unfreeze(4)], early_stopping=False).fit(FLAT[NEW], DIGITS[NEW])
    assert changed(known[module].module_, freed.module_) > HEADS[module]


@pytest.fixture(scope="module")
def raw():
    """On numbers as they are, so that the network's shape does not depend on the rows."""
    return quick(preprocessing=None).fit(FLAT[LOW] / 16, DIGITS[LOW])


def test_weights_alone_need_their_network_and_start_it(raw, tmp_path):
    state = raw.module_.state_dict()
    torch.save(state, tmp_path / "weights.pt")
    fits = []
    for source in (state, tmp_path / "weights.pt", str(tmp_path / "weights.pt")):
        net = quick(Pretrained(source, "mlp", freeze="backbone"), preprocessing=None).fit(FLAT[NEW] / 16, DIGITS[NEW])
        assert changed(raw.module_, net.module_) == HEADS["mlp"]
        fits.append(net.predict_proba(FLAT / 16))
    assert np.array_equal(fits[0], fits[1])
    assert np.array_equal(fits[0], fits[2])


def test_weights_from_safetensors(raw, tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file(raw.module_.state_dict(), tmp_path / "weights.safetensors")
    start = Pretrained(tmp_path / "weights.safetensors", "mlp", freeze="backbone")
    net = quick(start, preprocessing=None).fit(FLAT[NEW] / 16, DIGITS[NEW])
    assert changed(raw.module_, net.module_) == HEADS["mlp"]


def test_a_regressor_starts_from_a_regressor():
    X, y = load_diabetes(return_X_y=True)
    known = NNRegressor("mlp", max_epochs=30, random_state=0).fit(X[:300], y[:300])
    net = NNRegressor(Pretrained(known, freeze="layers.0*"), max_epochs=5, random_state=0).fit(X[300:], y[300:])
    assert not {"layers.0.weight", "layers.0.bias"} & changed(known.module_, net.module_)


def test_a_module_is_a_source_and_lends_its_layers():
    module = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    start = Pretrained(module, freeze="0.*", learning_rates={"2.*": 2.0})
    net = NNClassifier(start, preprocessing=None, max_epochs=5, random_state=0).fit(*load_iris(return_X_y=True))
    assert changed(module, net.module_) == {"2.weight", "2.bias"}


def test_pretrained_survives_clones_grids_pipelines_and_pickles(known):
    start = Pretrained(known["mlp"])
    assert clone(quick(start)).module.source is known["mlp"]
    grid = {"module__freeze": [(), "layers.0*", "backbone"]}
    search = GridSearchCV(quick(start, max_epochs=3), grid, cv=2, n_jobs=2, error_score="raise")
    search.fit(FLAT[NEW], DIGITS[NEW])
    restored = pickle.loads(pickle.dumps(search))
    assert np.array_equal(restored.predict(FLAT), search.predict(FLAT))
    assert start.freeze == ()


@pytest.mark.parametrize(
    ("source", "params", "message"),
    [
        (NNClassifier(), {}, "must be fitted"),
        (3, {}, "must be a fitted estimator, an nn.Module, a state dict or a path"),
        ({}, {}, "module must say for which network"),
        ("known", {"freeze": "layer.0*"}, r"No parameter's name fits the pattern 'layer.0\*'"),
        ("known", {"freeze": "*"}, "leaves nothing to train"),
        ("known", {"new_head": "yes"}, "new_head must be"),
        ({"a": torch.zeros(1)}, {"module": "mlp"}, r"do not fit the network MLP: missing .* unknown \['a'\]"),
    ],
)
def test_what_cannot_be_a_start_is_refused(known, source, params, message):
    source = known["mlp"] if isinstance(source, str) else source
    with pytest.raises(ValueError, match=message):
        quick(Pretrained(source, **params)).fit(FLAT[NEW], DIGITS[NEW])


def test_other_columns_than_those_of_the_source_are_refused(known):
    with pytest.raises(ValueError, match="64"):
        quick(Pretrained(known["mlp"])).fit(FLAT[NEW][:, :10], DIGITS[NEW])


# -- features ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "n_features"), [("mlp", 128), ("tabular", 8 * 96), ("cnn", 128)])
def test_features_are_what_the_last_layer_is_given(known, module, n_features):
    net, X = known[module], rows_for(module)[:40]
    features = NNFeatures(FrozenEstimator(net)).fit(X).transform(X)
    assert features.shape == (40, n_features)
    if module == "tabular":
        head = net.module_.layers[-1]
        stacked = torch.from_numpy(features).view(40, 8, 96).permute(1, 2, 0)
        logits = net._target.combine(head(stacked).transpose(1, 2).detach().numpy())
    else:
        head = [part for part in net.module_.modules() if isinstance(part, nn.Linear)][-1]
        logits = head(torch.from_numpy(features)).detach().numpy()
    np.testing.assert_allclose(net._target.predict_proba(logits), net.predict_proba(X), atol=1e-5)


def test_features_feed_any_model_and_are_fitted_with_it():
    network = quick(hidden_layer_sizes=(64, 16), max_epochs=30)
    model = make_pipeline(NNFeatures(network), LogisticRegression(max_iter=2000))
    assert cross_val_score(model, FLAT[:600], DIGITS[:600], cv=2).mean() > 0.75
    names = model.fit(FLAT, DIGITS)[:-1].get_feature_names_out()
    assert names[:2].tolist() == ["nnfeatures0", "nnfeatures1"]
    assert len(names) == 16


def test_a_module_and_a_layer_of_it():
    module = nn.Sequential(nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 5))
    X = FLAT.astype(np.float32)
    with torch.no_grad():
        expected = [module[:2](torch.from_numpy(X)).numpy(), module[:1](torch.from_numpy(X)).numpy()]
    np.testing.assert_allclose(NNFeatures(module).fit_transform(X), expected[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(NNFeatures(module, layer="0").fit_transform(X), expected[1], rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=r"layer must be one of \['0', '1', '2'\]. Got '7'"):
        NNFeatures(module, layer="7").fit(X)


def test_features_of_a_frame_with_missing_cells_and_output_as_a_frame(known):
    import pandas as pd

    frame = pd.DataFrame({"a": [1.0, None, 3.0] * 40, "b": ["x", "y", None] * 40})
    features = NNFeatures(NNRegressor(max_epochs=2, n_members=2, random_state=0)).set_output(transform="pandas")
    found = features.fit_transform(frame, np.arange(120.0))
    assert list(found.columns[:1]) == ["nnfeatures0"]
    assert len(found) == 120


def test_the_transformer_passes_scikit_learns_checks():
    check_transformer_general("NNFeatures", NNFeatures(quick(max_epochs=2, hidden_layer_sizes=4)))


def test_features_need_a_network_of_the_package():
    with pytest.raises(ValueError, match="estimator must be an NNClassifier"):
        NNFeatures(LogisticRegression()).fit(FLAT, DIGITS)


# -- modules of other libraries, with random weights ------------------------------------------


def test_a_hugging_face_model_goes_in_as_it_is():
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
                                    image_size=8, patch_size=4, num_channels=1, num_labels=10)  # fmt: skip
    model = transformers.ViTForImageClassification(config)
    X = (IMAGES[:, None] / 16).astype(np.float32)[:400]
    net = NNClassifier(model, preprocessing=None, max_epochs=8, batch_size=32, learning_rate=3e-3, random_state=0)
    assert net.fit(X, DIGITS[:400]).score(X, DIGITS[:400]) > 0.3
    frozen = NNClassifier(Pretrained(model, freeze="backbone"), preprocessing=None, max_epochs=2, random_state=0)
    frozen.fit(X, DIGITS[:400] % 3)
    assert frozen.module_.classifier.out_features == 3
    assert NNFeatures(FrozenEstimator(net)).fit(X).transform(X).shape == (400, 16)
