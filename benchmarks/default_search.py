"""A search over 16 candidates of the default network, against `GridSearchCV(cv=5)` over the same ones.

    python benchmarks/default_search.py [--folder TABLES] [--rows 1000] [--only NAME,NAME] [--n-jobs 1]
                                        [--models halving,all,grid]

TABLES and the split are those of `quality.py`. Errors are relative to the default network's. Cost is in fits of it, by
seconds of the processor with one job, which other load does not change, and by the clock with more.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from quality import error, tables
from sklearn.model_selection import GridSearchCV, train_test_split

from sknn import NNClassifier, NNRegressor
from sknn.model_selection import NNSearchCV, search_space


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--only", default="")
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--models", default="halving,all,grid")
    options = parser.parse_args()
    models = options.models.split(",")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    clock = time.process_time if options.n_jobs == 1 else time.perf_counter
    rows = []
    for name, task, X, y in tables(options.folder):
        if options.only and name not in options.only.split(","):
            continue
        stratify = None if task == "regression" else y
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0, stratify=stratify)
        X_train, y_train = X_train[: options.rows], y_train[: options.rows]
        net = (NNRegressor if task == "regression" else NNClassifier)(random_state=0)

        def measured(model, X=X_train, y=y_train, X_test=X_test, y_test=y_test, task=task):
            begun = clock()
            model.fit(X, y)
            seconds = clock() - begun
            predicted = model.predict(X_test) if task == "regression" else model.predict_proba(X_test)
            return seconds, error(task, predicted, y_test, None if task == "regression" else np.unique(y))

        measured(net)
        alone, default = measured(net)
        found: dict[str, tuple[float, float]] = {}
        for kind in (kind for kind in models if kind != "grid"):
            search = NNSearchCV(
                net, search_space(net), n_iter=16, halving=kind == "halving", n_jobs=options.n_jobs, random_state=0
            )
            found[f"{kind}: ensemble"] = measured(search)
            best = search.best_estimator_
            predicted = best.predict(X_test) if task == "regression" else best.predict_proba(X_test)
            of_best = error(task, predicted, y_test, None if task == "regression" else np.unique(y_train))
            found[f"{kind}: best alone"] = (found[f"{kind}: ensemble"][0], of_best)
        if "grid" in models:
            grid = [{name: [value] for name, value in params.items()} for params in search.cv_results_["params"]]
            found["GridSearchCV: best"] = measured(GridSearchCV(net, grid, cv=5, n_jobs=options.n_jobs))
        rows.append({kind: (seconds / alone, err / default) for kind, (seconds, err) in found.items()})
        print(name, {kind: (round(cost, 2), round(err, 4)) for kind, (cost, err) in rows[-1].items()}, flush=True)
    for kind in rows[0]:
        cost, err = np.exp(np.log([row[kind] for row in rows]).mean(0))
        print(f"{kind:20s} cost {cost:6.2f} error {err:.4f} worst {max(row[kind][1] for row in rows):.4f}")


if __name__ == "__main__":
    main()
