"""What estimators hold as plain data and back: dicts, lists, text, numbers and arrays in the place of objects.

Objects come back from a fixed list of classes and names; nothing is imported by name. How plain data become a file is
not decided here.
"""

from sknn.plain._classes import CLASSES
from sknn.plain._pickling import PlainPickles
from sknn.plain._read import Reader
from sknn.plain._write import NotPlainError, Writer

__all__ = ["CLASSES", "NotPlainError", "PlainPickles", "Reader", "Writer"]
