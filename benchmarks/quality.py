"""Errors, scores, ranks and times on real tables, with defaults: ours (each preset) against its peers.

    python benchmarks/quality.py [--folder TABLES] [--seeds 3] [--rows 10000] [--only NAME,NAME] [--models NAME,NAME]
                                 [--known FILE.jsonl ...] [--save FILE.jsonl] [--subsets FILE.json] [--plot FILE.png]

TABLES holds parquet files and a `manifest.json` (`datasets`: name, file, task; the target in the column
`target`), as `tables.py` writes them. Without it the tables that scikit-learn bundles are used. Protocol: a 75/25 split
with `random_state=seed`, stratified for classification; the first `--rows` of each part at most; one thread; defaults,
except for the bagged peers (eight folds, each stopped early on its own rows) and the tuned one (`--tuning-seconds`).
Error is 1 − ROC AUC (binary), log loss with probabilities clipped at 1e-6 (multiclass) or root mean squared error
(regression). `scores.py` says what a score, a rank and an interval are.

`--known` takes results of earlier runs (one JSON object a line: dataset, task, model, seed, err, fit_s, pred_s) for
models that are not run again, `--save` writes those of this run. Times of different runs are not comparable:
the plot and the columns of seconds show this run's. `--models none` runs nothing and reports what is known.
`--subsets` takes {name: [table, ...]} and reports on each subset too, such as halves of which one picks rules and the
other judges them (`subsets.py` makes them).
"""

from __future__ import annotations

import argparse
import json
import platform
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch
from contenders import OURS, available
from scores import report, seconds, summary, table_of_scores, with_scores
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

BUNDLED = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
    "diabetes": load_diabetes,
}


def tables(folder: Path | None) -> Iterator[tuple[str, str, pd.DataFrame, pd.Series]]:
    """Name, task ("binary", "multiclass" or "regression"), raw features and target."""
    if folder is None:
        for name, load in BUNDLED.items():
            X, y = load(return_X_y=True, as_frame=True)
            yield name, "regression" if name == "diabetes" else "binary" if y.nunique() == 2 else "multiclass", X, y
        return
    for entry in json.loads((folder / "manifest.json").read_text())["datasets"]:
        frame = pd.read_parquet(folder / entry["file"])
        yield entry["name"], entry["task"], frame.drop(columns="target"), frame["target"]


def error(task: str, predicted: np.ndarray, y_test, classes) -> float:
    if task == "regression":
        return root_mean_squared_error(y_test, predicted)
    proba = np.asarray(predicted, dtype=np.float64)
    if task == "binary":
        return 1 - roc_auc_score(y_test, proba[:, 1])
    proba = proba.clip(1e-6, 1)
    return log_loss(y_test, proba / proba.sum(1, keepdims=True), labels=classes)


def run(task: str, X: pd.DataFrame, y: pd.Series, seed: int, n_rows: int, models: dict) -> Iterator[dict]:
    """Error and seconds of fit and predict for the dummy and each model."""
    stratify = None if task == "regression" else y
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=stratify)
    X_train, X_test, y_train, y_test = (part[:n_rows] for part in (X_train, X_test, y_train, y_test))
    dummy = DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")
    for name, model in {"dummy": dummy, **{name: make(task, seed, X_train) for name, make in models.items()}}.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            model.fit(X_train, y_train)
            fitted = time.perf_counter()
            predicted = model.predict(X_test) if task == "regression" else model.predict_proba(X_test)
            done = time.perf_counter()
        found = error(task, predicted, y_test, None if task == "regression" else np.unique(y_train))
        yield {"model": name, "err": float(found), "fit_s": fitted - start, "pred_s": done - fitted}


