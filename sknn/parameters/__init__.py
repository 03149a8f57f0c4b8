"""What the user may say: which values are valid, what "auto" becomes, names of nested parameters."""

from sknn.parameters._checks import (
    CONSTRAINTS,
    NESTED,
    SHAPE,
    check_held_out,
    check_nested,
    check_params,
    python_numbers,
    schedule_functions,
)
from sknn.parameters._defaults import RULES, STREAM_ROWS, DataProperties, is_auto
from sknn.parameters._module import (
    architecture_of,
    has_own_members,
    is_data_dependent,
    is_name,
    is_tabular,
    pretrained_of,
    takes_images,
)
from sknn.parameters._nested import get_parts, own_copy, set_parts, split_nested
from sknn.parameters._own_parts import has_own_parts
from sknn.parameters._resolution import ResolvedParams, resolve_params, sets_learning_rate

__all__ = [
    "CONSTRAINTS",
    "NESTED",
    "RULES",
    "SHAPE",
    "STREAM_ROWS",
    "DataProperties",
    "ResolvedParams",
    "architecture_of",
    "check_held_out",
    "check_nested",
    "check_params",
    "get_parts",
    "has_own_members",
    "has_own_parts",
    "is_auto",
    "is_data_dependent",
    "is_name",
    "is_tabular",
    "own_copy",
    "pretrained_of",
    "python_numbers",
    "resolve_params",
    "schedule_functions",
    "set_parts",
    "sets_learning_rate",
    "split_nested",
    "takes_images",
]
