"""# 5. Batch size: how many rows per step

A step follows the gradient of the mean loss over a batch of B rows. The noise of that gradient falls as 1/√B. An epoch
of n rows has only n/B steps: large batches use the processor better, so that an epoch is faster, and small ones take
more steps per epoch.

Fewer steps must be larger to make the same progress. Goyal et al. ("Accurate, large minibatch SGD", 2017) multiply the
learning rate by the same factor as the batch size (linear rule); √B instead keeps the variance of a step (Krizhevsky,
"One weird trick for parallelizing convolutional neural networks", 2014).

A plain network, `NNClassifier("mlp")` with 128 and 128 units, trained for 10 epochs by SGD with momentum 0.9 on 60 % of
a set of handwritten digits (5,000 of MNIST, or scikit-learn's 1,797); the others are the test set. The learning rate
is 0.01 at 32 rows per batch. At other sizes it is the same, or scaled by one of the rules. Time is that of the fastest
epoch, which is least disturbed by other processes.
"""

from __future__ import annotations

import pandas as pd
from lab import figure, images, main, spread
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

from sknn import NNClassifier

BATCH_SIZES = (16, 32, 64, 128, 256, 512, 1024)
BASE_SIZE, BASE_RATE = 32, 0.01
RULES = {"same rate": 0.0, "√B rule": 0.5, "linear rule": 1.0}  # the rate is multiplied by (B / 32) to this power


def network(seed: int, **params) -> NNClassifier:
    return NNClassifier(
        "mlp",
        optimizer="sgd",
        optimizer_params={"momentum": 0.9},
        dropout=0.0,
        weight_decay=0.0,
        max_epochs=10,
        early_stopping=False,
        random_state=seed,
        **params,
    )


def measure(seeds, folder) -> pd.DataFrame:
    data = images(folder)
    X = data.X.reshape(len(data.X), -1)
    rows = []
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(
            X, data.y, train_size=0.6, random_state=seed, stratify=data.y
        )
        for size in BATCH_SIZES:
            measured = {}  # at 32 rows all rules say the same
            for rule, power in RULES.items():
                rate = BASE_RATE * (size / BASE_SIZE) ** power
                if rate not in measured:
                    net = network(seed, batch_size=size, learning_rate=rate).fit(X_train, y_train)
                    measured[rate] = {
                        "steps": net.history_["train_batch_count"].iloc[0],
                        "milliseconds": 1000 * net.history_["dur"].min(),
                        "accuracy": accuracy_score(y_test, net.predict(X_test)),
                    }
                rows.append({"data": data.name, "batch size": size, "rule": rule} | measured[rate])
    return pd.DataFrame(rows)


def table(results: pd.DataFrame) -> pd.DataFrame:
    columns = {"steps": "steps an epoch", "milliseconds": "milliseconds an epoch"}
    times = spread(results, "batch size", {"steps": ".0f", "milliseconds": ".0f"}).rename(columns=columns)
    times["steps an epoch"] = times["steps an epoch"].str.removesuffix(" ± 0")
    accuracies = {
        f"accuracy, {rule}": spread(rows, "batch size", {"accuracy": ".3f"})["accuracy"]
        for rule, rows in results.groupby("rule", sort=False)
    }
    return times.assign(**accuracies)


def draw(results: pd.DataFrame):
    fig, (left, right) = figure(2)
    for rule, rows in results.groupby("rule", sort=False):
        grouped = rows.groupby("batch size")["accuracy"]
        left.errorbar(
            list(grouped.groups), grouped.mean(), grouped.std(), marker="o", markersize=3, capsize=2, label=rule
        )
    left.set_ylabel("test accuracy after 10 epochs")
    left.legend(frameon=False, fontsize="small", loc="lower left", title="learning rate")
    times = results.groupby("batch size")["milliseconds"]
    right.errorbar(list(times.groups), times.mean(), times.std(), marker="o", markersize=3, capsize=2, color="0.3")
    right.set_ylabel("milliseconds an epoch")
    right.set_ylim(bottom=0)
    for ax in (left, right):
        ax.set(xscale="log", xlabel="batch size", xticks=BATCH_SIZES, xticklabels=BATCH_SIZES)
        ax.minorticks_off()
        ax.tick_params(axis="x", labelsize="small")
    return fig


def conclusion(results: pd.DataFrame) -> str:
    mean = results.groupby(["rule", "batch size"])["accuracy"].mean()
    same, root, linear = mean["same rate"], mean["√B rule"], mean["linear rule"]
    times = results.groupby("batch size")["milliseconds"].mean()
    steps = results.groupby("batch size")["steps"].first()
    small, large = BATCH_SIZES[0], BATCH_SIZES[-1]
    gap, scaled_gap = same[small] - same[large], linear[small] - linear[large]
    reason = (
        f"Larger steps make up for most of that: with the linear rule the difference is {scaled_gap:.3f}.\n"
        "Small batches gain by more steps here; the noise of their gradients by itself has no visible benefit."
        if abs(scaled_gap) < 0.5 * gap
        else f"Longer steps do not make up for it: with the linear rule the difference is {scaled_gap:.3f}."
    )
    limit = max(size for size in BATCH_SIZES if abs(linear[size] - linear[BASE_SIZE]) <= 0.01)
    beyond = "; a rate cannot grow without limit" if limit < large else ""
    fast = 4 * BASE_SIZE
    return f"""
## What to use

At one learning rate, after the same number of epochs, {same.idxmax()} rows a batch are best ({same.max():.3f});
{large} rows reach {same[large]:.3f}, with {steps[large]} steps per epoch instead of {steps[small]}. {reason}

The linear rule keeps batches of up to {limit} rows within one percentage point of {BASE_SIZE} rows
({linear[limit]:.3f} and {linear[BASE_SIZE]:.3f}), in {times[limit] / times[BASE_SIZE]:.0%} of the time. At {large} rows
it gives {linear[large]:.3f}, and the √B rule {root[large]:.3f}{beyond}. This is SGD; for Adam, whose steps do not
grow with the gradient, the √B rule is the one derived (Malladi et al., NeurIPS 2022).

From {small} to {fast} rows an epoch gets {times[small] / times[fast]:.1f} times faster, from there to {large}
{times[fast] / times[large]:.1f} times. On a CPU 32 to 256 rows are enough, as `batch_size="auto"` takes
above 100 training rows. If you change the batch size, change the learning rate with it, and compare at equal
time, not only at equal numbers of epochs.
"""


if __name__ == "__main__":
    main(globals())
