"""Common to the chapters: data, repeated measurements, and the page that a chapter makes of them.

A chapter is a script with a docstring, its text, and

* `measure(seeds, data) -> DataFrame`: a row for each setting and seed,
* `table(results) -> DataFrame`: what the page shows, made by `spread` for the most part,
* `draw(results) -> Figure`,
* `conclusion(results) -> str`: what to use and when, with numbers from the results.

    python examples/training/01_epochs.py [--seeds 5] [--images FOLDER] [--output FOLDER]

`--images` names a folder with image sets as `.npz` files; without it chapters use scikit-learn's digits.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.utils import resample

mpl.use("Agg")
import matplotlib.pyplot as plt

TABLE = Path(__file__).parents[1] / "data" / "adult_census_10k.csv.gz"


class Images(NamedTuple):
    """Grey images (n, height, width) with values from 0, and their labels."""

    name: str
    X: np.ndarray
    y: np.ndarray


def images(folder: Path | None, name: str = "mnist_5k_28x28") -> Images:
    """A set of the folder in a fixed random order, or scikit-learn's 8 × 8 digits where there is none."""
    if folder is not None and (folder / f"{name}.npz").exists():
        stored = np.load(folder / f"{name}.npz")
        X, y = stored["images"], stored["labels"]
    else:
        name, (X, y) = "scikit-learn's digits, 8 × 8", load_digits(return_X_y=True)
        X = X.reshape(-1, 8, 8)
    X, y = resample(X, y, replace=False, random_state=0)
    return Images(name, X.astype(np.float32), y)


def census(n_rows: int = 10_000) -> tuple[pd.DataFrame, pd.Series]:
    """Adult census: does a person earn more than 50,000 dollars a year? Numbers, categories and missing cells."""
    frame = pd.read_csv(TABLE).head(n_rows)
    return frame.drop(columns="income"), frame["income"]


def spread(results: pd.DataFrame, by: str | list[str], columns: dict[str, str]) -> pd.DataFrame:
    """Mean ± standard deviation over seeds, as text; `columns` has the format of each, such as {"accuracy": ".3f"}."""
    grouped = results.groupby(by, sort=False)
    mean, std = grouped.mean(numeric_only=True), grouped.std(numeric_only=True).fillna(0.0)
    return pd.DataFrame(
        {
            name: [f"{m:{form}} ± {s:{form}}" for m, s in zip(mean[name], std[name], strict=True)]
            for name, form in columns.items()
        },
        index=mean.index,
    )


def figure(n_panels: int = 1, width: float = 3.6, height: float = 3.0, **kwargs):
    """A row of panels in the style of all chapters."""
    fig, axes = plt.subplots(1, n_panels, figsize=(width * n_panels + 0.8, height), layout="constrained", **kwargs)
    for ax in np.atleast_1d(axes):
        ax.spines[["top", "right"]].set_visible(False)
    return fig, axes


def markdown(frame: pd.DataFrame) -> str:
    """A table with the index as its first columns."""
    frame = frame.reset_index()
    lines = ["| " + " | ".join(map(str, frame.columns)) + " |", "|" + "---|" * frame.shape[1]]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in frame.itertuples(index=False)]
    return "\n".join(lines)


def run(chapter, seeds: int, folder: Path | None, output: Path) -> str:
    """Run a chapter, write its page and image into `output`, and return the page."""
    start = time.perf_counter()
    name = Path(chapter["__file__"]).stem
    results = chapter["measure"](range(seeds), folder)
    output.mkdir(parents=True, exist_ok=True)
    fig = chapter["draw"](results)
    fig.savefig(output / f"{name}.png", dpi=120)
    plt.close(fig)
    page = "\n\n".join(
        [
            chapter["__doc__"].strip(),
            markdown(chapter["table"](results)),
            f"![{name}]({name}.png)",
            chapter["conclusion"](results).strip(),
            f"*Mean ± standard deviation of {seeds} seeds. Script: `examples/training/{name}.py`, "
            f"{time.perf_counter() - start:.0f} s on one core.*",
        ]
    )
    (output / f"{name}.md").write_text(page + "\n", encoding="utf-8")
    return page


def main(chapter) -> None:
    parser = argparse.ArgumentParser(description=chapter["__doc__"].strip().splitlines()[0].lstrip("# "))
    parser.add_argument("--seeds", type=int, default=chapter.get("SEEDS", 5))
    parser.add_argument("--images", type=Path, default=None, help="folder with image sets as .npz files")
    parser.add_argument("--output", type=Path, default=Path("lab"))
    options = parser.parse_args()
    print(run(chapter, options.seeds, options.images, options.output), file=sys.stdout)
