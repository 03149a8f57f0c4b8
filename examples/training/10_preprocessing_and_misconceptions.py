"""# 10. Scaling, first weights, and three misconceptions

**a. Scaling.** A step is about the same for all weights, so that a column of thousands drowns one of hundredths. Two
small tables whose columns have very different units, wine and breast cancer: 60 % of the rows train an
`NNClassifier("mlp")` for 50 epochs, as they are (`preprocessing=None`), with `StandardScaler()`, and with "auto".

**b. First weights.** The variance of a layer's weights decides whether signals and gradients keep their size from layer
to layer (Glorot and Bengio, 2010; He et al., 2015). Each `weight_init` with 2 and with 10 hidden layers of 64 ReLU
units, 10 epochs of plain SGD with learning rate 0.05 on 1,000 digits of 8 × 8 pixels.

**c. Misconceptions.** *More data always helps*: the test error by the number of training rows, with early stopping.
*A confident network knows*: trained on the digits 0 to 4, what is its largest probability for the digits 5 to 9, and
for pixels drawn at random? A plain network and the default pack (`NNClassifier()`, 8 members, calibrated) answer.
*The training loss tells how good a network is*: see the losses of part a, and chapter 1.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from lab import census, figure, images, main, spread
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sknn import NNClassifier

SCALING = {"unscaled": None, "StandardScaler": StandardScaler(), "auto": "auto"}
INITIALISERS = (
    "he_normal",
    "he_uniform",
    "glorot_normal",
    "glorot_uniform",
    "lecun_normal",
    "orthogonal",
    "unit_variance",
    "small_normal",
    "zero",
)
DEPTHS = (2, 10)
SIZES = (100, 300, 1000, 3000, 7000)
KNOWN, UNKNOWN, NOISE = "digits 0–4, as trained", "digits 5–9", "random pixels"


def network(seed: int, **params) -> NNClassifier:
    plain = {"dropout": 0.0, "weight_decay": 0.0, "calibration": None, "early_stopping": False}
    return NNClassifier("mlp", random_state=seed, **plain | params)


def scaling(seed: int):
    for data, load in (("wine", load_wine), ("breast cancer", load_breast_cancer)):
        X_train, X_test, y_train, y_test = _split(*load(return_X_y=True), 0.6, seed)
        for name, preprocessing in SCALING.items():
            net = network(seed, preprocessing=preprocessing, batch_size=16, max_epochs=50).fit(X_train, y_train)
            losses = {
                "training loss": log_loss(y_train, net.predict_proba(X_train)),
                "test loss": log_loss(y_test, net.predict_proba(X_test)),
            }
            yield {"part": "a", "data": data, "setting": name} | losses | {"error": _error(net, X_test, y_test)}


def first_weights(seed: int, X, y):
    X_train, X_test, y_train, y_test = _split(X, y, 1000, seed)
    for depth in DEPTHS:
        for name in INITIALISERS:
            net = network(
                seed,
                hidden_layer_sizes=(64,) * depth,
                weight_init=name,
                optimizer="sgd",
                learning_rate=0.05,
                batch_size=32,
                max_epochs=10,
            ).fit(X_train, y_train)
            losses = {"training loss": net.loss_curve_[-1], "test loss": log_loss(y_test, net.predict_proba(X_test))}
            place = {"part": "b", "data": f"{depth} hidden layers", "setting": name}
            yield place | losses | {"error": _error(net, X_test, y_test)}


def more_rows(seed: int, X, y):
    for data, (X_all, y_all), n_test in (("census", census(), 3000), ("digits", (X, y), len(y) // 4)):
        X_train, X_test, y_train, y_test = _split(X_all, y_all, len(y_all) - n_test, seed)
        for n_rows in (n for n in SIZES if n <= len(y_train)):
            net = network(seed, early_stopping=True).fit(X_train[:n_rows], y_train[:n_rows])
            losses = {
                "training loss": log_loss(y_train[:n_rows], net.predict_proba(X_train[:n_rows])),
                "test loss": log_loss(y_test, net.predict_proba(X_test)),
            }
            place = {"part": "c", "data": data, "setting": f"{n_rows} rows", "rows": n_rows}
            yield place | losses | {"error": _error(net, X_test, y_test)}


def confidence(seed: int, X, y):
    known = y < 5
    X_train, X_test, y_train, _ = _split(X[known], y[known], 600, seed)
    noise = np.random.default_rng(seed).uniform(0, X.max(), (500, X.shape[1])).astype(X.dtype)
    shown = {KNOWN: X_test[:500], UNKNOWN: X[~known][:500], NOISE: noise}
    for name, net in (("plain network", network(seed, max_epochs=30)), ("default pack", NNClassifier(random_state=seed))):
        net.fit(X_train, y_train)
        for group, rows in shown.items():
            sure = net.predict_proba(rows).max(axis=1).mean()
            yield {"part": "c", "data": group, "setting": name, "confidence": sure}


def measure(seeds, folder) -> pd.DataFrame:
    digits = images(folder, "optdigits_8x8")
    X = digits.X.reshape(len(digits.X), -1)
    rows = []
    for seed in seeds:
        rows += scaling(seed)
        rows += first_weights(seed, X, digits.y)
        rows += more_rows(seed, X, digits.y)
        rows += confidence(seed, X, digits.y)
    return pd.DataFrame(rows)


def table(results: pd.DataFrame) -> pd.DataFrame:
    columns = ("training loss", "test loss", "error", "confidence")
    frame = spread(results, ["part", "data", "setting"], dict.fromkeys(columns, ".3f"))
    return frame.rename(columns={"error": "test error"}).replace(r"nan.*", "", regex=True)


def draw(results: pd.DataFrame):
    fig, (weights, rows, sure) = figure(3, width=4.0, height=3.3)
    of_part = dict(iter(results.groupby("part", sort=False)))
    names = INITIALISERS[::-1]
    for depth in DEPTHS:
        part = of_part["b"][of_part["b"]["data"] == f"{depth} hidden layers"].groupby("setting")["error"]
        weights.errorbar(100 * part.mean()[list(names)], names, xerr=100 * part.std()[list(names)], fmt="o", markersize=5, capsize=2, label=f"{depth} hidden layers")
    weights.set(title="b. first weights", xlabel="test error (%)")
    return fig


def conclusion(results: pd.DataFrame) -> str:
    return ""


def _split(X, y, n_train, seed: int):
    return train_test_split(X, y, train_size=n_train, random_state=seed, stratify=y)


def _error(net: NNClassifier, X, y) -> float:
    return 1 - accuracy_score(y, net.predict(X))


if __name__ == "__main__":
    main(globals())
