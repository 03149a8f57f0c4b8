"""# 2. Loss functions: what training minimises

The loss determines which errors matter. For classification, with the softmax p of the true class and its logit z:
cross-entropy −log p, the likelihood; focal loss −(1 − p)² log p, where correct rows count less (Lin et al., ICCV 2017);
hinge max(0, 1 + largest other logit − z), 0 from a margin of 1 on; and the squared error between softmax and one-hot
target (the Brier score), as a user-defined function. For regression, with the residual r: r², whose best
constant is the mean; |r|, the median; Huber's, r²/2 up to δ and linear beyond; log cosh r, similar with δ = 1; and the
quantile loss max(τr, (τ − 1)r), the τ-quantile. A bounded slope bounds the influence of an outlier.

Census data, 3,000 rows to train and 4,000 to test; `NNClassifier("mlp")` and `NNRegressor("mlp")` without dropout.
Classification: more than 50,000 dollars a year or not, after 5 and 20 epochs, uncalibrated and with a temperature
fitted on 500 more rows; the calibration error is the mean difference of confidence and accuracy in ten bins.
Regression: the age, after 5 epochs, with true training targets and with 5% of them multiplied by 10 (a misplaced
decimal point). Test targets are always true.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from lab import census, figure, main, spread
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, root_mean_squared_error
from sklearn.model_selection import train_test_split

from sknn import NNClassifier, NNRegressor

EPOCHS = (5, 20)  # of the classifiers; regressors are trained for the first
OUTLIERS = 0.05  # fraction of the training targets
LEVELS = (0.05, 0.5, 0.95)
PLAIN = {"dropout": 0.0, "weight_decay": 0.0, "batch_size": 64, "early_stopping": False}


def squared_error_of_softmax(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """A loss of one's own: logits (B, n_classes) and class codes (B,) to a value a row (B,)."""
    one_hot = torch.nn.functional.one_hot(target, logits.shape[1])
    return (torch.softmax(logits, dim=1) - one_hot).square().mean(dim=1)


CLASS_LOSSES = {
    "cross-entropy": "cross_entropy",
    "focal": "focal",
    "hinge": "hinge",
    "squared error": squared_error_of_softmax,
}
NUMBER_LOSSES = {
    "squared error": {"loss": "mean_squared_error"},
    "absolute error": {"loss": "mean_absolute_error"},
    "Huber, δ = 1": {"loss": "huber"},
    "Huber, δ = 0.1": {"loss": "huber", "loss_params": {"delta": 0.1}},
    "log-cosh": {"loss": "log_cosh"},
    "quantile 0.5": {"loss": "quantile"},
    "quantiles 0.05, 0.5, 0.95": {"loss": "quantile", "loss_params": {"quantiles": LEVELS}},
}
THREE = list(NUMBER_LOSSES)[-1]


def calibration_error(y: np.ndarray, proba: np.ndarray) -> float:
    """Σ over bins of (rows of the bin / rows) · |accuracy − mean confidence|, y as class codes."""
    bins = np.digitize(proba.max(axis=1), np.linspace(0, 1, 11)[1:-1])
    gap = (proba.argmax(axis=1) == y) - proba.max(axis=1)
    return sum(abs(gap[bins == k].sum()) for k in np.unique(bins)) / len(y)


def classify(seed: int) -> list[dict]:
    X, y = census()
    X_train, X_rest, y_train, y_rest = train_test_split(X, y, train_size=3000, random_state=seed, stratify=y)
    X_val, X_test, y_val, y_test = train_test_split(
        X_rest, y_rest, train_size=500, test_size=4000, random_state=seed, stratify=y_rest
    )
    rows = []
    for epochs in EPOCHS:
        for name, loss in CLASS_LOSSES.items():
            net = NNClassifier("mlp", loss=loss, max_epochs=epochs, random_state=seed, **PLAIN)
            net.fit(
                X_train, y_train, X_val=X_val, y_val=y_val
            )  # without early stopping they serve the temperature only
            codes, calibrated = np.searchsorted(net.classes_, y_test), net.predict_proba(X_test)
            net.temperature_ = 1.0
            proba = net.predict_proba(X_test)  # the network's own
            rows.append(
                {
                    "task": f"income, {epochs} epochs",
                    "loss": name,
                    "log loss": log_loss(codes, proba),
                    "with temperature": log_loss(codes, calibrated),
                    "accuracy": accuracy_score(codes, proba.argmax(axis=1)),
                    "calibration error": calibration_error(codes, proba),
                    "overconfidence": proba.max(axis=1).mean() - accuracy_score(codes, proba.argmax(axis=1)),
                    "epochs": epochs,
                }
            )
    return rows


