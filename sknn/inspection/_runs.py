"""The recorded training of fitted estimators. Plotting is elsewhere.

Estimators are known by what they have (`history_`, `best_estimator_`), not by their class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import NamedTuple

import pandas as pd

from sknn.inspection._networks import trained_network

_MAX_DIFFERENCES = 3  # parameters that a name may list


class TrainingRun(NamedTuple):
    """One training run: its history by epoch, the best epoch and the last one.

    Parameters
    ----------
    name : str
        What the legend calls it.
    history : DataFrame of shape (n_epochs, n_columns)
        With the columns `epoch` (counted from 1) and `train_loss`, and any of `valid_loss`, `lr`,
        `gradient_norm` and `score`.
    score : str or None, default=None
        Column of the monitored score; None where the loss was monitored, or nothing.
    best_epoch : int or None, default=None
        Epoch whose weights were kept; None where that is just the last one.
    max_epochs : int or None, default=None
        Epochs that training would have had without an early stop, if that is known.
    """

    name: str
    history: pd.DataFrame
    score: str | None = None
    best_epoch: int | None = None
    max_epochs: int | None = None

    def has(self, column: str) -> bool:
        return column in self.history and self.history[column].notna().any()

    def values(self, column: str) -> pd.Series:
        """A column by epoch."""
        return self.history.set_index("epoch")[column].astype(float)

    @property
    def last_epoch(self) -> int:
        return int(self.history["epoch"].iloc[-1])

    @property
    def stopped_early(self) -> bool:
        return self.max_epochs is not None and self.last_epoch < self.max_epochs


def training_runs(estimator, names: str | Sequence[str] | None = None) -> list[TrainingRun]:
    """The runs of one estimator, a list or a dict of them.

    Raises
    ------
    NotFittedError
        For an estimator that is not fitted.
    ValueError
        For one that records no training, and for names that do not fit.
    """
    if isinstance(estimator, Mapping):
        given, names = list(estimator.values()), list(estimator) if names is None else names
    else:
        given = list(estimator) if isinstance(estimator, list | tuple) else [estimator]
    if not given:
        raise ValueError("estimator must hold at least one fitted estimator. Got an empty collection.")
    trained = [trained_network(each) for each in given]
    names = (
        _names_of(trained) if names is None else [names] if isinstance(names, str) else [str(name) for name in names]
    )
    if len(names) != len(trained) or len(set(names)) < len(names):
        raise ValueError(f"names must be {len(trained)} different names, one for each estimator. Got {names!r}.")
    return [_run_of(each, name) for each, name in zip(trained, names, strict=True)]


def _run_of(estimator, name: str) -> TrainingRun:
    params, history = getattr(estimator, "resolved_params_", {}), estimator.history_
    best_epoch = estimator.best_epoch_ if params.get("early_stopping") else None
    # What went before a warm start had a limit of its own.
    max_epochs = None if params.get("warm_start") else params.get("max_epochs")
    score = _score_column(params.get("monitor", "loss"))
    run = TrainingRun(name, history, score, best_epoch, max_epochs)
    return run if score is not None and run.has(score) else run._replace(score=None)


def _score_column(monitor) -> str | None:
    if not isinstance(monitor, str):
        return "valid_score"
    return None if monitor == "loss" else f"valid_{monitor}"


def _names_of(estimators: list) -> list[str]:
    """Labels by the parameters in which estimators differ, if few are enough; else numbered class names."""
    kinds = [type(each).__name__ for each in estimators]
    if len(estimators) == 1:
        return kinds
    described = [_describing(each) for each in estimators]
    differing = [key for key in dict.fromkeys(key for one in described for key in one) if _differs(key, described)]
    names = [", ".join(f"{key}={one[key]}" for key in differing if key in one) for one in described]
    if len(set(kinds)) > 1 or len(differing) > _MAX_DIFFERENCES or len(set(names)) < len(names) or not all(names):
        names = [f"{kind} {i}" for i, kind in enumerate(kinds, start=1)]
    return names


def _describing(estimator) -> dict[str, str]:
    """Parameters with a short representation."""
    return {
        key: str(value)
        for key, value in estimator.get_params().items()
        if isinstance(value, str | Number | tuple | None)
    }


def _differs(key: str, described: list[dict[str, str]]) -> bool:
    return any(one.get(key) != described[0].get(key) for one in described)
