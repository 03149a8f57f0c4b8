"""The layers of a network as a table, with output shapes and numbers of parameters.

Layers are found by a forward pass, so that any module can be shown.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from sknn.modules import call_module, n_members_of, single_network
from sknn.utils import limited_to

_N_ROWS = (2, 3)  # of the two passes: a size that changes between them depends on the rows
_HEADER = ["Layer", "Type", "Output", "Parameters", "Trainable"]
_ALIGN = "<<<>>"


class Summary:
    """The layers of a network, as a table that prints itself.

    Parameters
    ----------
    frame : DataFrame of shape (n_layers, 5)
        A row for each layer, in the order in which they are called, with the columns `name`, `type`,
        `output_shape` (B for the rows of a batch), `parameters` and `trainable`, the number of parameters
        and of those that are trained. Parameters of several layers count in the first of them.
    title : str
        Inputs and outputs of the network.
    n_parameters, n_trainable : int
        Numbers of the whole network.
    n_bytes : int
        Size of its parameters and buffers.

    See Also
    --------
    summarize : The same of any module.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> summary = NNClassifier("linear", max_epochs=2).fit(X, y).summary()
    >>> summary.n_parameters  # 4 weights and a bias for each of three classes
    15
    """

    def __init__(self, frame: pd.DataFrame, title: str, *, n_parameters: int, n_trainable: int, n_bytes: int):
        self.frame = frame
        self.title = title
        self.n_parameters = n_parameters
        self.n_trainable = n_trainable
        self.n_bytes = n_bytes

    def __repr__(self) -> str:
        rows = self._cells()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(_aligned, row, widths, _ALIGN)).rstrip() for row in rows]
        rule = "─" * max(map(len, lines))
        return "\n".join([self.title, rule, lines[0], rule, *lines[1:-1], rule, lines[-1], self._size()])

    def _repr_html_(self) -> str:
        """For notebooks."""
        header, *rows, total = (_html_row(row) for row in self._cells())
        return (
            f"<table><caption>{html.escape(self.title)}</caption>\n<thead>{header}</thead>\n"
            f"<tbody>{''.join(rows)}</tbody>\n<tfoot>{total}</tfoot></table>\n<p>{html.escape(self._size())}</p>"
        )

    def _cells(self) -> list[list[str]]:
        """Header, layers and totals as they are shown."""
        rows = [*self.frame.itertuples(index=False), ("Total", "", "", self.n_parameters, self.n_trainable)]
        return [_HEADER] + [[*map(str, row[:3]), *(f"{count:,}" for count in row[3:])] for row in rows]

    def _size(self) -> str:
        return f"Size: {_size_text(self.n_bytes)} (parameters and buffers). B: rows of a batch."


def _aligned(cell: str, width: int, align: str) -> str:
    return f"{cell:{align}{width}}"


def _html_row(cells: list[str]) -> str:
    styles = ("left" if align == "<" else "right" for align in _ALIGN)
    shown = (f'<td style="text-align: {s}">{html.escape(cell)}</td>' for s, cell in zip(styles, cells, strict=True))
    return f"<tr>{''.join(shown)}</tr>"


class _Row(NamedTuple):
    """A layer, as a row of the table."""

    name: str
    type: str
    output_shape: str
    parameters: int
    trainable: int


class SummaryMixin:
    """The method `summary` of an estimator."""

    module_: nn.Module
    _target: Any
    _input_kinds: dict[str, tuple[tuple[int, ...], torch.dtype]]  # of each input the shape of a row, and the dtype

    @limited_to(1)
    def summary(self) -> Summary:
        """The network's layers, the shapes of their outputs and their parameters.

        Returns
        -------
        summary : Summary
            Prints as a table, with totals; its `frame` is a DataFrame with a row for each layer.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sknn import NNClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> net = NNClassifier("mlp", hidden_layer_sizes=8, max_epochs=1, random_state=0).fit(X, y)
        >>> int(net.summary().frame["parameters"].sum())
        67
        """
        check_is_fitted(self)
        inputs = {name: torch.zeros((2, *shape), dtype=dtype) for name, (shape, dtype) in self._input_kinds.items()}
        return summarize(self.module_, inputs, self._target.n_outputs)


def summarize(module: nn.Module, inputs: dict[str, Tensor], n_outputs: int) -> Summary:
    """List the layers of a network by a forward pass of a few rows.

    Nothing about the network is changed, also when the call fails.

    Parameters
    ----------
    module : nn.Module
        A network, or an ensemble of them.
    inputs : dict of Tensor of shape (n_rows, ...)
        At least one row, as the network takes them.
    n_outputs : int
        Outputs a row that the estimator needs.

    Returns
    -------
    summary : Summary

    Examples
    --------
    >>> import torch
    >>> from sknn.inspection import summarize
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> summarize(net, {"x_num": torch.zeros(1, 3)}, n_outputs=2)
    Sequential: x_num (B, 3) to 2 outputs a row
    ────────────────────────────────────────────
    Layer  Type    Output  Parameters  Trainable
    ────────────────────────────────────────────
    0      Linear  (B, 8)          32         32
    1      ReLU    (B, 8)           0          0
    2      Linear  (B, 2)          18         18
    ────────────────────────────────────────────
    Total                          50         50
    Size: 200 B (parameters and buffers). B: rows of a batch.
    """
    parameters, shown, n_members = list(module.parameters()), single_network(module), n_members_of(module)
    rows = _rows(shown, inputs)
    if shown is not module:
        rows = [_times(n_members, row) for row in rows]
    takes = ", ".join(f"{name} {_text(('B', *value.shape[1:]))}" for name, value in inputs.items())
    return Summary(
        pd.DataFrame(rows, columns=list(_Row._fields)),
        f"{_of_members(n_members, type(shown).__name__)}: {takes} to {n_outputs} output{'s' * (n_outputs != 1)} a row",
        n_parameters=_count(parameters),
        n_trainable=_count_trained(parameters),
        n_bytes=sum(tensor.numel() * tensor.element_size() for tensor in (*parameters, *module.buffers())),
    )


def _times(n_members: int, row: _Row) -> _Row:
    """A network's row as that of all members of an ensemble."""
    shape = row.output_shape.replace("(", f"({n_members}, ", 1)
    kind = _of_members(n_members, row.type)
    return _Row(row.name, kind, shape, n_members * row.parameters, n_members * row.trainable)


