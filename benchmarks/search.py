"""Seconds of a search, ours against scikit-learn's grid search around its own MLP and around skorch.

    python benchmarks/search.py [--repeats 3] [--only small] [--without skorch]

24 candidates (6 learning rates × 4 weight decays) × 5 folds, 30 epochs of batches of 200 rows, no early stopping, on
two cores, in turn: (100,) on 1,000 rows of 20 columns, and (128, 128) on 5,000 rows of 30. All get scaled float32;
seconds are medians over repeats. Run it on an idle machine, with `OMP_NUM_THREADS` unset.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale
from skorch import NeuralNetClassifier
from torch import nn

from sknn import NNClassifier
from sknn.model_selection import NNSearchCV

JOBS = {"small": ((100,), 1_000, 20), "large": ((128, 128), 5_000, 30)}
RATES, DECAYS = np.logspace(-3.5, -1.5, 6), np.logspace(-5, -2, 4)


class Net(nn.Sequential):
    def __init__(self, sizes, n_features):
        widths = [n_features, *sizes]
        layers = [part for a, b in zip(widths, sizes, strict=False) for part in (nn.Linear(a, b), nn.ReLU())]
        super().__init__(*layers, nn.Linear(widths[-1], 2))


def searches(sizes, n_features: int) -> dict:
    ours = NNClassifier(
        "mlp", hidden_layer_sizes=sizes, dropout=0, max_epochs=30, batch_size=200, early_stopping=False, random_state=0
    )
    grid = {"learning_rate": RATES, "weight_decay": DECAYS}
    options = {"n_iter": None, "cv": 5, "n_jobs": 2, "ensemble": None, "refit": False, "halving": False}
    mlp = MLPClassifier(sizes, max_iter=30, batch_size=200, random_state=0)
    of_skorch = NeuralNetClassifier(
        Net,
        module__sizes=sizes,
        module__n_features=n_features,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        max_epochs=30,
        batch_size=200,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return {
        "sknn": NNSearchCV(ours, grid, **options),
        "sknn, halving": NNSearchCV(ours, grid, **options | {"halving": True}),
        "scikit-learn": GridSearchCV(
            mlp, {"learning_rate_init": RATES, "alpha": DECAYS}, cv=5, n_jobs=2, refit=False
        ),
        "skorch": GridSearchCV(
            of_skorch, {"lr": RATES, "optimizer__weight_decay": DECAYS}, cv=5, n_jobs=2, refit=False
        ),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=JOBS)
    parser.add_argument("--without", nargs="*", default=[])
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    for job, (sizes, n_rows, n_features) in JOBS.items():
        if args.only not in (None, job):
            continue
        X, y = make_classification(n_rows, n_features, n_informative=10, random_state=0)
        X = scale(X).astype(np.float32)
        contenders = {k: v for k, v in searches(sizes, n_features).items() if k not in args.without}
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for search in contenders.values():  # start of the workers
            search.fit(X[:200], y[:200])
        for _ in range(args.repeats):
            for name, search in contenders.items():
                begun = time.perf_counter()
                search.fit(X, y)
                seconds[name].append(time.perf_counter() - begun)
        ours = np.median(seconds["sknn"])
        for name, search in contenders.items():
            means, spread = (search.cv_results_[f"{of}_test_score"] for of in ("mean", "std"))
            best, error = means.max(), spread[means.argmax()] / np.sqrt(5)
            taken = np.median(seconds[name])
            print(
                f"{job:6} {name:14} {taken:7.2f} s {taken / ours:6.2f} of sknn, best {best:.4f} ± {error:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
