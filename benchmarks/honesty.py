"""Do out-of-fold scores and calibrated probabilities of a default fit hold on test rows?

    python benchmarks/honesty.py [--folder TABLES] [--seeds 3] [--rows 10000] [--only NAME,NAME]

For each table: the out-of-fold score (accuracy or R²) against that of the test rows, in standard errors; and for
classes the test rows' log loss with calibration, relative to that without. Tables and protocol are those of
`quality.py`. Standard errors are those of 200 bootstrap samples; "both" counts the error of the out-of-fold score too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from quality import tables
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import train_test_split

from sknn import NNClassifier, NNRegressor


def standard_error(score, y, predicted, rng) -> float:
    y, predicted = np.asarray(y), np.asarray(predicted)
    samples = (rng.integers(len(y), size=len(y)) for _ in range(200))
    return float(np.std([score(y[rows], predicted[rows]) for rows in samples]))


def look(task: str, X: pd.DataFrame, y: pd.Series, seed: int, n_rows: int) -> dict[str, float]:
    stratify = None if task == "regression" else y
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=stratify)
    X_train, X_test, y_train, y_test = (part[:n_rows] for part in (X_train, X_test, y_train, y_test))
    rng = np.random.default_rng(seed)
    if task == "regression":
        net, score = NNRegressor(random_state=seed).fit(X_train, y_train), r2_score
        held_out = net.oof_prediction_
    else:
        net, score = NNClassifier(random_state=seed).fit(X_train, y_train), accuracy_score
        held_out = net.classes_[net.oof_prediction_.argmax(axis=1)]
    test_error = standard_error(score, y_test, net.predict(X_test), rng)
    oof_error = standard_error(score, y_train, held_out, rng)
    test = net.score(X_test, y_test)
    found = {
        "out of fold": net.oof_score_,
        "test": test,
        "in SE of the test": (test - net.oof_score_) / test_error,
        "in SE of both": (test - net.oof_score_) / np.hypot(test_error, oof_error),
    }
    if task != "regression":
        found["temperature"], calibrated = net.temperature_, net.predict_proba(X_test)
        net.temperature_ = 1.0
        losses = [log_loss(y_test, proba, labels=net.classes_) for proba in (calibrated, net.predict_proba(X_test))]
        found["log loss, %"] = 100 * (losses[0] / losses[1] - 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--only", help="names of tables, separated by commas")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    only = arguments.only.split(",") if arguments.only else None
    names = ["out of fold", "test", "in SE of the test", "in SE of both", "temperature", "log loss, %"]
    print(f"| table | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    means = []
    for name, task, X, y in tables(arguments.folder):
        if only and name not in only:
            continue
        runs = pd.DataFrame([look(task, X, y, seed, arguments.rows) for seed in range(arguments.seeds)])
        means.append(runs.mean().reindex(names))
        print(f"| {name} | {' | '.join('–' if np.isnan(v) else f'{v:.3f}' for v in means[-1])} |", flush=True)
    overall = pd.DataFrame(means)
    near = (overall["in SE of both"].abs() <= 2).sum()
    print(f"\nwithin 2 standard errors (both): {near} of {len(overall)} tables; ", end="")
    changes = overall["log loss, %"]
    print(f"change of the log loss: mean {changes.mean():.2f} %, worst {changes.max():.2f} %")


if __name__ == "__main__":
    main()
