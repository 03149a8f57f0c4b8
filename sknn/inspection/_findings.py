"""What a diagnosis says, and the rows and the network that it is about. How faults are found is elsewhere."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sknn.preprocessing import Table, take_rows
from sknn.training import network_inputs

MOST_ROWS = 2_000  # on which checks that take time are made
_LINE_LENGTH = 100  # characters


class Finding(NamedTuple):
    """One fault.

    Parameters
    ----------
    name : str
        A short name, such as "dead units".
    seen : str
        What was seen, with numbers.
    advice : str
        What to try.

    Examples
    --------
    >>> from sknn.inspection import Finding
    >>> print(Finding("constant target", "y is 3 in all rows.", "other rows."))
    constant target: y is 3 in all rows.
    Try: other rows.
    """

    name: str
    seen: str
    advice: str

    def __str__(self) -> str:
        text = f"{self.name}: {self.seen}\nTry: {self.advice}"
        return "\n".join(textwrap.fill(line, _LINE_LENGTH, subsequent_indent="  ") for line in text.splitlines())


class Findings(list[Finding]):
    """A list of faults that prints as text; empty where none was found."""

    def __repr__(self) -> str:
        return "\n\n".join(map(str, self)) or "No findings."


@dataclass
class Case:
    """A fitted network with the rows of its fit.

    Attributes
    ----------
    network : NNClassifier or NNRegressor
    raw : Table
        The rows as the user has them.
    table : Table
        The same after the steps of a Pipeline, as the network takes them.
    y : ndarray of shape (n,) or (n, T)
    weight : ndarray of shape (n,) or None
    """

    network: Any
    raw: Table
    table: Table
    y: np.ndarray
    weight: np.ndarray | None

    @property
    def columns(self) -> pd.DataFrame:
        """The raw table as a frame; without columns where it is none."""
        if isinstance(self.raw, pd.DataFrame):
            return self.raw
        is_table = isinstance(self.raw, np.ndarray) and self.raw.ndim == 2
        return pd.DataFrame(self.raw if is_table else np.empty((len(self.y), 0)))

    @cached_property
    def training_rows(self) -> np.ndarray:
        """Positions of the rows that some member was trained on: all, if each member holds out others."""
        held_out = getattr(self.network, "_held_out_rows", None) or [np.empty(0, dtype=int)]
        return np.delete(np.arange(len(self.y)), reduce(np.intersect1d, held_out))

    @cached_property
    def some(self) -> np.ndarray:
        """Some of these, all where they are few."""
        rows = self.training_rows
        return rows if len(rows) <= MOST_ROWS else np.sort(np.random.RandomState(0).choice(rows, MOST_ROWS, False))

    @cached_property
    def inputs(self) -> dict[str, Tensor]:
        """These rows as the network's inputs, on its device."""
        device = next((parameter.device for parameter in self.network.module_.parameters()), torch.device("cpu"))
        return network_inputs(self.network.encoder_.encode(take_rows(self.table, self.some)), device)

    @cached_property
    def constant_loss(self) -> float:
        """The training loss of the best prediction that is the same for all rows."""
        constant = torch.zeros(self.network._target.n_outputs, requires_grad=True)
        optimizer = torch.optim.LBFGS([constant], max_iter=100, line_search_fn="strong_wolfe")

        def step() -> Tensor:
            optimizer.zero_grad()
            loss = self._loss(constant.expand(len(self.training_rows), -1))
            loss.backward()
            return loss

        with torch.enable_grad():
            optimizer.step(step)
            return step().item()

    @cached_property
    def training_loss(self) -> float:
        """The lowest of any epoch, or that of the network as it is."""
        outputs = self.network._outputs(take_rows(self.table, self.training_rows))
        now = self._loss(torch.from_numpy(np.ascontiguousarray(outputs))).item()
        return min(now, self.network.history_["train_loss"].min())

    @property
    def has_learned(self) -> bool:
        """Whether the training loss came below that of a constant by one part in a hundred."""
        return self.constant_loss - self.training_loss > 0.01 * abs(self.constant_loss)

    def _loss(self, outputs: Tensor) -> Tensor:
        criterion, target, weight = self._criterion
        return criterion(outputs, target, weight)

    @cached_property
    def _criterion(self) -> tuple:
        target = self.network._target
        rows = self.training_rows
        y = self.y[rows]
        of_row = target.row_weight(y, None if self.weight is None else self.weight[rows])
        of_row = None if of_row is None else torch.from_numpy((of_row / of_row.mean()).astype(np.float32))
        return target.make_criterion(), torch.from_numpy(np.asarray(target.encode(y))), of_row
