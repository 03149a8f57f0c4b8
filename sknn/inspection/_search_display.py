"""What a search of hyper-parameters has found, as one of scikit-learn's displays."""

from __future__ import annotations

import math
from itertools import compress, pairwise
from typing import Any

import numpy as np

from sknn.inspection._matplotlib import import_pyplot
from sknn.inspection._search_results import ParameterScale, SearchResults, search_results

KINDS = ("time", "parallel", "slice")

_WIDTH, _HEIGHT = 6.4, 4.0  # inches
_PANEL_WIDTH, _PANEL_HEIGHT, _MOST_COLUMNS = 3.2, 2.7, 3  # of slices
_LETTER = 0.085  # inches, of a label
_AXIS_WIDTH = 1.5  # inches from one parameter to the next
_LEAST_AREA, _MOST_AREA = 22.0, 160.0  # of a marker, in points squared
_LEVEL_WIDTH = 0.06  # over which the candidates of a level are spread in parallel coordinates
_MOST_WIDTH = 3.0  # that a line gains by its weight, points
_DASHED = (0, (4, 2))
_MANY = 30  # candidates, from which on lines get fainter
_MARGIN = 0.06
_HALO = 0.75  # opacity of what is behind labels on lines


class SearchDisplay:
    """Scores of a search: over the seconds of training, or by parameters.

    Use `from_estimator` to create one. If the candidates end in an ensemble, the area of a dot is its weight, and
    hollow dots have none. A ring is around the best candidate. Crosses are what halving stopped, triangles at the lower
    edge are scores far below, and ticks at the lower edge are candidates that failed.

    Parameters
    ----------
    results : SearchResults
        What to draw.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of Axes
        The Axes, or of slices an array of them, one for each parameter.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    sknn.TrainingCurveDisplay : Losses of each epoch of single networks.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sknn import NNClassifier
    >>> from sknn.inspection import SearchDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"learning_rate": [0.001, 0.01, 0.1], "dropout": [0.0, 0.2]}
    >>> search = GridSearchCV(NNClassifier("mlp", max_epochs=5, random_state=0), grid, cv=2).fit(X, y)
    >>> display = SearchDisplay.from_estimator(search, kind="slice")
    >>> [ax.get_xlabel() for ax in display.ax_]
    ['dropout', 'learning_rate']
    """

    def __init__(self, *, results):
        self.results = results

    @classmethod
    def from_estimator(cls, search, *, kind="time", metric=None, ax=None) -> SearchDisplay:
        """Draw a fitted search.

        Parameters
        ----------
        search : estimator instance
            A fitted `NNSearchCV`, or a search of scikit-learn's such as `GridSearchCV`.
        kind : {"time", "parallel", "slice"}, default="time"
            "time": score against the seconds of training so far, summed over candidates and splits, with the best score
            so far. "parallel": a line for each candidate through its parameters to its score, which is its colour too.
            "slice": a panel for each parameter, score against value. Numbers that span more than a factor 20 have a
            logarithmic axis.
        metric : str or None, default=None
            Name of one of several metrics. None: the one that chose.
        ax : matplotlib Axes, list of Axes or None, default=None
            Where to draw; for slices one for each parameter. None: a new figure.

        Returns
        -------
        display : SearchDisplay

        Raises
        ------
        NotFittedError
            For a search that is not fitted.
        ValueError
            For what is no search, and for a metric that was not measured.
        """
        import_pyplot(cls.__name__)
        return cls(results=search_results(search, metric)).plot(ax, kind=kind)

    def plot(self, ax=None, *, kind="time") -> SearchDisplay:
        """Draw the results.

        Parameters
        ----------
        ax : matplotlib Axes, list of Axes or None, default=None
            As in `from_estimator`.
        kind : {"time", "parallel", "slice"}, default="time"
            As in `from_estimator`.

        Returns
        -------
        self : SearchDisplay
        """
        plt = import_pyplot(type(self).__name__)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {list(KINDS)}. Got {kind!r}.")
        if kind != "time" and not self.results.parameters:
            raise ValueError(
                f'kind={kind!r} needs parameters that were searched. The search has none; use kind="time".'
            )
        n_panels = len(self.results.parameters) if kind == "slice" else 1
        axes = _new_axes(plt, self.results, kind) if ax is None else list(np.ravel(ax))
        if len(axes) != n_panels:
            raise ValueError(f"ax must hold {n_panels} Axes for kind={kind!r}. Got {len(axes)}.")
        if kind == "parallel":
            handles = _draw_parallel(plt, axes[0], self.results)
        else:
            handles = _draw_time(axes[0], self.results) if kind == "time" else _draw_slices(axes, self.results)
        _add_legend(axes[0], handles, outside=ax is None)
        self.ax_ = np.array(axes, dtype=object) if kind == "slice" else axes[0]
        self.figure_ = axes[0].figure
        return self


