"""The code of the README, the guide and the quickstart runs."""

import re
import runpy
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

ROOT = Path(__file__).parents[1]
mpl.use("Agg")


@pytest.mark.parametrize("name", ["README.md", "docs/guide.md"])
def test_python_blocks_run_one_after_the_other(name, capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) > 3
    names = {}
    for block in blocks:
        exec(compile(block, name, "exec"), names)


def test_readme_names_the_test_command_that_ci_runs():
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(commands) == 2
    assert "examples/quickstart.py" in commands[0]
    assert "pytest" in commands[1]


def test_quickstart_runs_and_saves_its_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["quickstart.py", "--output", str(tmp_path / "curve.png")])
    module = runpy.run_path(str(ROOT / "examples" / "quickstart.py"))
    whole = module["load"]
    module["main"].__globals__["load"] = lambda: tuple(part.head(1200) for part in whole())
    module["main"]()
    printed = capsys.readouterr().out
    assert "NNClassifier()" in printed
    assert "HistGradientBoosting" in printed
    assert (tmp_path / "curve.png").stat().st_size > 10_000
