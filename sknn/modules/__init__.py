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
from sknn.modules._cnn import CNN
from sknn.modules._head import Backbone, is_of_head, load_weights, renew_head
from sknn.modules._initialization import INITIALIZERS, initialize, initializer_for, scale_to_unit_variance
from sknn.modules._members import (
    Members,
    StackedMembers,
    is_stacked,
    n_members_of,
    names_outside_hidden,
    own_names,
    tensor_of,
)
from sknn.modules._mlp import ACTIVATIONS, MLP, NORMALIZATIONS, CategoryEmbedding, Dropout, LinearNet
from sknn.modules._randomness import current_generator, drawing_from
from sknn.modules._resnet import ResNet
from sknn.modules._tabular import NUMERIC_EMBEDDINGS, TabularNet
from sknn.modules._tabular_gradient import HandGradient, has_hand_gradient

__all__ = [
    "ACTIVATIONS",
    "CNN",
    "INITIALIZERS",
    "MLP",
    "MODULES",
    "NORMALIZATIONS",
    "NUMERIC_EMBEDDINGS",
    "Backbone",
    "CategoryEmbedding",
    "Dropout",
    "HandGradient",
    "LinearNet",
    "Members",
    "ResNet",
    "StackedMembers",
    "TabularNet",
    "as_columns",
    "build_module",
    "build_pack",
    "call_module",
    "current_generator",
    "drawing_from",
    "embeds_categories",
    "has_hand_gradient",
    "initialize",
    "initializer_for",
    "is_of_head",
    "is_stacked",
    "load_weights",
    "module_params_of",
    "n_members_of",
    "names_outside_hidden",
    "own_names",
    "renew_head",
    "scale_to_unit_variance",
    "tensor_of",
    "try_out",
]