# -- watching a forward pass ------------------------------------------------------------------------


class _Calls:
    """The modules that a forward pass calls, in order, with the output shape of their first call."""

    def __init__(self) -> None:
        self.shapes: dict[nn.Module, tuple[int, ...]] = {}  # in the order in which the calls begin
        self.callers: set[nn.Module] = set()  # those that call others
        self._running: list[nn.Module] = []

    def begin(self, module: nn.Module, args) -> None:
        self.callers.update(self._running[-1:])
        self._running.append(module)
        self.shapes.setdefault(module, ())

    def end(self, module: nn.Module, args, output) -> None:
        self._running.pop()
        self.shapes[module] = self.shapes[module] or _shape_of(output)


def _watch(module: nn.Module, inputs: dict[str, Tensor], n_rows: int) -> _Calls:
    """Call a network on `n_rows` rows, repeating the given ones."""
    calls, hooks = _Calls(), []
    devices = {parameter.device for parameter in module.parameters()} or {torch.device("cpu")}
    place = next(iter(devices))
    repeated = {name: value[torch.arange(n_rows) % len(value)].to(place) for name, value in inputs.items()}
    drawing = [device for device in devices if device.type == "cuda"]
    with _unchanged(module), _uncompiled(module), torch.random.fork_rng(drawing), torch.no_grad():
        module.eval()
        try:
            for part in module.modules():
                hooks += [part.register_forward_pre_hook(calls.begin), part.register_forward_hook(calls.end)]
            call_module(module, repeated, shared=True)
        finally:
            for hook in hooks:
                hook.remove()
    return calls


