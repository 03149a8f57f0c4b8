"""Do 90 % of unseen targets lie between the predicted 0.05 and 0.95 quantiles, and in the predicted intervals?

    python benchmarks/intervals.py [--folder TABLES] [--seeds 3] [--rows 10000] [--only NAME,NAME]

For each regression table: the fraction of test rows in the interval (coverage), its mean width in standard deviations
of the targets, and the pinball loss of both quantiles, relative to that of the training targets' own quantiles; for
`loss="quantile"` and `loss="gaussian_nll"` of `NNRegressor`, for two of scikit-learn's gradient boosting, and for
`predict_interval` (CV+) of the default and of both losses. Tables and protocol are those of `quality.py`; besides them
pure noise and heavy tails (a linear function with errors of Student's t, 2 degrees of freedom).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from quality import tables
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import train_test_split

from sknn import NNRegressor

LEVELS = 0.05, 0.95
OURS = {
    "default": {},
    "quantile": {"loss": "quantile", "loss_params": {"quantiles": LEVELS}},
    "gaussian_nll": {"loss": "gaussian_nll"},
}


def made() -> dict[str, tuple[pd.DataFrame, pd.Series]]:
    rng = np.random.RandomState(0)
    X = pd.DataFrame(rng.randn(2_000, 5)).add_prefix("x")
    return {
        "pure noise": (X, pd.Series(rng.randn(2_000))),
        "heavy tails": (X, X["x0"] + rng.standard_t(2, size=2_000)),
    }


def bands(X_train, y_train, X_test, seed: int):
    """Name, band (n, 2) and seconds of a fit of each contender."""
    for name, params in OURS.items():
        start = time.perf_counter()
        net = NNRegressor(**params, random_state=seed).fit(X_train, y_train)
        seconds = time.perf_counter() - start
        yield f"{name}, CV+", net.predict_interval(X_test, LEVELS[1] - LEVELS[0]), seconds
        if name != "default":
            yield name, net.predict_quantiles(X_test, None if name == "quantile" else LEVELS), seconds
    start = time.perf_counter()
    numbers = X_train.select_dtypes("number").columns
    if not len(numbers):
        return
    ends = []
    for level in LEVELS:
        boosting = HistGradientBoostingRegressor(loss="quantile", quantile=level, random_state=seed)
        ends.append(boosting.fit(X_train[numbers], y_train).predict(X_test[numbers]))
    yield "hgb, numbers only", np.column_stack(ends), time.perf_counter() - start


def look(X: pd.DataFrame, y: pd.Series, seed: int, n_rows: int):
    X_train, X_test, y_train, y_test = (
        part[:n_rows] for part in train_test_split(X, y, test_size=0.25, random_state=seed)
    )
    y_test = np.asarray(y_test, dtype=float)
    constant = [np.full(len(y_test), np.quantile(y_train, level)) for level in LEVELS]
    for name, band, seconds in bands(X_train, y_train, X_test, seed):
        losses = [
            sum(mean_pinball_loss(y_test, end, alpha=level) for end, level in zip(ends, LEVELS, strict=True))
            for ends in (band.T, constant)
        ]
        yield {
            "loss": name,
            "coverage, %": 100 * np.mean((y_test >= band[:, 0]) & (y_test <= band[:, 1])),
            "width": np.mean(band[:, 1] - band[:, 0]) / y_test.std(),
            "pinball loss": losses[0] / losses[1],
            "fit, s": seconds,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    only = set(filter(None, options.only.split(",")))
    columns = ["table", "loss", "coverage, %", "width", "pinball loss", "fit, s"]
    print(f"| {' | '.join(columns)} |\n|---|---|{'---:|' * 4}")
    found = {name: (X, y) for name, task, X, y in tables(options.folder) if task == "regression"} | made()
    for name, (X, y) in found.items():
        if only and name not in only:
            continue
        rows = [found for seed in range(options.seeds) for found in look(X, y, seed, options.rows)]
        for loss, mean in pd.DataFrame(rows).groupby("loss", sort=False).mean().iterrows():
            cells = [f"{mean.iloc[0]:.1f}", *(f"{value:.3f}" for value in mean.iloc[1:])]
            print(f"| {name} | {loss} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
