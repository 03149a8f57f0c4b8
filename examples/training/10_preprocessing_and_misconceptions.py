"""# 10. Scaling, initial weights, and three misconceptions

**a. Scaling.** A step of Adam is about the same for all weights, so that a feature in the thousands dominates one in
the hundredths. Two small tables with features of very different units, wine and breast cancer: 60 % of the rows train
`NNClassifier("mlp")` for 50 epochs, unscaled (`preprocessing=None`), with `StandardScaler()`, and with "auto".

**b. Initial weights.** The variance of a layer's weights determines whether signals and gradients keep their size from
layer to layer (Glorot and Bengio, 2010; He et al., 2015). Each `module__weight_init` with 2 and with 10 hidden layers
of 64 ReLU units, 8 epochs on 960 digits of 8 × 8 pixels, plain SGD (learning rate 0.05) and for 10 layers also Adam
(0.001).
The rates fall to 0 as a cosine: with a constant rate the loss of some deep networks spiked at the end, whatever
their initial weights.

**c. Misconceptions.** *More data always helps*: the test error by the number of training rows, with early stopping, at
most 60 epochs. *A confident network knows*: trained on the digits 0 to 4, what is its largest probability for the
digits 5 to 9, and for random pixels? Compared are a plain network and the default ensemble (`NNClassifier()`, 8
members, calibrated). *The training loss tells how good a network is*: see the losses of part a, and chapter 1.
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
SGD = {"optimizer": "sgd", "learning_rate": 0.05}
CASES = {
    "2 layers, SGD": {"hidden_layer_sizes": (64,) * 2} | SGD,
    "10 layers, SGD": {"hidden_layer_sizes": (64,) * 10} | SGD,
    "10 layers, Adam": {"hidden_layer_sizes": (64,) * 10, "optimizer": "adam", "learning_rate": 0.001},
}
SIZES = (100, 300, 1000, 3000, 7000)
KNOWN, UNKNOWN, NOISE = "digits 0–4", "digits 5–9", "random pixels"
GROUPS = (KNOWN, UNKNOWN, NOISE)


def network(seed: int, **params) -> NNClassifier:
    plain = {"dropout": 0.0, "weight_decay": 0.0, "early_stopping": False}
    return NNClassifier("mlp", random_state=seed, **plain | params)


def scaling(seed: int):
    for data, load in (("wine", load_wine), ("breast cancer", load_breast_cancer)):
        X_train, X_test, y_train, y_test = _split(*load(return_X_y=True), 0.6, seed)
        for name, preprocessing in SCALING.items():
            net = network(seed, preprocessing=preprocessing, batch_size=32, max_epochs=50).fit(X_train, y_train)
            losses = {
                "training loss": log_loss(y_train, net.predict_proba(X_train)),
                "test loss": log_loss(y_test, net.predict_proba(X_test)),
            }
            yield {"part": "a", "data": data, "setting": name} | losses | {"error": _error(net, X_test, y_test)}


def first_weights(seed: int, X, y):
    X_train, X_test, y_train, y_test = _split(X, y, 960, seed)
    X_test, y_test = X_test[:1000], y_test[:1000]
    for case, params in CASES.items():
        for name in INITIALISERS:
            net = network(seed, lr_schedule="cosine", batch_size=32, max_epochs=8, **params)
            net.set_params(module__weight_init=name).fit(X_train, y_train)
            losses = {
                "training loss": log_loss(y_train, net.predict_proba(X_train)),
                "test loss": log_loss(y_test, net.predict_proba(X_test)),
            }
            yield {"part": "b", "data": case, "setting": name} | losses | {"error": _error(net, X_test, y_test)}


def more_rows(seed: int, X, y):
    for data, (X_all, y_all), n_test in (("census", census(), 3000), ("digits", (X, y), len(y) // 4)):
        X_train, X_test, y_train, y_test = _split(X_all, y_all, len(y_all) - n_test, seed)
        for n_rows in (n for n in SIZES if n <= len(y_train)):
            net = network(seed, early_stopping=True, max_epochs=60).fit(X_train[:n_rows], y_train[:n_rows])
            net.temperature_ = 1.0  # the network's own probabilities
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
    for name, net in (
        ("plain network", network(seed, max_epochs=30)),
        ("default ensemble", NNClassifier(random_state=seed)),
    ):
        net.fit(X_train, y_train)
        for group, rows in shown.items():
            sure = net.predict_proba(rows).max(axis=1).mean()
            yield {"part": "c", "data": f"shown {group}", "setting": name, "confidence": sure}


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
    fig, (weights, rows, sure) = figure(3, width=3.9, height=3.4)
    parts = dict(iter(results.groupby("part", sort=False)))
    names = list(INITIALISERS[::-1])
    places = np.arange(len(names))
    for k, (case, part) in enumerate(parts["b"].groupby("data", sort=False)):
        error = 100 * part.groupby("setting")["error"].agg(["mean", "std"]).loc[names]
        style = {"fmt": "o", "markersize": 4, "capsize": 2, "label": case}
        weights.errorbar(error["mean"], places + 0.2 * (1 - k), xerr=error["std"], **style)
    weights.set(title="first weights", xlabel="test error (%)", yticks=places, yticklabels=names, xlim=(0, 100))
    weights.legend(frameon=False, fontsize="x-small", loc="upper right")

    for data, part in parts["c"].dropna(subset="rows").groupby("data", sort=False):
        error = 100 * part.groupby("rows")["error"].agg(["mean", "std"])
        rows.errorbar(error.index, error["mean"], error["std"], marker="o", markersize=4, capsize=2, label=data)
    rows.set(title="more data", xlabel="training rows", ylabel="test error (%)", xscale="log", ylim=(0, None))
    rows.set(xticks=SIZES, xticklabels=SIZES)
    rows.minorticks_off()
    rows.legend(frameon=False, fontsize="small")

    answers = parts["c"].dropna(subset="confidence").groupby(["setting", "data"], sort=False)["confidence"]
    mean, std = answers.mean(), answers.std()
    shown = [f"shown {group}" for group in GROUPS]
    for k, name in enumerate(("plain network", "default ensemble")):
        bars = {"width": 0.35, "capsize": 2, "label": name, "ecolor": "0.3"}
        sure.bar(np.arange(len(shown)) + 0.37 * (k - 0.5), mean[name][shown], yerr=std[name][shown], **bars)
    sure.axhline(0.2, color="0.3", linewidth=0.8, linestyle=":")
    sure.annotate("chance", (2.5, 0.2), fontsize="x-small", va="bottom")
    sure.set(title="trained on digits 0–4", ylabel="mean largest probability", ylim=(0, 1.25), xlim=(-0.55, 3.0))
    sure.set(xticks=range(len(shown)), yticks=np.linspace(0, 1, 6))
    sure.set_xticklabels([group.replace(" ", "\n") for group in GROUPS], fontsize="small")
    sure.legend(frameon=False, fontsize="x-small", loc="upper center", ncols=2)
    return fig


def conclusion(results: pd.DataFrame) -> str:
    parts = "\n\n".join(say(results) for say in (_on_scaling, _on_weights, _on_data, _on_confidence, _on_the_loss))
    return f"## What to use\n\n{parts}"


def _means(results: pd.DataFrame, column: str) -> pd.Series:
    return results.groupby(["data", "setting"], sort=False)[column].mean()


def _on_scaling(results: pd.DataFrame) -> str:
    error = _means(results, "error")
    wine, cancer = error["wine"], error["breast cancer"]
    between = max(abs(errors["StandardScaler"] - errors["auto"]) for errors in (wine, cancer))
    which = "The kind of scaling matters much less." if 3 * between < wine["unscaled"] - wine["auto"] else ""
    return f"""**Scaling.** Leave `preprocessing="auto"`, or scale yourself. The test error is {wine["unscaled"]:.3f}
