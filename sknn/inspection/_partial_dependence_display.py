"""Partial dependence with the members' spread, drawn by scikit-learn's display."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sknn.inspection._columns import column_names, column_position, with_columns
from sknn.inspection._matplotlib import import_pyplot
from sknn.inspection._networks import trained_network
from sknn.inspection._partial_dependence import member_partial_dependence

_BAND: dict[str, Any] = {"alpha": 0.25, "linewidth": 0}
_POINT: dict[str, Any] = {"fmt": "o", "markersize": 5, "elinewidth": 1.4, "capsize": 3, "color": "C0"}
_WIDTH, _HEIGHT, _LETTER = 3.4, 2.8, 0.075  # inches of a panel, and of a letter of a label that is turned
_LONG_LABELS = 30  # letters of all levels of a panel, above which they are turned


class MemberPartialDependenceDisplay:
    """Mean prediction by the value of single columns, with a band of one standard deviation over the members.

    Use `from_estimator` to create one. Curves and the marks of the deciles are those of scikit-learn's
    :class:`~sklearn.inspection.PartialDependenceDisplay`; levels of categories are points with error bars. Bands end
    where the outermost member is.

    Parameters
    ----------
    results : list of Bunch
        What `member_partial_dependence` returns, for each column.
    names : list of str
        Names of the columns.
    deciles : list of (ndarray of shape (9,) or None)
        Of the values of each column that has numbers.
    target_name : str, default="Partial dependence"
        What the axis calls the prediction.

    Attributes
    ----------
    display_ : sklearn.inspection.PartialDependenceDisplay
        What has drawn the averages, with its `lines_`.
    axes_ : ndarray of matplotlib Axes
        One for each column.
    figure_ : matplotlib Figure
    bands_ : list of matplotlib artists
        The band of each column, or its points with error bars.

    See Also
    --------
    member_partial_dependence : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.inspection import MemberPartialDependenceDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> net = NNClassifier(preset="fast", random_state=0).fit(X, y)
    >>> display = MemberPartialDependenceDisplay.from_estimator(net, X, [2, 3], target=1, grid_resolution=10)
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['petal length (cm)', 'petal width (cm)']
    """

    def __init__(self, results, *, names, deciles, target_name="Partial dependence"):
        self.results = results
        self.names = names
        self.deciles = deciles
        self.target_name = target_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        features,
        *,
        target=None,
        sample_weight=None,
        percentiles=(0.05, 0.95),
        grid_resolution=50,
        n_cols=3,
        ax=None,
        line_kw=None,
        band_kw=None,
    ):
        """Compute and draw.

        Parameters
        ----------
        estimator : NNClassifier or NNRegressor, or a Pipeline or search that holds one
            Fitted.
        X : {DataFrame, array-like} of shape (n_samples, n_features)
            Rows over which is averaged.
        features : list of str or int
            Names or positions of the columns.
        target : int, str or None, default=None
            The class or the output, as for `member_partial_dependence`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the mean.
        percentiles : tuple of float, default=(0.05, 0.95)
            Between which values of a number lie.
        grid_resolution : int, default=100
            Values of a number at most.
        n_cols : int, default=3
            Panels side by side.
        ax : matplotlib Axes or list of them, default=None
            Where to draw: one that is divided, or one for each column; None: a new figure.
        line_kw, band_kw : dict or None, default=None
            Further arguments of matplotlib's `plot` and `fill_between`.

        Returns
        -------
        display : MemberPartialDependenceDisplay
        """
        import_pyplot(cls.__name__)
        X = with_columns(estimator, trained_network(estimator), X)
        if isinstance(features, str) or not np.iterable(features):
            features = [features]
        results = [
            member_partial_dependence(
                estimator,
                X,
                feature,
                target=target,
                sample_weight=sample_weight,
                percentiles=percentiles,
                grid_resolution=grid_resolution,
            )
            for feature in features
        ]
        positions = [column_position(X, feature) for feature in features]
        display = cls(
            results,
            names=[str(column_names(X)[position]) for position in positions],
            deciles=[_deciles(X, *each) for each in zip(positions, results, strict=True)],
            target_name=_target_name(trained_network(estimator), target),
        )
        return display.plot(ax, n_cols=n_cols, line_kw=line_kw, band_kw=band_kw)

    def plot(self, ax=None, *, n_cols=3, line_kw=None, band_kw=None):
        """Draw the columns.

        Parameters
        ----------
        ax : matplotlib Axes or list of them, default=None
            Where to draw: one that is divided, or one for each column; None: a new figure.
        n_cols : int, default=3
            Panels side by side.
        line_kw, band_kw : dict or None, default=None
            Further arguments of matplotlib's `plot` and `fill_between`.

        Returns
        -------
        self : MemberPartialDependenceDisplay
        """
        plt = import_pyplot(type(self).__name__)
        from sklearn.inspection import PartialDependenceDisplay

        n_panels = len(self.results)
        if ax is None:
            n_wide, n_high = min(n_cols, n_panels), -(-n_panels // n_cols)
            height = _HEIGHT + max(map(_label_height, self.results))
            _, ax = plt.subplots(figsize=(_WIDTH * n_wide + 0.4, height * n_high), layout="constrained")
        self.display_ = PartialDependenceDisplay(
            pd_results=[Bunch(grid_values=[_shown(each)], average=each.average[None]) for each in self.results],
            features=[(panel,) for panel in range(n_panels)],
            feature_names=self.names,
            target_idx=0,
            deciles={panel: each for panel, each in enumerate(self.deciles) if each is not None},
            is_categorical=[(bool(each.is_categorical),) for each in self.results],
        )
        limits, unseen = {1: _limits(self.results)}, {"visible": False}  # a bar would not begin at 0
        self.display_.plot(ax=ax, n_cols=n_cols, line_kw=line_kw, bar_kw=unseen, pdp_lim=limits)
        self.axes_ = np.array([each for each in self.display_.axes_.ravel() if each is not None], dtype=object)
        self.figure_ = self.display_.figure_
        self.bands_ = [
            _draw_spread(*each, band_kw or {}, self.target_name) for each in zip(self.axes_, self.results, strict=True)
        ]
        return self


def _shown(result: Bunch) -> np.ndarray:
    """Levels as text, so that none is taken for a number."""
    return np.array([str(level) for level in result.grid_values]) if result.is_categorical else result.grid_values


def _label_height(result: Bunch) -> float:
    """Inches that the turned labels of a panel's levels take, 0 where they lie."""
    lengths = [len(level) for level in _shown(result)] if result.is_categorical else [0]
    return _LETTER * max(lengths) if sum(lengths) > _LONG_LABELS else 0.0


