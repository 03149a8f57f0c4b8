"""Imports go one way, the public names are those that are meant, and both classes document their parameters."""

import ast
import inspect
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import sknn
from sknn import NNClassifier, NNRegressor

ROOT = Path(sknn.__file__).parent

# What each part may import of the package, and which packages it must not know.
MAY_IMPORT = {
    "utils": {"utils"},
    "storage": {"storage", "utils"},
    "augmentation": {"augmentation", "utils"},
    "preprocessing": {"preprocessing", "utils"},
    "modules": {"modules", "utils"},
    "pretrained": {"modules"},
    "targets": {"modules", "preprocessing", "targets"},
    "optim": {"modules", "optim", "utils"},
    "conformal": {"conformal"},
    "splitting": {"parameters", "preprocessing", "splitting", "utils"},
    "callbacks": {"callbacks", "modules"},
    "parameters": {"augmentation", "callbacks", "modules", "optim", "parameters", "pretrained", "targets", "utils"},
    "plain": {
        "augmentation", "callbacks", "modules", "optim", "plain", "preprocessing", "pretrained", "targets", "utils",
    },
    "training": {
        "augmentation", "callbacks", "modules", "optim", "parameters", "plain", "preprocessing", "pretrained",
        "splitting", "targets", "training", "utils",
    },
    "inspection": {"callbacks", "inspection", "modules", "parameters", "preprocessing", "training", "utils"},
    "_estimator": {"inspection", "parameters", "preprocessing", "splitting", "training", "utils"},
    "classifier": {"_estimator", "conformal", "parameters", "preprocessing", "splitting", "targets", "utils"},
    "regressor": {"_estimator", "conformal", "parameters", "preprocessing", "splitting", "targets", "utils"},
    "model_selection": {
        "_estimator", "callbacks", "classifier", "inspection", "model_selection", "modules", "optim", "parameters",
        "preprocessing", "regressor", "splitting", "targets", "training", "utils",
    },
    "features": {"_estimator", "modules", "preprocessing", "training", "utils"},
    "saving": {
        "_estimator", "classifier", "features", "modules", "plain", "preprocessing", "regressor", "saving", "storage",
        "targets", "utils",
    },
    "export": {"_estimator", "export", "modules", "preprocessing", "targets", "utils"},
    "__init__": {"classifier", "export", "features", "inspection", "pretrained", "regressor", "saving"},
}  # fmt: skip
MUST_NOT_KNOW = {
    "modules": {"sklearn", "skorch", "pandas", "numpy", "scipy"},
    "preprocessing": {"torch", "skorch"},
    "storage": {"pickle", "sklearn", "skorch", "pandas"},
    "augmentation": {"skorch", "pandas"},
    "training": {"pandas"},
}
FOR_DEVELOPERS = {"bench", "dev", "docs", "examples", "test"}
DISTRIBUTIONS = packages_distributions()
EACH_FILE = pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))


def part_of(path):
    relative = path.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported(node, is_lazy=False):
    """Each module that is imported, and whether that waits until a function is called."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, is_lazy) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield child.module, is_lazy
        else:
            yield from imported(child, is_lazy or isinstance(child, ast.FunctionDef))


@EACH_FILE
def test_imports_go_one_way(path):
    part = part_of(path)
    for name, _ in imported(ast.parse(path.read_text())):
        package, _, rest = name.partition(".")
        if package == "sknn":
            assert rest.partition(".")[0] in MAY_IMPORT[part], f"{path.name} imports {name}"
        else:
            assert package not in MUST_NOT_KNOW.get(part, set()), f"{path.name} imports {name}"


def distributions(*requirements):
    return {re.match(r"[\w-]+", requirement)[0] for group in requirements for requirement in group}


@EACH_FILE
def test_what_is_imported_is_a_declared_dependency_or_lazily_one_of_an_extra(path):
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]
    required = distributions(project["dependencies"])
    extras = [names for extra, names in project["optional-dependencies"].items() if extra not in FOR_DEVELOPERS]
    optional = distributions(*extras)
    for name, is_lazy in imported(ast.parse(path.read_text())):
        package = name.partition(".")[0]
        if package != "sknn" and package not in sys.stdlib_module_names:
            (distribution,) = DISTRIBUTIONS.get(package, [package])  # one that is not installed has its own name
            assert distribution in (required | optional if is_lazy else required), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_needs_few_others_and_holds_no_large_class(path):
    tree = ast.parse(path.read_text())
    ours = {name for name, _ in imported(tree) if name.startswith("sknn")}
    assert len(ours) <= 6 or path.name == "__init__.py"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            documented = [node, *(part for part in ast.walk(node) if isinstance(part, ast.FunctionDef))]
            docs = sum(len((ast.get_docstring(part) or "").splitlines()) for part in documented)
            assert node.end_lineno - node.lineno - docs < 350


def test_public_names():
    assert sknn.__all__ == [
        "LearningRateFinder",
        "NNClassifier",
        "NNFeatures",
        "NNRegressor",
        "Pretrained",
        "TrainingCurveDisplay",
        "__version__",
        "load",
        "save",
        "to_onnx",
    ]


@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_every_parameter_is_constrained_and_documented_with_its_default(cls):
    parameters = inspect.signature(cls).parameters
    assert len(parameters) <= 30  # more than that nobody reads
    assert set(parameters) == set(cls._parameter_constraints)
    section = inspect.getdoc(cls).split("Parameters\n----------\n")[1].split("\nAttributes\n---")[0]
    documented = dict(re.findall(r"^(\w+) : (.+(?:\n(?! {4}).*)*)", section, re.MULTILINE))
    assert list(documented) == list(parameters)
    for name, parameter in parameters.items():
        default = documented[name].rpartition("default=")[2].strip().replace('"', "'")
        shown = repr(parameter.default)
        assert default == shown or float(default) == parameter.default, f"{name}: {default} != {shown}"


@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_every_fitted_attribute_is_documented(cls):
    net = cls(max_epochs=1).fit([[0.0], [1.0], [2.0], [3.0]] * 30, [0, 1, 0, 1] * 30)
    section = inspect.getdoc(cls).split("Attributes\n----------\n")[1].split("\nSee Also\n")[0]
    documented = set(re.findall(r"^(\w+_) : ", section, re.MULTILINE))
    properties = {name for name, value in inspect.getmembers(cls) if isinstance(value, property)}
    fitted = {name for name in {*vars(net), *properties} if name.endswith("_") and not name.startswith("_")}
    assert fitted | {"feature_names_in_"} == documented


def names_in_the_source():
    """Names of variables, arguments, attributes, functions and classes; keys; and single words in quotes."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for field in ("id", "arg", "attr", "name"):
                yield getattr(node, field, None)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                yield node.value


def messages():
    """The texts of errors, notes and warnings, and of what stands in for them in upper case."""
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Raise | ast.Call)]
        told = [
            node
            for node in calls
            if isinstance(node, ast.Raise) or ast.unparse(node.func).endswith(("warn", "add_note", "refuse"))
        ]
        told += [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper()]
        for node in told:
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value:
                    yield path.name, part.value


def test_messages_name_only_what_there_is():
    # tqdm's and scikit-learn's
    of_others = {"n_fmt", "n_samples", "permutation_importance", "set_callbacks", "total_fmt"}
    known = set(names_in_the_source()) | of_others
    found = {(path, word) for path, text in messages() for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", text)}
    assert len(found) > 20
    assert {(path, word) for path, word in found if word not in known} == set()
