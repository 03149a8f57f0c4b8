"""`save` and `load`: a model as one file. The layout of files is in `sknn.storage`, that of objects in `sknn.plain`."""

from __future__ import annotations

import os
import sys
from typing import Any

from sknn.plain import NotPlainError
from sknn.saving._kinds import MODELS
from sknn.saving._objects import ModelReader, ModelWriter
from sknn.saving._own_parts import OwnPartError, check_given
from sknn.storage import ArchiveError, read_archive, write_archive

_KIND, _VERSION = "model", 1
_RECORDED = ("sknn", "numpy", "pandas", "sklearn", "torch")  # whose versions a file tells


def save(model, path) -> None:
    """Save a model to one file, which holds no code and runs none when it is loaded.

    The file is written beside its place and renamed, so that a crash leaves the old file or the new one. A module,
    loss, callback or function of one's own is not stored; `load` is given it again. A transformer of scikit-learn in
    `preprocessing` is stored by skops (extra: `skops`).

    Parameters
    ----------
    model : NNClassifier, NNRegressor or NNFeatures
        Fitted or not. A Pipeline with one of them is saved by `skops.io.dump`.
    path : str or path-like
        A file that is there is replaced.

    Raises
    ------
    TypeError
        For another object, or a part that can neither be stored nor be given to `load`, with its name.
    OSError
        When the file cannot be written.

    See Also
    --------
    load : The way back.

    Examples
    --------
    >>> import tempfile
    >>> import sknn
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = sknn.NNClassifier(max_epochs=5, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sknn.save(model, f"{folder}/iris.sknn")
    ...     loaded = sknn.load(f"{folder}/iris.sknn")
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    if type(model) not in MODELS:
        raise TypeError(
            f"model must be an NNClassifier, NNRegressor or NNFeatures. Got {type(model).__name__}. {_way_out(model)}"
        )
    writer = ModelWriter()
    try:
        plain = writer.write(model)
        tree = {
            "kind": _KIND,
            "version": _VERSION,
            "versions": {name: str(sys.modules[name].__version__) for name in _RECORDED},
            "own_parts": writer.own.found,
            "model": plain,
        }
        write_archive(path, tree)
    except NotPlainError as error:
        raise TypeError(
            f"This {type(model).__name__} cannot be saved: it holds {error}. What is no plain data must be a parameter "
            "of its own, or an entry of one, so that load can be given it; else use pickle, which runs code when it is "
            "opened."
        ) from error


def load(path, **own_parts):
    """Load a model that `save` has written. Nothing that the file says is run or imported.

    Parameters
    ----------
    path : str or path-like
        Of the file.
    **own_parts : dict
        The parameters that the file does not hold, because they are, or have entries that are, of one's own:
        `module=MyNet`, `loss=my_loss`, `callbacks=[MyCallback()]`, `activation=...` and so on, as they were in the
        model. Where they are missing, an error says which. `callbacks=None` leaves callbacks out.

    Returns
    -------
    model : NNClassifier, NNRegressor or NNFeatures
        With its weights on the CPU, and the same predictions to the last bit on the same machine.

    Raises
    ------
    ArchiveError
        A ValueError (`sknn.saving.ArchiveError`): when the file is none of these, cut off, damaged, made to do harm, or
        written by a later version.
    ValueError
        When a part of one's own is missing or does not fit.
    TypeError
        For a part that the file holds.
    OSError
        When there is no such file.

    See Also
    --------
    save : The way forth.

    Examples
    --------
    >>> import tempfile
    >>> import sknn
    >>> def error_over_spread(output, target, reduction="mean"):
    ...     return ((output - target) ** 2).mean()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sknn.save(sknn.NNRegressor(loss=error_over_spread), f"{folder}/model.sknn")
    ...     loaded = sknn.load(f"{folder}/model.sknn", loss=error_over_spread)
    >>> loaded.loss is error_over_spread
    True
    """
    tree = read_archive(path)
    try:
        needed = _check_kind(tree)
    except ArchiveError as error:
        raise ArchiveError(f"The file {os.fspath(path)!r} cannot be loaded. {error}") from error
    check_given(needed, own_parts)
    try:
        return ModelReader(own_parts).read_model(tree["model"])
    except (OwnPartError, ImportError):
        raise
    except Exception as error:  # whatever a wrong file may lead to
        raise ArchiveError(f"The file {os.fspath(path)!r} holds no model that can be read. {error}") from error


def _check_kind(tree: Any) -> dict[str, str]:
    """What an archive says of itself; returns the own parts that it lacks.

    Raises
    ------
    ArchiveError
        When it holds something else than a model, or one of a later version.
    """
    kind, version_, needed = (
        [tree.get(name) for name in ("kind", "version", "own_parts")] if isinstance(tree, dict) else [None] * 3
    )
    if not isinstance(kind, str) or kind != _KIND or not isinstance(version_, int):
        raise ArchiveError("It is an archive of sknn, but holds no model.")
    if version_ != _VERSION:
        raise ArchiveError(
            f"It holds a model of version {version_}; this release of sknn reads {_VERSION}. Load it with the release "
            "that wrote it, or a later one."
        )
    if not isinstance(needed, dict) or not all(isinstance(what, str) for item in needed.items() for what in item):
        raise ArchiveError("It does not tell which parts it lacks.")
    return needed


def _way_out(model: Any) -> str:
    """What to do with what is no model of ours."""
    if hasattr(model, "steps"):
        return "Save a Pipeline by skops.io.dump, which trusts its types of sknn where they are named."
    if hasattr(model, "best_estimator_"):
        return "Save its best_estimator_, which a search with refit=True has."
    return "Save the estimator inside of it, or use skops.io.dump."
