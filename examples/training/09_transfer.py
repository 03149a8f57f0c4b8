"""# 9. Transfer learning: starting from a trained network

A network that was trained on one task has learned features that may be useful for another one. They can be
used in several ways (Yosinski et al., "How transferable are features in deep neural networks?", 2014):

* from scratch: not at all, for comparison;
* fine-tuning, `Pretrained(known)`: training starts from its weights instead of random ones, with a new last layer;
* slow backbone, `Pretrained(known, learning_rates={"backbone": 0.1})`: a tenth of the rate in all but the last layer;
* frozen, `Pretrained(known, freeze="backbone")`: only the new last layer is trained;
* features, `make_pipeline(NNFeatures(FrozenEstimator(known)), LogisticRegression())`: the same with another model.

`known` is a convolutional network (8 and 16 channels) that classifies the digits 0 to 4. The new task is to classify 5
to 9 after 20 to 500 labelled images of them; if the image sets are available also ten animals by their silhouettes,
which have less in common with digits. Up to 1,000 other images are the test set. All networks have the same
layers and settings: dropout 0.2, batches of 25, the same number of epochs (60 for 20 images, 10 for 500), and the
schedule "one_cycle" up to a rate of 0.01, which suits training from scratch on few images.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from lab import Images, figure, images, main, spread
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sknn import NNClassifier, NNFeatures, Pretrained

EPOCHS = {20: 60, 50: 40, 100: 30, 200: 20, 500: 10}  # by labelled images
OF_ANIMALS = (50, 200)
N_TEST = 1000
AT = 50  # labelled images that the text looks at
TICKS = (1, 2, 3, 5, 10, 20, 30, 40, 60, 80)  # of the error axis, in %
SCRATCH, TUNED, SLOW, FROZEN, FEATURES = "from scratch", "fine-tuning", "slow backbone", "frozen", "features"


SHAPE = {"hidden_layer_sizes": (8, 16), "dropout": 0.2}


def network(module, n_epochs: int, seed: int) -> NNClassifier:
    return NNClassifier(
        module,
        **(SHAPE if module == "cnn" else {}),  # what is pretrained has its shape
        learning_rate=0.01,
        lr_schedule="one_cycle",
        batch_size=25,
        max_epochs=n_epochs,
        early_stopping=False,
        random_state=seed,
    )


def models(known: NNClassifier, n_epochs: int, seed: int) -> dict:
    return {
        SCRATCH: network("cnn", n_epochs, seed),
        TUNED: network(Pretrained(known), n_epochs, seed),
        SLOW: network(Pretrained(known, learning_rates={"backbone": 0.1}), n_epochs, seed),
        FROZEN: network(Pretrained(known, freeze="backbone"), n_epochs, seed),
        FEATURES: make_pipeline(NNFeatures(FrozenEstimator(known)), LogisticRegression(max_iter=1000)),
    }


def measure(seeds, folder) -> pd.DataFrame:
    digits, animals = images(folder), images(folder, "animal_silhouettes_28x28")
    is_known = digits.y <= 4
    known = network("cnn", 8, 0).fit(digits.X[is_known], digits.y[is_known])
    tasks = {"digits 5 to 9": (Images(digits.name, digits.X[~is_known], digits.y[~is_known]), EPOCHS)}
    if animals.name != digits.name:
        tasks["animals"] = animals, OF_ANIMALS
    rows = []
    for seed in seeds:
        for task, (data, numbers) in tasks.items():
            for n in numbers:
                n_test = min(N_TEST, len(data.X) - n)
                X_train, X_test, y_train, y_test = train_test_split(
                    data.X, data.y, train_size=n, test_size=n_test, random_state=seed, stratify=data.y
                )
                row = {"task": task, "labelled images": n}
                for name, model in models(known, EPOCHS[n], seed).items():
                    row[name] = 100 * (1 - model.fit(X_train, y_train).score(X_test, y_test))
                    if name == FROZEN:
                        row |= compare(known, model)
                rows.append(row)
    return pd.DataFrame(rows)


def compare(before: NNClassifier, after: NNClassifier) -> dict:
    """Which tensors of two networks, statistics of normalisation included, are not the same bits."""
    old, new = before.module_.state_dict(), after.module_.state_dict()
    changed = [name for name in old if old[name].numpy().tobytes() != new[name].numpy().tobytes()]
    return {
        "tensors": len(old),
        "changed": " and ".join(f"`{name}`" for name in changed),
        "is exact": changed == list(old)[-2:],  # weights and biases of the last layer
    }


def table(results: pd.DataFrame) -> pd.DataFrame:
    return spread(
        results, ["task", "labelled images"], dict.fromkeys((SCRATCH, TUNED, SLOW, FROZEN, FEATURES), ".1f")
    ).add_suffix(", %")


def draw(results: pd.DataFrame):
    tasks = list(dict.fromkeys(results["task"]))
    fig, axes = figure(len(tasks), width=4.0 if len(tasks) == 1 else 3.6)
    for ax, task in zip(np.atleast_1d(axes), tasks, strict=True):
        grouped = results[results["task"] == task].groupby("labelled images")
        for name in (SCRATCH, TUNED, SLOW, FROZEN, FEATURES):
            mean, std = grouped[name].mean(), grouped[name].std()
            style = {"color": "black", "linestyle": "--"} if name == SCRATCH else {}
            ax.errorbar(mean.index, mean, std, marker="o", markersize=3, linewidth=1.2, label=name, **style)
        ax.set(xscale="log", yscale="log", title=task, xlabel="labelled images")
        for axis, ticks in ((ax.xaxis, list(mean.index)), (ax.yaxis, [t for t in TICKS if inside(ax, t)])):
            axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
            axis.set_ticks([], minor=True)
    np.atleast_1d(axes)[0].set_ylabel("test error, %")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize="small")
    return fig


def inside(ax, value: float) -> bool:
    low, high = ax.get_ylim()
    return low <= value <= high


def conclusion(results: pd.DataFrame) -> str:
    mean = results.groupby(["task", "labelled images"], sort=False).mean(numeric_only=True)
    digits = mean.loc["digits 5 to 9"]
    at, ways = digits.loc[AT], [TUNED, SLOW, FROZEN, FEATURES]
    enough = [n for n in digits.index if digits.loc[n, SCRATCH] <= at[TUNED]]
    needed = f"about {enough[0]}" if enough else f"more than {digits.index[-1]}"
    helped = {way: [n for n in digits.index if digits.loc[n, way] < digits.loc[n, SCRATCH]] for way in ways}
    listed = "\n".join(f"* {way}: {numbers(helped[way], len(digits))}" for way in ways)
    few, many = digits.index[[0, -1]]
    ratio = digits[FROZEN] / digits[SCRATCH]
    is_between = ((digits[TUNED] < digits[SLOW]) & (digits[SLOW] < digits[FROZEN])).all()
    between = " A low rate for the backbone lies between the two, with each number of images." if is_between else ""
    return f"""
