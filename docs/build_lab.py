"""Build "How networks are trained": run every chapter, write its page and image, and their index.

    python docs/build_lab.py [--images FOLDER] [--only 07] [--seeds 5] [--output docs/how_networks_are_trained]

`--images` names a folder with image sets as `.npz` files (arrays `images` and `labels`); without it chapters take
scikit-learn's digits. Two chapters run at a time, with one thread each; those that measure time run alone.
"""

from __future__ import annotations

import argparse
import os
import platform
import runpy
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]
CHAPTERS = ROOT / "examples" / "training"
TIMED = {"05_batch_size", "06_regularisation", "07_augmentation"}

INTRODUCTION = """# How networks are trained

The choices in training a network, one per chapter: what it is, its effect on real data, and what to use when. Each page
is made by the script named at its end: every number comes from the run.

"""


def build(path: Path, images: Path | None, seeds: int | None, output: Path) -> tuple[str, float]:
    """Run a chapter. Returns its title and seconds."""
    start = time.perf_counter()
    sys.path.insert(0, str(CHAPTERS))
    import lab

    chapter = runpy.run_path(str(path))
    page = lab.run(chapter, seeds or chapter.get("SEEDS", 5), images, output)
    return page.splitlines()[0].lstrip("# "), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, default=None)
    parser.add_argument("--only", default="", help="beginning of a chapter's name")
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "how_networks_are_trained")
    options = parser.parse_args()
    paths = [path for path in sorted(CHAPTERS.glob("[0-9]*.py")) if path.stem.startswith(options.only)]
    start, titles = time.perf_counter(), {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        arguments = options.images, options.seeds, options.output
        running = {path: pool.submit(build, path, *arguments) for path in paths if path.stem not in TIMED}
        titles = {path: future.result() for path, future in running.items()}
        for path in paths:
            if path.stem in TIMED:
                titles[path] = pool.submit(build, path, *arguments).result()
    for path in paths:
        title, seconds = titles[path]
        print(f"{seconds:5.0f} s  {title}", flush=True)
    print(f"{time.perf_counter() - start:5.0f} s  in all")
    if not options.only:
        write_index(titles, options.output, time.perf_counter() - start)


def write_index(titles: dict[Path, tuple[str, float]], output: Path, seconds: float) -> None:
    import sklearn
    import torch

    lines = [f"* [{titles[path][0]}]({path.stem}.md)" for path in sorted(titles)]
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, scikit-learn {sklearn.__version__}"
    made = f"*Built on {time.strftime('%d %B %Y')} in {seconds / 60:.0f} minutes on two cores; {versions}.*"
    (output / "README.md").write_text(INTRODUCTION + "\n".join(lines) + f"\n\n{made}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
