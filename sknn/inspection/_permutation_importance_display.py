"""Permutation importances as bars, one of scikit-learn's kind of displays."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknn.inspection._matplotlib import import_pyplot
from sknn.inspection._permutation_importance import oof_permutation_importance

_WIDTH, _BAR_HEIGHT, _MARGIN = 6.4, 0.26, 1.1  # inches
_ERROR: dict[str, Any] = {"fmt": "none", "ecolor": "0.25", "elinewidth": 1.2, "capsize": 2.5}


class PermutationImportanceDisplay:
    """How much a score falls when a column is permuted: a bar for each column, with its spread over the repeats.

    Use `from_estimator` to create one. The most important column is at the top; the line across a bar's end goes one
    standard deviation to each side.

    Parameters
    ----------
    result : Bunch
        What `oof_permutation_importance` returns for one score, or scikit-learn's `permutation_importance` with
        `names`.
    score_name : str or None, default=None
        What the axis calls the score.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    bars_ : matplotlib BarContainer
        From the least to the most important of the columns that are shown.

    See Also
    --------
    oof_permutation_importance : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.inspection import PermutationImportanceDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> net = NNClassifier(preset="fast", random_state=0).fit(X, y)
    >>> display = PermutationImportanceDisplay.from_estimator(net, X, y, scoring="neg_log_loss", random_state=0)
    >>> display.ax_.get_xlabel()
    'fall of neg_log_loss when permuted'
    """

    def __init__(self, result, *, score_name=None):
        self.result = result
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        scoring=None,
        columns=None,
        n_repeats=5,
        sample_weight=None,
        random_state=None,
        max_columns=20,
        ax=None,
        bar_kw=None,
    ):
        """Permute columns among the out-of-fold rows and draw the importances.

        Parameters
        ----------
        estimator : NNClassifier or NNRegressor, or a Pipeline or search that holds one
            Fitted, with rows held out.
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            The rows of `fit`, in the same order.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        scoring : str, callable or None, default=None
            One score; None: accuracy or R².
        columns : dict of list, list or None, default=None
            What is permuted, as for `oof_permutation_importance`.
        n_repeats : int, default=5
            Permutations of each.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the score.
        random_state : int, RandomState instance or None, default=None
            Determines the permutations.
        max_columns : int or None, default=20
            How many are drawn, the most important ones; None: all.
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        bar_kw : dict or None, default=None
            Further arguments of matplotlib's `barh`.

        Returns
        -------
        display : PermutationImportanceDisplay
        """
        import_pyplot(cls.__name__)
        if isinstance(scoring, list | tuple | set | dict):
            raise ValueError(f"scoring must be a single score to be drawn. Got {scoring!r}.")
        result = oof_permutation_importance(
            estimator,
            X,
            y,
            scoring=scoring,
            columns=columns,
            n_repeats=n_repeats,
            sample_weight=sample_weight,
            random_state=random_state,
        )
        named = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", None)
        if scoring is None:
            named = "R²" if getattr(estimator, "classes_", None) is None else "accuracy"
        return cls(result, score_name=named).plot(ax, max_columns=max_columns, bar_kw=bar_kw)

    def plot(self, ax=None, *, max_columns=20, bar_kw=None):
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.
        max_columns : int or None, default=20
            How many are drawn, the most important ones; None: all.
        bar_kw : dict or None, default=None
            Further arguments of matplotlib's `barh`.

        Returns
        -------
        self : PermutationImportanceDisplay
        """
        plt = import_pyplot(type(self).__name__)
        mean, std = self.result.importances_mean, self.result.importances_std
        shown = np.argsort(mean, kind="stable")[-(max_columns or len(mean)) :]
        if ax is None:
            height = _MARGIN + _BAR_HEIGHT * len(shown)
            _, ax = plt.subplots(figsize=(_WIDTH, height), layout="constrained")
            ax.spines[["top", "right", "left"]].set_visible(False)
            ax.tick_params(axis="y", length=0)
            ax.grid(axis="x", linewidth=0.5, alpha=0.35)
            ax.set_axisbelow(True)
        places, names = np.arange(len(shown)), [str(self.result.names[j]) for j in shown]
        self.bars_ = ax.barh(places, mean[shown], **{"height": 0.7, "color": "C0"} | (bar_kw or {}))
        ax.errorbar(mean[shown], places, xerr=std[shown], **_ERROR)
        ax.axvline(0, color="0.4", linewidth=0.8)
        ax.set_yticks(places, names)
        ax.set_ylim(-0.6, len(shown) - 0.4)
        ax.set_xlabel(f"fall of {self.score_name or 'the score'} when permuted")
        self.ax_, self.figure_ = ax, ax.figure
        return self
