"""The reference has every public name, with an example; the site builds without warnings, and its links are right."""

import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("sknn", "sknn.augmentation", "sknn.callbacks", "sknn.inspection", "sknn.model_selection")
# Names of these packages that users do not need.
INTERNAL = {"Augment", "Mixture", "MonitorScore", "ProgressLine", "SklearnTasks", "StopOnOverfitting", "SummaryMixin"}
INTERNAL |= {"hooks_of", "__version__"}
# numpydoc's checks that do not apply: examples and see-also everywhere, an extended summary, types alone in "Returns"
# and their descriptions, and an infinitive at the start, which it wants of "Losses of ..." too.
UNCHECKED = {"EX01", "SA01", "ES01", "RT02", "RT03", "SS05"}


def listed_names() -> list[str]:
    """Full names on the page of the reference."""
    names, module = [], ""
    for line in (ROOT / "docs" / "api" / "index.rst").read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"\.\. (?:automodule|currentmodule):: (.+)", line):
            module = match[1]
        elif match := re.fullmatch(r"   (\w+)", line):
            names.append(f"{module}.{match[1]}")
    return names


def public_object(name: str):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


LISTED = listed_names()


def test_every_public_name_is_in_the_reference_once():
    assert len(LISTED) > 40
    assert len({name.rpartition(".")[2] for name in LISTED}) == len(LISTED)
    objects = [public_object(name) for name in LISTED]
    for package in PACKAGES:
        module = importlib.import_module(package)
        missing = [name for name in module.__all__ if name not in INTERNAL and getattr(module, name) not in objects]
        assert missing == [], f"{package}: put these into docs/api/index.rst"


def test_every_name_that_pages_and_examples_import_is_in_the_reference():
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.py")]
    imports = [
        f"{module}.{name.strip()}"
        for page in pages
        for module, names in re.findall(
            r"^from (sknn[\w.]*) import (?!\()(.+)$", page.read_text(encoding="utf-8"), re.M
        )
        for name in names.split(",")
    ]
    assert len(imports) > 50
    objects = [public_object(name) for name in LISTED]
    allowed = {"sknn.augmentation.Augment"}  # to show what is changed
    assert [name for name in imports if name not in allowed and public_object(name) not in objects] == []


@pytest.mark.parametrize("name", LISTED)
def test_a_public_name_has_an_example(name):
    assert ">>> " in inspect.getdoc(public_object(name)).partition("Examples\n")[2]


@pytest.mark.parametrize("name", LISTED)
def test_a_public_docstring_and_those_of_methods_are_valid(name):
    validate = pytest.importorskip("numpydoc.validate", reason="needs pip install 'sknn[docs]'").validate
    documented = [name, *(f"{name}.{method}" for method in own_methods(public_object(name)))]
    errors = {item: [e for e in validate(item)["errors"] if e[0] not in UNCHECKED] for item in documented}
    assert {item: found for item, found in errors.items() if found} == {}


def own_methods(item) -> list[str]:
    """Public methods of a class of ours with a docstring; others override one that has it."""
    if not inspect.isclass(item):
        return []
    methods = [name for name in dir(item) if not name.startswith(("_", "on_"))]
    functions = {name: inspect.getattr_static(item, name) for name in methods}
    functions = {name: getattr(f, "__func__", getattr(f, "fget", f)) for name, f in functions.items()}
    return [
        name
        for name, function in functions.items()
        if inspect.isfunction(function) and function.__module__.startswith("sknn") and function.__doc__
    ]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built from a copy without running the gallery."""
    needed = ("sphinx", "numpydoc", "myst_parser", "sphinx_gallery", "sphinx_copybutton", "sphinx_design")
    if missing := [name for name in (*needed, "pydata_sphinx_theme") if find_spec(name) is None]:
        pytest.skip(f"needs pip install 'sknn[docs]': {', '.join(missing)}")
    root = tmp_path_factory.mktemp("site")
    made = shutil.ignore_patterns("_build", "generated", "gallery", "__pycache__")
    shutil.copytree(ROOT / "docs", root / "docs", ignore=made)
    for folder in ("benchmarks", "examples"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / file, root)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-D", "plot_gallery=0", "docs", "html"]
    built = subprocess.run(command, cwd=root, env=env_of_a_build(), capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-4000:]  # orphans and unknown names are warnings, and these errors
    return root / "html"


def env_of_a_build() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


class Links(HTMLParser):
    """Where a page leads to, and what may be led to."""

    def __init__(self, page: Path):
        super().__init__()
        self.targets, self.anchors = set(), {""}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        self.targets |= {values[key] for key in ("href", "src") if values.get(key)}


def test_each_public_name_has_a_page(site):
    assert [name for name in LISTED if not (site / "api" / "generated" / f"{name}.html").exists()] == []


def test_internal_links_lead_somewhere(site):
    pages = {page.resolve(): Links(page) for page in site.rglob("*.html") if "_static" not in page.parts}
    assert len(pages) > 70
    dead = []
    for page, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            there = pages.get(file)
            if not file.exists() or (there and unquote(parts.fragment) not in there.anchors):
                dead.append(f"{page.name}: {target}")
    assert dead == []
