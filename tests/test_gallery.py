"""Each example of the gallery runs, and draws."""

import runpy
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "gallery"
mpl.use("Agg")


@pytest.mark.usefixtures("few_epochs")
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_runs_with_few_epochs(path, monkeypatch, capsys):
    monkeypatch.chdir(FOLDER)
    runpy.run_path(str(path))
    assert plt.get_fignums()
    plt.close("all")
