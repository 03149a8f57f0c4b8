"""Permutation importance on the rows that a fit has held out. Plotting is elsewhere."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, check_random_state

from sknn.inspection._columns import column_names, column_position, with_columns
from sknn.inspection._networks import check_rows_of_fit, network_input, trained_network
from sknn.preprocessing import check_n_rows, take_rows
from sknn.training import ScoringView, outputs_on_held_out, positions_held_out

_TOLERANCE = 1e-3  # relative to the spread of predictions, between those of a fit and those of now


def oof_permutation_importance(
    estimator, X, y, *, scoring=None, columns=None, n_repeats=5, sample_weight=None, random_state=None
):
    """How much worse out-of-fold predictions become when a raw column is permuted.

    Each row is predicted by the members of the ensemble that held it out in `fit`, so no test rows are needed, and no
    member is asked about rows that it has learned. A column's importance is the score of these predictions minus that
    after its values have been permuted among them. It is near 0 for a column that the network can do without: also for
    one of several that tell the same, which should be permuted together (`columns`).

    Takes as long as `n_repeats` predictions of a single network for each column. A single network is asked about the
    rows that it held out for early stopping, an ensemble with a fraction as `validation_split` likewise.

    Parameters
    ----------
    estimator : NNClassifier or NNRegressor, or a Pipeline or search that holds one
        Fitted, with rows held out. Steps of a Pipeline before the network get permuted columns too.
    X : {DataFrame, array-like} of shape (n_samples, n_features)
        The rows of `fit`, in the same order.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    scoring : str, callable, list, tuple, dict or None, default=None
        As for :func:`sklearn.metrics.check_scoring`; None: accuracy or R². A probabilistic score such as
        "neg_log_loss" or "roc_auc" tells more than accuracy.
    columns : dict of list, list or None, default=None
        What is permuted: names or positions of columns, or lists of those that are permuted together, by names of
        these groups if it is a dict. None: each column.
    n_repeats : int, default=5
        Permutations of each.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in the scores.
    random_state : int, RandomState instance or None, default=None
        Determines the permutations.

    Returns
    -------
    result : Bunch, or dict of Bunch by names of scorers
        The following attributes.

        importances : ndarray of shape (n_columns, n_repeats)
            In the unit of the score.
        importances_mean : ndarray of shape (n_columns,)
            Mean over the repeats.
        importances_std : ndarray of shape (n_columns,)
            Standard deviation over the repeats: it tells how much depends on the permutation, not on the rows.
        names : list
            Of the columns or groups.
        score : float
            Of the predictions with nothing permuted.

    Raises
    ------
    ValueError
        If no rows were held out, or `X` does not hold the rows of `fit`; for columns that there are not.

    See Also
    --------
    sklearn.inspection.permutation_importance : For any estimator, on rows that it was not fitted on.

    References
    ----------
    L. Breiman, "Random forests", Machine Learning 45 (2001), section 10, on out-of-bag rows. A. Fisher, C. Rudin, F.
    Dominici, "All models are wrong, but many are useful", JMLR 20 (2019), eq. 3.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknn import NNRegressor
    >>> from sknn.inspection import oof_permutation_importance
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> net = NNRegressor(preset="fast", random_state=0).fit(X, y)
    >>> result = oof_permutation_importance(net, X, y, random_state=0)
    >>> sorted(zip(result.importances_mean, result.names))[-1][1] in ("bmi", "s5")
    True
    """
    network = trained_network(estimator)
    if not isinstance(n_repeats, int | np.integer) or n_repeats < 1:
        raise ValueError(f"n_repeats must be a whole number of at least 1. Got {n_repeats!r}.")
    held_out = _HeldOut(estimator, network, X, y, sample_weight, scoring)
    groups = _groups(columns, held_out.X)
    generator = check_random_state(random_state)
    before = held_out.scores(held_out.X)
    after = [
        [held_out.scores(_permuted(held_out.X, group, generator)) for _ in range(n_repeats)]
        for group in groups.values()
    ]
    found = {name: _result(list(groups), score, after, name) for name, score in before.items()}
    return found if held_out.has_several_scores else next(iter(found.values()))


def _result(names: list, score: float, after: list[list[dict[str, float]]], scorer: str) -> Bunch:
    importances = score - np.array([[scores[scorer] for scores in repeats] for repeats in after])
    return Bunch(
        importances=importances,
        importances_mean=importances.mean(axis=1),
        importances_std=importances.std(axis=1),
        names=names,
        score=score,
    )


class _HeldOut:
    """The rows that a fit has held out, and scores of what their members predict for changed ones."""

    def __init__(self, estimator, network, X, y, sample_weight, scoring):
        if getattr(network, "_held_out_rows", None) is None:
            raise ValueError(
                f"{type(network).__name__} has held out none of the rows of fit (early_stopping=False, X_val, few rows "
                "or partial_fit). Use sklearn.inspection.permutation_importance with rows that it was not fitted on."
            )
        self.estimator, self.network = estimator, network
        X = with_columns(estimator, network, X)
        y = network._check_y(y)
        check_n_rows(y, len(X), "y")
        check_rows_of_fit(network, len(X))
        rows, self.members = positions_held_out(network)
        self.X, self.y = take_rows(X, rows), y[rows]
        self.weight = {} if sample_weight is None else {"sample_weight": np.asarray(sample_weight)[rows]}
        scorer = check_scoring(network, scoring)
        self.has_several_scores = isinstance(scoring, list | tuple | set | dict)
        self.scorer: Callable[..., Any] = scorer
        # Held-out rows are predicted by single members, whose probabilities have a temperature of their own.
        self.as_member = copy.copy(network)
        if hasattr(network._target, "member_temperature"):
            self.as_member._target = network._target.at_temperature(network._target.member_temperature)
        self._check_rows(rows)

    def outputs(self, X) -> tuple[Any, np.ndarray]:
        """The network's table of these rows, or of changed ones, and its outputs."""
        table = self.network._check_table(network_input(self.estimator, X))
        return table, outputs_on_held_out(self.network, table, self.members)

    def scores(self, X) -> dict[str, float]:
        table, outputs = self.outputs(X)
        found = self.scorer(ScoringView(self.as_member, table, outputs), table, self.y, **self.weight)
        return found if self.has_several_scores else {"score": found}

    def _check_rows(self, rows: np.ndarray) -> None:
        """Refuse rows that are not predicted as those of the fit were."""
        known = getattr(self.network, "oof_prediction_", None)
        if known is None:
            return
        table, outputs = self.outputs(self.X)
        view = ScoringView(self.as_member, table, outputs)
        now = view.predict(table) if view.classes_ is None else view.predict_proba(table)
        if not np.allclose(now, known[rows], rtol=0, atol=_TOLERANCE * np.std(known[rows], axis=0).max() + 1e-12):
            raise ValueError(
                "X must hold the rows of fit, in the same order: its out-of-fold predictions are others than "
                "oof_prediction_. For other rows use sklearn.inspection.permutation_importance."
            )


def _groups(columns, X) -> dict[Any, list[int]]:
    """Positions of the columns that are permuted together, by names."""
    names = column_names(X)
    if columns is None:
        return {name: [j] for j, name in enumerate(names)}
    if isinstance(columns, Mapping):
        return {name: _positions(group, X) for name, group in columns.items()}
    groups = [_positions(group, X) for group in columns]
    return {names[group[0]] if len(group) == 1 else ", ".join(str(names[j]) for j in group): group for group in groups}


def _positions(group, X) -> list[int]:
    found = [column_position(X, column) for column in (group if isinstance(group, list | np.ndarray) else [group])]
    if not found:
        raise ValueError("columns must not hold an empty list. Leave it out.")
    return found


def _permuted(X, columns: list[int], generator: np.random.RandomState):
    """A copy in which some columns have the values of other rows, the same row for all of them."""
    order = generator.permutation(len(X))
    if isinstance(X, np.ndarray):
        changed = X.copy()
        changed[:, columns] = X[order][:, columns]
        return changed
    changed = X.copy(deep=False)
    for j in columns:
        changed.isetitem(j, X.iloc[:, j].array.take(order))
    return changed
