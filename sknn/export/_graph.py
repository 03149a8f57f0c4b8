"""An ONNX graph that is written node by node. What the nodes compute is not decided here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

OPSET, ML_OPSET, IR_VERSION = 18, 3, 8  # of December 2022, so that older runtimes read it too
ML = "ai.onnx.ml"
_OPSETS = {"": OPSET, ML: ML_OPSET}

Value = str | np.ndarray | np.generic  # the name of a tensor in the graph, or a constant


def import_onnx() -> Any:
    """The package, or the error that names the extra."""
    try:
        import onnx
        import onnx.compose
        import onnx.inliner
    except ImportError as error:
        raise ImportError("to_onnx needs onnx. Install it by pip install 'sknn[onnx]'.") from error
    return onnx


class Rows(NamedTuple):
    """A tensor (batch, *row_shape) that a network takes."""

    name: str
    dtype: Any
    row_shape: tuple[int, ...]


class Graph:
    """Nodes, constants, inputs and outputs of a graph whose first axis is a batch of any number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn.export._graph import Graph
    >>> graph = Graph()
    >>> x = graph.input("x", np.float32, (3,))
    >>> graph.output("y", graph.add("Mul", x, np.float32(2)), np.float32, (3,))
    'y'
    >>> [node.op_type for node in graph.model("example").graph.node]
    ['Mul', 'Identity']
    """

    def __init__(self) -> None:
        self.onnx = import_onnx()
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self._names: set[str] = set()
        self._constants: dict[tuple, str] = {}

    # -- tensors ------------------------------------------------------------------------------

    def input(self, name: str, dtype: Any, row_shape: Sequence[int] = (1,)) -> str:
        """An input (batch, *row_shape) of a dtype of numpy, `str` for text; its name, or a new one."""
        name = self.new_name(name)
        self.declare(name, dtype, row_shape)
        return name

    def declare(self, name: str, dtype: Any, row_shape: Sequence[int]) -> None:
        """Make an input of a name that `new_name` has given."""
        self.inputs.append(self._value_info(name, dtype, row_shape))

    def output(self, name: str, value: str, dtype: Any, row_shape: Sequence[int] = ()) -> str:
        """An output (batch, *row_shape) with what a tensor holds."""
        name = self.new_name(name)
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        self.outputs.append(self._value_info(name, dtype, row_shape))
        return name

    def constant(self, value: Any) -> str:
        """An array in the file; equal ones are stored once."""
        value = np.asarray(value)
        if value.dtype.kind in "UT":
            value = value.astype(object)
        key = (value.dtype.str, value.shape, repr(value.tolist()) if value.dtype == object else value.tobytes())
        if key not in self._constants:
            name = self._constants[key] = self.new_name("constant")
            self.initializers.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return self._constants[key]

    def add(self, operator: str, *inputs: Value, domain: str = "", **attributes: Any) -> str:
        """A node with one output, whose name is returned."""
        name = self.new_name(operator)
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        self.nodes.append(self.onnx.helper.make_node(operator, names, [name], domain=domain, **attributes))
        return name

    def new_name(self, wanted: str) -> str:
        """A name that no tensor has yet."""
        name, n = wanted, 1
        while name in self._names:
            name, n = f"{wanted}_{n}", n + 1
        self._names.add(name)
        return name

    # -- operators that take their arguments in odd ways --------------------------------------

    def cast(self, value: str, dtype: Any) -> str:
        return self.add("Cast", value, to=self._elem_type(dtype))

    def concat(self, values: Sequence[str], axis: int) -> str:
        return values[0] if len(values) == 1 else self.add("Concat", *values, axis=axis)

    def reshape(self, value: str, *shape: int) -> str:
        return self.add("Reshape", value, np.array(shape, dtype=np.int64))

    def unsqueeze(self, value: str, *axes: int) -> str:
        return self.add("Unsqueeze", value, np.array(axes, dtype=np.int64))

    def squeeze(self, value: str, *axes: int) -> str:
        return self.add("Squeeze", value, np.array(axes, dtype=np.int64))

    def columns(self, value: str, positions: Sequence[int]) -> str:
        """Columns of a matrix (batch, F), by position."""
        return self.add("Gather", value, np.array(positions, dtype=np.int64), axis=1)

    def reduce(self, operator: str, value: str, axis: int, keepdims: bool = False) -> str:
        """`ReduceSum` and the like over one axis."""
        return self.add(operator, value, np.array([axis], dtype=np.int64), keepdims=int(keepdims))

    def for_each_row(self, row: np.ndarray, like: str) -> str:
        """An array (1, width) as (batch, width), for the rows that another tensor has."""
        n_rows = self.add("Shape", like, start=0, end=1)
        return self.add("Expand", row, self.concat([n_rows, self.constant(np.array([row.shape[1]]))], axis=0))

    # -- the file -----------------------------------------------------------------------------

    def inline(self, model: Any, values: Sequence[str]) -> str:
        """The first output of another model, whose inputs are these tensors in this graph."""
        helper = self.onnx.compose
        model = self.onnx.inliner.inline_local_functions(model)
        prefixed = helper.add_prefix(model, f"{self.new_name('network')}/").graph
        self._names.update(name for node in prefixed.node for name in node.output)
        for value, info in zip(values, prefixed.input, strict=True):
            self.nodes.append(self.onnx.helper.make_node("Identity", [value], [info.name]))
        self.initializers += prefixed.initializer
        self.nodes += prefixed.node
        return prefixed.output[0].name

    def model(self, name: str) -> Any:
        """The graph as a checked `onnx.ModelProto`."""
        helper = self.onnx.helper
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.initializers)
        opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="sknn")
        self.onnx.checker.check_model(model)
        return model

    def _value_info(self, name: str, dtype: Any, row_shape: Sequence[int]) -> Any:
        return self.onnx.helper.make_tensor_value_info(name, self._elem_type(dtype), ["batch", *row_shape])

    def _elem_type(self, dtype: Any) -> int:
        if dtype is str:
            return self.onnx.TensorProto.STRING
        return self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def save(model: Any, path: str | Path) -> None:
    """Write the file at once: beside its place, then there."""
    target = Path(path)
    beside = target.with_name(f".{target.name}.part")
    try:
        beside.write_bytes(model.SerializeToString())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
