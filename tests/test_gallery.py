"""Each example of the gallery runs, and draws; some always, all with SKNN_GALLERY=1 and when the site is built."""

import os
import runpy
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "gallery"
LONG = {"01_raw_table", "03_search", "09_stack", "10_streams"}
mpl.use("Agg")


@pytest.mark.usefixtures("few_epochs")
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_runs_with_few_epochs(path, monkeypatch, capsys):
    if path.stem in LONG and "SKNN_GALLERY" not in os.environ:
        pytest.skip("takes long: set SKNN_GALLERY=1")
    monkeypatch.chdir(FOLDER)
    runpy.run_path(str(path))
    assert plt.get_fignums()
    plt.close("all")
