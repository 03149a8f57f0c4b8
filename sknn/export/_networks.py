"""Whole networks in a graph: the built-in ones layer by layer, others by torch's exporter.

A converter takes the graph, the network and its inputs by name, and returns outputs (batch, O), or (K, batch, O) of an
ensemble.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from sknn.export._graph import Graph, Rows
from sknn.export._layers import array, convert_layer, convert_layers
from sknn.export._traced import convert_traced
from sknn.modules import (
    CNN,
    MLP,
    EnsembleLinear,
    LinearNet,
    Periodic,
    PiecewiseLinear,
    ResNet,
    SequentialEnsemble,
    TabularNet,
    ThermometerEncoding,
    VmapEnsemble,
)

Inputs = dict[str, Rows]


def convert_network(graph: Graph, module: nn.Module, inputs: Inputs, n_outputs: int) -> str:
    """Outputs of a network.

    Raises
    ------
    ValueError
        For a layer of a built-in network that cannot be exported, naming it.
    """
    if isinstance(module, SequentialEnsemble | VmapEnsemble):
        members = (convert_network(graph, module.member(k), inputs, n_outputs) for k in range(module.n_members))
        return graph.concat([graph.unsqueeze(outputs, 0) for outputs in members], axis=0)
    if type(module) in CONVERTERS:
        return CONVERTERS[type(module)](graph, module, inputs)
    return convert_traced(graph, module, inputs, n_outputs)


# -- single networks, (batch, D) ------------------------------------------------------------------


def _mlp(graph: Graph, net: MLP, inputs: Inputs) -> str:
    return convert_layers(graph, net.layers, _with_vectors(graph, net, inputs))


def _resnet(graph: Graph, net: ResNet, inputs: Inputs) -> str:
    x = convert_layer(graph, net.first, _with_vectors(graph, net, inputs))
    for block in net.blocks:
        x = graph.add("Add", x, convert_layer(graph, block, x))
    return convert_layer(graph, net.head, x)


def _with_vectors(graph: Graph, net: MLP | ResNet, inputs: Inputs) -> str:
    if net.embedding is None:
        return inputs["x_num"].name
    return graph.concat([inputs["x_num"].name, convert_layer(graph, net.embedding, inputs["x_cat"].name)], axis=1)


def _cnn(graph: Graph, net: CNN, inputs: Inputs) -> str:
    images = graph.reshape(inputs["x_num"].name, -1, *net.image_shape)
    return convert_layer(graph, net.head, convert_layer(graph, net.features, images))


# -- the tabular network, (K, D, batch) -----------------------------------------------------------


def _tabular(graph: Graph, net: TabularNet, inputs: Inputs) -> str:
    first, *layers = net.layers
    assert isinstance(first, EnsembleLinear)
    h = _first_layer(graph, net, first, inputs)
    for layer in layers:
        h = _linear_of_members(graph, layer, h) if isinstance(layer, EnsembleLinear) else convert_layer(graph, layer, h)
    return graph.add("Transpose", h, perm=[0, 2, 1])


def _linear_of_members(graph: Graph, layer: EnsembleLinear, h: str) -> str:
    return graph.add("Add", graph.add("MatMul", _weight(layer), h), array(layer.bias)[..., None])


def _weight(layer: EnsembleLinear) -> np.ndarray:
    return array(layer.weight if layer.scale is None else layer.weight * layer.scale.unsqueeze(1))


def _first_layer(graph: Graph, net: TabularNet, layer: EnsembleLinear, inputs: Inputs) -> str:
    """The sum of what embedded numbers, other numbers (which members share) and categories contribute."""
    x = graph.add("Transpose", inputs["x_num"].name, perm=[1, 0])  # (F, B)
    parts = []
    if net.numeric is not None:
        embed = NUMERIC_EMBEDDINGS[type(net.numeric)]
        embedded = graph.unsqueeze(_rows(graph, x, array(net.embedded)), 1)  # (N, 1, B)
        parts.append(graph.reshape(embed(graph, net.numeric, embedded), net.n_members, _width(net.numeric), -1))
        x = _rows(graph, x, array(net.rest)) if len(net.rest) else ""
    if x:
        parts.append(x)
    if net.categories is not None:
        parts.append(_categories(graph, net, inputs["x_cat"].name))
    weight, start = _weight(layer), 0
    widths = ([_width(net.numeric)] if net.numeric is not None else []) + ([len(net.rest)] if x else [])
    z: str | np.ndarray = array(layer.bias)[..., None]
    for part, width in zip(parts, [*widths, weight.shape[2] - sum(widths)], strict=False):
        z = graph.add("Add", graph.add("MatMul", weight[..., start : start + width], part), z)
        start += width
    assert isinstance(z, str)
    return z


def _rows(graph: Graph, x: str, positions: np.ndarray) -> str:
    return graph.add("Gather", x, positions, axis=0)


def _width(embedding: Any) -> int:
    """Numbers that all embedded features become, N · E."""
    _, n_embedded, width, _ = embedding.weight.shape
    return n_embedded * (width + isinstance(embedding, Periodic))


def _categories(graph: Graph, net: TabularNet, codes: str) -> str:
    """(K, C · E, B) vectors of codes (B, C)."""
    assert net.categories is not None
    n_members, _, width = net.categories.weight.shape
    first_codes = array(net.categories.first_codes)[0, 0]
    vectors = array(net.categories.weight.transpose(0, 1))  # (n_codes, K, E)
    found = graph.add("Gather", vectors, graph.add("Add", codes, first_codes))  # (B, C, K, E)
    return graph.reshape(graph.add("Transpose", found, perm=[2, 1, 3, 0]), n_members, len(first_codes) * width, -1)


# -- embeddings of numbers, (N, 1, batch) to (K, N, E, batch) -----------------------------------------


def _piecewise_linear(graph: Graph, layer: PiecewiseLinear, x: str) -> str:
    # torch rounds start + x · slope once. In narrow bins the sum cancels, and a second rounding would be seen.
    slope, start = (array(tensor).astype(np.float64) for tensor in (layer.slope, layer.start))
    passed = graph.add("Add", graph.add("Mul", graph.cast(x, np.float64), slope), start)
    passed = graph.add("Max", graph.cast(passed, np.float32), array(layer.low))
    return graph.add("MatMul", array(layer.weight), graph.add("Min", passed, array(layer.high)))


def _thermometer(graph: Graph, layer: ThermometerEncoding, x: str) -> str:
    weight = array(layer.weight)
    is_above = graph.cast(graph.add("GreaterOrEqual", x, array(layer.thresholds)), np.float32)  # (K, N, J, B)
    return graph.add("Add", graph.add("MatMul", weight[..., :-1], is_above), graph.add("Mul", x, weight[..., -1:]))


def _periodic(graph: Graph, layer: Periodic, x: str) -> str:
    k, n, n_mixed, n_waves = layer.weight.shape
    turns = graph.add("Mul", x, array(layer.frequency).reshape(k, n, n_waves, 1))
    turns = graph.add("Add", turns, array(layer.phase).reshape(k, n, n_waves, 1))
    waves = graph.add("Cos", graph.add("Mul", turns, np.float32(2 * np.pi)))
    mixed = graph.add("MatMul", array(layer.weight), waves)
    mixed = graph.add("Add", mixed, array(layer.bias).reshape(k, n, n_mixed, 1))
    return graph.concat([mixed, graph.add("Mul", x, np.ones((k, 1, 1, 1), dtype=np.float32))], axis=2)


NUMERIC_EMBEDDINGS: dict[type[nn.Module], Callable[[Graph, Any, str], str]] = {
    PiecewiseLinear: _piecewise_linear,
    ThermometerEncoding: _thermometer,
    Periodic: _periodic,
}
CONVERTERS: dict[type[nn.Module], Callable[[Graph, Any, Inputs], str]] = {
    CNN: _cnn,
    LinearNet: _mlp,
    MLP: _mlp,
    ResNet: _resnet,
    TabularNet: _tabular,
}
