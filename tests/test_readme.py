"""The code of the README, the guide and the quickstart runs."""

import inspect
import re
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

import matplotlib as mpl
import pytest

import sknn
import sknn.augmentation
import sknn.callbacks
from sknn.modules import ACTIVATIONS, INITIALIZERS, MODULES
from sknn.optim import OPTIMIZERS, SCHEDULES
from sknn.targets import CLASSIFICATION_LOSSES, REGRESSION_LOSSES

ROOT = Path(__file__).parents[1]
mpl.use("Agg")


PAGES = ["README.md", "docs/index.md", "docs/start.md", "docs/coming_from.md", "docs/guide.md"]
OTHERS = ("import keras", "import lightgbm", "import shap")  # which are no dependencies


@pytest.mark.parametrize("name", PAGES)
def test_python_blocks_run_one_after_the_other(name, capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        if any(other in block for other in OTHERS) or ("import optuna" in block and not find_spec("optuna")):
            continue  # the latter is an extra
        exec(compile(block, name, "exec"), names)


def test_readme_names_the_test_command_that_ci_runs():
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(commands) == 2
    assert "examples/quickstart.py" in commands[0]
    assert "pytest" in commands[1]


def test_quickstart_runs_and_saves_its_image(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["quickstart.py", "--output", str(tmp_path / "curve.png")])
    module = runpy.run_path(str(ROOT / "examples" / "quickstart.py"))
    whole = module["load"]
    module["main"].__globals__["load"] = lambda: tuple(part.head(1200) for part in whole())
    module["main"]()
    printed = capsys.readouterr().out
    assert "NNClassifier()" in printed
    assert "HistGradientBoosting" in printed
    assert (tmp_path / "curve.png").stat().st_size > 10_000


def test_the_menu_lists_every_name_that_a_parameter_takes():
    menu = (ROOT / "docs" / "menu.md").read_text()
    registries = (MODULES, CLASSIFICATION_LOSSES, REGRESSION_LOSSES, ACTIVATIONS, INITIALIZERS, OPTIMIZERS, SCHEDULES)
    for names in registries:
        assert [name for name in names if f'`"{name}"`' not in menu] == []
    objects = [*sknn.augmentation.__all__, *sknn.callbacks.__all__]
    internal = {"Augment", "Augmentation", "Mixture", "MonitorScore", "ProgressLine", "SklearnTasks"}
    internal |= {"StopOnOverfitting", "TrainingWarning", "hooks_of"}
    assert [name for name in objects if name not in menu and name not in internal] == []


def test_the_page_of_defaults_has_a_row_for_every_parameter_that_may_be_auto():
    page = (ROOT / "docs" / "defaults.md").read_text()
    parameters = inspect.signature(sknn.NNClassifier).parameters.values()
    names = [parameter.name for parameter in parameters if parameter.default == "auto"]
    assert len(names) > 10
    assert [name for name in names if f"\n| `{name}` |" not in page] == []
