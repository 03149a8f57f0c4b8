"""# 4. Learning rate: the length of a step

A step changes the weights by −η times the direction that the optimizer derives from the gradient. With η too small,
training makes little progress in its epochs; with η too large, steps overshoot and the loss rises: training diverges.
Which η is too large depends on the optimizer. SGD (here with momentum 0.9) multiplies the gradient by η, so η must suit
the size of the gradients. Adam divides by their running magnitude, so that a weight moves by at most about η per step,
whatever the scale of the loss.

A schedule changes η during training. "one_cycle" (Smith and Topin, 2019) rises for a tenth of the steps, then falls to
0 as a cosine: large steps first, small ones to finish. The range test (Smith, WACV 2017) searches for η: a hundred
steps with a rate that grows from 0.00001 to 1; `LearningRateFinder` suggests where the loss falls fastest.

`NNClassifier("mlp")` with 64 and 64 units, without dropout, on 2,000 handwritten digits (half of them, where there are
fewer) for 10 epochs of 64 rows per step. A run counts as diverged if loss or weights became infinite or NaN.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from lab import figure, images, main, spread
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknn import LearningRateFinder, NNClassifier

RATES = (0.0001, 0.001, 0.01, 0.1, 1.0)
SCHEDULES = ("constant", "one_cycle")
OPTIMIZERS = {"SGD": {"optimizer": "sgd", "optimizer_params": {"momentum": 0.9}}, "AdamW": {"optimizer": "adamw"}}


def network(seed: int, optimizer: str, **params) -> NNClassifier:
    plain = {"dropout": 0.0, "weight_decay": 0.0, "early_stopping": False}
    plain |= {"hidden_layer_sizes": (64, 64), "batch_size": 64, "max_epochs": 10}
    return NNClassifier("mlp", **plain, **OPTIMIZERS[optimizer], **params, random_state=seed)


def scores(net: NNClassifier, X_train, y_train, X_test, y_test) -> dict:
    """Of a fit; only that it diverged, where the package gives up or warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            net.fit(X_train, y_train)
        except (ValueError, ConvergenceWarning) as error:
            if "learning rate" not in str(error):
                raise
            return {"diverged": True}
    return {
        "diverged": False,
        "training loss": net.loss_curve_[-1],
        "test loss": log_loss(y_test, net.predict_proba(X_test)),
        "test accuracy": net.score(X_test, y_test),
    }