def _new_axes(plt, results: SearchResults, kind: str) -> list:
    """Axes of a new figure that is as large as the parameters need."""
    n = len(results.parameters)
    if kind == "slice":
        n_columns = min(n, _MOST_COLUMNS)
        n_rows = math.ceil(n / n_columns)
        size = (max(_WIDTH, _PANEL_WIDTH * n_columns), _PANEL_HEIGHT * n_rows + 0.6)
        _, grid = plt.subplots(n_rows, n_columns, squeeze=False, sharey=True, layout="constrained", figsize=size)
        axes = list(grid.ravel())
        for unused in axes[n:]:
            unused.remove()
        axes = axes[:n]
    else:
        width = _WIDTH if kind == "time" else max(_WIDTH, _AXIS_WIDTH * (n + 1))
        _, ax = plt.subplots(layout="constrained", figsize=(width, _HEIGHT))
        axes = [ax]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        if kind != "parallel":
            each.grid(axis="y", linewidth=0.5, alpha=0.35)
    return axes


def _add_legend(ax, handles: list, outside: bool) -> None:
    """Above the panels where the figure has room for it, else within the first one."""
    if handles and outside:
        n_columns = 2 if ax.figure.get_figwidth() <= _WIDTH else 4
        place = {"loc": "outside upper center", "ncols": n_columns, "frameon": False}
        ax.figure.legend(handles=handles, fontsize="small", **place)
    elif handles:
        ax.legend(handles=handles, fontsize="small", framealpha=0.6, edgecolor="none")


def _draw_time(ax, results: SearchResults) -> list:
    """Scores against the seconds so far. Returns what the legend shows."""
    spent = np.cumsum(results.seconds)
    handles = _draw_candidates(ax, spent, results)
    frontier = results.best_so_far
    if np.isfinite(frontier).any():
        (line,) = ax.plot(spent, frontier, drawstyle="steps-post", color="C0", linewidth=1.4, label="best so far")
        handles.append(line)
    if results.ensemble_score is not None:
        label = f"ensemble, out of fold: {results.ensemble_score:.4g}"
        handles.append(ax.axhline(results.ensemble_score, color="C1", linewidth=1.4, linestyle=_DASHED, label=label))
    ax.set_xlim(0, 1.03 * spent[-1] or 1)
    ax.set_xlabel("seconds of training")
    ax.set_ylabel(results.metric.replace("_", " "))
    return handles


def _draw_slices(axes: list, results: SearchResults) -> list:
    """Scores against the values of each parameter. Returns what the legend shows."""
    for ax, (name, scale) in zip(axes, results.parameters.items(), strict=True):
        handles = _draw_candidates(ax, scale.positions, results)
        places = [place for place, _ in scale.ticks]
        ax.set_xlim(min(0, *places, *scale.positions) - _MARGIN, 1 + _MARGIN)
        slant = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if _is_crowded(scale.ticks) else {}
        ax.set_xticks(places, [label for _, label in scale.ticks], fontsize="small", **slant)
        ax.set_xlabel(name)
        if ax.get_subplotspec() is None or ax.get_subplotspec().is_first_col():
            ax.set_ylabel(results.metric.replace("_", " "))
    return handles


def _is_crowded(ticks: list[tuple[float, str]]) -> bool:
    """Whether labels would touch each other if they were horizontal."""
    pairs = pairwise(sorted(ticks))
    needed = [(len(one) + len(other) + 2) * _LETTER / 2 / (b - a) for (a, one), (b, other) in pairs]
    return max(needed, default=0) > 0.75 * _PANEL_WIDTH


def _draw_candidates(ax, x: np.ndarray, results: SearchResults) -> list:
    """A mark for each candidate at its score, and limits of that axis. Returns what the legend shows."""
    scores, low = results.scores, results.lowest_shown
    is_far, has_failed = scores < low, np.isnan(scores)
    is_shown = ~is_far & ~has_failed
    whole = is_shown & ~results.at_rung
    edge = {"transform": ax.get_xaxis_transform(), "clip_on": False, "zorder": 3}  # at the lower edge of the panel
    handles = []

    def mark(which: np.ndarray, label: str, y=scores, **style) -> None:
        if which.any():
            heights = y[which] if isinstance(y, np.ndarray) else np.full(which.sum(), y)
            ax.scatter(x[which], heights, label=label, **style)
            handles.append(_handle(label, style))

    if results.weights is None:
        mark(whole, "candidate", s=_LEAST_AREA, color="C0", alpha=0.8, zorder=3)
    else:
        area = _LEAST_AREA + (_MOST_AREA - _LEAST_AREA) * results.weights / results.weights.max()
        weighed = whole & (results.weights > 0)
        mark(weighed, "in the ensemble, area by weight", s=area[weighed], color="C1", alpha=0.7, linewidths=0, zorder=3)
        mark(whole & ~weighed, "weight 0", s=_LEAST_AREA, facecolors="none", edgecolors="C0", zorder=3)
    mark(
        is_shown & results.at_rung, "stopped at a rung", s=_LEAST_AREA, marker="x", color="C0", alpha=0.6, linewidths=1
    )
    mark(is_far, f"below {low:.3g}", 0.0, s=_LEAST_AREA, marker="v", color="C0", alpha=0.8, **edge)
    mark(has_failed, "failed", 0.0, s=60, marker="|", color="C3", linewidths=1.5, **edge)
    if results.best is not None and is_shown[results.best]:
        is_best = np.arange(len(x)) == results.best
        ring = ax.xaxis.label.get_color()
        area = 90.0 if results.weights is None else 1.6 * _MOST_AREA
        mark(is_best, f"best: {scores[results.best]:.4g}", s=area, facecolors="none", edgecolors=ring, zorder=4,
             clip_on=False)  # fmt: skip
    shown = [*scores[is_shown], *([] if results.ensemble_score is None else [results.ensemble_score])]
    if shown:
        margin = _MARGIN * (max(shown) - min(shown)) or 0.01
        ax.set_ylim(min(shown) - 1.5 * margin, max(shown) + 1.5 * margin)
    return handles


