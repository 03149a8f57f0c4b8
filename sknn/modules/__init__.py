"""Networks. Torch only: no scikit-learn, no skorch, no pandas."""

from sknn.modules._build import (
    MODULES,
    as_columns,
    build_module,
    call_module,
    embeds_categories,
    module_params_of,
    try_out,
)
from sknn.modules._mlp import ACTIVATIONS, MLP, CategoryEmbedding, Dropout
from sknn.modules._randomness import drawing_from

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "MODULES",
    "CategoryEmbedding",
    "Dropout",
    "as_columns",
    "build_module",
    "call_module",
    "drawing_from",
    "embeds_categories",
    "module_params_of",
    "try_out",
]
