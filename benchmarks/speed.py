"""Time and memory of `NNClassifier` against a hand-written torch loop, scikit-learn's MLP and skorch.

    python benchmarks/speed.py [--repeats 7] [--threads 1] [--only cold,fit,predict,row,device,ensemble,growth,memory]
                               [--device cpu] [--folder TABLES] [--prototype FILE.py]

All contenders train the same network with the same optimizer, batches and number of epochs, on the
same standardised float32 array; ours also does its default preprocessing. They alternate in one
process with torch's and BLAS's threads pinned. Times are whole `fit` or `predict_proba` calls; the
tables show medians, and ratios to the torch loop (for predictions to scikit-learn's MLP) and to
ours. Memory is measured in a fresh process each.

"ensemble" is a training step of 8 members with two layers of 96 on 10 embedded numbers: ours against the
arithmetic limit (the time of 512 × 512 matrix products with as many multiplications), against 8
networks trained one by one, and against the same ensemble written plainly: torch's gradient, an optimizer that goes
through the parameters. FILE.py adds another draft of the ensemble: its `Net2(members, numbers, 0, [], classes, ...)`
and `groups(rate, decay)`. Each call trains for eight epochs, so that what comes once an epoch, or with a change of
the dropout, counts as it does in a fit. "cold" is a process that imports everything and fits 200 rows for the first
time, against one that only imports scikit-learn, torch, pandas and skorch. "growth" fits the defaults on 3,000 to
100,000 rows of a table `nyc_flight_late` in TABLES, or of synthetic rows. "device", which is run where one is given,
is the defaults on it beside the defaults on the CPU; "fit" and "predict" take place on it too,
but for scikit-learn's MLP. "row" predicts one raw row of 14 mixed columns by the defaults, a frame of it, a dict, and
what is not encoding: the same row encoded before.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import skorch
import torch
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from threadpoolctl import threadpool_limits
from torch import nn

from sknn import NNClassifier
from sknn.modules import TabularNet
from sknn.optim import make_optimizer
from sknn.optim._schedules import flat_cosine, one_cycle
from sknn.preprocessing import Encoded
from sknn.targets import ClassTarget, find_loss
from sknn.training import EnsembleRows, Rows, TrainingNet, network_outputs

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


def fit_torch_loop(X, y, hidden, batch_size, epochs, device):
    """What one writes by hand: rows on the device, fused Adam, a new order each epoch, no bookkeeping."""
    torch.manual_seed(0)
    X, y = torch.from_numpy(X).to(device), torch.from_numpy(y).to(device)
    network = make_network(X.shape[1], hidden).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    loss_function = nn.CrossEntropyLoss()
    for _ in range(epochs):
        order = torch.randperm(len(X), device=device)
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            optimizer.zero_grad()
            loss_function(network(X[rows]), y[rows]).backward()
            optimizer.step()
    return network.cpu()  # waits for the device


def fit_sklearn(X, y, hidden, batch_size, epochs, device):
    mlp = MLPClassifier(hidden, batch_size=batch_size, max_iter=epochs, n_iter_no_change=epochs, tol=0, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged, and is not meant to
        return mlp.fit(X, y)


def fit_skorch(X, y, hidden, batch_size, epochs, device):
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
        device=device,
        verbose=0,
    )
    return net.fit(X, y)


def fit_sknn(X, y, hidden, batch_size, epochs, device):
    net = NNClassifier(
        module="mlp",
        hidden_layer_sizes=hidden,
        dropout=0,
        optimizer="adam",
        learning_rate=1e-3,
        weight_decay=0,
        batch_size=batch_size,
        max_epochs=epochs,
        early_stopping=False,
        device=device,
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


def bench_fit(repeats: int, device: str) -> None:
    for n_rows, n_features, hidden, batch_size, epochs in SHAPES:
        X, y = make_data(n_rows, n_features)
        calls = {
            name: lambda fit=fit, X=X, y=y, h=hidden, b=batch_size, e=epochs: fit(X, y, h, b, e, device)
            for name, fit in FITS.items()
        }
        title = f"fit: {n_rows:,} × {n_features} -> {hidden}, batches of {batch_size}, {epochs} epochs"
        show(title, alternate(calls, repeats), "torch loop")


def bench_device(repeats: int, device: str) -> None:
    """The defaults on the CPU and on the device, after a small fit on each."""
    print("\nfit with the defaults, 30 features\n\n| | rows | cpu, s | device, s |\n|---|---:|---:|---:|")
    for module, n_rows in (("tabular", 1_000), ("tabular", 10_000), ("tabular", 50_000), ("mlp", 50_000)):
        X, y = make_data(n_rows, 30)
        seconds: dict[str, list[float]] = {"cpu": [], device: []}
        for where in seconds:
            NNClassifier(module, max_epochs=1, device=where, random_state=0).fit(X[:500], y[:500])
        for _ in range(repeats):
            for where, taken in seconds.items():
                start = time.perf_counter()
                NNClassifier(module, device=where, random_state=0).fit(X, y)
                taken.append(time.perf_counter() - start)
        medians = [f"{statistics.median(taken):.2f}" for taken in seconds.values()]
        print(f"| {module} | {n_rows:,} | {' | '.join(medians)} |", flush=True)


def bench_predict(repeats: int, device: str) -> None:
    X, y = make_data(100_000, 30)
    models = {
        name: FITS[name](X[:5_000], y[:5_000], (128, 128), 256, 2, device) for name in FITS if name != "torch loop"
    }
    for n_rows, loops in ((1, 200), (100_000, 1)):
        calls = {
            name: lambda model=model, rows=X[:n_rows], loops=loops: [model.predict_proba(rows) for _ in range(loops)]
            for name, model in models.items()
        }
        seconds = {name: value / loops for name, value in alternate(calls, repeats).items()}
        show(f"predict_proba: {n_rows:,} row(s), 30 features, (128, 128)", seconds, "scikit-learn MLP")


def mixed_table(n_rows: int) -> tuple[pd.DataFrame, pd.Series]:
    """5 numbers, 3 of them with holes, a count, 3 small categories, a large one, a date, 3 flags, one with holes."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({f"number {k}": rng.normal(size=n_rows) for k in range(5)})
    X = X.mask(rng.random(X.shape) < [0.1, 0.1, 0.1, 0, 0])
    X["count"] = rng.poisson(3, n_rows)
    for name, n_levels in {"small": 3, "smaller": 5, "smallest": 8, "large": 60}.items():
        X[name] = rng.choice([f"level {k}" for k in range(n_levels)], n_rows)
    X["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700 * 24, n_rows), unit="h")
    X["yes"], X["no"] = rng.random((2, n_rows)) < [[0.5], [0.3]]
    X["maybe"] = pd.Series(rng.choice([True, False, None], n_rows), dtype=object)
    return X, X["number 3"] + X["yes"] + rng.normal(size=n_rows) > 0.5


def bench_row(repeats: int) -> None:
    X, y = mixed_table(1_000)
    net, loops = NNClassifier(max_epochs=3, random_state=0).fit(X, y), 100
    row = X.iloc[[5]]
    encoded, record = net.encoder_.encode_row(row), row.iloc[0].to_dict()
    calls = {
        "sknn": lambda: net.predict(row),
        "sknn, predict_proba": lambda: net.predict_proba(row),
        "sknn, a dict": lambda: net.predict(record),
        "sknn, as two rows": lambda: net.predict(X.iloc[5:7]),  # encoded as a frame is
        "network alone": lambda: network_outputs(net.module_, net.encoder_, encoded, net._target.n_outputs, np.asarray),
    }
    seconds = alternate(
        {name: lambda call=call: [call() for _ in range(loops)] for name, call in calls.items()}, repeats
    )
    seconds = {name: value / loops for name, value in seconds.items()}
    show("predict: one raw row, 14 mixed columns, defaults", seconds, "network alone")


MEMBERS, WIDTH, NUMBERS, BINS, EMBEDDING = 8, 96, 10, 16, 8
EDGES = np.linspace(-2, 2, BINS + 1).tolist()
EPOCHS = 8


def make_ensemble(n_members: int) -> TabularNet:
    return TabularNet(NUMBERS, 2, bins=[EDGES] * NUMBERS, n_members=n_members, hidden_layer_sizes=(WIDTH, WIDTH),
                      activation="silu", dropout=0.15)  # fmt: skip


def our_steps(n_members: int, n_rows: int, n_steps: int) -> Callable:
    """A call that trains an ensemble in the loop that `fit` uses, `n_steps` in each epoch."""
    rng = np.random.default_rng(0)
    n = n_rows * n_steps
    encoded = Encoded(rng.standard_normal((n, NUMBERS), dtype=np.float32))
    rows = Rows(encoded, rng.integers(0, 2, n), None, torch.device("cpu"), lambda codes: codes)
    optimizer, params = make_optimizer("adamw", {"betas": (0.9, 0.95)}, weight_decay=0.2, device=torch.device("cpu"))
    target = ClassTarget(find_loss("cross_entropy", ClassTarget), {}, labels=np.arange(2))
    members = EnsembleRows(rows, [np.arange(n)] * n_members)
    net = TrainingNet(make_ensemble(n_members), target.make_criterion(), target=target, train=members, valid=None,
                      optimizer=optimizer, lr=1e-3, max_epochs=EPOCHS, batch_size=n_rows,
                      iterator_train__shuffle=True, callbacks=[],
                      schedules={"learning_rate": one_cycle, "dropout": flat_cosine},
                      **{f"optimizer__{name}": value for name, value in params.items()})  # fmt: skip
    return net.run


def steps_of(forward: Callable, optimizer: torch.optim.Optimizer, n_rows: int, n_steps: int, decay=None) -> Callable:
    """A call that trains an ensemble as one would first write it; `decay` is called before each step."""
    x, y = torch.randn(n_rows * n_steps, NUMBERS), torch.randint(0, 2, (n_rows * n_steps,))

    def call():
        for _ in range(EPOCHS):
            order = torch.stack([torch.randperm(len(x)) for _ in range(MEMBERS)])
            for start in range(0, len(x), n_rows):
                rows = order[:, start : start + n_rows]
                if decay is not None:
                    decay()
                loss = nn.functional.cross_entropy(forward(x[rows]).flatten(0, 1), y[rows].flatten())
                optimizer.zero_grad()
                (loss * MEMBERS).backward()
                optimizer.step()

    return call


def plain_steps(n_rows: int, n_steps: int) -> Callable:
    torch.manual_seed(0)
    ensemble = make_ensemble(MEMBERS).train()
    optimizer = torch.optim.AdamW(ensemble.parameters(), lr=1e-3, betas=(0.9, 0.95), fused=True)
    return steps_of(ensemble, optimizer, n_rows, n_steps)


def prototype_steps(path: Path, n_rows: int, n_steps: int) -> Callable:
    """The ensemble of a script, with an optimizer for each of its groups and decay apart from it."""
    spec = importlib.util.spec_from_file_location("prototype", path)
    prototype = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prototype)
    torch.manual_seed(0)
    edges = torch.tensor([EDGES] * NUMBERS)
    ensemble = prototype.Net2(MEMBERS, NUMBERS, 0, [], 2, emb="ple", edges=edges, hidden=(WIDTH, WIDTH)).train()
    groups = ensemble.groups(1e-3, 0.02)
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.95), fused=True)
    nothing, no_codes = torch.zeros(MEMBERS, n_rows, 0), torch.zeros(MEMBERS, n_rows, 0, dtype=torch.long)

    @torch.no_grad()
    def decay():
        for group in groups:
            if group["wd"]:
                torch._foreach_mul_(group["params"], 1 - group["lr"] * group["wd"])

    return steps_of(lambda x: ensemble(x, nothing, no_codes, pd=0.15), optimizer, n_rows, n_steps, decay)


