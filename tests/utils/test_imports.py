"""Imports that wait until they are needed leave the process as it was."""

import os
import sys
import textwrap
import warnings

import pytest

from sknn.utils import import_quietly


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that is interrupted once between its parts."""
    folder = tmp_path / "interrupted_once"
    folder.mkdir()
    (folder / "part.py").write_text("value = 1\n")
    (folder / "__init__.py").write_text(
        textwrap.dedent(
            """
            import os, warnings
            os.environ["SET_BY_IMPORT"] = "1"
            warnings.simplefilter("ignore")
            import interrupted_once.part
            if "AGAIN" not in os.environ:
                raise KeyboardInterrupt
            found = interrupted_once.part.value
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("AGAIN", raising=False)
    yield "interrupted_once"
    for name in [name for name in sys.modules if name.startswith("interrupted_once")]:
        del sys.modules[name]


def test_an_interrupted_import_can_be_made_again(package, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        import_quietly(package)
    assert not [name for name in sys.modules if name.startswith(package)]
    monkeypatch.setenv("AGAIN", "1")
    import_quietly(package)
    assert sys.modules[package].found == 1
    assert sys.modules[package].part is sys.modules[f"{package}.part"]


def test_environment_variables_and_filters_stay(package, monkeypatch):
    monkeypatch.setenv("AGAIN", "1")
    before = list(warnings.filters)
    import_quietly(package)
    assert "SET_BY_IMPORT" not in os.environ
    assert warnings.filters == before