def measure(seeds, folder) -> pd.DataFrame:
    digits = images(folder)
    X = digits.X.reshape(len(digits.X), -1)
    rows = []
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(
            X, digits.y, train_size=min(2000, len(X) // 2), random_state=seed, stratify=digits.y
        )
        for optimizer in OPTIMIZERS:
            finder = LearningRateFinder(network(seed, optimizer)).fit(X_train, y_train)
            for name, rate in {**{f"{rate:g}": rate for rate in RATES}, "range test": finder.suggestion_}.items():
                for schedule in SCHEDULES:
                    net = network(seed, optimizer, learning_rate=rate, lr_schedule=schedule)
                    setting = {"optimizer": optimizer, "learning rate": name, "schedule": schedule, "rate": rate}
                    row = setting | scores(net, X_train, y_train, X_test, y_test)
                    rows.append(row | {"finder": finder if name == "range test" else None})
    return pd.DataFrame(rows)


def table(results: pd.DataFrame) -> pd.DataFrame:
    by, parts = ["optimizer", "learning rate"], {}
    for column, form in {"test loss": ".3f", "test accuracy": ".3f"}.items():
        for schedule in SCHEDULES:
            of_schedule = results[results["schedule"] == schedule]
            diverged = of_schedule.groupby(by, sort=False)["diverged"].sum()
            shown = spread(of_schedule, by, {column: form})[column]
            shown[diverged > 0] += " (" + diverged.astype(str) + " diverged)"
            shown[shown.str.startswith("nan")] = "diverged"
            parts[f"{column}, {schedule}"] = shown
    found = results[results["learning rate"] == "range test"].groupby("optimizer")["rate"]
    names = {o: f"range test: {found.mean()[o]:.2g} ± {found.std(ddof=0)[o]:.1g}" for o in OPTIMIZERS}
    frame = pd.DataFrame(parts)
    frame.index = pd.MultiIndex.from_tuples(
        [(o, names[o] if rate == "range test" else rate) for o, rate in frame.index], names=by
    )
    return frame


def draw(results: pd.DataFrame):
    fig, (left, *others) = figure(3)
    found = results[results["finder"].notna()].groupby("optimizer").first()
    found.loc["AdamW", "finder"].plot(left)
    left.set_title("AdamW: range test")
    left.legend(frameon=False, fontsize="small", loc="lower left")
    for ax, optimizer in zip(others, OPTIMIZERS, strict=True):
        of_optimizer = results[(results["optimizer"] == optimizer) & (results["learning rate"] != "range test")]
        for schedule, style in zip(SCHEDULES, ("C0-", "C1--"), strict=True):
            grouped = of_optimizer[of_optimizer["schedule"] == schedule].groupby("rate")
            accuracy = grouped["test accuracy"]
            ax.errorbar(RATES, accuracy.mean(), accuracy.std(), fmt=style, marker="o", markersize=3, label=schedule)
            diverged = grouped["diverged"].any()
            ax.plot(diverged.index[diverged], np.zeros(diverged.sum()), style[:2] + "x")
        ax.plot([], [], "kx", label="some run diverged")
        ax.axvline(found.loc[optimizer, "rate"], color="C3", linestyle="--", linewidth=1, label="range test")
        ax.set(xscale="log", xlabel="learning rate", ylabel="test accuracy", ylim=(-0.04, 1), title=optimizer)
    handles = others[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower right", ncols=4, frameon=False, fontsize="small")
    return fig


def conclusion(results: pd.DataFrame) -> str:
    low, high, top = (f"{rate:g}" for rate in (RATES[0], RATES[-2], RATES[-1]))

    def means(optimizer: str, schedule: str, column: str) -> pd.Series:
        of_setting = results[(results["optimizer"] == optimizer) & (results["schedule"] == schedule)]
        return of_setting.groupby("learning rate", sort=False)[column].mean()

    accuracy = {(o, s): means(o, s, "test accuracy") for o in OPTIMIZERS for s in SCHEDULES}
    lines, gaps = [], []
    for optimizer in OPTIMIZERS:
        constant, cycle = (means(optimizer, s, "test loss").drop("range test") for s in SCHEDULES)
        lines.append(
            f"{optimizer} had its lowest test loss at {constant.idxmin()} when constant ({constant.min():.3f}) and at "
            f"{cycle.idxmin()} with one-cycle ({cycle.min():.3f})."
        )
        for schedule in SCHEDULES:
            of_grid = accuracy[optimizer, schedule].drop("range test")
            gaps.append(accuracy[optimizer, schedule]["range test"] - of_grid.max())
    found = {optimizer: means(optimizer, "constant", "rate")["range test"] for optimizer in OPTIMIZERS}
    sgd, adam, adam_cycle = (accuracy[k] for k in (("SGD", "constant"), ("AdamW", "constant"), ("AdamW", "one_cycle")))
    highest = results[results["learning rate"] == top]
    left = highest["test accuracy"].mean()
    rest = "" if np.isnan(left) else f", and the others had an accuracy of {left:.3f}"
    shifted = adam_cycle[low] < adam[low] and adam_cycle[high] > adam[high]
    advice = (
        "it does worse at a rate that is too low, and better at one that is too high. Set its peak to several times "
        "the best constant rate."
        if shifted
        else "here that made no clear difference."
    )
    return f"""
## What to use

{" ".join(lines)} At {low} SGD reached an accuracy of {sgd[low]:.3f} and AdamW to {adam[low]:.3f}, at {high} to
{sgd[high]:.3f} and {adam[high]:.3f}: learning rates of different optimizers are not comparable. At {top}
{highest["diverged"].mean():.0%} of all runs diverged{rest}. A finite loss is no sign of success.

One-cycle spends most steps below its peak. AdamW reached {adam_cycle[low]:.3f} with it at {low} and
{adam_cycle[high]:.3f} at {high}, constant {adam[low]:.3f} and {adam[high]:.3f}: {advice}

The range test suggested {found["SGD"]:.2g} for SGD and {found["AdamW"]:.2g} for AdamW. With these rates accuracy
differed from that of the best rate of the grid by {min(gaps):+.3f} to {max(gaps):+.3f}, for a hundred steps instead of
{len(RATES)} fits.

Start with AdamW, at 0.001 constant (the default of plain networks) or at what the range test suggests. Then try a third
and three times as much: factors, not differences, are what counts. When training diverges, divide by ten.
"""


if __name__ == "__main__":
    main(globals())
