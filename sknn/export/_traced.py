"""Modules of one's own in a graph, by torch's exporter."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from sknn.export._graph import OPSET, Graph, Rows
from sknn.modules import as_columns, call_module

_N_ROWS = 3  # of the example that is traced; with one row the exporter would take the number for fixed


def convert_traced(graph: Graph, module: nn.Module, inputs: dict[str, Rows], n_outputs: int) -> str:
    """Outputs (batch, n_outputs) of a module.

    Raises
    ------
    ValueError
        If torch cannot export it, with torch's own words.
    """
    called = _Called(copy.deepcopy(module).to("cpu").eval(), list(inputs), n_outputs)
    examples = tuple(_example(rows) for rows in inputs.values())
    batch = torch.export.Dim("batch", min=1)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _quiet():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                called,
                examples,
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes={"inputs": tuple({0: batch} for _ in examples)},
                verbose=False,
            )
    except Exception as error:
        raise ValueError(
            f"The module {type(module).__name__} cannot be exported: torch.onnx.export says {error}. Its forward must "
            "take any number of rows, and be of operators that ONNX has."
        ) from error
    assert program is not None
    return graph.inline(program.model_proto, [rows.name for rows in inputs.values()])


class _Called(nn.Module):
    """A module as the estimators call it, with inputs by position."""

    def __init__(self, module: nn.Module, names: list[str], n_outputs: int):
        super().__init__()
        self.module, self.names, self.n_outputs = module, names, n_outputs

    def forward(self, *inputs: Tensor) -> Tensor:
        outputs = call_module(self.module, dict(zip(self.names, inputs, strict=True)))
        return as_columns(outputs, self.n_outputs)


def _example(rows: Rows) -> Tensor:
    return torch.zeros((_N_ROWS, *rows.row_shape), dtype=getattr(torch, np.dtype(rows.dtype).name))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's log, which tells of packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
