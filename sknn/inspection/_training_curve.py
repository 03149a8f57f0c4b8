"""Learning curves over epochs, as one of scikit-learn's displays."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from sknn.inspection._matplotlib import import_pyplot
from sknn.inspection._runs import TrainingRun, training_runs

PANELS = ("loss", "score", "learning_rate", "gradient_norm")

_COLUMNS = {"learning_rate": "lr", "gradient_norm": "gradient_norm"}
_LOG_RATIO = 20.0  # of the largest value to the least, above which an axis is logarithmic
_FEW_DECADES = 1000.0  # ratio below which powers of ten alone make too few ticks
_WIDTH, _HEIGHT, _FURTHER_HEIGHT, _LEGEND_WIDTH = 6.4, 4.0, 1.6, 2.2  # inches
_LINE_HEIGHT, _LINE_LENGTH = 0.19, 34  # of the legend beside the panels: inches, characters
_NEUTRAL = "0.4"
_MARKED = ("loss", "score")  # panels with a mark at the kept epoch and at the end

_TRAINING: dict[str, Any] = {"linestyle": (0, (4, 2)), "linewidth": 1.0, "alpha": 0.7}
_VALIDATION: dict[str, Any] = {"linestyle": "-", "linewidth": 1.4}
_BEST: dict[str, Any] = {"marker": "o", "markersize": 6, "markeredgecolor": "white", "linestyle": "none", "zorder": 4}
_STOP: dict[str, Any] = {"marker": "x", "markersize": 6, "markeredgewidth": 1.4, "linestyle": "none", "zorder": 4}


class TrainingCurveDisplay:
    """Losses, monitored score, learning rate and gradient norm of each epoch of training.

    Use `from_estimator` to create one. The training loss is dashed, values on validation rows are solid; a dot
    marks the epoch whose weights were kept, a cross the last epoch if training stopped before `max_epochs`.

    Parameters
    ----------
    runs : list of TrainingRun
        Runs to draw.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of Axes
        The Axes, or for several panels an array of them, top to bottom.
    figure_ : matplotlib Figure
        The figure.
    lines_ : dict of list of matplotlib Line2D
        For each panel its curves: of each run the training loss, then the validation loss.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of training rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn import TrainingCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NNClassifier(preset="fast", monitor="accuracy", random_state=0).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator(net, panels=["loss", "score"])
    >>> [ax.get_ylabel() for ax in display.ax_]
    ['loss', 'validation\\naccuracy']
    """

    def __init__(self, *, runs):
        self.runs = runs

    @classmethod
    def from_estimator(cls, estimator, *, panels=None, ax=None, names=None, log_scale="auto", line_kw=None) -> Any:
        """Draw the training of one or more fitted estimators.

        Parameters
        ----------
        estimator : estimator instance, list or dict of them
            Fitted `NNClassifier` or `NNRegressor`; a fitted search such as `GridSearchCV`, whose
            `best_estimator_` is drawn; a fitted `Pipeline` that ends in one of these; or several of
            them, as a list or by names.
        panels : {"loss", "score", "learning_rate", "gradient_norm"}, list of them or None, default=None
            What to show, top to bottom: the losses, the monitored score on the validation rows, the
            learning rate, the norm of the gradient. None: what was recorded, and the learning rate
            only if it varies; for a single `ax` the losses.
        ax : matplotlib Axes, list of Axes or None, default=None
            Where to draw, one for each panel. None: a new figure.
        names : str, list of str or None, default=None
            Names in the legend of several estimators. None: the keys of a dict, else the parameters in
            which they differ.
        log_scale : "auto" or bool, default="auto"
            Whether losses and gradient norms have a logarithmic axis. "auto": those of which the largest
            value is more than 20 times the least.
        line_kw : dict or None, default=None
            Further arguments of matplotlib's `plot` for each curve.

        Returns
        -------
        display : TrainingCurveDisplay

        Raises
        ------
        NotFittedError
            For an estimator that is not fitted.
        ValueError
            For anything that keeps no history of training, such as a search with `refit=False`, and
            for panels that were not recorded.
        """
        import_pyplot(cls.__name__)
        display = cls(runs=training_runs(estimator, names))
        return display.plot(ax, panels=panels, log_scale=log_scale, line_kw=line_kw)

    def plot(self, ax=None, *, panels=None, log_scale="auto", line_kw=None) -> TrainingCurveDisplay:
        """Draw the runs.

        Parameters
        ----------
        ax : matplotlib Axes, list of Axes or None, default=None
            As in `from_estimator`.
        panels : list of str or None, default=None
            As in `from_estimator`.
        log_scale : "auto" or bool, default="auto"
            As in `from_estimator`.
        line_kw : dict or None, default=None
            As in `from_estimator`.

        Returns
        -------
        self : TrainingCurveDisplay
        """
        plt = import_pyplot(type(self).__name__)
        if not (isinstance(log_scale, bool) or log_scale == "auto"):
            raise ValueError(f'log_scale must be "auto", True or False. Got {log_scale!r}.')
        given = None if ax is None else list(np.ravel(ax))
        shown = _panels(self.runs, panels, given)
        line_kw = _line_kw(line_kw)
        colors = [line_kw.pop("color")] * len(self.runs) if "color" in line_kw else _colors(plt, len(self.runs))
        legend = _legend_handles(self.runs, shown, colors)
        beside = given is None and len(self.runs) > 1  # there is room for the legend beside the panels
        axes = _new_axes(plt, self.runs, len(shown), legend if beside else []) if given is None else given
        self.lines_ = {}
        for each, panel in zip(axes, shown, strict=True):
            self.lines_[panel] = _draw(each, panel, self.runs, colors, line_kw)
            _scale(each, panel, self.lines_[panel], log_scale)
            each.set_ylabel(_label(panel, self.runs))
        for each in axes[-1:] if given is None else axes:
            each.set_xlabel("epoch")
        if beside:
            axes[0].figure.legend(handles=legend, loc="outside right upper", fontsize="small", frameon=False)
        elif legend:
            axes[0].legend(handles=legend, fontsize="small", framealpha=0.6, edgecolor="none")
        self.ax_ = axes[0] if len(axes) == 1 else np.array(axes, dtype=object)
        self.figure_ = axes[0].figure
        return self


def _columns(panel: str, run: TrainingRun) -> list[tuple[str, dict]]:
    """What of a run a panel shows, with the style of each curve."""
    if panel == "loss":
        columns = [("train_loss", _TRAINING), ("valid_loss", _VALIDATION)]
    else:
        columns = [(_COLUMNS.get(panel) or run.score or "", _VALIDATION)]
    return [(name, style) for name, style in columns if run.has(name)]


def _panels(runs: list[TrainingRun], panels: str | Sequence[str] | None, axes: list | None) -> list[str]:
    """Names of the panels to draw, checked against what there is and where it is to go."""
    recorded = [panel for panel in PANELS if any(_columns(panel, run) for run in runs)]
    if panels is None and axes is not None and len(axes) == 1:
        panels = ["loss"]
    elif panels is None:
        varies = any(run.has("lr") and run.values("lr").nunique() > 1 for run in runs)
        panels = [panel for panel in recorded if panel != "learning_rate" or varies]
    panels = [panels] if isinstance(panels, str) else list(panels)
    for panel in panels:
        if panel not in PANELS:
            raise ValueError(f"panels must be of {list(PANELS)}. Got {panel!r}.")
        if panel not in recorded:
            raise ValueError(
                f"Panel {panel!r} cannot be drawn, because it was not recorded in training. Recorded: {recorded}."
                + (" For a score, set monitor and hold out validation rows." if panel == "score" else "")
            )
    if not panels or len(set(panels)) < len(panels):
        raise ValueError(f"panels must be at least one of {list(PANELS)}, each once. Got {panels}.")
    if axes is not None and len(axes) != len(panels):
        raise ValueError(f"ax must hold one Axes for each of the panels {panels}. Got {len(axes)}.")
    return panels


def _new_axes(plt, runs: list[TrainingRun], n_panels: int, legend: list) -> list:
    """Axes in a column of a new figure, with a common axis of epochs and room for a legend beside them."""
    height = _HEIGHT + _FURTHER_HEIGHT * (n_panels - 1)
    n_lines = sum(1 + handle.get_label().count("\n") for handle in legend)
    _, axes = plt.subplots(
        n_panels,
        squeeze=False,
        sharex=True,
        layout="constrained",
        figsize=(_WIDTH + (_LEGEND_WIDTH if legend else 0), max(height, _LINE_HEIGHT * (n_lines + 1))),
        height_ratios=[2.2] + [1.0] * (n_panels - 1),
    )
    last = max(run.last_epoch for run in runs)
    for ax in axes[:, 0]:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", linewidth=0.5, alpha=0.35)
        ax.set_xlim(1 - min(0.5, 0.03 * last), last + max(0.5, 0.02 * last))
    return list(axes[:, 0])


def _colors(plt, n_runs: int) -> list:
    """The user's cycle of colours while it lasts, else a scale."""
    cycle = plt.rcParams["axes.prop_cycle"].by_key().get("color", ["C0"])
    return cycle[:n_runs] if n_runs <= len(cycle) else list(plt.get_cmap("viridis")(np.linspace(0, 0.9, n_runs)))


