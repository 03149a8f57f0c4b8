"""# 1. Epochs: how long to train

An epoch is one pass over the training rows. With too few epochs the network underfits. With too many it overfits, that
is, it memorises single rows: the training loss continues to fall, but the loss on unseen rows rises.

A plain network, `NNClassifier("mlp")` with 128 and 128 units and without dropout, a constant learning rate, on 3,000
rows of census data (does a person earn more than 50,000 dollars a year?), for a fixed number of epochs; 4,000 other
rows are the test set. The last line uses early stopping.
"""

from __future__ import annotations

import pandas as pd
from lab import census, figure, main, spread
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from sknn import NNClassifier

EPOCHS = (1, 3, 10, 20, 30, 50, 100)


def network(seed: int, **params) -> NNClassifier:
    return NNClassifier("mlp", dropout=0.0, weight_decay=0.0, random_state=seed, **params)


def measure(seeds, folder) -> pd.DataFrame:
    X, y = census()
    rows = []
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, train_size=3000, test_size=4000, random_state=seed, stratify=y
        )
        settings = {str(n): {"max_epochs": n, "early_stopping": False} for n in EPOCHS}
        settings["early stopping"] = {"patience": 10}
        for name, params in settings.items():
            net = network(seed, **params).fit(X_train, y_train)
            net.temperature_ = 1.0  # the network's own probabilities
            proba = net.predict_proba(X_test)
            rows.append(
                {
                    "epochs": name,
                    "epochs run": net.best_epoch_,
                    "training loss": log_loss(y_train, net.predict_proba(X_train)),
                    "test loss": log_loss(y_test, proba),
                    "test accuracy": accuracy_score(y_test, net.classes_[proba.argmax(axis=1)]),
                }
            )
    return pd.DataFrame(rows)


def table(results: pd.DataFrame) -> pd.DataFrame:
    return spread(
        results, "epochs", {"epochs run": ".0f", "training loss": ".3f", "test loss": ".3f", "test accuracy": ".3f"}
    )


def draw(results: pd.DataFrame):
    fig, (left, right) = figure(2)
    fixed = results[results["epochs"] != "early stopping"]
    stopped = results[results["epochs"] == "early stopping"].mean(numeric_only=True)
    for ax, columns in ((left, ("training loss", "test loss")), (right, ("test accuracy",))):
        for column in columns:
            grouped = fixed.groupby("epochs run")[column]
            mean, std = grouped.mean(), grouped.std().fillna(0.0)
            line = ax.errorbar(list(grouped.groups), mean, std, marker="o", markersize=3, label=column)
            if column != "training loss":
                color = line[0].get_color()
                ax.plot(stopped["epochs run"], stopped[column], "*", color=color, markersize=11, label="early stopping")
        ax.set(xscale="log", xlabel="epochs")
        ax.legend(frameon=False, fontsize="small")
    left.set_ylabel("cross-entropy")
    right.set_ylabel("accuracy")
    return fig


def conclusion(results: pd.DataFrame) -> str:
    mean = results.groupby("epochs", sort=False).mean(numeric_only=True)
    fixed = mean.drop(index="early stopping")
    best, last = fixed["test loss"].idxmin(), fixed.index[-1]
    return f"""
## What to use

The test loss is lowest after {best} epochs ({fixed["test loss"].min():.3f}); after {last} it is {
        fixed.loc[last, "test loss"]:.3f}, while the training loss has fallen to {
        fixed.loc[last, "training loss"]:.3f}. Accuracy falls far
less ({fixed.loc[best, "test accuracy"]:.3f} and {fixed.loc[last, "test accuracy"]:.3f}): the network becomes
overconfident long before its decisions change, so monitor the loss. Early stopping kept epoch {
        mean.loc["early stopping", "epochs run"]:.0f} on average and reached {
        mean.loc["early stopping", "test loss"]:.3f}, though it holds out a
tenth of the rows.

Do not search for a number of epochs: set more than enough (`max_epochs`) and let `early_stopping` choose. With a
schedule that ends at 0, like that of the default network, nearly all epochs are run, because the last ones gain most.
"""


if __name__ == "__main__":
    main(globals())
