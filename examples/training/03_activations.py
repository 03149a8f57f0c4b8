"""# 3. Activations: what happens to gradients in deep networks

The gradient of a layer is a product of the weights and the slopes of the activations of all layers after it.
The slope of a sigmoid is 1/4 at most, so the product shrinks with each layer (vanishing gradients; Hochreiter, 1991;
Glorot and Bengio, AISTATS 2010). That of tanh is 1 at 0, and that of ReLU 1 or 0. A ReLU that is 0 for all rows has no
gradient (a dead unit), and recovers only if the layers before it change. Leaky ReLU (slope 0.01 below 0) and GELU have
a small slope there.

The scale of the initial weights determines whether signals grow or shrink from layer to layer. By default,
`module__weight_init` follows the activation: `he_uniform` for ReLU and similar ones, `glorot_uniform` for sigmoid and
tanh. For comparison: a sigmoid with He's weights, ReLU with weights from N(0, 0.01²), and ReLU at a learning rate of
0.03 instead of 0.001.

`NNClassifier("mlp")` with 2, 6 or 12 hidden layers of 32 units, AdamW, on 1,000 handwritten digits for 25 epochs.
Before training: the ratio of the gradient norms of the first and the last weight matrix, over all training rows
(`GradientNorm(by_layer=True)`). Before and after: the fraction of units that are 0 for all training rows (a forward
hook on each ReLU of `net.module_`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from lab import figure, images, main, spread
from sklearn.model_selection import train_test_split

from sknn import NNClassifier
from sknn.callbacks import GradientNorm

DEPTHS = (2, 6, 12)
SETTINGS = {
    "sigmoid": {"activation": "sigmoid"},
    "sigmoid, He": {"activation": "sigmoid", "module_params": {"weight_init": "he_uniform"}},
    "tanh": {"activation": "tanh"},
    "relu": {"activation": "relu"},
    "relu, small weights": {"activation": "relu", "module_params": {"weight_init": "small_normal"}},
    "relu, high rate": {"activation": "relu", "learning_rate": 0.03},
    "leaky_relu": {"activation": "leaky_relu"},
    "gelu": {"activation": "gelu"},
}
STYLES = dict(zip(SETTINGS, ("C0-", "C0--", "C1-", "C2-", "C2--", "C2:", "C3-", "C4-"), strict=True))


def network(seed: int, depth: int, **params) -> NNClassifier:
    plain = {"dropout": 0.0, "weight_decay": 0.0, "early_stopping": False, "batch_size": 128}
    shape = {"hidden_layer_sizes": [32] * depth, "random_state": seed}
    return NNClassifier("mlp", **plain | {"learning_rate": 0.001, "max_epochs": 25} | shape | params)


def first_gradients(net: NNClassifier, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gradient norms of all weights before training. Leaves `net` fitted by a step too small to matter."""
    net.set_params(max_epochs=1, batch_size=len(X), learning_rate=1e-9, callbacks=[GradientNorm(by_layer=True)])
    return net.fit(X, y).history_.filter(regex=r"^gradient_norm_.*weight$").iloc[0].to_numpy(dtype=float)


def dead_fraction(net: NNClassifier, X: np.ndarray) -> float:
    """Share of ReLU units that are 0 for all rows; NaN for a network without."""
    active = []

    def note(layer, args, output):  # (n, units)
        active.append((output > 0).any(dim=0).float().mean().item())

    layers = [layer for layer in net.module_.modules() if isinstance(layer, torch.nn.ReLU)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    net.predict(X)
    for hook in hooks:
        hook.remove()
    return 1 - np.mean(active) if layers else np.nan


def measure(seeds, folder) -> pd.DataFrame:
    digits = images(folder)
    X = digits.X.reshape(len(digits.X), -1)
    rows = []
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(
            X, digits.y, train_size=1000, random_state=seed, stratify=digits.y
        )
        for name, params in SETTINGS.items():
            for depth in DEPTHS:
                new = network(seed, depth, **params)
                norms = first_gradients(new, X_train, y_train)
                net = network(seed, depth, **params).fit(X_train, y_train)
                rows.append(
                    {
                        "activation": name,
                        "first weights": net.resolved_params_["module_params"]["weight_init"],
                        "hidden layers": depth,
                        "accuracy": net.score(X_test, y_test),
                        "chance": pd.Series(y_test).value_counts(normalize=True).max(),
                        "first gradient": norms[0],
                        "first / last gradient": norms[0] / norms[-1] if norms[-1] > 0 else np.nan,
                        "norms": norms,
                        "dead before": dead_fraction(new, X_train),
                        "dead after": dead_fraction(net, X_train),
                    }
                )
    return pd.DataFrame(rows)


def table(results: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "accuracy": ".3f",
        "first gradient": ".0e",
        "first / last gradient": ".1e",
        "dead before": ".0%",
        "dead after": ".0%",
    }
    by = ["activation", "first weights", "hidden layers"]
    return spread(results, by, columns).replace(r"^nan.*", "–", regex=True)


def draw(results: pd.DataFrame):
    fig, (left, middle, right) = figure(3)
    for name, style in STYLES.items():
        of_name = results[results["activation"] == name]
        norms = np.stack(of_name.loc[of_name["hidden layers"] == DEPTHS[-1], "norms"])  # (seeds, layers)
        left.plot(np.arange(1, norms.shape[1] + 1), norms.mean(axis=0), style, label=name)
        grouped = of_name.groupby("hidden layers")
        middle.errorbar(
            DEPTHS, grouped["accuracy"].mean(), grouped["accuracy"].std(), fmt=style, marker="o", markersize=3
        )
        if style.startswith("C2"):
            right.plot(DEPTHS, grouped["dead after"].mean(), style, marker="o", markersize=3)
    before = results[results["activation"] == "relu"].groupby("hidden layers")["dead before"].mean()
    right.plot(DEPTHS, before, color="0.6", marker="o", markersize=3, label="relu, before training")
    left.set(yscale="log", xlabel="layer", ylabel="gradient norm before training", title=f"{DEPTHS[-1]} hidden layers")
    middle.axhline(results["chance"].mean(), color="0.6", linewidth=0.8, zorder=0)
    middle.set(xticks=DEPTHS, xlabel="hidden layers", ylabel="test accuracy", ylim=(0, 1))
    right.set(xticks=DEPTHS, xlabel="hidden layers", ylabel="fraction of dead units", ylim=(0, 0.8))
    right.legend(frameon=False, fontsize="small", loc="upper left")
    fig.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=8, frameon=False, fontsize="small")
    return fig