def estimate(seed: int) -> list[dict]:
    X, _ = census()
    y = X.pop("age").to_numpy(dtype=float)
    X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=3000, test_size=4000, random_state=seed)
    wrong = np.random.default_rng(seed).permutation(len(y_train)) < OUTLIERS * len(y_train)
    rows = []
    for task, targets in {"age": y_train, "age, outliers": np.where(wrong, 10 * y_train, y_train)}.items():
        for name, params in NUMBER_LOSSES.items():
            net = NNRegressor("mlp", max_epochs=EPOCHS[0], random_state=seed, **PLAIN, **params).fit(X_train, targets)
            predicted = net.predict(X_test)
            row = {
                "task": task,
                "loss": name,
                "absolute error (years)": mean_absolute_error(y_test, predicted),
                "RMSE (years)": root_mean_squared_error(y_test, predicted),
                "scale": targets.std(),
                "of the median": np.abs(y_test - np.median(y_train)).mean(),
            }
            if name == THREE:
                values = net.predict_quantiles(X_test)  # (n, 3)
                inside = (y_test >= values[:, 0]) & (y_test <= values[:, 2])
                row |= {"coverage": inside.mean(), "width": (values[:, 2] - values[:, 0]).mean()}
                tenths = np.array_split(np.argsort(values[:, 1]), 10)
                row["predicted"] = np.array([values[rows_].mean(axis=0) for rows_ in tenths])
                row["observed"] = np.array([np.quantile(y_test[rows_], LEVELS) for rows_ in tenths])
            rows.append(row)
    return rows


def measure(seeds, folder) -> pd.DataFrame:
    return pd.DataFrame([row for seed in seeds for row in classify(seed) + estimate(seed)])


def table(results: pd.DataFrame) -> pd.DataFrame:
    columns = {"log loss": ".3f", "with temperature": ".3f", "accuracy": ".3f", "calibration error": ".3f"}
    columns |= {"absolute error (years)": ".2f", "RMSE (years)": ".2f"}
    return spread(results, ["task", "loss"], columns).replace(r"^nan.*", "–", regex=True)


def draw(results: pd.DataFrame):
    fig, (left, middle, right) = figure(3)
    for name in CLASS_LOSSES:
        grouped = results[results["epochs"].notna() & (results["loss"] == name)].groupby("epochs")["overconfidence"]
        left.errorbar(list(grouped.groups), grouped.mean(), grouped.std(), marker="o", markersize=3, label=name)
    left.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    left.set(xlabel="epochs", ylabel="confidence − accuracy", xticks=EPOCHS, title="Income: too sure (> 0) or not")
    left.legend(frameon=False, fontsize="small")

    ages = results[results["absolute error (years)"].notna()]
    position = np.arange(len(NUMBER_LOSSES))
    for task, marker in (("age", "o"), ("age, outliers", "s")):
        grouped = ages[ages["task"] == task].groupby("loss", sort=False)["absolute error (years)"]
        label = "true targets" if task == "age" else f"{OUTLIERS:.0%} outliers"
        middle.errorbar(grouped.mean(), position, xerr=grouped.std(), fmt=marker, markersize=4, label=label)
    middle.axvline(ages["of the median"].mean(), color="0.6", linestyle=":", label="one guess for all")
    labels = [*list(NUMBER_LOSSES)[:-1], "three quantiles"]
    middle.set(
        yticks=position, yticklabels=labels, xlabel="mean absolute error in years", title="Age: outliers in training"
    )
    middle.invert_yaxis()
    middle.legend(frameon=False, fontsize="small", loc="lower right")

    three = results[(results["loss"] == THREE) & (results["task"] == "age")]
    predicted, observed = np.mean(list(three["predicted"]), axis=0), np.mean(list(three["observed"]), axis=0)
    right.fill_between(predicted[:, 1], predicted[:, 0], predicted[:, 2], alpha=0.2, label="predicted 5% to 95%")
    right.plot(predicted[:, 1], predicted[:, 1], color="C0", label="predicted median")
    for k, marker in enumerate(("v", "o", "^")):
        label = "of the test rows" if k == 1 else None
        right.plot(predicted[:, 1], observed[:, k], marker, color="C1", markersize=4, label=label)
    right.set(xlabel="predicted median", ylabel="age", title="Age: quantiles", ylim=(5, 115))
    right.legend(frameon=False, fontsize="small", loc="upper left")
    return fig


