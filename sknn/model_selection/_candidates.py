"""One candidate of a search: scored on rows that it was not trained on, with its predictions for them."""

from __future__ import annotations

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

Splits = Sequence[tuple[np.ndarray, np.ndarray]]


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
        Out of fold: probabilities, or targets of a regressor. NaN for rows that have none; None without any.
    model : estimator or None
        Fitted to all rows; None if it is still to be fitted.
    """

    params: dict[str, Any]
    scores: dict[str, np.ndarray]
    fit_time: np.ndarray
    score_time: np.ndarray
    predictions: np.ndarray | None = None
    model: Any = field(default=None, repr=False)

    def fitted(self, estimator, rows: Rows):
        """The model, fitted now if it is not yet."""
        if self.model is None:
            self.model = rows.fit(clone(estimator).set_params(**clone(self.params, safe=False)))
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

    def score(self, seen: Predicted, scorers: Mapping, which: np.ndarray) -> dict[str, float]:
        """Scores of predictions for some rows."""
        table, targets = _safe_indexing(self.X, which), _safe_indexing(self.y, which)
        return {name: scorer(seen, table, targets) for name, scorer in scorers.items()}


def evaluated(
    estimator, params: dict, rows: Rows, scorers: Mapping, labels: Labels, splits: Splits | None, error_score
) -> Candidate:
    """A candidate, fitted once for each split; without splits once, and scored on the rows that its members hold out.

    Without splits it has no scores if its fit leaves no `oof_prediction_`.
    """
    candidate = clone(estimator).set_params(**clone(params, safe=False))
    if splits is not None:
        return _cross_validated(candidate, params, rows, scorers, labels, splits, error_score)
    begun = time.perf_counter()
    try:
        rows.fit(candidate)
    except Exception as error:
        if isinstance(error_score, str) or not params:  # nothing can be said of the estimator as it is given
            raise
        warnings.warn(f"The candidate {params} could not be fitted: {error!r}", FitFailedWarning, stacklevel=2)
        failed = dict.fromkeys(scorers, np.array([error_score], dtype=float))
        return Candidate(params, failed, np.array([time.perf_counter() - begun]), np.zeros(1))
    fit_time = np.array([time.perf_counter() - begun])
    predictions = getattr(candidate, "oof_prediction_", None)
    if predictions is None:
        return Candidate(params, dict.fromkeys(scorers, np.array([np.nan])), fit_time, np.zeros(1))
    predictions, known = labels.aligned(predictions, candidate), predicted_rows(predictions)
    seen = Predicted(candidate, labels, predictions[known])
    scores = {name: np.array([score]) for name, score in rows.score(seen, scorers, known).items()}
    score_time = np.array([time.perf_counter() - begun]) - fit_time
    return Candidate(params, scores, fit_time, score_time, predictions, candidate)


def _cross_validated(candidate, params, rows: Rows, scorers, labels: Labels, splits: Splits, error_score) -> Candidate:
    found = cross_validate(
        candidate,
        rows.X,
        rows.y,
        scoring=dict(scorers),
        cv=splits,
        params=dict(rows.fit_params),
        error_score=error_score,
        return_estimator=True,
    )
    scores = {name: found[f"test_{name}"] for name in scorers}
    predictions = None
    if all(np.isfinite(of_metric).all() for of_metric in scores.values()):
        predictions = _out_of_fold(found["estimator"], rows.X, labels, splits)
    return Candidate(params, scores, found["fit_time"], found["score_time"], predictions)


def predicted_rows(predictions: np.ndarray) -> np.ndarray:
    """Positions of the rows that have a prediction."""
    return np.flatnonzero(np.isfinite(predictions.reshape(len(predictions), -1)).all(axis=1))


def predictions_of(model, X, labels: Labels) -> np.ndarray:
    """What is averaged over models: probabilities, or targets."""
    return labels.aligned(model.predict_proba(X), model) if is_classifier(model) else model.predict(X)


def _out_of_fold(models: Sequence, X, labels: Labels, splits: Splits) -> np.ndarray:
    pairs = zip(models, splits, strict=True)
    of_folds = [predictions_of(model, _safe_indexing(X, test), labels) for model, (_, test) in pairs]
    found = np.full((_num_samples(X), *of_folds[0].shape[1:]), np.nan)
    for predictions, (_, test) in zip(of_folds, splits, strict=True):
        found[test] = predictions
    return found
