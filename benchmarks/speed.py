"""Time and memory of `NNClassifier` against a hand-written torch loop, scikit-learn's MLP and skorch.

    python benchmarks/speed.py [--repeats 7] [--threads 1] [--only fit,predict,memory]

All contenders train the same network with the same optimiser, batches and number of epochs, on the
same standardised float32 array; ours also does its default preprocessing. They alternate in one
process with torch's and BLAS's threads pinned. Times are whole `fit` or `predict_proba` calls; the
tables show medians, and ratios to the torch loop (for predictions to scikit-learn's MLP) and to
ours. Memory is measured in a fresh process each.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import sklearn
import skorch
import torch
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from threadpoolctl import threadpool_limits
from torch import nn

from sknn import NNClassifier

N_CLASSES = 3
# rows, features, hidden layers, batch size, epochs
SHAPES = [
    (1_000, 20, (100,), 200, 50),
    (20_000, 30, (128, 128), 256, 5),
    (50_000, 50, (256, 256, 256), 256, 2),
]


def make_data(n_rows: int, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    logits = X[:, :5] @ rng.standard_normal((5, N_CLASSES)).astype(np.float32)
    return X, logits.argmax(axis=1)


def make_network(n_features: int, hidden: tuple[int, ...]) -> nn.Sequential:
    layers, width = [], n_features
    for size in hidden:
        layers += [nn.Linear(width, size), nn.ReLU()]
        width = size
    return nn.Sequential(*layers, nn.Linear(width, N_CLASSES))


def fit_torch_loop(X, y, hidden, batch_size, epochs):
    """What one writes by hand: rows in memory, fused Adam, a new order each epoch, no bookkeeping."""
    torch.manual_seed(0)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    network = make_network(X.shape[1], hidden)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    loss_function = nn.CrossEntropyLoss()
    for _ in range(epochs):
        order = torch.randperm(len(X))
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            optimizer.zero_grad()
            loss_function(network(X[rows]), y[rows]).backward()
            optimizer.step()
    return network


def fit_sklearn(X, y, hidden, batch_size, epochs):
    mlp = MLPClassifier(hidden, batch_size=batch_size, max_iter=epochs, n_iter_no_change=epochs, tol=0, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged, and is not meant to
        return mlp.fit(X, y)


def fit_skorch(X, y, hidden, batch_size, epochs):
    torch.manual_seed(0)
    net = NeuralNetClassifier(
        make_network(X.shape[1], hidden),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=batch_size,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return net.fit(X, y)


def fit_sknn(X, y, hidden, batch_size, epochs):
    net = NNClassifier(
        hidden_layer_sizes=hidden,
        dropout=0,
        optimizer="adam",
        learning_rate=1e-3,
        weight_decay=0,
        batch_size=batch_size,
        max_epochs=epochs,
        early_stopping=False,
        random_state=0,
    )
    return net.fit(X, y)


FITS = {
    "torch loop": fit_torch_loop,
    "sknn": fit_sknn,
    "scikit-learn MLP": fit_sklearn,
    "skorch": fit_skorch,
}


def alternate(calls: dict[str, Callable], repeats: int) -> dict[str, float]:
    """Median seconds of each call, called in turn after one warm-up."""
    seconds = {name: [] for name in calls}
    for repeat in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if repeat:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def show(title: str, seconds: dict[str, float], reference: str) -> None:
    print(f"\n{title}\n")
    print(f"| | ms | × {reference} | × sknn |\n|---|---:|---:|---:|")
    for name, value in seconds.items():
        print(f"| {name} | {1e3 * value:.2f} | {value / seconds[reference]:.2f} | {value / seconds['sknn']:.2f} |")


def bench_fit(repeats: int) -> None:
    for n_rows, n_features, hidden, batch_size, epochs in SHAPES:
        X, y = make_data(n_rows, n_features)
        calls = {
            name: lambda fit=fit, X=X, y=y, h=hidden, b=batch_size, e=epochs: fit(X, y, h, b, e)
            for name, fit in FITS.items()
        }
        title = f"fit: {n_rows:,} × {n_features} -> {hidden}, batches of {batch_size}, {epochs} epochs"
        show(title, alternate(calls, repeats), "torch loop")


def bench_predict(repeats: int) -> None:
    X, y = make_data(100_000, 30)
    models = {name: FITS[name](X[:5_000], y[:5_000], (128, 128), 256, 2) for name in FITS if name != "torch loop"}
    for n_rows, loops in ((1, 200), (100_000, 1)):
        calls = {
            name: lambda model=model, rows=X[:n_rows], loops=loops: [model.predict_proba(rows) for _ in range(loops)]
            for name, model in models.items()
        }
        seconds = {name: value / loops for name, value in alternate(calls, repeats).items()}
        show(f"predict_proba: {n_rows:,} row(s), 30 features, (128, 128)", seconds, "scikit-learn MLP")


def bench_memory() -> None:
    print("\npeak memory beyond the 1,000,000 × 50 float32 array (200 MB), in a process of its own\n")
    print("| | MB | times the array |\n|---|---:|---:|")
    for call in ("fit", "fit with early stopping", "predict_proba"):
        command = [sys.executable, __file__, "--memory-of", call]
        grown, array = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"| {call} | {grown / 1e6:.0f} | {grown / array:.2f} |")


def memory_of(call: str) -> None:
    """Print the growth of the peak resident size by one call, and the array's size, in bytes."""
    X, y = make_data(1_000_000, 50)
    net = NNClassifier(
        hidden_layer_sizes=(64,), batch_size=1024, max_epochs=1, early_stopping="early" in call, random_state=0
    )
    if call == "predict_proba":
        net.fit(X[:10_000], y[:10_000])
    else:  # what the first fit of a process loads is not the table's doing
        NNClassifier(max_epochs=1, random_state=0).fit(X[:500], y[:500])
    before = peak()
    net.predict_proba(X) if call == "predict_proba" else net.fit(X, y)
    print(json.dumps([peak() - before, X.nbytes]))


def peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="fit,predict,memory")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        memory_of(arguments.memory_of)
        return
    torch.set_num_threads(arguments.threads)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, scikit-learn {sklearn.__version__}, "
        f"skorch {skorch.__version__}, numpy {np.__version__}; {arguments.threads} thread(s), "
        f"medians of {arguments.repeats}"
    )
    chosen = arguments.only.split(",")
    with threadpool_limits(arguments.threads):
        if "fit" in chosen:
            bench_fit(arguments.repeats)
        if "predict" in chosen:
            bench_predict(arguments.repeats)
    if "memory" in chosen:
        bench_memory()


if __name__ == "__main__":
    main()
