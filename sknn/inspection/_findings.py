"""What a diagnosis says, and the rows and the network that it is about. How faults are found is elsewhere."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import cached_property
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

    Attributes
    ----------
    name : str
        A short name, such as "dead units".
    seen : str
        What was seen, with numbers.
    advice : str
        What to try.
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
    def some(self) -> np.ndarray:
        """Positions of some rows, of all of them where these are few."""
        n_rows = len(self.y)
        return np.arange(n_rows) if n_rows <= MOST_ROWS else np.sort(_draw(n_rows))

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
            loss = self._loss(constant.expand(len(self.some), -1))
            loss.backward()
            return loss

        with torch.enable_grad():
            optimizer.step(step)
            return step().item()

    @cached_property
    def training_loss(self) -> float:
        """That of the network as it is, on rows of the fit."""
        outputs = self.network._outputs(take_rows(self.table, self.some))
        return self._loss(torch.from_numpy(np.ascontiguousarray(outputs))).item()

    @property
    def has_learned(self) -> bool:
        """Whether predictions of training rows are better than a constant by one part in a hundred of the loss."""
        return self.constant_loss - self.training_loss > 0.01 * abs(self.constant_loss)

    def _loss(self, outputs: Tensor) -> Tensor:
        criterion, target, weight = self._criterion
        return criterion(outputs, target, weight)

    @cached_property
    def _criterion(self) -> tuple:
        target = self.network._target
        y, weight = self.y[self.some], None if self.weight is None else self.weight[self.some]
        of_row = target.row_weight(y, weight)
        of_row = None if of_row is None else torch.from_numpy((of_row / of_row.mean()).astype(np.float32))
        return target.make_criterion(), torch.from_numpy(np.asarray(target.encode(y))), of_row


def _draw(n_rows: int) -> np.ndarray:
    return np.random.RandomState(0).choice(n_rows, MOST_ROWS, replace=False)