def _handle(label: str, style: dict[str, Any]):
    """A mark for the legend, of one size whatever the areas are."""
    from matplotlib.lines import Line2D

    marker, hollow = style.get("marker", "o"), style.get("facecolors") == "none"
    color = style.get("edgecolors", style.get("color"))
    size = 9 if label.startswith("best") else 6
    return Line2D(
        [], [], linestyle="none", marker=marker, markersize=size, color=color, label=label,
        markerfacecolor="none" if hollow else color, alpha=style.get("alpha"),
    )  # fmt: skip


def _draw_parallel(plt, ax, results: SearchResults) -> list:
    """A line for each candidate, from parameter to parameter and to its score; the best ones above the others.

    Returns what the legend shows.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba
    from matplotlib.lines import Line2D

    scores = np.ma.masked_invalid(np.maximum(results.scores, results.lowest_shown))
    by_score = ParameterScale(scores, missing="failed", log=False)
    if (results.scores < results.lowest_shown).any():
        others = [tick for tick in by_score.ticks if abs(tick[0]) > _MARGIN]
        by_score.ticks = [(0.0, f"≤ {results.lowest_shown:.3g}"), *others]
    scales = {**results.parameters, results.metric.replace("_", " "): by_score}
    goodness = np.clip(by_score.positions, 0, 1)
    spread = {"levels": _LEVEL_WIDTH * (goodness - 0.5)}
    paths = np.stack([scale.positions + spread.get(scale.kind, 0) for scale in scales.values()], axis=1)
    fade = np.clip((_MANY / len(scores)) ** 0.5, 0.3, 0.9)
    colors = plt.get_cmap("viridis")(_visible(ax, goodness), alpha=fade + (1 - fade) * goodness**4)
    colors[scores.mask] = to_rgba("C3", fade)
    widths = np.full(len(scores), 1.2)
    if results.weights is not None:
        widths += _MOST_WIDTH * results.weights / results.weights.max()
    order = np.argsort(by_score.positions, kind="stable")
    lines = [np.column_stack([np.arange(len(scales)), paths[k]]) for k in order]
    styles = [_DASHED if results.at_rung[k] else "-" for k in order]
    ax.add_collection(LineCollection(lines, colors=colors[order], linewidths=widths[order], linestyles=styles))

    ink = ax.xaxis.label.get_color()
    halo = {"facecolor": ax.get_facecolor(), "alpha": _HALO, "edgecolor": "none", "boxstyle": "round,pad=0.1"}
    for at, scale in enumerate(scales.values()):
        ax.axvline(at, color=ink, linewidth=0.8, alpha=0.6)
        for place, label in scale.ticks:
            ax.plot([at, at + 0.02], [place, place], color=ink, linewidth=0.8)
            ax.text(at + 0.04, place, label, va="center", fontsize="small", zorder=5, bbox=halo)
    ax.set_xticks(range(len(scales)), [name.replace("__", "__\n") for name in scales])
    ax.tick_params(axis="x", length=0)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.set(xlim=(-0.1, len(scales) - 0.6), ylim=(min(0, paths.min()) - _MARGIN, max(1, paths.max()) + _MARGIN))
    handles = [
        Line2D([], [], color=ink, linewidth=_MOST_WIDTH, label="in the ensemble, width by weight"),
        Line2D([], [], color=ink, linewidth=1.2, linestyle=_DASHED, label="stopped at a rung"),
    ]
    is_needed = results.weights is not None, results.at_rung.any()
    return list(compress(handles, is_needed))


def _visible(ax, fraction: np.ndarray) -> np.ndarray:
    """Places on a scale of colours without the end that the background would hide."""
    is_dark = float(np.mean(ax.get_facecolor()[:3])) < 0.5
    return 0.25 + 0.75 * fraction if is_dark else 0.9 * fraction
