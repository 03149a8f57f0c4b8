"""Test scores on real tables, with defaults: ours on the raw DataFrame, the others on what they need.

    python benchmarks/quality.py [--folder TABLES] [--seeds 3] [--rows 10000] [--only NAME,NAME]

TABLES holds parquet files and a `manifest.json` (`datasets`: name, file, task; the target in the column
`target`). Without it the tables that scikit-learn bundles are used. Protocol: a 75/25 split with
`random_state=seed`, stratified for classification; the first `--rows` of each part at most; defaults only.
Error is 1 − ROC AUC (binary), log loss (multiclass) or root mean squared error (regression). Score is
(error of the dummy − error) / (error of the dummy − error of the best contender): 1 for the best, 0 for the dummy.
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
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from sknn import NNClassifier, NNRegressor

CATEGORIES = make_column_selector(dtype_include=["category", "object", "string", "bool"])
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


def dates_to_numbers(X: pd.DataFrame) -> pd.DataFrame:
    dates = X.select_dtypes("datetime").columns
    return X.assign(**{name: X[name].astype("int64") for name in dates})


def make_sklearn_mlp(task: str, seed: int, X: pd.DataFrame):
    """Imputation, scaling and one-hot encoding, then scikit-learn's network; what one has to write without sknn."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    encode = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10)
    as_text = FunctionTransformer(lambda X: X.astype(object).where(X.notna(), "missing").astype(str))
    prepare = make_column_transformer(
        (make_pipeline(as_text, encode), CATEGORIES),
        (numbers, make_column_selector(dtype_include="number")),
    )
    cls = MLPRegressor if task == "regression" else MLPClassifier
    return make_pipeline(FunctionTransformer(dates_to_numbers), prepare, cls(early_stopping=True, random_state=seed))


def make_boosting(task: str, seed: int, X: pd.DataFrame):
    """Categories as categories, the rarest of more than 254 levels together: boosting takes no more."""
    categories = CATEGORIES(X)
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=254)
    prepare = make_column_transformer((encode, categories), remainder="passthrough", verbose_feature_names_out=False)
    cls = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    boosting = cls(categorical_features=categories or None, random_state=seed)
    return make_pipeline(FunctionTransformer(dates_to_numbers), prepare.set_output(transform="pandas"), boosting)


def make_sknn(task: str, seed: int, X: pd.DataFrame):
    return (NNRegressor if task == "regression" else NNClassifier)(random_state=seed)


MODELS = {"sknn": make_sknn, "scikit-learn MLP": make_sklearn_mlp, "HistGradientBoosting": make_boosting}


def error(task: str, model, X_test, y_test) -> float:
    if task == "regression":
        return root_mean_squared_error(y_test, model.predict(X_test))
    proba = np.asarray(model.predict_proba(X_test), dtype=np.float64)
    if task == "binary":
        return 1 - roc_auc_score(y_test, proba[:, 1])
    proba = proba.clip(1e-6, 1)
    return log_loss(y_test, proba / proba.sum(1, keepdims=True), labels=model.classes_)


def run(task: str, X: pd.DataFrame, y: pd.Series, seed: int, n_rows: int) -> dict[str, tuple[float, float]]:
    """Error and seconds of a fit for each model."""
    stratify = None if task == "regression" else y
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=stratify)
    X_train, X_test, y_train, y_test = (part[:n_rows] for part in (X_train, X_test, y_train, y_test))
    dummy = (DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")).fit(X_train, y_train)
    results = {"dummy": (error(task, dummy, X_test, y_test), 0.0)}
    for name, make in MODELS.items():
        model = make(task, seed, X_train)
        scale = (y_train.mean(), y_train.std()) if name == "scikit-learn MLP" and task == "regression" else (0.0, 1.0)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X_train, (y_train - scale[0]) / scale[1] if task == "regression" else y_train)
        seconds = time.perf_counter() - start
        y_scaled = (y_test - scale[0]) / scale[1] if task == "regression" else y_test
        results[name] = (error(task, model, X_test, y_scaled) * scale[1], seconds)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="names of tables, separated by commas")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    only = arguments.only.split(",") if arguments.only else None
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, scikit-learn {sklearn.__version__}; "
        f"{arguments.seeds} seed(s), at most {arguments.rows:,} rows\n"
    )
    print(f"| table | task | {' | '.join(MODELS)} |\n|---|---|{'---:|' * len(MODELS)}")
    scores, seconds = [], []
    for name, task, X, y in tables(arguments.folder):
        if only and name not in only:
            continue
        rows = []
        for seed in range(arguments.seeds):
            results = run(task, X, y, seed, arguments.rows)
            worst, best = results["dummy"][0], min(value for value, _ in results.values())
            rows.append({model: (worst - results[model][0]) / (worst - best) for model in MODELS})
            seconds.append({model: results[model][1] for model in MODELS})
        scores.append(pd.DataFrame(rows).mean())
        print(f"| {name} | {task} | {' | '.join(f'{value:.3f}' for value in scores[-1])} |", flush=True)
    print(f"| **mean score** | | {' | '.join(f'**{value:.3f}**' for value in pd.DataFrame(scores).mean())} |")
    fit_seconds = np.exp(np.log(pd.DataFrame(seconds)).mean())
    print(f"| fit, seconds (geometric mean) | | {' | '.join(f'{value:.2f}' for value in fit_seconds)} |")


if __name__ == "__main__":
    main()
