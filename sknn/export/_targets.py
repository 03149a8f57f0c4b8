"""From a network's outputs to the outputs of a graph: each kind of target, with its link and its calibration.

A converter takes the graph, the target and outputs (K, batch, O), or (batch, O) of a single network, and declares what
`predict` and `predict_proba` return.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sknn.export._graph import Graph
from sknn.targets import (
    LARGEST_LOG_MEAN,
    LARGEST_LOG_VARIANCE,
    ClassTarget,
    GaussianTarget,
    LabelIndicatorTarget,
    LogLinkTarget,
    QuantileTarget,
    RealTarget,
    Target,
)


def convert_target(graph: Graph, target: Target, outputs: str, n_members: int | None) -> None:
    """Declare the outputs of the graph; `n_members` is None where the network's outputs have no axis of members.

    Raises
    ------
    ValueError
        For a kind of target without a converter.
    """
    if type(target) not in CONVERTERS:
        raise ValueError(f"The target, a {type(target).__name__}, cannot be exported: it has no form in ONNX.")
    if n_members == 1:
        outputs, n_members = graph.squeeze(outputs, 0), None
    CONVERTERS[type(target)](graph, target, outputs, n_members)


# -- labels -------------------------------------------------------------------------------------


def _class(graph: Graph, target: ClassTarget, logits: str, n_members: int | None) -> None:
    if n_members:  # the mean of the members' probabilities, up to a constant
        logits = graph.reduce("ReduceLogSumExp", graph.add("LogSoftmax", logits, axis=-1), 0)
    labels = constant_labels(target.classes)
    label = graph.add("Gather", labels, graph.add("ArgMax", logits, axis=1, keepdims=0))
    graph.output("label", label, _dtype(labels))
    probabilities = graph.add("Softmax", _at_temperature(graph, target, logits), axis=-1)
    graph.output("probabilities", probabilities, np.float32, (target.n_outputs,))


def _labels(graph: Graph, target: LabelIndicatorTarget, logits: str, n_members: int | None) -> None:
    if n_members:
        yes, no = graph.add("Neg", graph.add("Softplus", graph.add("Neg", logits))), graph.add("Softplus", logits)
        yes, no = (graph.reduce("ReduceLogSumExp", logarithm, 0) for logarithm in (yes, graph.add("Neg", no)))
        logits = graph.add("Sub", yes, no)
    values = constant_labels(target.values)
    applies = graph.cast(graph.add("Greater", logits, np.float32(0)), np.int64)
    graph.output("label", graph.add("Gather", values, applies), _dtype(values), (target.n_outputs,))
    probabilities = graph.add("Sigmoid", _at_temperature(graph, target, logits))
    graph.output("probabilities", probabilities, np.float32, (target.n_outputs,))


def _at_temperature(graph: Graph, target: Any, logits: str) -> str:
    return logits if target.temperature == 1 else graph.add("Div", logits, np.float32(target.temperature))


def constant_labels(labels: np.ndarray) -> np.ndarray:
    """Labels as an array of a type that ONNX has: text, bool, int64 or float64; dates and durations as nanoseconds."""
    if labels.dtype.kind in "mM":
        return labels.astype(f"{labels.dtype.kind}8[ns]").astype(np.int64)
    if labels.dtype.kind in "OUT":
        return np.array([str(label) for label in labels], dtype=object)
    return labels.astype({"b": np.bool_, "f": np.float64}.get(labels.dtype.kind, np.int64))


def _dtype(labels: np.ndarray) -> Any:
    return str if labels.dtype == object else labels.dtype


# -- numbers ------------------------------------------------------------------------------------


def _real(graph: Graph, target: RealTarget, outputs: str, n_members: int | None) -> None:
    _predict(graph, target, graph.cast(_mean(graph, outputs, n_members), np.float64))


def _log_link(graph: Graph, target: LogLinkTarget, outputs: str, n_members: int | None) -> None:
    """The mean of the members' means."""
    means = graph.add("Exp", graph.add("Min", graph.cast(outputs, np.float64), np.float64(LARGEST_LOG_MEAN)))
    _predict(graph, target, _mean(graph, means, n_members))