unscaled and {wine["auto"]:.3f} scaled ("auto") on wine, {cancer["unscaled"]:.3f} and {cancer["auto"]:.3f} on breast
cancer. {which}"""


def _on_weights(results: pd.DataFrame) -> str:
    error = _means(results, "error")
    few, sgd, adam = (error[case] for case in CASES)
    stuck = [name for name in INITIALISERS if min(few[name], sgd[name], adam[name]) > 0.8]
    never = f"In none of the cases learn {' and '.join(stuck)}: almost no gradient passes through." if stuck else ""
    he, glorot = adam["he_uniform"], adam["glorot_uniform"]
    forgives = glorot - he < 0.25 * (sgd["glorot_uniform"] - sgd["he_uniform"])
    of_adam = (
        f"Adam, whose steps do not depend on the gradient's size, compensates for that ({glorot:.3f} and {he:.3f})."
        if forgives
        else f"With Adam these errors are {glorot:.3f} and {he:.3f}."
    )
    return f"""**Initial weights.** The default, He's for ReLU, is good. Two layers learn with nearly all of them.
{never} With 10 layers and SGD {sgd.idxmin()} is best ({sgd.min():.3f}): try it for many layers without
normalisation. With Glorot's weights, derived without ReLU, the signal shrinks from layer to layer:
{sgd["glorot_uniform"]:.3f}; with He's it is {sgd["he_uniform"]:.3f}. {of_adam}"""


