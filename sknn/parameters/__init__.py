"""The estimators' parameters: valid values, what "auto" becomes, names of nested parameters."""

from sknn.parameters._callbacks import is_kind_of, sets_learning_rate
from sknn.parameters._check_optimizer import schedule_functions
from sknn.parameters._check_training import check_held_out
from sknn.parameters._checks import check_params
from sknn.parameters._constraints import CONSTRAINTS, SHAPE, python_numbers
from sknn.parameters._defaults import DataProperties, is_auto, numeric_embedding, resolve
from sknn.parameters._module import (
    architecture_of,
    has_own_members,
    is_data_dependent,
    is_name,
    is_tabular,
    pretrained_of,
    takes_images,
    weight_init_of,
)
from sknn.parameters._nested import NestedParams, own_copy
from sknn.parameters._own_parts import has_own_parts
from sknn.parameters._resolution import (
    ResolvedParams,
    check_unchanged,
    resolve_params,
    stream_params,
    stream_rows,
)

__all__ = [
    "CONSTRAINTS",
    "SHAPE",
    "DataProperties",
    "NestedParams",
    "ResolvedParams",
    "architecture_of",
    "check_held_out",
    "check_params",
    "check_unchanged",
    "has_own_members",
    "has_own_parts",
    "is_auto",
    "is_data_dependent",
    "is_kind_of",
    "is_name",
    "is_tabular",
    "numeric_embedding",
    "own_copy",
    "pretrained_of",
    "python_numbers",
    "resolve",
    "resolve_params",
    "schedule_functions",
    "sets_learning_rate",
    "stream_params",
    "stream_rows",
    "takes_images",
    "weight_init_of",
]