## What to use

With {AT} labelled digits the error is {at[SCRATCH]:.1f} % from scratch and {at[TUNED]:.1f} % with fine-tuning.
To reach that from scratch takes {needed if at[TUNED] < at[SCRATCH] else "no more than these"} images.
The best method with {AT} is {at[ways].idxmin()}. The error on digits is lower than from scratch for

{listed}
{of_animals(mean)}
Frozen layers cannot adapt: the error on digits is {ratio[few]:.1f} times that from scratch with {few} images, and
{ratio[many]:.1f} times with {many}. Try fine-tuning first, and freeze if the same layers must still serve the old
task, or if features are computed once for many models.{between}

{of_freezing(results)}
"""


def numbers(chosen: list[int], n_all: int) -> str:
    if len(chosen) in (0, n_all):
        return f"{'each' if chosen else 'no'} number of images"
    return f"{', '.join(map(str, chosen))} images"


def of_animals(mean: pd.DataFrame) -> str:
    """A paragraph, where the data are there."""
    if "animals" not in mean.index:
        return ""
    errors = [
        f"{row[SCRATCH]:.0f} % from scratch, {row[TUNED]:.0f} % with fine-tuning and {row[FROZEN]:.0f} % frozen "
        f"with {n} images"
        for n, row in mean.loc["animals"].iterrows()
    ]
    return f"\nOn animals the error is {'; '.join(errors)}: the features fit these less well.\n"


def of_freezing(results: pd.DataFrame) -> str:
    count = f"{results['is exact'].sum()} of {len(results)} frozen networks"
    if not results["is exact"].all():
        return f"Freezing was exact in {count} only."
    n_same = results["tensors"].iloc[0] - 2
    return f"""Freezing is exact: in {count} the {n_same} tensors of the backbone, with the statistics of batch
normalisation, are bit-identical before and after training; only {results["changed"].iloc[0]} differ."""


if __name__ == "__main__":
    main(globals())