def conclusion(results: pd.DataFrame) -> str:
    mean = results.groupby(["hidden layers", "activation"], sort=False).mean(numeric_only=True)
    shallow, middle, deep = (mean.loc[depth] for depth in DEPTHS)
    accuracy, dead, ratio = deep["accuracy"], deep["dead after"], deep["first / last gradient"]
    kept = accuracy[["tanh", "relu", "leaky_relu", "gelu"]]
    gain = middle["accuracy"]["sigmoid, He"] - middle["accuracy"]["sigmoid"]
    leaky = accuracy["leaky_relu"] - accuracy["relu"]
    blame = ": the dead units were hardly missed" if abs(leaky) < 0.01 else ""
    depth, best = mean["accuracy"].idxmax()
    deeper = "more layers did not help it" if depth == DEPTHS[0] else "with more layers accuracy fell again"
    if depth == DEPTHS[-1]:
        deeper = "here depth helped"
    return f"""
## What to use

With {DEPTHS[0]} hidden layers any activation learns ({shallow["accuracy"].min():.3f} to
{shallow["accuracy"].max():.3f}). With {DEPTHS[-1]} the gradient that reaches the first layer of a sigmoid network is
{ratio["sigmoid"]:.0e} of that of the last one, and its accuracy {accuracy["sigmoid"]:.3f} (predicting the largest
class gives {deep["chance"].iloc[0]:.3f}); tanh, ReLU, leaky ReLU and GELU keep a ratio of {ratio[kept.index].min():.1f}
to {ratio[kept.index].max():.1f} and reach {kept.min():.3f} to {kept.max():.3f}, best with {kept.idxmax()}. A sigmoid
belongs to the output, where the loss has it, not to hidden layers. He's larger weights, made for ReLU, reduce the
problem (a ratio of {ratio["sigmoid, He"]:.0e}; {gain:+.3f} accuracy with {DEPTHS[1]} layers) but do not solve it.

The initial weights matter as much as the activation: from N(0, 0.01²) a ReLU network of {DEPTHS[-1]} layers reaches
{accuracy["relu, small weights"]:.3f}. All its layers then have equally small gradients, so the ratio of first to last
does not show it, but the norm does ({deep["first gradient"]["relu, small weights"]:.0e} instead of
{deep["first gradient"]["relu"]:.1f}). Leave `module__weight_init` as it is.

Dead ReLU units increase with depth, {deep["dead before"]["relu"]:.0%} before any training with {DEPTHS[-1]} layers, and
with a learning rate that is too high: {dead["relu"]:.0%} after training at 0.001, {dead["relu, high rate"]:.0%} at
0.03, where accuracy is {accuracy["relu, high rate"]:.3f} instead of {accuracy["relu"]:.3f}. Lower the rate first; leaky
ReLU, which cannot die, changed accuracy at 0.001 by {leaky:+.3f}{blame}.

The best of all was "{best}" with {depth} hidden layers ({mean["accuracy"].max():.3f}); {deeper}. Take ReLU with two
layers (the default of "mlp") and go deeper only if held-out rows justify it; then normalise (`module__normalization`)
or use shortcuts (`module="resnet"`).
"""


if __name__ == "__main__":
    main(globals())