def _on_data(results: pd.DataFrame) -> str:
    curves = results.dropna(subset="rows").groupby(["data", "rows"])["error"].mean()
    texts = []
    for data in ("census", "digits"):
        rows, falls = curves[data].index.astype(int), -curves[data].diff()
        texts.append(
            f"On {data} the error falls by {falls.iloc[1]:.3f} from {rows[0]} to {rows[1]} rows,\n"
            f"and by {falls.iloc[-1]:.3f} from {rows[-2]} to {rows[-1]}."
        )
    texts.append("Plot such a curve before you pay for more.")
    return f"**More data always helps?** Mostly, with diminishing returns. {' '.join(texts)}"


def _on_confidence(results: pd.DataFrame) -> str:
    sure = _means(results.dropna(subset="confidence"), "confidence").unstack()
    plain, ensemble = (sure[name] for name in ("plain network", "default ensemble"))
    unknown, noise = f"shown {UNKNOWN}", f"shown {NOISE}"
    of_ensemble = "is less confident, but" if plain[unknown] - ensemble[unknown] > 0.05 else "of 8 networks"
    return f"""**A confident network knows?** On the digits 5 to 9, which it does not know, the plain network is
{plain[unknown]:.0%} confident on average, and {plain[noise]:.0%} on random pixels (on digits that it knows
{plain[f"shown {KNOWN}"]:.0%}). The calibrated ensemble {of_ensemble} fails too ({ensemble[unknown]:.0%} and
{ensemble[noise]:.0%}). Probabilities are valid for rows like the training rows; far away from them ReLU networks are
overconfident (Hein et al., CVPR 2019). Whether rows are like them must be checked by other means: see "Novelty and
outlier detection" in scikit-learn's guide."""


def _on_the_loss(results: pd.DataFrame) -> str:
    training, test = (_means(results, name)["breast cancer", "auto"] for name in ("training loss", "test loss"))
    return f"""**The training loss tells how good a network is?** On breast cancer ("auto") it is {training:.4f}, and
the test loss {test:.3f}. It shows that a network is able to learn; only held-out rows show whether it generalises."""


def _split(X, y, n_train, seed: int):
    return train_test_split(X, y, train_size=n_train, random_state=seed, stratify=y)


def _error(net: NNClassifier, X, y) -> float:
    return 1 - accuracy_score(y, net.predict(X))


if __name__ == "__main__":
    main(globals())