def _uncompiled(module: nn.Module) -> AbstractContextManager:
    """A block in which compiled submodules call their hooks."""
    is_compiled = any("_orig_mod" in part._modules for part in module.modules())
    return torch.compiler.set_stance("force_eager") if is_compiled else nullcontext()


@contextmanager
def _unchanged(module: nn.Module) -> Iterator[None]:
    """Put back modes and buffers at the end of the block."""
    parts = [(part, part.training, dict(part._buffers)) for part in module.modules()]
    values = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for part, mode, buffers in parts:
            part.training = mode
            part._buffers.update(buffers)
        with torch.no_grad():
            for buffer, value in values:
                buffer.copy_(value)


def _shape_of(output: Any) -> tuple[int, ...]:
    """Shape of the first tensor in a module's output."""
    if isinstance(output, Tensor):
        return tuple(output.shape)
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, list | tuple) else ()
    return next((shape for shape in map(_shape_of, parts) if shape), ())


# -- from calls to rows -----------------------------------------------------------------------------


def _rows(module: nn.Module, inputs: dict[str, Tensor]) -> list[_Row]:
    """A row for each leaf module, and for each parameter of other modules."""
    calls, with_more_rows = (_watch(module, inputs, n_rows) for n_rows in _N_ROWS)
    names = {part: name or "module" for name, part in module.named_modules()}
    rows: list[_Row] = []
    counted: set[nn.Parameter] = set()  # in the first of their rows

    def add(name: str, kind: str, shape: str, parameters: Iterable[nn.Parameter]) -> None:
        new = [parameter for parameter in parameters if parameter not in counted]
        kind += " (shared)" if len(new) < len(list(parameters)) else ""
        rows.append(_Row(name, kind, shape, _count(new), _count_trained(new)))
        counted.update(new)

    for part, few in calls.shapes.items():
        if part not in calls.callers:
            shape = _text(_by_rows(few, with_more_rows.shapes.get(part, ())))
            add(names[part], type(part).__name__, shape, list(part.parameters()))
            continue
        for name, parameter in _own_parameters(part):
            full_name = name if part is module else f"{names[part]}.{name}"
            add(full_name, f"Parameter {_text(parameter.shape)}", "", [parameter])
    for part in names:
        rest = [parameter for parameter in part.parameters(recurse=False) if parameter not in counted]
        if rest:
            add(names[part], type(part).__name__, "not called", rest)
    return rows


def _own_parameters(part: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Those of the module itself, by their names, and in its lists."""
    yield from part.named_parameters(recurse=False)
    for name, child in part.named_children():
        if isinstance(child, nn.ParameterList | nn.ParameterDict):
            yield from child.named_parameters(name)


def _by_rows(few: tuple[int, ...], more: tuple[int, ...]) -> list:
    """A shape in terms of the batch size B, from the shapes for two batch sizes."""
    if len(few) != len(more):  # the module was not called, or gives something else
        return list(few)
    return [_size_by_rows(*sizes) for sizes in zip(few, more, strict=True)]


def _size_by_rows(few: int, more: int) -> int | str:
    slope = (more - few) // (_N_ROWS[1] - _N_ROWS[0])
    if slope == 0:
        return few
    rest = few - slope * _N_ROWS[0]
    return ("B" if slope == 1 else f"{slope}B") + (f"{rest:+d}" if rest else "")


# -- text -------------------------------------------------------------------------------------------


def _of_members(n_members: int, kind: str) -> str:
    return kind if n_members == 1 else f"{kind} ×{n_members}"


def _text(shape: Iterable) -> str:
    sizes = [str(size) for size in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def _size_text(n_bytes: int) -> str:
    size, units = float(n_bytes), ["B", "kB", "MB", "GB"]
    while size >= 999.5 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} {units[0]}" if size >= 100 else f"{size:.3g} {units[0]}"


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def _count_trained(parameters: Iterable[nn.Parameter]) -> int:
    return _count(parameter for parameter in parameters if parameter.requires_grad)
