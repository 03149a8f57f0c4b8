"""What scikit-learn's scorers need of a network whose outputs are known. Nothing here computes outputs."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils.metaestimators import available_if

from sknn.targets import Target


def _has_classes(scored: ScoringMethods) -> bool:
    return scored.target.classes is not None


class ScoringMethods:
    """The methods that scorers call, from a target and the outputs for X."""

    target: Target

    @abstractmethod
    def outputs_for(self, X) -> np.ndarray:
        """Outputs (n, n_outputs) of the network."""

    def predict(self, X):
        return self.target.predict(self.outputs_for(X))

    @available_if(_has_classes)
    def predict_proba(self, X):
        return self.target.predict_proba(self.outputs_for(X))

    def score(self, X, y, sample_weight=None):
        """What scikit-learn's estimators score by: accuracy or R²."""
        return self.target.score(self.outputs_for(X), np.asarray(y), sample_weight)

    @property
    def classes_(self):
        return self.target.classes


class ScoringView(ScoringMethods):
    """An estimator in training as a scorer sees it: the validation rows are predicted by outputs that are there.

    Other rows, and whatever else a scorer of the user's asks for, are the estimator's own affair.

    Parameters
    ----------
    estimator : estimator instance
        The estimator that is being fitted.
    rows : table
        The validation rows, the very object that the scorer is given.
    outputs : ndarray of shape (n, n_outputs)
        The network's outputs on them.
    """

    def __init__(self, estimator, rows, outputs: np.ndarray):
        self.estimator, self.rows, self.outputs = estimator, rows, outputs
        self.target = estimator._target

    def outputs_for(self, X) -> np.ndarray:
        return self.outputs if X is self.rows else self.estimator._outputs(X)

    @available_if(_has_classes)
    def predict_log_proba(self, X):
        return self.target.predict_log_proba(self.outputs_for(X))

    @available_if(_has_classes)
    def decision_function(self, X):
        return self.target.decision_function(self.outputs_for(X))

    @available_if(lambda scored: not _has_classes(scored))
    def predict_quantiles(self, X, quantiles=None):
        return self.target.predict_quantiles(self.outputs_for(X), quantiles)

    def __getattr__(self, name: str):
        return getattr(vars(self).get("estimator"), name)  # none yet in a copy that is being made

    def __sklearn_tags__(self):
        return self.estimator.__sklearn_tags__()


def scorer_of_outputs(estimator, monitor, valid) -> Callable[[np.ndarray], float]:
    """A function that scores the network's outputs on the validation rows as the user's scorer would."""
    scorer = check_scoring(estimator, monitor)
    weighted = valid.weight is not None and _takes_sample_weight(scorer)
    weight = {"sample_weight": valid.weight} if weighted else {}
    rows = valid.table if isinstance(monitor, str) else valid.table.copy()  # a scorer of the user's may write into it

    def score(outputs: np.ndarray) -> float:
        try:
            return scorer(ScoringView(estimator, rows, outputs.copy()), rows, valid.y.copy(), **weight)
        except ValueError as error:
            error.add_note(
                f"It comes from monitor={monitor!r} on the {len(valid.y)} validation rows. They may lack a class; "
                "choose another monitor, or other validation rows."
            )
            raise

    return score


def _takes_sample_weight(scorer) -> bool:
    function = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(function).parameters