def matrix_products(n_rows: int, n_steps: int) -> Callable:
    """512 × 512 products with the multiplications of the steps: forward, and twice that backward.

    What has no gradient (the numeric encoding) needs one product backward, not two.
    """
    embedding = NUMBERS * (BINS + 1) * EMBEDDING
    layers = NUMBERS * EMBEDDING * WIDTH + WIDTH * WIDTH + WIDTH * 2
    multiplications = MEMBERS * n_rows * EPOCHS * n_steps * (2 * embedding + 3 * layers)
    a, b = torch.randn(512, 512), torch.randn(512, 512)
    n_products = multiplications / 512**3
    whole = max(1, round(n_products))

    def call():
        for _ in range(whole):
            torch.mm(a, b)

    call.fraction = n_products / whole
    return call


def bench_ensemble(repeats: int, prototype: Path | None) -> None:
    for n_rows, n_steps in ((32, 100), (256, 25)):
        limit = matrix_products(n_rows, n_steps)
        calls = {
            "limit": limit,
            "sknn": our_steps(MEMBERS, n_rows, n_steps),
            "the ensemble written plainly": plain_steps(n_rows, n_steps),
        }
        if prototype is not None:
            calls["prototype"] = prototype_steps(prototype, n_rows, n_steps)
        alone = our_steps(1, n_rows, n_steps)
        calls["8 networks one by one"] = lambda alone=alone: [alone() for _ in range(MEMBERS)]
        seconds = alternate(calls, repeats)
        seconds["limit"] *= limit.fraction
        title = f"a step of an ensemble: {MEMBERS} members, 2 × {WIDTH}, {NUMBERS} numbers, {n_rows} rows"
        show(title, {name: value / (EPOCHS * n_steps) for name, value in seconds.items()}, "limit")


