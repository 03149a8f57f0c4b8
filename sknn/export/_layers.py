"""Each kind of layer in a graph, in evaluation mode. How layers make up a network is not decided here.

A converter takes the graph, the layer and its input, and returns its output. Its weights are taken as they are now.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from torch import Tensor, nn

from sknn.export._graph import Graph
from sknn.modules import CategoryEmbedding, Dropout, EnsembleDropout, Linear


def array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def convert_layer(graph: Graph, layer: nn.Module, x: str) -> str:
    """What a layer makes of a tensor.

    Raises
    ------
    ValueError
        For a layer without a converter, naming it.
    """
    if type(layer) not in CONVERTERS:
        raise ValueError(
            f"The layer {layer!r} cannot be exported. Layers of built-in networks that can be are "
            f"{sorted(kind.__name__ for kind in CONVERTERS)}; pass a network with others as a module of your own, "
            "which torch.onnx exports."
        )
    return CONVERTERS[type(layer)](graph, layer, x)


def convert_layers(graph: Graph, layers: Iterable[nn.Module], x: str) -> str:
    for layer in layers:
        x = convert_layer(graph, layer, x)
    return x


# -- with weights -------------------------------------------------------------------------------


def _linear(graph: Graph, layer: nn.Linear, x: str) -> str:
    bias = [] if layer.bias is None else [array(layer.bias)]
    return graph.add("Gemm", x, array(layer.weight), *bias, transB=1)


def _category_embedding(graph: Graph, layer: CategoryEmbedding, codes: str) -> str:
    first_codes = array(layer.first_codes)
    vectors = graph.add("Gather", array(layer.weight), graph.add("Add", codes, first_codes))  # (B, C, E)
    return graph.reshape(vectors, -1, len(first_codes) * layer.embedding_dim)


def _convolution(graph: Graph, layer: nn.Conv2d, x: str) -> str:
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        raise ValueError(f"The layer {layer!r} cannot be exported: its padding must be a number, of zeros.")
    bias = [] if layer.bias is None else [array(layer.bias)]
    return graph.add(
        "Conv",
        x,
        array(layer.weight),
        *bias,
        group=layer.groups,
        strides=list(layer.stride),
        dilations=list(layer.dilation),
        pads=[*layer.padding, *layer.padding],
    )


# -- normalisation ------------------------------------------------------------------------------


def _batch_norm(graph: Graph, layer: nn.BatchNorm1d | nn.BatchNorm2d, x: str) -> str:
    if layer.running_mean is None or layer.running_var is None or layer.weight is None:
        raise ValueError(f"The layer {layer!r} cannot be exported: it must have weights and keep running statistics.")
    tensors = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
    return graph.add("BatchNormalization", x, *map(array, tensors), epsilon=layer.eps)


def _layer_norm(graph: Graph, layer: nn.LayerNorm, x: str) -> str:
    shape = layer.normalized_shape
    weight = np.ones(shape, dtype=np.float32) if layer.weight is None else array(layer.weight)
    bias = [] if layer.bias is None else [array(layer.bias)]
    return graph.add("LayerNormalization", x, weight, *bias, axis=-len(shape), epsilon=layer.eps)


# -- pooling and shapes -------------------------------------------------------------------------


def _max_pool(graph: Graph, layer: nn.MaxPool2d, x: str) -> str:
    return graph.add("MaxPool", x, **_windows(layer), dilations=_pair(layer.dilation))


def _average_pool(graph: Graph, layer: nn.AvgPool2d, x: str) -> str:
    if layer.divisor_override is not None:
        raise ValueError(f"The layer {layer!r} cannot be exported: divisor_override must be None.")
    return graph.add("AveragePool", x, **_windows(layer), count_include_pad=int(layer.count_include_pad))


def _windows(layer: nn.MaxPool2d | nn.AvgPool2d) -> dict[str, Any]:
    return {
        "kernel_shape": _pair(layer.kernel_size),
        "strides": _pair(layer.stride),
        "pads": _pair(layer.padding) * 2,
        "ceil_mode": int(layer.ceil_mode),
    }


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


# -- activations --------------------------------------------------------------------------------


def _simple(operator: str, *attributes: str) -> Callable[[Graph, Any, str], str]:
    """An operator of ONNX with the same meaning; attributes are "name" or "name=its name in ONNX"."""

    def convert(graph: Graph, layer: nn.Module, x: str) -> str:
        pairs = (name.split("=") for name in attributes)
        values: dict[str, Any] = {to: float(getattr(layer, of)) for of, to in pairs}
        return graph.add(operator, x, **values)

    return convert


def _gelu(graph: Graph, layer: nn.GELU, x: str) -> str:
    half, one = np.float32(0.5), np.float32(1)
    if layer.approximate == "tanh":
        cubic = graph.add("Mul", graph.add("Mul", graph.add("Mul", x, x), x), np.float32(0.044715))
        curve = graph.add("Tanh", graph.add("Mul", graph.add("Add", x, cubic), np.float32(math.sqrt(2 / math.pi))))
    else:
        curve = graph.add("Erf", graph.add("Mul", x, np.float32(math.sqrt(0.5))))
    return graph.add("Mul", x, graph.add("Mul", graph.add("Add", curve, one), half))


def _silu(graph: Graph, layer: nn.SiLU, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _mish(graph: Graph, layer: nn.Mish, x: str) -> str:
    return graph.add("Mul", x, graph.add("Tanh", graph.add("Softplus", x)))


def _softplus(graph: Graph, layer: nn.Softplus, x: str) -> str:
    beta = np.float32(layer.beta)
    return graph.add("Div", graph.add("Softplus", graph.add("Mul", x, beta)), beta)


def _prelu(graph: Graph, layer: nn.PReLU, x: str) -> str:
    if layer.num_parameters != 1:
        raise ValueError(f"The layer {layer!r} cannot be exported: num_parameters must be 1.")
    return graph.add("PRelu", x, array(layer.weight))


def _same(graph: Graph, layer: nn.Module, x: str) -> str:
    return x


CONVERTERS: dict[type[nn.Module], Callable[[Graph, Any, str], str]] = {
    Linear: _linear,
    nn.Linear: _linear,
    CategoryEmbedding: _category_embedding,
    nn.Conv2d: _convolution,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _average_pool,
    nn.Flatten: _simple("Flatten"),
    nn.Sequential: convert_layers,
    nn.ELU: _simple("Elu", "alpha=alpha"),
    nn.GELU: _gelu,
    nn.LeakyReLU: _simple("LeakyRelu", "negative_slope=alpha"),
    nn.Mish: _mish,
    nn.PReLU: _prelu,
    nn.ReLU: _simple("Relu"),
    nn.SELU: _simple("Selu"),
    nn.Sigmoid: _simple("Sigmoid"),
    nn.SiLU: _silu,
    nn.Softplus: _softplus,
    nn.Tanh: _simple("Tanh"),
    nn.Identity: _same,
    Dropout: _same,
    EnsembleDropout: _same,
}
