"""One candidate of a search: scored on rows that it was not trained on, with its predictions for them."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import check_cv, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples

from sknn.model_selection._halving import NO_LIMITS, Limits, losses_at_rungs, network_of, stopping_at
from sknn.model_selection._time_budget import SHAPE

Splits = Sequence[tuple[np.ndarray, np.ndarray]]

_LEAST_PROBABILITY = 1e-12


@dataclass
class Candidate:
    """What is known of a candidate.

    Attributes
    ----------
    params : dict
        Its hyper-parameters.
    scores : dict of ndarray of shape (n_splits,)
        By names of metrics; `error_score` where it could not be fitted.
    fit_time, score_time : ndarray of shape (n_splits,)
        Seconds.
    predictions : ndarray of shape (n_samples, ...) or None
        Out of fold: probabilities, or targets of a regressor. NaN for rows that have none; None without any, and if
        it was dropped.
    model : estimator or None
        Fitted to all rows; None if it is still to be fitted, and if it was dropped.
    shape : dict
        Of its network what the time of a fit depends on; see `work_of`. Empty where there is no fitted network.
    n_epochs : float
        Epochs of a fit, the mean over splits.
    losses : list of float
        At the rungs of halving that it came to.
    is_dropped : bool
        Whether it was stopped at one.
    is_stacked : bool
        Whether it was trained together with others.
    """

    params: dict[str, Any]
    scores: dict[str, np.ndarray]
    fit_time: np.ndarray
    score_time: np.ndarray
    predictions: np.ndarray | None = None
    model: Any = field(default=None, repr=False)
    shape: dict[str, Any] = field(default_factory=dict)
    n_epochs: float = math.nan
    losses: list[float] = field(default_factory=list)
    is_dropped: bool = False
    is_stacked: bool = False

    def note_training(self, models: Sequence, limits: Limits) -> None:
        """How its networks were trained, where they are ours and were fitted."""
        networks = [network_of(model) for model in models]
        if all(hasattr(net, "history_") for net in networks):
            self.shape = {name: networks[0].resolved_params_[name] for name in SHAPE}
            self.n_epochs = float(np.mean([net.n_iter_ for net in networks]))
            if "valid_loss" in networks[0].history_:
                self.losses, self.is_dropped = losses_at_rungs(networks[0], limits)
        if self.is_dropped:
            self.predictions = self.model = None

    def fitted(self, evaluate: Evaluation):
        """The model, fitted now if it is not yet."""
        if self.model is None:
            self.model = evaluate.rows.fit(evaluate.with_params(self.params))
        return self.model


@dataclass
class Labels:
    """What predictions that are averaged become.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,) or None
        Of a classifier; None for a regressor.
    values : ndarray of shape (2,) or None
        Of a label indicator: what stands for "no" and for "yes".
    """

    classes: np.ndarray | None = None
    values: np.ndarray | None = None

    def aligned(self, probabilities: np.ndarray, model) -> np.ndarray:
        """With a column for each class, of a model that has seen some of them."""
        if self.classes is None or self.values is not None or len(model.classes_) == len(self.classes):
            return probabilities
        found = np.zeros((len(probabilities), len(self.classes)))
        found[:, np.searchsorted(self.classes, model.classes_)] = probabilities
        return found

    def of(self, predictions: np.ndarray) -> np.ndarray:
        """Labels or targets."""
        if self.values is not None:
            return self.values[(predictions > 0.5).astype(int)]
        return predictions if self.classes is None else self.classes[predictions.argmax(axis=1)]


class Predicted:
    """Predictions that are there already, with the methods that scorers call."""

    def __init__(self, estimator, labels: Labels, predictions: np.ndarray):
        self.estimator, self.labels, self.predictions = estimator, labels, predictions
        if labels.classes is not None:
            self.classes_ = labels.classes

    def predict(self, X):
        return self.labels.of(self.predictions)

    @available_if(lambda seen: seen.labels.classes is not None)
    def predict_proba(self, X):
        return self.predictions

    def score(self, X, y):
        metric = accuracy_score if is_classifier(self) else r2_score
        return metric(y, self.predict(X))

    def __sklearn_tags__(self):
        return get_tags(self.estimator)


@dataclass
class Rows:
    """What candidates are fitted to: as the user passed it."""

    X: Any
    y: Any
    groups: Any
    fit_params: Mapping[str, Any]

    def splits(self, cv, estimator) -> Splits:
        """Those that a search of scikit-learn's would make."""
        return list(check_cv(cv, self.y, classifier=is_classifier(estimator)).split(self.X, self.y, self.groups))

    def fit(self, estimator):
        """Fit it to all rows; a Pipeline does not know what groups are."""
        knows_groups = self.groups is not None and not isinstance(estimator, Pipeline)
        return estimator.fit(self.X, self.y, **self.fit_params, **({"groups": self.groups} if knows_groups else {}))

    def part(self, which: np.ndarray) -> Rows:
        """Some rows, to score by."""
        return Rows(_safe_indexing(self.X, which), _safe_indexing(self.y, which), None, {})

    def score(self, seen: Predicted, scorers: Mapping) -> dict[str, float]:
        """Scores of predictions for all rows."""
        return {name: scorer(seen, self.X, self.y) for name, scorer in scorers.items()}