IMPORTS = "import numpy, pandas, sklearn, skorch, torch"
FIRST_FIT = f"""{IMPORTS}, sknn
X = numpy.random.default_rng(0).normal(size=(200, 5))
sknn.NNClassifier({{}}, max_epochs=1, random_state=0).fit(X, X[:, 0] > 0)
"""


def bench_cold(repeats: int) -> None:
    scripts = {"imports alone": IMPORTS} | {name: FIRST_FIT.format(repr(name)) for name in ("tabular", "mlp")}

    def run(script: str) -> Callable:
        return lambda: subprocess.run([sys.executable, "-c", script], check=True)

    seconds = alternate({name: run(script) for name, script in scripts.items()}, repeats)
    print("\nfrom a cold start to the first model, in a process of its own\n")
    print("| | s | beyond the imports |\n|---|---:|---:|")
    for name, taken in seconds.items():
        print(f"| {name} | {taken:.2f} | {taken - seconds['imports alone']:.2f} |")


def bench_growth(folder: Path | None) -> None:
    print("\nfit by the number of rows, defaults\n")
    print("| rows | s | s for 1,000 rows | peak memory, MB |\n|---:|---:|---:|---:|")
    for n_rows in (3_000, 10_000, 30_000, 100_000):
        command = [sys.executable, __file__, "--growth-of", str(n_rows)] + (["--folder", str(folder)] if folder else [])
        seconds, grown = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"| {n_rows:,} | {seconds:.2f} | {1_000 * seconds / n_rows:.3f} | {grown / 1e6:.0f} |", flush=True)


