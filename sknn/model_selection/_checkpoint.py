"""The candidates of a search in files, so that one that was killed goes on where it stopped."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib

from sknn.model_selection._candidates import Candidate

_SEARCH = "search.json"


class Checkpoint:
    """A folder with a file for each candidate, and one that tells which search they belong to.

    Parameters
    ----------
    folder : str or path
        Is made if it does not exist. Its files are pickles: load only your own.
    search : mapping
        What the candidates depend on, by names that an error can show.

    Raises
    ------
    ValueError
        When the folder holds candidates of another search.
    """

    def __init__(self, folder, search: Mapping[str, Any]):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        hashes = {name: joblib.hash(value) for name, value in search.items()}
        path = self.folder / _SEARCH
        if path.exists():
            before = json.loads(path.read_text())
            others = [name for name in hashes if before.get(name) != hashes[name]]
            if others:
                raise ValueError(
                    f"The folder {str(folder)!r} in checkpoint holds a search with other values of: "
                    f"{', '.join(others)}. Pass another folder, or what that search was given, with an int as "
                    "random_state."
                )
        else:
            self._write(path, lambda file: file.write(json.dumps(hashes).encode()))

    def load(self, k: int) -> Candidate | None:
        """Candidate k if it has been saved."""
        path = self._path(k)
        return joblib.load(path) if path.exists() else None

    def save(self, k: int, candidate: Candidate) -> None:
        self._write(self._path(k), lambda file: joblib.dump(candidate, file))

    def _path(self, k: int) -> Path:
        return self.folder / f"candidate_{k:05d}.joblib"

    def _write(self, path: Path, write) -> None:
        """Beside it and renamed: a file is whole, or is not there."""
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, path)
