"""Networks. Torch only: no scikit-learn, no skorch, no pandas."""

from sknn.modules._backbone import Backbone
from sknn.modules._build import (
    MODULES,
    as_columns,
    build_ensemble,
    build_module,
    call_module,
    embeds_categories,
    is_built_in,
    is_of_linear_layers,
    module_params_of,
    outputs_of,
    try_out,
)
from sknn.modules._cnn import CNN
from sknn.modules._ensemble import (
    SequentialEnsemble,
    VmapEnsemble,
    batch_axis_of,
    is_ensemble,
    n_members_of,
    own_axes,
    single_network,
    tensor_of,
)
from sknn.modules._head import is_of_head, load_weights, n_outputs_of, names_outside_hidden, renew_head
from sknn.modules._initialization import (
    INITIALIZERS,
    fit_first_weights,
    initialize,
    initializer_for,
    scale_to_unit_variance,
)
from sknn.modules._layers import (
    ACTIVATIONS,
    NORMALIZATIONS,
    CategoryEmbedding,
    Dropout,
    EnsembleDropout,
    EnsembleEmbedding,
    EnsembleLinear,
    Linear,
)
from sknn.modules._manual_backward import ManualBackward, has_manual_backward
from sknn.modules._mlp import MLP, LinearNet
from sknn.modules._numeric_embeddings import Periodic, PiecewiseLinear, ThermometerEncoding
from sknn.modules._randomness import current_generator, drawing_from
from sknn.modules._rebuild import built_with, plan_of, rebuild
from sknn.modules._resnet import ResNet
from sknn.modules._shared_steps import threads_that_share
from sknn.modules._stacked_mlp import MemberBlocks, can_be_stacked, stacked_mlp
from sknn.modules._stacked_passes import StackedDropout, StackedPasses
from sknn.modules._tabular import NUMERIC_EMBEDDINGS, TabularNet, is_tabular_net

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
    "EnsembleDropout",
    "EnsembleEmbedding",
    "EnsembleLinear",
    "Linear",
    "LinearNet",
    "ManualBackward",
    "MemberBlocks",
    "Periodic",
    "PiecewiseLinear",
    "ResNet",
    "SequentialEnsemble",
    "StackedDropout",
    "StackedPasses",
    "TabularNet",
    "ThermometerEncoding",
    "VmapEnsemble",
    "as_columns",
    "batch_axis_of",
    "build_ensemble",
    "build_module",
    "built_with",
    "call_module",
    "can_be_stacked",
    "current_generator",
    "drawing_from",
    "embeds_categories",
    "fit_first_weights",
    "has_manual_backward",
    "initialize",
    "initializer_for",
    "is_built_in",
    "is_ensemble",
    "is_of_head",
    "is_of_linear_layers",
    "is_tabular_net",
    "load_weights",
    "module_params_of",
    "n_members_of",
    "n_outputs_of",
    "names_outside_hidden",
    "outputs_of",
    "own_axes",
    "plan_of",
    "rebuild",
    "renew_head",
    "scale_to_unit_variance",
    "single_network",
    "stacked_mlp",
    "tensor_of",
    "threads_that_share",
    "try_out",
]