def growth_of(n_rows: int, folder: Path | None) -> None:
    """Print the seconds of a fit, and by how many bytes it raised the peak resident size."""
    if folder is None:
        X, y = make_data(n_rows, 15)
    else:
        table = pd.read_parquet(folder / "nyc_flight_late.parquet").head(n_rows)
        X, y = table.drop(columns="target"), table["target"]
    NNClassifier(max_epochs=1, random_state=0).fit(X[:500], y[:500])
    before, start = peak(), time.perf_counter()
    NNClassifier(random_state=0).fit(X, y)
    print(json.dumps([time.perf_counter() - start, peak() - before]))


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
    parser.add_argument("--only", default="cold,fit,predict,row,device,ensemble,growth,memory")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--prototype", type=Path)
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    parser.add_argument("--growth-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.growth_of:
        torch.set_num_threads(arguments.threads)
        growth_of(arguments.growth_of, arguments.folder)
        return
    if arguments.memory_of:
        memory_of(arguments.memory_of)
        return
    torch.set_num_threads(arguments.threads)
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, scikit-learn {sklearn.__version__}, "
        f"skorch {skorch.__version__}, numpy {np.__version__}; {arguments.threads} thread(s), "
        f"medians of {arguments.repeats}"
        + (f"; {torch.cuda.get_device_name()}" if arguments.device.startswith("cuda") else "")
    )
    chosen = arguments.only.split(",")
    if "cold" in chosen:
        bench_cold(arguments.repeats)
    with threadpool_limits(arguments.threads):
        if "fit" in chosen:
            bench_fit(arguments.repeats, arguments.device)
        if "predict" in chosen:
            bench_predict(arguments.repeats, arguments.device)
        if "row" in chosen:
            bench_row(arguments.repeats)
        if "ensemble" in chosen:
            bench_ensemble(arguments.repeats, arguments.prototype)
        if "device" in chosen and arguments.device != "cpu":
            bench_device(arguments.repeats, arguments.device)
    if "growth" in chosen:
        bench_growth(arguments.folder)
    if "memory" in chosen:
        bench_memory()


if __name__ == "__main__":
    main()
