"""What the user may say: which values are valid, what "auto" becomes, names of nested parameters."""

from sknn.parameters._checks import (
    CONSTRAINTS,
    NESTED,
    SHAPE,
    check_layer_lists,
    check_nested,
    check_params,
    layer_sizes,
    python_numbers,
    schedule_functions,
)
from sknn.parameters._defaults import RULES, STREAM_ROWS, Facts, is_auto, n_bins, numeric_embedding, resolve
from sknn.parameters._nested import get_parts, own_copy, set_parts, split_nested

__all__ = [
    "CONSTRAINTS",
    "NESTED",
    "RULES",
    "SHAPE",
    "STREAM_ROWS",
    "Facts",
    "check_layer_lists",
    "check_nested",
    "check_params",
    "get_parts",
    "is_auto",
    "layer_sizes",
    "n_bins",
    "numeric_embedding",
    "own_copy",
    "python_numbers",
    "resolve",
    "schedule_functions",
    "set_parts",
    "split_nested",
]
