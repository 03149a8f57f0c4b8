"""The results of a search as a display needs them. Plotting is elsewhere.

Searches are known by what they have (`cv_results_`), not by their class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

_LOG_RATIO = 20.0  # of the largest value to the least, above which an axis is logarithmic
_FEW_DECADES = 1000.0  # ratio below which powers of ten alone make too few ticks
_FEW, _APART = 6, 0.1  # numbers that are ticks themselves; fraction of the axis between them
_LONGEST_LABEL = 24  # characters
_BELOW = -0.16  # where values stand that are not set


@dataclass(frozen=True)
class SearchResults:
    """What a search has found, with an entry for each row of its `cv_results_`.

    Parameters
    ----------
    metric : str
        Name of the score.
    scores : ndarray of shape (n_candidates,)
        Mean test scores, higher is better; NaN where a fit failed.
    seconds : ndarray of shape (n_candidates,)
        Of fitting and scoring, the sum over splits.
    parameters : dict of ParameterScale
        By names without the step of a Pipeline: those that differ between candidates, or all if none does.
    at_rung : ndarray of bool of shape (n_candidates,)
        Whether halving stopped it, or went on with it in a later row.
    best : int or None
        The one that was chosen, else the one with the best score; None if all have failed.
    weights : ndarray of shape (n_candidates,) or None
        In an ensemble of the candidates.
    ensemble_score : float or None
        Of that ensemble, on rows that chose no weights.
    """

    metric: str
    scores: np.ndarray
    seconds: np.ndarray
    parameters: dict[str, ParameterScale]
    at_rung: np.ndarray
    best: int | None
    weights: np.ndarray | None = None
    ensemble_score: float | None = None

    @property
    def lowest_shown(self) -> float:
        """Least score that is worth an axis; what is far below would squeeze all others."""
        found = self.scores[np.isfinite(self.scores)]
        if not len(found):
            return 0.0
        low, median, high = np.quantile(found, [0.0, 0.5, 1.0])
        return float(max(low, high - 3 * (high - median)) if high > median else low)

    @property
    def best_so_far(self) -> np.ndarray:
        """Highest score of each candidate and those before it, without what halving stopped; NaN if there is none."""
        return np.fmax.accumulate(np.where(self.at_rung, np.nan, self.scores))


class ParameterScale:
    """Places the values of a parameter between 0 and 1: numbers by size or logarithm, all else by levels.

    Parameters
    ----------
    values : masked array of shape (n_candidates,)
        Those that are not set are masked; they have a place below 0.
    missing : str, default="not set"
        Label of that place.
    log : bool, default=True
        Whether an axis may be logarithmic.

    Attributes
    ----------
    kind : {"linear", "log", "levels"}
        Numbers are "log" if they are positive and the largest is more than 20 times the least.
    positions : ndarray of shape (n_candidates,)
    ticks : list of pairs (float, str)
        Position and label.
    """

    def __init__(self, values: np.ma.MaskedArray, missing: str = "not set", log: bool = True):
        is_set, given = ~np.ma.getmaskarray(values), list(values.compressed())
        change: Callable = np.asarray
        if given and all(map(_is_number, given)):
            found = np.array(given, dtype=float)
            low, high = found.min(), found.max()
            self.kind = "log" if log and 0 < _LOG_RATIO * low < high else "linear"
            change = np.log if self.kind == "log" else change
            marks = _numeric_ticks(np.unique(found), self.kind)
            labels = [f"{mark:.4g}" for mark in marks]
        else:
            self.kind, levels = "levels", _levels(given)
            found = np.array([list(levels).index(repr(value)) for value in given], dtype=float)
            marks, labels, low, high = np.arange(len(levels)), list(levels.values()), 0, max(len(levels) - 1, 0)
        self.positions = np.full(len(values), _BELOW)
        self.positions[is_set] = _between(change(found), change(low), change(high))
        self.ticks = list(zip(_between(change(marks), change(low), change(high)).tolist(), labels, strict=True))
        if not is_set.all():
            self.ticks.insert(0, (_BELOW, missing))

    @property
    def varies(self) -> bool:
        return len(np.unique(self.positions)) > 1


def search_results(search, metric: str | None = None) -> SearchResults:
    """The results of a fitted search.

    Raises
    ------
    NotFittedError
        For a search that is not fitted.
    ValueError
        For what is no search, and for a metric that it does not have.
    """
    if not hasattr(search, "cv_results_"):
        if hasattr(search, "estimator") and hasattr(search, "refit"):
            check_is_fitted(search, "cv_results_")  # raises
        raise ValueError(
            "search must be a fitted NNSearchCV, or a search of scikit-learn's with cv_results_. Got "
            f"{type(search).__name__}."
        )
    results = search.cv_results_
    metric, scores = _scores(search, results, metric)
    weights, score = None, None
    if hasattr(search, "oof_score_"):
        weights = np.asarray(search.weights_)
        score = search.oof_score_ if metric in ("score", search.refit) else None
    n_splits = sum(key.startswith("split") and key.endswith(f"_test_{metric}") for key in results)
    fit_time, score_time = (np.asarray(results[f"mean_{name}"], dtype=float) for name in ("fit_time", "score_time"))
    seconds = np.nan_to_num(fit_time + score_time) * n_splits
    iteration = np.asarray(results.get("iter", np.zeros(len(scores))))  # of scikit-learn's halving
    at_rung = np.asarray(results.get("is_dropped", iteration < iteration.max()), dtype=bool)
    best = getattr(search, "best_index_", None)
    if best is None and np.isfinite(scores).any():
        best = int(np.nanargmax(np.where(at_rung & ~at_rung.all(), np.nan, scores)))
    return SearchResults(metric, scores, seconds, _parameters(search, results), at_rung, best, weights, score)


def _scores(search, results: dict, metric: str | None) -> tuple[str, np.ndarray]:
    names = [key.removeprefix("mean_test_") for key in results if key.startswith("mean_test_")]
    if metric is None:
        metric = names[0] if len(names) == 1 else search.refit
    if metric not in names:
        raise ValueError(f"metric must be one of {names}, which the search has measured. Got {metric!r}.")
    scores = np.asarray(results[f"mean_test_{metric}"], dtype=float)
    return metric, np.where(np.isfinite(scores), scores, np.nan)


def _parameters(search, results: dict) -> dict[str, ParameterScale]:
    """By names that are without the step of a Pipeline where they differ then too."""
    values = {key.removeprefix("param_"): column for key, column in results.items() if key.startswith("param_")}
    short = {name: name.partition("__")[2] or name for name in values} if hasattr(search.estimator, "steps") else {}
    if len(set(short.values())) < len(short):
        short = {}
    scales = {short.get(name, name): ParameterScale(np.ma.asarray(column)) for name, column in values.items()}
    return {name: scale for name, scale in scales.items() if scale.varies} or scales


def _levels(values: Iterable) -> dict[str, str]:
    """Labels of different values, in their order if they have one, else in that of their first appearance."""
    different = {repr(value): value for value in values}
    try:
        ordered = sorted(different, key=different.__getitem__)
    except (TypeError, ValueError):
        ordered = list(different)
    return {key: _label(different[key]) for key in ordered}


def _label(value: Any) -> str:
    """Short and in one line."""
    if isinstance(value, tuple | list):
        text = ", ".join(map(_label, value))
    else:
        text = getattr(value, "__name__", None) or " ".join(str(value).split())
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_) and bool(np.isfinite(float(value)))


def _numeric_ticks(numbers: np.ndarray, kind: str) -> np.ndarray:
    """The different numbers themselves if they are few and apart, else about five round ones between them."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    low, high = numbers[0], numbers[-1]
    places = np.log(numbers) if kind == "log" else numbers
    if len(numbers) <= _FEW and (np.diff(places) >= _APART * (places[-1] - places[0])).all():
        return numbers
    if kind == "log":
        marks = LogLocator(subs=(1, 2, 5) if high < _FEW_DECADES * low else (1,)).tick_values(low, high)
    else:
        marks = MaxNLocator(7, steps=[1, 2, 5, 10]).tick_values(low, high)
    return marks[(low <= marks) & (marks <= high)]


def _between(places: np.ndarray, low: float, high: float) -> np.ndarray:
    return (places - low) / (high - low) if high > low else np.full(len(places), 0.5)
