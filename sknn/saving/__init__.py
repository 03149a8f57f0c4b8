"""Models in files that never run code: `save` and `load`."""

from sknn.saving._model import load, save
from sknn.storage import ArchiveError

__all__ = ["ArchiveError", "load", "save"]
