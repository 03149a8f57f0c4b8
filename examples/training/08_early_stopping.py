"""# 8. Early stopping: when to give up

Early stopping monitors the loss of validation rows, which are not used for training. It ends training after `patience`
epochs without a lower loss, and restores the weights of the best epoch. It costs those epochs and rows.
The validation loss is noisy: with little patience noise may end a run too early, with much patience it takes longer.

Patience of 5 to 30 epochs and no early stopping are compared in two cases, with a plain network, `NNClassifier("mlp")`
with 128 and 128 units, Adam and a constant learning rate, for at most 80 epochs:

* census: 1,000 rows, no dropout. It overfits soon, and then only gets worse.
* digits: 500 images of 8 × 8 pixels, half of the units dropped. The loss falls slowly and unevenly. This case was
  picked because patience matters in it; in most of those tried beforehand it mattered as little as on census.

Another 200 rows (100 digits) are for validation, `fit(X, y, X_val=…, y_val=…)`, and up to 4,000 for the test. Runs
with the same seed are identical up to where they stop.
"""

from __future__ import annotations

import pandas as pd
from lab import census, figure, images, main, spread
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from sknn import NNClassifier, TrainingCurveDisplay

MAX_EPOCHS = 80
SETTINGS = {
    **{str(patience): {"patience": patience} for patience in (5, 10, 15, 30)},
    "none": {"early_stopping": False},
}
BY = ["data", "patience"]


def network(seed: int, **params) -> NNClassifier:
    return NNClassifier(
        "mlp",
        optimizer="adam",
        weight_decay=0.0,
        max_epochs=MAX_EPOCHS,
        random_state=seed,
        **params,
    )


def cases(folder):
    """Name, rows, labels, numbers of training and validation rows, and what the network is given."""
    X, y = census()
    yield "census", X, y, 1000, 200, {"dropout": 0.0, "batch_size": 64, "learning_rate": 0.001}
    digits = images(folder, "optdigits_8x8")
    X = digits.X.reshape(len(digits.X), -1)
    yield "digits", X, digits.y, 500, 100, {"dropout": 0.5, "batch_size": 32, "learning_rate": 0.002}


def measure(seeds, folder) -> pd.DataFrame:
    rows = []
    for name, X, y, n_train, n_valid, params in cases(folder):
        for seed in seeds:
            X_train, X_test, y_train, y_test = train_test_split(
                X, y, train_size=n_train + n_valid, random_state=seed, stratify=y
            )
            X_test, y_test = X_test[:4000], y_test[:4000]
            X_train, X_val, y_train, y_val = train_test_split(
                X_train, y_train, train_size=n_train, random_state=seed, stratify=y_train
            )
            for patience, stopping in SETTINGS.items():
                net = network(seed, **params, **stopping).fit(X_train, y_train, X_val=X_val, y_val=y_val)
                net.temperature_ = 1.0  # the network's own probabilities
                proba = net.predict_proba(X_test)
                rows.append(
                    {
                        "data": name,
                        "patience": patience,
                        "seed": seed,
                        "epochs run": net.n_iter_,
                        "epoch kept": net.best_epoch_,
                        "validation loss": net.history_["valid_loss"].iloc[net.best_epoch_ - 1],
                        "test loss": log_loss(y_test, proba),
                        "test accuracy": accuracy_score(y_test, net.classes_[proba.argmax(axis=1)]),
                        "seconds": net.history_["dur"].sum(),
                        "network": net if seed == seeds[0] else None,  # for the plot
                    }
                )
    return pd.DataFrame(rows)


def table(results: pd.DataFrame) -> pd.DataFrame:
    epochs, losses = {"epochs run": ".0f", "epoch kept": ".0f"}, {"validation loss": ".3f", "test loss": ".3f"}
    return spread(results, BY, epochs | losses | {"test accuracy": ".3f", "seconds": ".2f"})


def draw(results: pd.DataFrame):
    fig, axes = figure(2, width=3.9, height=3.4)
    drawn = results[results["network"].notna()]
    for ax, (name, rows) in zip(axes, drawn.groupby("data", sort=False), strict=True):
        # The longest first: where runs are the same, the colour is that of the least patient run that has not stopped.
        runs = dict(zip(rows["patience"], rows["network"], strict=True))
        TrainingCurveDisplay.from_estimator(dict(reversed(runs.items())), ax=ax, log_scale=True)
        ax.set(title=name, ylabel="cross-entropy")
        handles = ax.get_legend().legend_handles
        ax.get_legend().remove()
    fig.legend(handles=handles, loc="outside right center", frameon=False, fontsize="small", title="patience")
    return fig


def conclusion(results: pd.DataFrame) -> str:
    mean = results.groupby(BY, sort=False).mean(numeric_only=True)
    census_text, digits_text = (_of_case(name, mean.loc[name]) for name in ("census", "digits"))
    return f"""
## What to use

{census_text}

{digits_text}

A patience of 10 to 20 epochs is a good start (`patience="auto"`: 12 for such a network), and more if the loss falls
slowly or fluctuates: small learning rates, much dropout, few validation rows. With a learning rate that falls to 0 at
the end, like that of the default network, run all epochs: the small last steps still help. Do not report the validation
loss of the best epoch as the result, since it is the minimum of many; use other rows for that.
"""


def _of_case(name: str, rows: pd.DataFrame) -> str:
    """What the means of one data set say."""
    stopped, never = rows.drop(index="none"), rows.loc["none"]
    best = stopped["test loss"].idxmin()
    lowest, accuracy = stopped.loc[best, ["test loss", "test accuracy"]]
    end = f"On {name} training to the end gives a test loss of {never['test loss']:.3f}, early stopping {lowest:.3f}"
    accurate = f"(accuracy {never['test accuracy']:.3f} and {accuracy:.3f})."
    if never["test loss"] > lowest and never["test accuracy"] >= accuracy:
        accurate += " More epochs make the network overconfident, but not more often wrong."
    worst = stopped["test loss"].idxmax()
    choice = (
        "Each patience keeps the same epochs."
        if stopped["epoch kept"].nunique() == 1
        else f"Patience {worst} does worst of them ({stopped.loc[worst, 'test loss']:.3f}), {best} best."
    )
    longer = stopped["seconds"].iloc[-1] / stopped["seconds"].iloc[0]
    time = f"Patience {stopped.index[-1]} takes {longer:.1f} times as long as {stopped.index[0]}."
    return f"{end} {accurate}\n{choice} {time}"


if __name__ == "__main__":
    main(globals())
