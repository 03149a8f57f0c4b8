"""# 9. Transfer learning: what a network brings along

A network that has been trained on one task has learned features, and another task may need the same. What it knows can
be used in several ways (Yosinski et al., "How transferable are features in deep neural networks?", 2014):

* from scratch: not at all, for comparison;
* fine-tuning, `Pretrained(known)`: training starts from its weights instead of random ones, with a new last layer;
* slow backbone, `Pretrained(known, learning_rates={"backbone": 0.1})`: all but the last layer at a tenth of the rate;
* frozen, `Pretrained(known, freeze="backbone")`: only the new last layer is trained;
* features, `make_pipeline(NNFeatures(FrozenEstimator(known)), LogisticRegression())`: the same with another method.

`known` is a convolutional network (8 and 16 channels) that tells the digits 0 to 4 apart. The new task is to tell 5 to 9
apart, by 20 to 500 labelled images; with the image sets at hand also ten animals by their silhouettes, which have less
in common with digits. All networks have the same layers, epochs and settings: dropout 0.2, batches of 25, the schedule
"one_cycle" up to a rate of 0.01, which was the best of 0.003, 0.01 and 0.03 for training from scratch.
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
SCRATCH, TUNED, SLOW, FROZEN, FEATURES = "from scratch", "fine-tuning", "slow backbone", "frozen", "features"


def network(module, n_epochs: int, seed: int) -> NNClassifier:
    return NNClassifier(
        module,
        hidden_layer_sizes=(8, 16),
        dropout=0.2,
        learning_rate=0.01,
        lr_schedule="one_cycle",
        batch_size=25,
        max_epochs=n_epochs,
        early_stopping=False,
        calibration=None,
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
                        row["kept"], row["changed"] = compare(known, model)
                rows.append(row)
    return pd.DataFrame(rows)


def compare(before: NNClassifier, after: NNClassifier) -> tuple[int, str]:
    """How many tensors of two networks, statistics of normalisation included, are the same bits, and which are not."""
    states = before.module_.state_dict(), after.module_.state_dict()
    changed = [name for name in states[0] if states[0][name].numpy().tobytes() != states[1][name].numpy().tobytes()]
    return len(states[0]) - len(changed), ", ".join(f"`{name}`" for name in changed)


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


TICKS = (1, 2, 3, 5, 10, 20, 30, 40, 60, 80)


def inside(ax, value: float) -> bool:
    low, high = ax.get_ylim()
    return low <= value <= high


def conclusion(results: pd.DataFrame) -> str:
    return ""


if __name__ == "__main__":
    main(globals())
