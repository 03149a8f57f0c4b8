"""Plain data with arrays in one file, written whole or not at all and read without running code.

It knows nothing of estimators: what their parts look like as plain data is for the packages above.
"""

from sknn.storage._errors import ArchiveError
from sknn.storage._read import read_archive
from sknn.storage._write import write_archive

__all__ = ["ArchiveError", "read_archive", "write_archive"]