@dataclass
class Evaluation:
    """How candidates are evaluated: called with parameters, gives a `Candidate`.

    Attributes
    ----------
    estimator : estimator
        Of which each candidate is a clone with other parameters.
    rows : Rows
    scorers : dict of callable
        By names of metrics.
    labels : Labels
    splits : sequence of pairs of int arrays, or None
        A candidate is fitted once for each split; without splits once, and scored on the rows that its members hold
        out. It then has no scores if its fit leaves no `oof_prediction_`.
    error_score : float or "raise"
        What counts for a candidate that cannot be fitted.
    by_log_score : bool
        Whether `log_score` tells candidates apart where they are compared or weighed, in the place of the first metric.
    """

    estimator: Any
    rows: Rows
    scorers: Mapping[str, Any]
    labels: Labels
    splits: Splits | None
    error_score: float | str
    by_log_score: bool

    def __call__(self, params: dict[str, Any], limits: Limits = NO_LIMITS) -> Candidate:
        """Evaluate a candidate; a fit without splits stops at a rung of halving where its loss is above the limit."""
        return self._cross_validated(params) if self.splits is not None else self._fitted_once(params, limits)

    def with_params(self, params: dict[str, Any]):
        """A clone of the estimator with other parameters, not fitted."""
        return clone(self.estimator).set_params(**clone(params, safe=False))

    def _out_of_fold(self, params: dict[str, Any], model, fit_time: float) -> Candidate:
        """A candidate that was fitted once, scored on the rows that its members hold out."""
        begun, of_fit = time.perf_counter(), np.array([fit_time])
        predictions = getattr(model, "oof_prediction_", None)
        if predictions is None:
            return Candidate(params, dict.fromkeys(self.scorers, np.array([np.nan])), of_fit, np.zeros(1))
        predictions, known = self.labels.aligned(predictions, model), predicted_rows(predictions)
        seen = Predicted(model, self.labels, predictions[known])
        found = self.rows.part(known).score(seen, self.scorers)
        scores = {name: np.array([score]) for name, score in found.items()}
        return Candidate(params, scores, of_fit, np.array([time.perf_counter() - begun]), predictions, model)

    def _failed(self, params: dict[str, Any], error: Exception, fit_time: float) -> Candidate:
        """A candidate that could not be fitted; of the estimator as it is given nothing can be said then."""
        if isinstance(self.error_score, str) or not params:
            raise error
        warnings.warn(f"The candidate {params} could not be fitted: {error!r}", FitFailedWarning, stacklevel=2)
        n_splits = 1 if self.splits is None else len(self.splits)
        scores = dict.fromkeys(self.scorers, np.full(n_splits, self.error_score, dtype=float))
        return Candidate(params, scores, np.full(n_splits, fit_time / n_splits), np.zeros(n_splits))

    def _fitted_once(self, params: dict[str, Any], limits: Limits) -> Candidate:
        model, begun = self.with_params(params), time.perf_counter()
        try:
            with stopping_at(limits, model):
                self.rows.fit(model)
        except Exception as error:
            return self._failed(params, error, time.perf_counter() - begun)
        candidate = self._out_of_fold(params, model, time.perf_counter() - begun)
        candidate.note_training([model], limits)
        return candidate

    def _cross_validated(self, params: dict[str, Any]) -> Candidate:
        assert self.splits is not None
        begun = time.perf_counter()
        try:
            found = cross_validate(
                self.with_params(params),
                self.rows.X,
                self.rows.y,
                scoring=dict(self.scorers),
                cv=self.splits,
                params=dict(self.rows.fit_params),
                error_score=self.error_score,
                return_estimator=True,
            )
        except Exception as error:
            return self._failed(params, error, time.perf_counter() - begun)
        scores = {name: found[f"test_{name}"] for name in self.scorers}
        predictions = None
        if all(np.isfinite(of_metric).all() for of_metric in scores.values()):
            predictions = _out_of_fold(found["estimator"], self.rows.X, self.labels, self.splits)
        candidate = Candidate(params, scores, found["fit_time"], found["score_time"], predictions)
        candidate.note_training(found["estimator"], NO_LIMITS)
        return candidate


def predicted_rows(predictions: np.ndarray) -> np.ndarray:
    """Positions of the rows that have a prediction."""
    return np.flatnonzero(np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1))


def predictions_of(model, X, labels: Labels) -> np.ndarray:
    """What is averaged over models: probabilities, or targets."""
    return labels.aligned(model.predict_proba(X), model) if is_classifier(model) else model.predict(X)


def _out_of_fold(models: Sequence, X, labels: Labels, splits: Splits) -> np.ndarray:
    pairs = zip(models, splits, strict=True)
    of_folds = [predictions_of(model, _safe_indexing(X, test), labels) for model, (_, test) in pairs]
    return joined_folds(of_folds, splits, _num_samples(X))


def joined_folds(of_folds: Sequence[np.ndarray], splits: Splits, n_rows: int) -> np.ndarray:
    """Predictions for all rows from those for the test rows of each split; NaN where there are none."""
    found = np.full((n_rows, *of_folds[0].shape[1:]), np.nan)
    for predictions, (_, test) in zip(of_folds, splits, strict=True):
        found[test] = predictions
    return found


def log_score(seen: Predicted, X, y) -> float:
    """A scorer: the mean log-likelihood of labels, or minus the mean squared error of targets."""
    y, predictions, labels = np.asarray(y), seen.predictions, seen.labels
    if labels.classes is None:
        return -float(np.mean((y - predictions) ** 2))
    log = np.log(np.clip(predictions, _LEAST_PROBABILITY, 1))
    if labels.values is None:
        return float(log[np.arange(len(y)), np.searchsorted(labels.classes, y)].mean())
    log_not = np.log(np.clip(1 - predictions, _LEAST_PROBABILITY, 1))
    return float(np.where(y == labels.values[-1], log, log_not).mean())
