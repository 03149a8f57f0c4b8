"""A row's prediction does not depend on the rows beside it, on their number or on their order: not in a single bit."""

import numpy as np
import pandas as pd
import pytest

from sknn import NNClassifier, NNFeatures, NNRegressor

N_ROWS = 400


def rows_of(kind: str):
    rng = np.random.default_rng(0)
    if kind == "images":
        return rng.normal(size=(N_ROWS, 8, 8))
    x = rng.normal(size=(N_ROWS, 7))
    if kind == "array":
        return x
    frame = pd.DataFrame(x, columns=list("abcdefg"))
    frame["level"] = rng.choice([f"v{k}" for k in range(15)], N_ROWS)
    frame["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**7, N_ROWS), unit="s")
    return frame.mask(rng.uniform(size=frame.shape) < 0.05)


def targets(n_classes: int | None):
    signal = np.random.default_rng(0).normal(size=(N_ROWS, 7))[:, 0]
    return signal if n_classes is None else np.digitize(signal, np.linspace(-1, 1, n_classes - 1))


def take(X, rows):
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


NETWORKS = {
    "tabular": {},
    "tabular, one network": {"n_members": 1},
    "tabular, fast": {"preset": "fast"},
    "linear": {"module": "linear"},
    "mlp": {"module": "mlp", "hidden_layer_sizes": (9, 7)},
    "mlp, batch normalisation": {"module": "mlp", "module_params": {"normalization": "batch"}},
    "mlp, layer normalisation": {"module": "mlp", "module_params": {"normalization": "layer"}, "activation": "gelu"},
    "mlp, three members": {"module": "mlp", "hidden_layer_sizes": (9, 7), "n_members": 3},
    "resnet": {"module": "resnet", "hidden_layer_sizes": (10, 6), "module_params": {"width": 13}},
    "resnet, two members": {"module": "resnet", "n_members": 2},
}
CASES = [
    pytest.param(params, kind, n_classes, id=f"{name}-{kind}-{n_classes}")
    for name, params in NETWORKS.items()
    for kind in ("array", "frame")
    for n_classes in (5, None)
    if kind == "array" or name in {"tabular", "mlp", "resnet"}
] + [
    pytest.param({"module": "cnn", "hidden_layer_sizes": (4, 6)}, "images", n_classes, id=f"cnn-{n_classes}")
    for n_classes in (2, None)
]


@pytest.mark.parametrize(("params", "kind", "n_classes"), CASES)
def test_a_row_has_the_same_bits_in_any_batch(params, kind, n_classes):
    X, y = rows_of(kind), targets(n_classes)
    Kind = NNRegressor if n_classes is None else NNClassifier
    net = Kind(**params, max_epochs=1, random_state=0).fit(take(X, slice(120)), y[:120])
    rng = np.random.default_rng(1)
    for method in (net.predict_std, net.predict if n_classes is None else net.predict_proba):
        whole = method(X)
        for size in [1, 1, 2, 31, 33, *rng.integers(1, 300, 10)]:
            chosen = rng.permutation(N_ROWS)[:size]
            np.testing.assert_array_equal(method(take(X, chosen)), whole[chosen], err_msg=f"{size} rows")


@pytest.mark.parametrize("module", ["tabular", "mlp", "resnet"])
def test_features_of_a_row_are_the_same_bits_in_any_batch(module):
    X, y = rows_of("array"), targets(3)
    features = NNFeatures(NNClassifier(module, max_epochs=1, random_state=0)).fit(X[:120], y[:120])
    whole = features.transform(X)
    for rows in ([7], [300, 5], range(17, 80)):
        np.testing.assert_array_equal(features.transform(X[list(rows)]), whole[list(rows)])
