"""What `sknn.inspection.diagnose` finds in default fits on real tables, which should be nothing, and how long it takes.

    python benchmarks/diagnose.py --folder TABLES [--rows 1500] [--only NAME,NAME]

TABLES is as for `quality.py`; without it the tables that scikit-learn bundles are used. One thread.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from quality import tables
from threadpoolctl import threadpool_limits

from sknn import NNClassifier, NNRegressor
from sknn.inspection import diagnose


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_500)
    parser.add_argument("--only", help="names of tables, separated by commas")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    n_found, shares = 0, []
    for name, task, X, y in tables(arguments.folder):
        if arguments.only and name not in arguments.only.split(","):
            continue
        rows = np.sort(np.random.RandomState(0).permutation(len(X))[: arguments.rows])
        X, y = X.iloc[rows].reset_index(drop=True), y.iloc[rows].reset_index(drop=True)
        net = (NNRegressor if task == "regression" else NNClassifier)(random_state=0)
        start = time.perf_counter()
        net.fit(X, y)
        fitted = time.perf_counter()
        found = diagnose(net, X, y)
        share = (time.perf_counter() - fitted) / (fitted - start)
        n_found += len(found)
        shares.append(share)
        print(f"{name}: fit {fitted - start:.1f} s, diagnosis {share:.0%} of it. {found!r}", flush=True)
    print(f"\n{len(shares)} tables, {n_found} findings; median share of the fit's time {np.median(shares):.0%}")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