def _spread(result: Bunch) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the band."""
    low, high = result.average - result.std, result.average + result.std
    return np.maximum(low, result.members.min(axis=0)), np.minimum(high, result.members.max(axis=0))


def _limits(results: list[Bunch]) -> tuple[float, float]:
    """Of the axis that all panels share, with a margin."""
    values = np.concatenate([np.concatenate([each.average, *_spread(each)]) for each in results])
    margin = 0.05 * np.ptp(values) or 1e-6
    return values.min() - margin, values.max() + margin


def _draw_spread(ax, result: Bunch, band_kw: dict, target_name: str):
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    low, high = _spread(result)
    if ax.get_ylabel():
        ax.set_ylabel(target_name)
    if result.is_categorical:
        if not _label_height(result):
            ax.tick_params(axis="x", rotation=0)
        ends = np.maximum([result.average - low, high - result.average], 0)
        return ax.errorbar(_shown(result), result.average, yerr=ends, **_POINT)
    if result.grid_values.dtype.kind == "M":
        locator = AutoDateLocator(maxticks=6)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    return ax.fill_between(result.grid_values, low, high, **{"color": ax.lines[0].get_color()} | _BAND | band_kw)


def _deciles(X, position: int, result: Bunch) -> np.ndarray | None:
    if result.is_categorical or result.grid_values.dtype.kind in "mM":
        return None
    column = X.iloc[:, position].to_numpy(dtype=float, na_value=np.nan) if hasattr(X, "iloc") else X[:, position]
    return np.nanquantile(np.asarray(column, dtype=float), np.arange(0.1, 1.0, 0.1))


def _target_name(network, target) -> str:
    classes = network._target.classes
    if classes is None:
        return "mean prediction" if target is None else f"mean prediction of target {target}"
    return f"mean probability of {classes[-1] if target is None else target!s}"