def _line_kw(line_kw: dict | None) -> dict[str, Any]:
    """The user's arguments of `plot` by their full names."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return dict(normalize_kwargs(line_kw or {}, Line2D))


def _draw(ax, panel: str, runs: list[TrainingRun], colors: list, line_kw: dict) -> list:
    """The curves of one panel."""
    lines = []
    for run, color in zip(runs, colors, strict=True):
        last = None
        for column, style in _columns(panel, run):
            values = run.values(column)
            dot = {"marker": ".", "markersize": 5} if len(values) == 1 else {}  # a line needs two
            (last,) = ax.plot(values.index, values, label=run.name, color=color, **style | dot | line_kw)
            lines.append(last)
        if last is not None and panel in _MARKED:
            _mark(ax, run, values, color)
    if len(runs) == 1 and runs[0].best_epoch is not None:
        ax.axvline(runs[0].best_epoch, color=_NEUTRAL, linewidth=0.8, linestyle=":", zorder=1)
    return lines


def _mark(ax, run: TrainingRun, values, color) -> None:
    """The kept epoch and the end of a run, on its validation curve if there is one."""
    if run.best_epoch is not None:
        ax.plot(run.best_epoch, values[run.best_epoch], color=color, **_BEST)
    if run.stopped_early:
        ax.plot(run.last_epoch, values[run.last_epoch], color=color, **_STOP)


def _scale(ax, panel: str, lines: list, log_scale: str | bool) -> None:
    """Ticks at whole epochs, and a logarithmic axis where it is wanted."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    if panel == "learning_rate":
        ax.set_ylim(bottom=0)
    if log_scale is False or panel not in ("loss", "gradient_norm"):
        return
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in lines])
    values = values[np.isfinite(values)]
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    if log_scale is True and low <= 0:
        raise ValueError(f"log_scale=True needs values above 0. The least {panel} is {low:g}; set log_scale=False.")
    if log_scale == "auto" and not 0 < _LOG_RATIO * low < high:
        return
    ax.set_yscale("log")
    if high < _FEW_DECADES * low:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())