def _gaussian(graph: Graph, target: GaussianTarget, outputs: str, n_members: int | None) -> None:
    """Mean and standard deviation of the mixture of the members' distributions."""
    outputs, n_targets = graph.cast(outputs, np.float64), target.n_targets
    means = graph.add("Gather", outputs, np.arange(n_targets), axis=-1)
    logarithms = graph.add("Gather", outputs, np.arange(n_targets, 2 * n_targets), axis=-1)
    variances = graph.add("Exp", _clip(graph, logarithms, -LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE))
    mean = _mean(graph, means, n_members)
    if n_members:
        distance = graph.add("Sub", means, mean)
        variances = graph.add("Add", variances, graph.add("Mul", distance, distance))
    _predict(graph, target, mean)
    std = graph.add("Mul", graph.add("Sqrt", _mean(graph, variances, n_members)), _large(target, target.scale))
    _output(graph, target, "std", std)


def _quantile(graph: Graph, target: QuantileTarget, outputs: str, n_members: int | None) -> None:
    """The mean of the members' quantiles; in the place of the mean the median, between the levels around it."""
    n_levels = target.n_outputs_per_target
    leading = [n_members] if n_members else []
    steps = graph.reshape(graph.cast(outputs, np.float64), *leading, -1, target.n_targets, n_levels)
    size = graph.add(
        "Log", graph.add("Add", graph.add("Exp", graph.add("Neg", graph.add("Abs", steps))), np.float64(1))
    )
    softplus = graph.add("Add", graph.add("Max", steps, np.float64(0)), size)
    steps = graph.add("Where", np.arange(n_levels) == 0, steps, softplus)
    levels = _mean(graph, graph.add("MatMul", steps, np.triu(np.ones((n_levels, n_levels)))), n_members)  # cumulated
    # What `_centers` does is linear in the levels: its weights are what it makes of each level alone.
    median = graph.add("MatMul", levels, median_weights(target.quantiles)[:, None])
    _predict(graph, target, graph.squeeze(median, -1))
    values = _in_unit(graph, target, levels, axis_of_levels=True)
    row_shape = (n_levels,) if target.ndim == 1 else (target.n_targets, n_levels)
    graph.output("quantiles", graph.squeeze(values, 1) if target.ndim == 1 else values, np.float64, row_shape)


def median_weights(quantiles: tuple[float, ...]) -> np.ndarray:
    """Weights of the levels whose sum is the median, linearly interpolated, or the level that is nearest to it."""
    return np.array([np.interp(0.5, quantiles, unit) for unit in np.eye(len(quantiles))])


def _mean(graph: Graph, values: str, n_members: int | None) -> str:
    return graph.reduce("ReduceMean", values, 0) if n_members else values


def _predict(graph: Graph, target: RealTarget, centers: str) -> None:
    """Declare the prediction, from (batch, T) float64 standardised targets."""
    _output(graph, target, "prediction", _in_unit(graph, target, centers))


def _output(graph: Graph, target: RealTarget, name: str, values: str) -> None:
    is_vector = target.ndim == 1
    row_shape = () if is_vector else (target.n_targets,)
    graph.output(name, graph.squeeze(values, 1) if is_vector else values, np.float64, row_shape)


def _in_unit(graph: Graph, target: RealTarget, values: str, axis_of_levels: bool = False) -> str:
    """Standardised targets in the unit of y, none beyond what training has seen."""
    constants = (_large(target, target.scale), _large(target, target.mean), *target.range)
    scale, mean, low, high = (value[:, None] if axis_of_levels else value for value in constants)
    return _clip(graph, graph.add("Add", graph.add("Mul", values, scale), mean), low, high)


def _large(target: RealTarget, values: np.ndarray) -> np.ndarray:
    return np.ldexp(np.asarray(values, dtype=np.float64), target.exponent)


def _clip(graph: Graph, values: str, low: Any, high: Any) -> str:
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    return graph.add("Min", graph.add("Max", values, low), high)


CONVERTERS: dict[type[Target], Callable[[Graph, Any, str, int | None], None]] = {
    ClassTarget: _class,
    LabelIndicatorTarget: _labels,
    RealTarget: _real,
    LogLinkTarget: _log_link,
    GaussianTarget: _gaussian,
    QuantileTarget: _quantile,
}