def conclusion(results: pd.DataFrame) -> str:
    mean = results.groupby(["task", "loss"], sort=False).mean(numeric_only=True)
    short, long = (mean.loc[f"income, {epochs} epochs"] for epochs in EPOCHS)
    sure, after = short["overconfidence"], long["overconfidence"]
    clean, dirty = mean.loc["age"], mean.loc["age, outliers"]
    before, error = clean["absolute error (years)"], dirty["absolute error (years)"]
    guess = mean["of the median"].mean()
    return f"""
## What to use

**Classification: cross-entropy.** After {EPOCHS[0]} epochs the log loss was lowest with {short["log loss"].idxmin()}
({short["log loss"].min():.3f}) and highest with {short["log loss"].idxmax()} ({short["log loss"].max():.3f}), while
accuracies lay between {short["accuracy"].min():.3f} and {short["accuracy"].max():.3f}: the decisions are much the same,
the confidence is not. Cross-entropy and squared error are proper scoring rules, lowest on average for the true
probabilities; focal loss draws them towards 1/2, and hinge logits are not log-probabilities. Mean confidence
minus accuracy went from {sure["cross-entropy"]:+.3f} to {after["cross-entropy"]:+.3f} for cross-entropy and from
{sure["focal"]:+.3f} to {after["focal"]:+.3f} for focal loss between {EPOCHS[0]} and {EPOCHS[1]} epochs: what focal loss
takes away offsets what overfitting adds, so its calibration is coincidental. Fewer epochs and a temperature
(`temperature_`, from held-out rows) calibrate by design: with a temperature losses lie between
{short["with temperature"].min():.3f} and {short["with temperature"].max():.3f} after {EPOCHS[0]} epochs.

**Regression: squared error for the mean of reliable targets, absolute error otherwise.** With true targets all
losses were about as good ({before.min():.2f} to {before.max():.2f} years). With outliers squared error was off by
{error["squared error"]:.1f} years, while a constant, the median age, is off by {guess:.1f}; absolute error by
{error["absolute error"]:.1f}, and the best, {error.idxmin()}, by {error.min():.1f}. Losses are computed on standardised
targets, and outliers inflate the scale: a standard deviation is {clean["scale"].iloc[0]:.0f} years without and
{dirty["scale"].iloc[0]:.0f} with them. With δ = 1, Huber's loss is a squared error up to there, and so approximately is
log-cosh ({error["Huber, δ = 1"]:.1f} and {error["log-cosh"]:.1f} years); δ = 0.1 gave {error["Huber, δ = 0.1"]:.1f}.
Predictions are clipped to the range of the training targets, which does not help if outliers determine the range.

**Intervals: `loss="quantile"`**, here with `loss_params={{"quantiles": [0.05, 0.5, 0.95]}}`. Between the outer levels
lay {clean["coverage"][THREE]:.0%} of the test ages (it should be 90%), {clean["width"][THREE]:.0f} years apart on
average; check it on held-out rows. A level is robust only if fewer outliers than its fraction lie beyond it: with
{OUTLIERS:.0%} of them the outer levels were {dirty["width"][THREE]:.0f} years apart, and the median was off by
{error[THREE]:.1f}.
"""


if __name__ == "__main__":
    main(globals())