def _label(panel: str, runs: list[TrainingRun]) -> str:
    if panel != "score":
        return panel.replace("_", " ")
    scores = {run.score.removeprefix("valid_") for run in runs if run.score is not None}
    return f"validation\n{scores.pop()}" if len(scores) == 1 else "validation\nscore"


def _legend_handles(runs: list[TrainingRun], shown: list[str], colors: list) -> list:
    """Names by colour, and what the styles mean; numbers of epochs where there is only one run."""
    from matplotlib.lines import Line2D

    first = runs[0]
    color, best, stopped = _NEUTRAL, "best epoch", "stopped early"
    if len(runs) == 1:
        color = colors[0]
        best, stopped = f"{best}: {first.best_epoch}", f"stopped: epoch {first.last_epoch} of {first.max_epochs}"
    drawn = {name for panel in shown for run in runs for name, _ in _columns(panel, run)}
    marked = any(panel in _MARKED for panel in shown)
    styles = [
        ("training", _TRAINING, "train_loss" in drawn),
        ("validation", _VALIDATION, "valid_loss" in drawn or "score" in shown),
        (best, _BEST, marked and any(run.best_epoch is not None for run in runs)),
        (stopped, _STOP, marked and any(run.stopped_early for run in runs)),
    ]
    handles = [Line2D([], [], color=color, label=label, **style) for label, style, is_used in styles if is_used]
    if len(runs) == 1:
        return handles
    return [Line2D([], [], color=c, label=_wrapped(r.name)) for r, c in zip(runs, colors, strict=True)] + handles


def _wrapped(name: str) -> str:
    """On at most two lines; of a longer name both ends are kept."""
    length = 2 * _LINE_LENGTH - 8  # of two lines, less what their breaks cost
    if len(name) > length:
        name = f"{name[: length // 2]}…{name[-length // 2 :]}"
    return textwrap.fill(name, _LINE_LENGTH, break_on_hyphens=False)
