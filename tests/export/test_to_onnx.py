"""Exported graphs, run by onnxruntime, predict what the estimators predict."""

import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import ndtri
from torch import nn

from sknn import NNClassifier, NNRegressor, to_onnx
from sknn.export._columns import normal_per_log_odds
from sknn.export._dates import date_parts, zone_offsets
from sknn.export._graph import Graph
from sknn.preprocessing import TableEncoder
from sknn.preprocessing.columns._date import DateColumn

onnxruntime = pytest.importorskip("onnxruntime")
DTYPES = {
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}
LEAST = np.iinfo(np.int64).min


def run(model, feeds):
    """Outputs by name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = {entry.name: feed(feeds[entry.name], entry.type) for entry in session.get_inputs()}
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, feeds), strict=True))


def feed(values, kind, missing_text=""):
    """A column as a matrix (n, 1) of the type of the input; arrays in that type."""
    if not isinstance(values, pd.Series):
        return np.asarray(values, dtype=DTYPES[kind])
    if kind == "tensor(string)":
        return values.astype(object).where(values.notna(), missing_text).to_numpy(dtype=object)[:, None]
    if kind == "tensor(int64)" and values.dtype.kind in "mM":
        nanoseconds = values.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(values.dt, "tz", None) else values
        return nanoseconds.astype(f"{values.dtype.kind}8[ns]").to_numpy().astype(np.int64)[:, None]
    if kind == "tensor(int64)":
        return np.array([LEAST if pd.isna(value) else value for value in values], dtype=np.int64)[:, None]
    return values.to_numpy(dtype=DTYPES[kind])[:, None]


def table(n=240):
    """Columns of each kind, with missing cells."""
    random = np.random.RandomState(0)
    seconds = pd.to_timedelta(random.randint(0, 10**8, n), unit="s")
    X = pd.DataFrame(
        {
            "real": random.standard_cauchy(n),
            "whole": random.randint(0, 50, n),
            "flag": random.rand(n) > 0.5,
            "maybe": pd.Series(random.rand(n) > 0.5).astype("boolean"),
            "few": random.choice(list("xyz"), n),
            "two": random.choice(["p", "q"], n),
            "many": random.choice([f"level {k}" for k in range(30)], n),
            "codes": pd.Categorical(random.randint(0, 4, n)),
            "many codes": pd.Categorical(random.randint(0, 30, n)),
            "halves": pd.Categorical(random.randint(0, 4, n) / 2),
            "many halves": pd.Categorical(random.randint(0, 30, n) / 2),
            "date": pd.Timestamp("1969-06-01") + seconds,
            "zoned": (pd.Timestamp("2020-01-01") + seconds).tz_localize("UTC").tz_convert("Europe/Riga"),
            "duration": seconds,
            "gain": np.where(random.rand(n) < 0.55, 0, 997.5 * random.randint(1, 12, n)),
            "constant": 1.0,
        }
    )
    missing = set(X.columns) - {"whole", "flag", "two", "constant"}
    for k, name in enumerate(sorted(missing)):
        X.loc[X.index[k :: 7 + k], name] = None
    return X, random


def new_rows(X):
    """The rows with levels that are new."""
    X = X.copy()
    X.loc[:20, "few"] = X.loc[10:30, "many"] = "new"
    X["codes"] = X["codes"].astype(object).where(X.index % 5 > 0, 99).astype("category")
    return X


def check_classifier(net, X, model=None):
    found = run(model or to_onnx(net), X)
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(X), atol=1e-5)
    assert (found["label"] == net.predict(X)).all()


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"module": "mlp", "module_params": {"normalization": "layer"}, "activation": "gelu"},
        {"module": "mlp", "n_members": 2, "hidden_layer_sizes": (8,)},
        {"module": "resnet", "hidden_layer_sizes": (8,)},
        {"module": "linear"},
        {"module_params": {"numeric_embedding": "periodic"}, "hidden_layer_sizes": (8,)},
        {"preprocessing": TableEncoder(scale="quantile"), "module": "mlp"},
        {"preprocessing": TableEncoder(recurring_values=["gain"], max_onehot=2, min_frequency=3), "module": "mlp"},
    ],
    ids=str,
)  # fmt: skip
def test_columns_of_all_kinds(params):
    X, random = table()
    y = np.array(["u", "v", "w"])[random.randint(0, 3, len(X))]
    net = NNClassifier(**{"max_epochs": 2, "random_state": 0} | params).fit(X, y)
    check_classifier(net, X)
    check_classifier(net, new_rows(X))


def test_types_of_inputs_are_those_of_rows():
    X, random = table()
    X["single"] = random.normal(size=len(X)).astype(np.float32)
    net = NNClassifier("mlp", max_epochs=1, random_state=0).fit(X, random.randint(0, 2, len(X)))
    model = to_onnx(net, X=X)
    kinds = {entry.name: entry.type.tensor_type.elem_type for entry in model.graph.input}
    double, single, int64, boolean, text = 11, 1, 7, 9, 8
    expected = {"real": double, "single": single, "whole": int64, "flag": boolean, "few": text, "date": int64}
    assert {name: kinds[name] for name in expected} == expected
    assert "constant" not in kinds
    assert {entry.type.tensor_type.shape.dim[0].dim_param for entry in model.graph.input} == {"batch"}
    check_classifier(net, X, model)
    check_classifier(net, X[:1], model)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_an_array_is_one_input(dtype, container):
    random = np.random.RandomState(0)
    X = (random.normal(size=(200, 5)) * 100 * (random.rand(200, 5) > 0.4)).astype(dtype)
    if container is np.asarray:
        X[::9, 2] = np.nan
    net = NNClassifier(max_epochs=2, random_state=0).fit(container(X), X[:, 0] > 0)
    found = run(to_onnx(net, X=X), {"X": X})
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(container(X)), atol=1e-5)
    assert found["label"].dtype == np.bool_


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize(
    ("loss", "loss_params"),
    [
        ("mean_squared_error", None),
        ("poisson", None),
        ("gaussian_nll", None),
        ("quantile", {"quantiles": [0.1, 0.4, 0.9]}),
        ("quantile", {"quantiles": [0.7, 0.9]}),
    ],
)
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_targets_of_all_kinds(n_targets, loss, loss_params, module):
    random = np.random.RandomState(0)
    X = random.normal(size=(120, 3))
    y = np.exp(X[:, :n_targets]) * [1e6, 1e-6][:n_targets]
    y = y[:, 0] if n_targets == 1 else y
    params = {"hidden_layer_sizes": (8,), "max_epochs": 3, "random_state": 0}
    net = NNRegressor(module, loss=loss, loss_params=loss_params, **params).fit(X, y)
    found = run(to_onnx(net), {"X": X})
    spread = y.std(axis=0)
    np.testing.assert_allclose(found["prediction"] / spread, net.predict(X) / spread, atol=1e-5)
    if loss == "quantile":
        spread = spread if n_targets == 1 else spread[:, None]
        np.testing.assert_allclose(found["quantiles"] / spread, net.predict_quantiles(X) / spread, atol=1e-5)
    if loss == "gaussian_nll":
        np.testing.assert_allclose(found["std"] / spread, net.predict_std(X) / spread, rtol=5e-6)  # e^(float32)


@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_a_label_indicator(module):
    random = np.random.RandomState(0)
    X = random.normal(size=(150, 4))
    y = np.where(X[:, :3] > 0, 1, -1)
    net = NNClassifier(module, max_epochs=2, random_state=0).fit(X, y)
    net.temperature_ = 1.7
    check = run(to_onnx(net), {"X": X})
    np.testing.assert_allclose(check["probabilities"], net.predict_proba(X), atol=1e-5)
    assert (check["label"] == net.predict(X)).all()


def test_labels_that_are_dates_are_nanoseconds():
    X = np.random.RandomState(0).normal(size=(60, 2))
    y = np.where(X[:, 0] > 0, np.datetime64("2020-01-01"), np.datetime64("2021-01-01"))
    net = NNClassifier("mlp", max_epochs=1, random_state=0).fit(X, y)
    assert (run(to_onnx(net), {"X": X})["label"] == net.predict(X).astype("M8[ns]").astype(np.int64)).all()


def test_images():
    random = np.random.RandomState(0)
    X = random.randint(0, 255, (40, 9, 11))
    net = NNClassifier("cnn", hidden_layer_sizes=(4, 4), max_epochs=1, random_state=0).fit(X, random.randint(0, 2, 40))
    found = run(to_onnx(net), {"X": X})
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(X), atol=1e-5)


def test_a_stream():
    X, random = table()
    X["later"] = np.nan
    X["later text"] = pd.Series([None] * len(X), dtype=object)
    y = random.randint(0, 2, len(X))
    for module in ("tabular", "mlp"):
        params = {} if module == "tabular" else {"preprocessing": TableEncoder(embed=False)}
        net = NNClassifier(module, random_state=0, **params).partial_fit(X[:100], y[:100], classes=[0, 1])
        check_classifier(net, X)
        X_later = X.assign(later=1.0 * X["whole"])
        X_later["later text"] = X["few"]
        net.partial_fit(X_later[100:], y[100:])
        check_classifier(net, X_later)


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Sequential(nn.LazyLinear(5), nn.Hardswish(), nn.Linear(5, 1))

    def forward(self, left, right):
        return self.mix(left * right)


def test_a_module_of_ones_own_with_several_inputs_and_a_single_logit():
    random = np.random.RandomState(0)
    X = {"left": random.normal(size=(60, 3)), "right": random.normal(size=(60, 3))}
    net = NNClassifier(Own, preprocessing=None, max_epochs=1, random_state=0).fit(X, random.randint(0, 2, 60))
    found = run(to_onnx(net), X)
    np.testing.assert_allclose(found["probabilities"], net.predict_proba(X), atol=1e-5)


def test_an_ensemble_of_own_modules_on_a_frame(tmp_path):
    X, random = table(120)
    X = X[["real", "two"]]
    y = random.normal(size=120)
    net = NNRegressor(lambda n_features, n_outputs: nn.Sequential(nn.Linear(n_features, n_outputs)), n_members=2,
                      max_epochs=1, random_state=0).fit(X, y)  # fmt: skip
    found = run(to_onnx(net, tmp_path / "model.onnx"), X)
    np.testing.assert_allclose(found["prediction"], net.predict(X), atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert [entry.name for entry in session.get_inputs()] == ["real", "two"]


# -- what cannot be exported --------------------------------------------------------------------


def fitted(X, **params):
    return NNClassifier(**{"module": "mlp", "max_epochs": 1, "random_state": 0} | params).fit(X, np.arange(len(X)) % 2)


def test_text_is_refused_by_name():
    words = ["red", "green", "blue", "old", "new", "big", "small"]
    X = pd.DataFrame({"note": [f"{a} {b} {k}" for k, a in enumerate(words) for b in words]})
    with pytest.raises(ValueError, match=r"'note'.*words.*text=None"):
        to_onnx(fitted(X, preprocessing=TableEncoder(text=["note"])))


def test_a_level_that_stands_for_missing_is_refused_until_another_text_does():
    X = pd.DataFrame({"few": ["", "a", "b", None] * 30})
    net = fitted(X)
    with pytest.raises(ValueError, match=r"'few'.*missing_text"):
        to_onnx(net)
    cells = X["few"].where(X["few"].notna(), "NONE").to_numpy(dtype=object)[:, None]
    session = onnxruntime.InferenceSession(to_onnx(net, missing_text="NONE").SerializeToString())
    np.testing.assert_allclose(session.run(None, {"few": cells})[1], net.predict_proba(X), atol=1e-5)


def test_levels_of_mixed_types_are_refused_by_name():
    X = pd.DataFrame({"mixed": pd.Series(["a", 1, "b", 2] * 30, dtype=object)})
    with pytest.raises(ValueError, match=r"'mixed'.*numbers and text"):
        to_onnx(fitted(X))


def test_a_layer_is_refused_by_name():
    with pytest.raises(ValueError, match=r"Hardswish.*cannot be exported"):
        to_onnx(fitted(np.random.RandomState(0).normal(size=(60, 2)), activation=nn.Hardswish))


def test_a_transformer_and_what_is_no_estimator_are_refused_by_name():
    from sklearn.preprocessing import StandardScaler

    X = np.random.RandomState(0).normal(size=(60, 2))
    with pytest.raises(ValueError, match="StandardScaler"):
        to_onnx(fitted(X, preprocessing=StandardScaler()))
    with pytest.raises(TypeError, match="StandardScaler"):
        to_onnx(StandardScaler().fit(X))


def test_without_onnx_the_error_names_the_extra(monkeypatch):
    net = fitted(np.random.RandomState(0).normal(size=(60, 2)))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"sknn\[onnx\]"):
        to_onnx(net)


# -- parts --------------------------------------------------------------------------------------


def test_parts_of_dates_that_hardly_vary_lie_in_the_same_narrow_bins():
    X = pd.DataFrame({"since": pd.to_datetime(["2024-03-01", "2025-07-15", "2023-11-30", "2025-01-01"] * 10)})
    check_classifier(fitted(X, module="tabular", max_epochs=2), X)


@pytest.mark.parametrize("zone", [None, "America/New_York", "Australia/Lord_Howe"])
def test_parts_of_dates_of_three_centuries(zone):
    hours = np.arange("1910", "2090", 1009, dtype="datetime64[h]").astype("datetime64[ns]")
    ends = np.array([f"{year}-{day}" for year in range(1678, 2262) for day in ("01-01", "12-31")], dtype="M8[ns]")
    dates = pd.Series(hours if zone else np.concatenate([hours, ends]), name="date")
    X = pd.DataFrame({"date": dates if zone is None else dates.dt.tz_localize("UTC").dt.tz_convert(zone)})
    encoder = DateColumn().fit(X, [0], ["date"])
    expected = np.zeros((len(X), encoder.n_features_), dtype=np.float32)
    encoder.encode(X, expected, expected[:, :0])
    graph = Graph()
    parts = date_parts(graph, graph.input("date", np.int64), encoder.zone_, encoder.parts_)
    graph.output("parts", parts, np.float32, (expected.shape[1],))
    np.testing.assert_allclose(run(graph.model("dates"), X)["parts"], expected, atol=1e-6)


def test_offsets_of_a_zone_change_when_its_clocks_do():
    changes, offsets = zone_offsets(pd.DatetimeTZDtype("us", "Europe/Riga").tz)
    spring = np.datetime64("2021-03-28T01:00", "us").astype(np.int64)
    assert spring in changes
    k = list(changes).index(spring)
    assert (offsets[k : k + 2] / 3.6e9).tolist() == [2, 3]


def test_normal_quantiles_are_those_of_scipy():
    levels = np.linspace(1e-3, 1 - 1e-3, 2001)
    odds = np.log(levels / (1 - levels))
    np.testing.assert_allclose(normal_per_log_odds()(odds**2) * odds, ndtri(levels), atol=1e-6)