def draw(frame: pd.DataFrame, path: Path) -> None:
    """Score against seconds of a fit; those that none beats in both are joined."""
    import matplotlib.pyplot as plt

    frame = frame.sort_values("fit, s")
    frame = frame[frame["score"] > 0]
    figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    is_ours = frame.index.isin(OURS)
    ax.scatter(frame["fit, s"][~is_ours], frame["score"][~is_ours], color="0.45", label="peers")
    ax.scatter(frame["fit, s"][is_ours], frame["score"][is_ours], color="C1", label="sknn")
    front = frame[frame["score"] >= frame["score"].cummax()]
    ax.step(front["fit, s"], front["score"], where="post", color="0.8", zorder=0)
    for name, row in frame.iterrows():
        ax.annotate(name, (row["fit, s"], row["score"]), xytext=(5, 4), textcoords="offset points", fontsize=9)
    ax.set(xscale="log", xlabel="seconds of a fit (geometric mean, one thread)", ylabel="mean score (best peer = 1)")
    ax.margins(x=0.2)
    ax.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=130)


def measure(arguments: argparse.Namespace, models: dict) -> list[dict]:
    """Results of all models on the chosen tables and seeds."""
    only = arguments.only.split(",") if arguments.only else None
    results = []
    for name, task, X, y in tables(arguments.folder):
        if only and name not in only:
            continue
        for seed in range(arguments.seeds):
            slow = task == "multiclass" and arguments.folder and not arguments.models  # minutes a fit
            skipped = {model for model in models if slow and model.startswith("catboost")}
            chosen = {model: make for model, make in models.items() if model not in skipped}
            for result in run(task, X, y, seed, arguments.rows, chosen):
                results.append({"dataset": name, "task": task, "seed": seed} | result)
                if arguments.save:
                    with arguments.save.open("a") as file:
                        file.write(json.dumps(results[-1]) + "\n")
        print(f"{name} done", flush=True)
    return results


def known_results(paths: list[Path]) -> pd.DataFrame:
    """Of the results of earlier runs the last of each model, table and seed."""
    lines = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    return pd.DataFrame(lines).drop_duplicates(["dataset", "seed", "model"], keep="last")


def combined(timed: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """This run's results, and those of other models on the same tables and seeds; what is known if nothing was run."""
    if timed.empty:
        return known
    run_here = set(zip(timed["dataset"], timed["seed"], strict=True))
    known = known[[key in run_here for key in zip(known["dataset"], known["seed"], strict=True)]]
    return pd.concat([timed, known[~known["model"].isin(set(timed["model"]))]], ignore_index=True)


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="names of tables, separated by commas")
    parser.add_argument("--models", help=f"some of {', '.join(available())}, or none; all but the tuned one by default")
    parser.add_argument("--tuning-seconds", type=float, default=300, help="in which the tuned peer may begin a trial")
    parser.add_argument("--known", type=Path, nargs="+", help="results of earlier runs, for models that are not run")
    parser.add_argument("--save", type=Path, help="file to add this run's results to")
    parser.add_argument("--subsets", type=Path, help="names of subsets with their tables, reported as well")
    parser.add_argument("--plot", type=Path, help="where to save score against time")
    return parser.parse_args()


def main() -> None:
    arguments = parsed_arguments()
    torch.set_num_threads(arguments.threads)
    models = available(arguments.tuning_seconds)
    if arguments.models:
        models = {name: models[name] for name in arguments.models.split(",") if name != "none"}
    else:
        models.pop("catboost tuned", None)
    results = []
    if models:
        with threadpool_limits(arguments.threads):
            results = measure(arguments, models)
    timed = pd.DataFrame(results)
    everything = combined(timed, known_results(arguments.known)) if arguments.known else timed
    scored = with_scores(everything, list(OURS))
    print(
        f"\nPython {platform.python_version()}, torch {torch.__version__}, scikit-learn {sklearn.__version__}; "
        f"{arguments.seeds} seed(s), at most {arguments.rows:,} rows, {arguments.threads} thread(s)\n"
    )
    print(report(scored, list(OURS), timed if models else None), "\n")
    print(table_of_scores(scored))
    if arguments.subsets:
        for name, names in json.loads(arguments.subsets.read_text()).items():
            part = scored[scored["dataset"].isin(names)]
            if len(part):
                print(f"\n### {name}: {part['dataset'].nunique()} tables\n\n{report(part, list(OURS))}")
    if arguments.plot:
        draw(summary(scored).join(seconds(timed), how="inner"), arguments.plot)


if __name__ == "__main__":
    main()
