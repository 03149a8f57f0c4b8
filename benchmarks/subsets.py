"""Named subsets of tables for `quality.py --subsets`: halves that pick and judge, and kinds.

    python benchmarks/subsets.py FOLDER [FOLDER ...] > subsets.json

Halves: `--splits` times (4 by default) the tables of each task are dealt to "split 1 pick" and "split 1 judge" in
random order, tables of one source file together: what is chosen on one half is quoted on the other only. Kinds are read
off the manifests: small mixed (at most 2,500 rows, numbers and categories), high cardinality (at least 100 levels),
rare positives (at most 13 %), skewed (skewness of the target of at least 2), and what a manifest's own `kinds` say.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np


def kinds_of(entry: dict) -> set[str]:
    mixed = entry["n_categorical"] and entry["n_numeric"]
    facts = {
        "small mixed": entry["n_rows"] <= 2500 and mixed,
        "high cardinality": entry["max_categorical_levels"] >= 100,
        "rare positives": entry["task"] == "binary" and min(entry["class_balance"].values()) <= 0.13,
        "skewed": entry["task"] == "regression" and abs(entry["target_skew"]) >= 2,
    }
    return {kind for kind, holds in facts.items() if holds} | (set(entry.get("kinds", [])) - set(facts))


def halves(entries: list[dict], seed: int) -> tuple[list[str], list[str]]:
    """Two halves of the tables of each task, those of one source file in the same."""
    rng = np.random.default_rng(seed)
    groups = defaultdict(list)
    for entry in entries:
        groups[entry["source_package"], entry["original_name"]].append(entry)
    by_task = defaultdict(list)
    for group in groups.values():
        by_task[group[0]["task"]].append([entry["name"] for entry in group])
    pick, judge = [], []
    for task in sorted(by_task):
        for place in rng.permutation(len(by_task[task])):
            smaller = min(pick, judge, key=len)
            smaller.extend(by_task[task][place])
    return sorted(pick), sorted(judge)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--splits", type=int, default=4)
    arguments = parser.parse_args()
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in arguments.folders]
    entries = [entry for manifest in manifests for entry in manifest["datasets"]]
    subsets = {}
    for split in range(arguments.splits):
        pick, judge = halves(entries, split)
        subsets |= {f"split {split + 1} pick": pick, f"split {split + 1} judge": judge}
    kinds = {entry["name"]: kinds_of(entry) for entry in entries}
    for kind in sorted(set().union(*kinds.values())):
        subsets[kind] = sorted(name for name, of_table in kinds.items() if kind in of_table)
    print(json.dumps(subsets, indent=1))


if __name__ == "__main__":
    main()
