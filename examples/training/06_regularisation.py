"""# 6. Regularisation: what keeps a network from overfitting

A wide network can fit a few hundred rows exactly; its predictions for new rows are then poor and overconfident, as the
gap between test loss and training loss shows. Remedies:

* L1 and L2 penalties, together the elastic net (`callbacks=[Penalty(l1, l2)]`): l1·Σ|w| + ½·l2·Σw² is added to the
  mean loss. L1 makes weights exactly 0.
* Decoupled weight decay (`weight_decay` with "adamw"): each step multiplies weights by 1 − learning rate · decay,
  separately from the gradient, which Adam rescales (Loshchilov and Hutter, ICLR 2019).
* Dropout: units are left out at random (Srivastava et al., JMLR 2014). Max-norm (`callbacks=[MaxNorm(c)]`): the norm of
  a unit's incoming weights is at most c. Input noise (`augmentation=[GaussianNoise(std)]`). Early stopping.

A plain network, `NNClassifier("mlp")` with 256 and 256 units and Adam at a constant learning rate of 0.001, for 30
epochs of 64 rows a batch on 600 rows of census data; 4,000 other rows are the test set. Time is that of the fastest
epoch, which is least disturbed by other processes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from lab import census, figure, main, spread
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from sknn import NNClassifier
from sknn.augmentation import GaussianNoise
from sknn.callbacks import MaxNorm, Penalty

SETTINGS = {
    ("none", ""): {},
    **{("L2", f"{value:g}"): {"callbacks": [Penalty(l2=value)]} for value in (0.01, 0.03, 0.1)},
    **{("L1", f"{value:g}"): {"callbacks": [Penalty(l1=value)]} for value in (1e-4, 3e-4, 1e-3, 3e-3)},
    ("elastic net", "L1 0.0003, L2 0.01"): {"callbacks": [Penalty(l1=3e-4, l2=1e-2)]},
    **{("weight decay", f"{value:g}"): {"optimizer": "adamw", "weight_decay": value} for value in (0.01, 10.0, 30.0)},
    **{("dropout", f"{value:g}"): {"dropout": value} for value in (0.2, 0.5, 0.8)},
    **{("max-norm", f"{value:g}"): {"callbacks": [MaxNorm(value)]} for value in (0.1, 0.3, 1.0)},
    **{("input noise", f"{value:g}"): {"augmentation": [GaussianNoise(value)]} for value in (0.1, 0.5, 1.0)},
    ("early stopping", "patience 10"): {"early_stopping": True, "patience": 10},
}
BY = ["ingredient", "strength"]


def network(seed: int, **params) -> NNClassifier:
    plain = {"optimizer": "adam", "weight_decay": 0.0, "dropout": 0.0, "early_stopping": False}
    return NNClassifier(
        "mlp",
        hidden_layer_sizes=(256, 256),
        learning_rate=0.001,
        batch_size=64,
        max_epochs=30,
        random_state=seed,
        **plain | params,
    )


def fraction_of_zeros(net: NNClassifier) -> float:
    """Of the weights, not the biases."""
    weights = np.concatenate([p.detach().numpy().ravel() for p in net.module_.parameters() if p.ndim > 1])
    return float(np.mean(weights == 0))


def measure(seeds, folder) -> pd.DataFrame:
    X, y = census()
    rows = []
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, train_size=600, test_size=4000, random_state=seed, stratify=y
        )
        for (ingredient, strength), params in SETTINGS.items():
            net = network(seed, **params).fit(X_train, y_train)
            net.temperature_ = 1.0  # the network's own probabilities
            proba = net.predict_proba(X_test)
            train_loss, test_loss = log_loss(y_train, net.predict_proba(X_train)), log_loss(y_test, proba)
            rows.append(
                {
                    "ingredient": ingredient,
                    "strength": strength,
                    "training loss": train_loss,
                    "test loss": test_loss,
                    "gap": test_loss - train_loss,
                    "test accuracy": accuracy_score(y_test, net.classes_[proba.argmax(axis=1)]),
                    "weights at 0": fraction_of_zeros(net),
                    "ms an epoch": 1000 * net.history_["dur"].min(),
                }
            )
    return pd.DataFrame(rows)


def table(results: pd.DataFrame) -> pd.DataFrame:
    losses = {"training loss": ".3f", "test loss": ".3f", "gap": ".3f"}
    frame = spread(results, BY, losses | {"test accuracy": ".3f", "weights at 0": ".0%", "ms an epoch": ".0f"})
    return frame.replace({"weights at 0": {"0% ± 0%": "0%"}})


def at_best_strength(results: pd.DataFrame) -> pd.DataFrame:
    """Means of each ingredient, at the strength that gives the lowest test loss; the best ingredient comes first."""
    mean = results.groupby(BY, sort=False).mean(numeric_only=True)
    best = mean.groupby("ingredient", sort=False)["test loss"].idxmin()
    return mean.loc[best].reset_index("strength").sort_values("test loss")


def draw(results: pd.DataFrame):
    fig, (left, right) = figure(2, width=4.3, height=3.4)
    best = at_best_strength(results).iloc[::-1]
    names = [f"{name}\n{strength}" if strength else name for name, strength in best["strength"].items()]
    left.hlines(names, best["training loss"], best["test loss"], color="0.8", linewidth=3, zorder=1)
    left.plot(best["training loss"], names, "o", label="training")
    left.plot(best["test loss"], names, "o", label="test")
    left.set(xlabel="cross-entropy", xlim=(0, None))
    left.tick_params(axis="y", labelsize="x-small", length=0)
    left.legend(frameon=False, fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    sparse = results[results["ingredient"].isin(["none", "L1"])].groupby("strength", sort=False)
    mean, std = (getattr(sparse[["weights at 0", "test loss"]], name)() for name in ("mean", "std"))
    right.errorbar(
        100 * mean["weights at 0"], mean["test loss"], std["test loss"], marker="o", markersize=4, capsize=2, color="C1"
    )
    for strength, (zeros, loss) in mean.iterrows():
        offset = {"xytext": (4, 12), "textcoords": "offset points", "fontsize": "small"}
        right.annotate(f"l1 = {strength or 0}", (100 * zeros, loss), **offset)
    right.set(xlabel="weights that are exactly 0 (%)", ylabel="test cross-entropy", xlim=(-5, 118))
    right.set_xticks(range(0, 101, 20))
    return fig


def conclusion(results: pd.DataFrame) -> str:
    mean = results.groupby(BY, sort=False).mean(numeric_only=True)
    best = at_best_strength(results)
    none, lowest = best.loc["none"], best["test loss"].min()
    others = best.drop(index="none")
    winner = others.index[0]
    near = others.index[1:][others["test loss"].iloc[1:] <= lowest + 0.02]
    listed = f" Within 0.02 of it are {', '.join(near)}." if len(near) else ""
    closest = mean["gap"].idxmin()
    gap, loss = mean.loc[closest, ["gap", "test loss"]]
    aim = (
        f"The smallest gap is that of {' '.join(closest)} ({gap:.3f}), but its test loss of {loss:.3f} is not the\n"
        "lowest: a network that learns little has no gap either."
        if loss > lowest
        else f"Here the smallest gap ({gap:.3f}) goes with the lowest test loss; that need not be so."
    )
    l2, decay, stop = (best.loc[name] for name in ("L2", "weight decay", "early stopping"))
    small_decay = mean.loc[("weight decay", "0.01"), "test loss"]
    sparse = mean.loc["L1"]
    no_worse = sparse["test loss"] <= max(none["test loss"], sparse["test loss"].min())
    sparsest = sparse["weights at 0"][no_worse].idxmax()
    zeros, sparse_loss = sparse.loc[sparsest, ["weights at 0", "test loss"]]
    times = (best["ms an epoch"] / none["ms an epoch"]).drop(index=["none", "early stopping"]).sort_values()
    listed_times = ", ".join(f"{name} {time:.1f}" for name, time in times.items())
    return f"""
## What to use

Without regularisation the training loss is {none["training loss"]:.3f} and the test loss {none["test loss"]:.3f}.
The lowest test loss is that of {winner} {others["strength"].iloc[0]}, {lowest:.3f}.{listed}
The strength matters more than the method. The strengths in the left panel, and the candidates before them, were chosen
on the test rows, which is optimistic for all methods except early stopping; search by cross-validation.
{aim}

* Start with early stopping. It reaches {stop["test loss"]:.3f} with no strength to choose, and saves time. Add
  another method if that is not enough.
* A weight decay of 0.01, torch's default, changes little in so few steps ({small_decay:.3f}): a step shrinks weights
  by the fraction learning rate · decay. L2 in Adam's gradient reaches {l2["test loss"]:.3f} at its best strength,
  {l2["strength"]}, and decoupled decay {decay["test loss"]:.3f} at {decay["strength"]}: the two scales differ.
* L1 makes networks sparse: {sparsest} leaves {zeros:.0%} of the weights at exactly 0, with a test loss of
  {sparse_loss:.3f}. Of the others only the elastic net gives zeros.
* Time of an epoch, as a multiple of the plain network's: {listed_times}.
"""


if __name__ == "__main__":
    main(globals())
