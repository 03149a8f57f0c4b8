"""Partial dependence on one column, with the spread of the members. Plotting is elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Bunch

from sknn.inspection._columns import column_position, with_columns
from sknn.inspection._networks import network_input, trained_network
from sknn.preprocessing.columns import kind_of

_MOST_LEVELS = 20  # of a category, the most frequent ones


def member_partial_dependence(
    estimator, X, feature, *, target=None, sample_weight=None, percentiles=(0.05, 0.95), grid_resolution=100
):
    """Mean prediction by the value of one column, of the ensemble and of its members.

    All rows of `X` get the same value in the column, and their predictions are averaged, for one value after the other
    (:func:`sklearn.inspection.partial_dependence`). Each member does that too: the standard deviation over them says
    where they disagree on the effect, as they do where there are few training rows. It is not a confidence interval.
    Combinations of values that do not occur are predicted as well, if columns depend on each other.

    Parameters
    ----------
    estimator : NNClassifier or NNRegressor, or a Pipeline or search that holds one
        Fitted. A single network has no spread.
    X : {DataFrame, array-like} of shape (n_samples, n_features)
        Rows over which predictions are averaged, such as a few hundred of those of `fit`.
    feature : str or int
        Name or position of the column: numbers or dates, of which there is a grid, or a category, of which the 20 most
        frequent levels are taken.
    target : label, int or None, default=None
        The class whose probability is averaged; for several labels or targets the position of the one. None: the second
        of two classes, or the only target.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in the averages.
    percentiles : (float, float), default=(0.05, 0.95)
        Fractions of the rows that lie below the grid's ends.
    grid_resolution : int, default=100
        Points of the grid; all values of the column if these are fewer.

    Returns
    -------
    result : Bunch
        The following attributes.

        grid_values : ndarray of shape (n_values,)
            Numbers, dates or levels.
        average : ndarray of shape (n_values,)
            Mean prediction of the ensemble: what scikit-learn's function returns for it.
        std : ndarray of shape (n_values,)
            Standard deviation over the members' mean predictions.
        members : ndarray of shape (n_members, n_values)
            These mean predictions.
        is_categorical : bool
            Whether the values are levels.

    Raises
    ------
    ValueError
        For a column that there is not, or has no values; for several classes or targets without `target`.

    References
    ----------
    J. Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 29 (2001), section
    8.2.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknn import NNRegressor
    >>> from sknn.inspection import member_partial_dependence
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> net = NNRegressor(preset="fast", random_state=0).fit(X, y)
    >>> result = member_partial_dependence(net, X, "bmi", grid_resolution=5)
    >>> bool(result.average[-1] > result.average[0] + 2 * result.std[-1])
    True
    """
    from sklearn.inspection import partial_dependence

    network = trained_network(estimator)
    X = with_columns(estimator, network, X)
    position = column_position(X, feature)
    X, grid, is_categorical = _grid(X, position, percentiles, grid_resolution)
    found = partial_dependence(
        _Members(estimator, network, _target_index(network, target)),
        X,
        [position],
        sample_weight=sample_weight,
        categorical_features=[position],  # else whole numbers would be refused
        custom_values={position: grid},
        method="brute",
    )
    ensemble, members = found.average[0], found.average[1:]
    return Bunch(
        grid_values=grid,
        average=ensemble,
        std=members.std(axis=0),
        members=members,
        is_categorical=is_categorical,
    )


def _grid(X, position: int, percentiles: tuple[float, float], resolution: int) -> tuple[Any, np.ndarray, bool]:
    """X with a column that takes the values of the grid, these, and whether they are levels."""
    column = X.iloc[:, position] if isinstance(X, pd.DataFrame) else pd.Series(X[:, position])
    known, kind = column.dropna(), kind_of(column, read_text=False)
    if kind == "empty":
        raise ValueError(f"Column {column.name!r} of X has no values.")
    if kind == "number":
        values = known.to_numpy(dtype=np.float64)
        return _with_floats(X, position, column), _between(values, percentiles, resolution), False
    if kind in ("date", "duration"):
        whole = known.astype("int64").to_numpy()
        grid = pd.Series(_between(whole, percentiles, resolution).astype(np.int64)).astype(known.dtype)
        return X, grid.to_numpy(), False
    levels = known.value_counts().index[:_MOST_LEVELS]
    levels = levels.sort_values() if kind == "flag" or isinstance(known.dtype, pd.CategoricalDtype) else levels
    return X, np.array(levels.tolist(), dtype=object), True


def _with_floats(X, position: int, column: pd.Series):
    """Whole numbers would be rounded where a value is put in their place."""
    if isinstance(X, np.ndarray):
        return X if X.dtype.kind in "fO" else X.astype(np.float64)
    X = X.copy(deep=False)
    X.isetitem(position, column.to_numpy(dtype=np.float64, na_value=np.nan))
    return X


def _between(values: np.ndarray, percentiles: tuple[float, float], resolution: int) -> np.ndarray:
    """Distinct values if they are few, else points at equal distances, as scikit-learn has them."""
    from scipy.stats.mstats import mquantiles

    distinct = np.unique(values)
    if len(distinct) < resolution:
        return distinct
    low, high = mquantiles(values, prob=percentiles)
    return np.linspace(low, high, resolution)


def _target_index(network, target) -> int:
    """Which probability or target is averaged."""
    classes, n_targets = network._target.classes, network._target.n_targets
    n_all = n_targets if classes is None else len(classes)
    labels = None if classes is None or n_targets > 1 else classes.tolist()
    if target is None and labels is not None and n_all == 2:
        return 1
    if target is None and n_all == 1:
        return 0
    among = list(range(n_all)) if labels is None else labels
    if target not in among:
        raise ValueError(f"target must be one of {among}. Got {target!r}.")
    return among.index(target)


class _Members(RegressorMixin, BaseEstimator):
    """A fitted regressor, as scikit-learn sees it, whose targets are the predictions of an ensemble and its members."""

    def __init__(self, estimator, network, target_index):
        self.estimator = estimator
        self.network = network
        self.target_index = target_index

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        """Nothing: it is fitted."""
        return self

    def predict(self, X):
        """Predictions (n, 1 + K)."""
        target = self.network._target
        outputs = self.network._member_outputs(network_input(self.estimator, X))  # (K, n, O)
        predict = target.predict if target.classes is None else target.predict_proba
        of_all = [predict(each).reshape(len(each), -1) for each in (target.combine(outputs), *outputs)]
        return np.stack([each[:, self.target_index] for each in of_all], axis=1)
