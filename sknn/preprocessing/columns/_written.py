"""Numbers and dates that are written as text: "1,234.50", "$12", "45 %", "2025-03-01"."""

from __future__ import annotations

import re
import warnings

import pandas as pd

_PROBED = 20  # cells that tell most columns apart
_NEARLY_ALL = 0.9
_CURRENCY = "[$€£¥]?"
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?(?:[eE][-+]?\d+)?"
_PATTERNS = {
    "number": re.compile(rf"\s*[-+−]?\s*{_CURRENCY}\s*{_DIGITS}\s*(?:%|{_CURRENCY})\s*"),
    "date": re.compile(r"\s*\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?\s*"),
}
_MARKS = re.compile("[\\s,$€£¥%]")


def written_kind(column: pd.Series) -> str | None:
    """Whether each cell of a column of text is a "number" or a "date"; numbers that are all bare digits are codes.

    Warns where nearly all of them are.
    """
    if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.infer_dtype(column, skipna=True) != "string":
        return None
    cells = column.dropna().astype(object)
    for kind, pattern in _PATTERNS.items():
        if sum(map(bool, map(pattern.fullmatch, cells.iloc[:_PROBED]))) < _NEARLY_ALL * min(_PROBED, len(cells)):
            continue
        others = [cell for cell in cells if not pattern.fullmatch(cell)]
        if kind == "number" and all(cell.isdigit() for cell in cells):
            continue
        if not others:
            return kind
        fraction = 1 - len(others) / len(cells)
        if fraction >= _NEARLY_ALL:
            warnings.warn(
                f"Column {column.name!r} of X is taken as categories, though {fraction:.0%} of its texts are {kind}s. "
                f"Others are {others[:3]}: replace them by None, which is taken as missing, or convert the column.",
                UserWarning,
                stacklevel=2,
            )
    return None


def written_numbers(column: pd.Series) -> pd.Series:
    """The numbers in a column of text; percentages as their hundredth.

    Raises
    ------
    ValueError
        For a cell that is none.
    """
    cells = column.astype(object)
    bare = cells.map(_bare, na_action="ignore")
    numbers = pd.to_numeric(bare)
    return numbers.where(~cells.map(lambda cell: "%" in cell, na_action="ignore").eq(True), numbers / 100)


def _bare(cell: str) -> str:
    return _MARKS.sub("", cell).replace("−", "-") if _PATTERNS["number"].fullmatch(cell) else cell
