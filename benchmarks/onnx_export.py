"""ONNX graphs against the estimators on real tables, and the time of one row beside scikit-learn's MLP.

    python benchmarks/onnx_export.py [--folder TABLES] [--rows 1000] [--epochs 3] [--repeats 300]

TABLES are those of `quality.py`. Each table is fitted on `--rows` rows at most for a few epochs, exported, and all
rows up to as many again are predicted by the estimator and by onnxruntime on one thread. The difference is that of
probabilities, or of predictions divided by the standard deviation of y. The times are medians of alternating calls
for one row of breast cancer (30 numbers), with scikit-learn's `MLPClassifier` and `MLPClassifier` after
`StandardScaler` exported by skl2onnx.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
from quality import tables
from sklearn.datasets import load_breast_cancer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn import NNClassifier, NNRegressor, to_onnx

DTYPES = {"tensor(double)": "f8", "tensor(float)": "f4", "tensor(int64)": "i8", "tensor(bool)": "?"}


def session_of(model) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def feeds(session: onnxruntime.InferenceSession, X: pd.DataFrame) -> dict[str, np.ndarray]:
    """The columns that a graph takes, as matrices (n, 1)."""
    return {entry.name: column(X[entry.name], entry.type)[:, None] for entry in session.get_inputs()}


def column(values: pd.Series, kind: str) -> np.ndarray:
    if kind == "tensor(string)":
        return values.astype(object).where(values.notna(), "").to_numpy(dtype=object)
    if kind == "tensor(int64)" and values.dtype.kind != "i":
        return pd.to_datetime(values).astype("datetime64[ns]").to_numpy().astype(np.int64)
    if values.dtype.kind in "OT" or isinstance(values.dtype, pd.StringDtype):  # numbers that are written as text
        from sknn.preprocessing.columns._reading import as_numbers

        return as_numbers(values)
    if kind == "tensor(double)":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return values.to_numpy(dtype=DTYPES[kind])


def difference(task: str, X: pd.DataFrame, y: pd.Series, n_rows: int, epochs: int) -> tuple[float, float, int]:
    """Largest difference, fraction of rows with another label, and number of nodes."""
    rows = np.random.RandomState(0).permutation(len(X))[: 2 * n_rows]
    X, y = X.iloc[rows].reset_index(drop=True), y.iloc[rows].reset_index(drop=True)
    estimator = (NNRegressor if task == "regression" else NNClassifier)(max_epochs=epochs, random_state=0)
    estimator.fit(X[:n_rows], y[:n_rows])
    model = to_onnx(estimator)
    session = session_of(model)
    found = session.run(None, feeds(session, X))
    if task == "regression":
        return float(np.abs(found[0] - estimator.predict(X)).max() / y.std()), 0.0, len(model.graph.node)
    wrong = np.mean(found[0] != estimator.predict(X))
    return float(np.abs(found[1] - estimator.predict_proba(X)).max()), float(wrong), len(model.graph.node)


def compare(folder: Path | None, n_rows: int, epochs: int) -> None:
    largest, refused = 0.0, 0
    print("| table | task | largest difference | other labels | nodes |\n|---|---|---:|---:|---:|")
    for name, task, X, y in tables(folder):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value, wrong, n_nodes = difference(task, X, y, n_rows, epochs)
        except ValueError as error:
            refused += 1
            print(f"| {name} | {task} | refused: {error} | | |", flush=True)
            continue
        largest = max(largest, value)
        print(f"| {name} | {task} | {value:.1e} | {wrong:.4f} | {n_nodes} |", flush=True)
    print(f"\nLargest difference {largest:.1e}; {refused} refused.")


def latency(repeats: int) -> None:
    from skl2onnx import to_onnx as sklearn_to_onnx

    X, y = load_breast_cancer(return_X_y=True)
    X = X.astype(np.float32)
    params = {"max_epochs": 3, "random_state": 0}
    peers = {
        "MLPClassifier, 100 units": MLPClassifier(max_iter=5),
        "MLPClassifier, 128-128": MLPClassifier((128, 128), max_iter=5),
        "StandardScaler, MLPClassifier, 128-128": make_pipeline(
            StandardScaler(), MLPClassifier((128, 128), max_iter=5)
        ),
    }
    ours = {
        'NNClassifier("mlp"), 128-128': NNClassifier("mlp", **params),
        'NNClassifier("mlp", preprocessing=None)': NNClassifier("mlp", preprocessing=None, **params),
        'NNClassifier(preset="fast"), 4 members': NNClassifier(preset="fast", **params),
        "NNClassifier(), 8 members": NNClassifier(**params),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sessions = {
            name: session_of(sklearn_to_onnx(model.fit(X, y), X[:1], options={"zipmap": False}))
            for name, model in peers.items()
        } | {name: session_of(to_onnx(model.fit(X, y), X=X)) for name, model in ours.items()}
    seconds: dict[str, list[float]] = {name: [] for name in sessions}
    calls = {name: {session.get_inputs()[0].name: X[:1]} for name, session in sessions.items()}
    for _ in range(repeats):
        for name, session in sessions.items():
            start = time.perf_counter()
            for _ in range(10):
                session.run(None, calls[name])
            seconds[name].append((time.perf_counter() - start) / 10)
    first = np.median(next(iter(seconds.values())))
    print("\n| one row | µs | ratio |\n|---|---:|---:|")
    for name, each in seconds.items():
        print(f"| {name} | {1e6 * np.median(each):.1f} | {np.median(each) / first:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=300)
    args = parser.parse_args()
    compare(args.folder, args.rows, args.epochs)
    latency(args.repeats)
