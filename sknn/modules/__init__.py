"""Networks. Torch only: no scikit-learn, no skorch, no pandas."""

from sknn.modules._build import (
    MODULES,
    as_columns,
    build_module,
    build_pack,
    call_module,
    embeds_categories,
    module_params_of,
    try_out,
)
from sknn.modules._members import n_members_of
from sknn.modules._mlp import ACTIVATIONS, MLP, CategoryEmbedding, Dropout
from sknn.modules._randomness import drawing_from
from sknn.modules._tabular import NUMERIC_EMBEDDINGS, TabularNet
from sknn.modules._tabular_gradient import HandGradient, has_hand_gradient

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "MODULES",
    "NUMERIC_EMBEDDINGS",
    "CategoryEmbedding",
    "Dropout",
    "HandGradient",
    "TabularNet",
    "as_columns",
    "build_module",
    "build_pack",
    "call_module",
    "drawing_from",
    "embeds_categories",
    "has_hand_gradient",
    "module_params_of",
    "n_members_of",
    "try_out",
]
