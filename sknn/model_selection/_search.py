"""`NNSearchCV`: candidates that are scored on rows that they were not trained on, and an ensemble of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context, clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils import assert_all_finite, check_random_state, get_tags, indexable
from sklearn.utils._param_validation import HasMethods, Interval, InvalidParameterError, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sknn.model_selection._candidates import (
    Candidate,
    Evaluation,
    Labels,
    Predicted,
    Rows,
    log_score,
    predicted_rows,
    predictions_of,
)
from sknn.model_selection._checkpoint import Checkpoint
from sknn.model_selection._ensemble_selection import greedy_weights, predictions_of_selection, weighted_mean
from sknn.model_selection._runs import CandidateRuns, TimeBudget, cv_results
from sknn.model_selection._search_space import draw_candidates
from sknn.utils import seed_unset

_HONEST_FOLDS = 5  # by which the weights' score is measured
_SHARE_OF_GIVEN = 0.25  # of the weights; it costs nothing on the mean, and halves the harm where selection errs


def _classifies(search: NNSearchCV) -> bool:
    return is_classifier(search.estimator)


class NNSearchCV(MetaEstimatorMixin, BaseEstimator):
    """Search hyper-parameters by out-of-fold predictions, and weigh what was tried into an ensemble.

    A network whose members hold out a fold each predicts every training row by members that have not seen it. So a
    candidate is *one* fit, in the place of five and a refit, and the best one is there already. And since the best of
    many noisy scores is often no better than the others, the result is by default a weighted mean of the candidates,
    whose weights are chosen on the same out-of-fold predictions.

    Parameters
    ----------
    estimator : estimator instance
        An `NNClassifier` or `NNRegressor`, or a Pipeline that ends in one, which is cross-validated by splits.
    param_distributions : dict, list of dict or None, default=None
        Lists and distributions by names of parameters, as for `RandomizedSearchCV`; of several dicts each candidate is
        drawn from one. None: for the network "tabular" configurations that were good on many tables, with factors on
        the learning rate, the batch size and the number of epochs that the estimator would have; for others
        `search_space(estimator)`. The estimator as it is given is the first candidate always.
    n_iter : int or None, default=16
        Candidates that are drawn, or taken of those configurations. None: all of them, or of a grid of lists.
    scoring : str, callable, list, tuple, dict or None, default=None
        As for `GridSearchCV`; None: the estimator's `score`.
    refit : bool or str, default=True
        Of several metrics the name of the one that chooses; False: nothing is chosen and nothing can predict.
    cv : {"auto", "out_of_fold"}, int, splitter or iterable, default="auto"
        Which rows a candidate is scored on. "out_of_fold": those that its members hold out, in one fit. Otherwise as
        for `GridSearchCV`: each candidate is fitted once for each split, and what is chosen again on all rows. "auto":
        "out_of_fold" where the estimator's members hold out folds, else 5 splits.
    ensemble : {"greedy"} or None, default="greedy"
        "greedy": a weighted mean of the candidates, by greedy selection with replacement; see `greedy_weights`. It goes
        by the metric in `scoring`, or without one by the log loss or the squared error. Where no candidates are given,
        the estimator as it is has a quarter of the weight. None: the best candidate alone.
    halving : bool, default=False
        Whether candidates that fall behind are dropped. Without splits: after 1/16 of its epochs one goes on if its
        loss on held-out rows is in the lowest sixth of those that came so far before it, and after 1/8 if it is in the
        lower half (asynchronous successive halving, in steps of 4 candidates whatever `n_jobs` is). With splits, of
        candidates that are trained together (see `stacked`) the better half goes on after 1/10, 1/5 and 2/5 of the
        epochs, by what `ensemble` goes by. The schedule of a candidate's epochs is the same whether it is dropped or
        not. The estimator as it is given is trained to the end, and so are without splits candidates with a loss or
        class weights of their own, with splits those that are not trained together. What was dropped is neither chosen
        nor weighed.
    stacked : bool, default=True
        Whether candidates and splits are trained together, where there are splits: fits whose networks have one shape
        are members of one ensemble, each with its own rows, seed, rates, dropout and stopping, and the scores are those
        of single fits but for rounding. So are trained "linear" and "mlp" with one of the activations "relu", "silu"
        and "gelu", a loss by name, and Adam or another optimizer that treats each number alike; without callbacks,
        augmentation or weights of rows. All others, and with False all, are trained one by one.
    max_time : float or None, default=None
        Seconds for the search. A candidate that would take longer than what is left of them is skipped; what it would
        take follows from what others took, and from its layers, epochs, batches and members. The first one is always
        fitted, and refits are counted in.
    checkpoint : str, path or None, default=None
        Folder that keeps each candidate that has ended, as a pickle. The same search on the same data goes on from
        there; another one is refused. With splits, what is fitted again to all rows is not kept.
    n_jobs : int or None, default=None
        Candidates that are fitted at the same time, by joblib. None: 1, unless in a `joblib.parallel_config`.
    error_score : "raise" or number, default=nan
        Score of a candidate that cannot be fitted.
    random_state : int, RandomState instance or None, default=None
        Draws the candidates, and the seed of an estimator that has none of its own: all hold out the same rows.
    verbose : int, default=0
        1: a line for each candidate, with the best score so far and the time that is left. 2: also its parameters.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As of `GridSearchCV`: `params`, `param_*`, `mean_test_score`, `std_test_score`, `rank_test_score`,
        `split<k>_test_score`, `mean_fit_time` and so on, with a row for each candidate; `weight`; and how it was
        trained: `n_epochs` (the mean over splits; NaN where it is no network of ours), `is_dropped` and `is_stacked`.
    best_index_, best_params_, best_score_, best_estimator_
        Of the candidate with the best mean score among those that were not dropped.
    weights_ : ndarray of shape (n_candidates,)
        Weight of each candidate in the ensemble, of sum 1.
    estimators_ : list of estimator
        Those with a weight, fitted to all rows.
    oof_prediction_ : ndarray of shape (n_samples, ...)
        Out-of-fold predictions of the ensemble. Those of a row come from weights that were chosen on other rows.
    oof_score_ : float
        Their score: an honest estimate. `best_score_` is not, being the best of many.
    classes_ : ndarray of shape (n_classes,)
        Of a classifier.
    n_splits_ : int
        Splits by which a candidate is scored.
    scorer_ : callable or dict of callable
    refit_time_ : float
        Seconds of what came after the candidates.
    n_features_in_, feature_names_in_
        Of the best estimator.

    See Also
    --------
    search_space : Distributions of hyper-parameters.

    References
    ----------
    R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble selection from libraries of models", ICML 2004.
    L. Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from sknn import NNClassifier
    >>> from sknn.model_selection import NNSearchCV
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> net = NNClassifier(preset="fast", random_state=0)
    >>> search = NNSearchCV(net, {"learning_rate": [0.002, 0.01], "dropout": [0.0, 0.3]}, n_iter=3, random_state=0)
    >>> search.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    >>> search.weights_.shape
    (4,)
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "param_distributions": [dict, list, None],
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "scoring": [str, callable, list, tuple, dict, None],
        "refit": ["boolean", str],
        "cv": [StrOptions({"auto", "out_of_fold"}), "cv_object"],
        "ensemble": [StrOptions({"greedy"}), None],
        "halving": ["boolean"],
        "stacked": ["boolean"],
        "checkpoint": [str, os.PathLike, None],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "n_jobs": [Integral, None],
        "error_score": [StrOptions({"raise"}), Real],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator,
        param_distributions=None,
        *,
        n_iter=16,
        scoring=None,
        refit=True,
        cv="auto",
        ensemble="greedy",
        halving=False,
        stacked=True,
        max_time=None,
        checkpoint=None,
        n_jobs=None,
        error_score=np.nan,
        random_state=None,
        verbose=0,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.scoring = scoring
        self.refit = refit
        self.cv = cv
        self.ensemble = ensemble
        self.halving = halving
        self.stacked = stacked
        self.max_time = max_time
        self.checkpoint = checkpoint
        self.n_jobs = n_jobs
        self.error_score = error_score
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, groups=None, **fit_params):
        """Search.

        Ctrl-C raises KeyboardInterrupt. If a candidate has ended before, the search is then fitted with those that
        have; with splits without a model, since these would have to be fitted again.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are held out together.
        **fit_params : dict
            Passed on to the estimator's `fit`, such as `sample_weight`.

        Returns
        -------
        self : NNSearchCV
        """
        begun = time.perf_counter()
        if y is None:
            raise ValueError(f"This {type(self).__name__} requires y to be passed, but the target y is None.")
        assert_all_finite(np.asarray(y), input_name="y")
        X, y, groups = indexable(X, y, groups)
        y = column_or_1d(y, warn=True) if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1 else y
        random_state = check_random_state(self.random_state)
        estimator = self._seeded(random_state)
        scorers = self._scorers(estimator)
        for name in [name for name in vars(self) if name.endswith("_")]:  # of an earlier search
            delattr(self, name)
        self._labels = _labels(estimator, y)
        rows = Rows(X, y, groups, fit_params)
        splits = None if isinstance(self.cv, str) else rows.splits(self.cv, estimator)
        self.multimetric_ = isinstance(self.scoring, list | tuple | dict)
        self.scorer_ = scorers if self.multimetric_ else scorers["score"]
        evaluate = Evaluation(estimator, rows, scorers, self._labels, splits, self.error_score, self.scoring is None)
        runs = self._runs(evaluate, random_state, begun)
        try:
            self._evaluate(runs)
        except KeyboardInterrupt:
            if runs.found:
                self._finish(runs, interrupted=True)
            raise
        self._finish(runs)
        return self

    # -- candidates ---------------------------------------------------------------------------

    def _seeded(self, random_state: np.random.RandomState):
        """The estimator with a seed, so that all candidates hold out the same rows."""
        return seed_unset(clone(self.estimator), int(random_state.randint(np.iinfo(np.int32).max)))

    def _scorers(self, estimator) -> dict[str, Callable]:
        """By their names, the one that chooses first; a single one is called "score"."""
        if isinstance(self.scoring, list | tuple | dict):
            named = self.scoring if isinstance(self.scoring, dict) else {name: name for name in self.scoring}
            if self.refit is not False and self.refit not in named:
                raise InvalidParameterError(
                    f"The 'refit' parameter of {type(self).__name__} must be one of several metrics, {list(named)}, or "
                    f"False. Got {self.refit!r} instead."
                )
            ordered = sorted(named, key=lambda name: name != self.refit)
            return {name: check_scoring(estimator, named[name]) for name in ordered}
        return {"score": check_scoring(estimator, self.scoring)}

    def _runs(self, evaluate: Evaluation, random_state: np.random.RandomState, begun: float) -> CandidateRuns:
        drawn = draw_candidates(self.estimator, self.param_distributions, self.n_iter, evaluate.rows.X, random_state)
        checkpoint = None
        if self.checkpoint is not None:
            rows, settings = evaluate.rows, {"cv": self.cv, "scoring": self.scoring, "halving": self.halving}
            data = {"X": rows.X, "y": rows.y, "groups": rows.groups, "fit_params": dict(rows.fit_params)}
            search = {"estimator": evaluate.estimator, "candidates": drawn, **settings, **data}
            checkpoint = Checkpoint(self.checkpoint, search)
        budget = TimeBudget(self.max_time, begun)
        return CandidateRuns(evaluate, drawn, self.halving, self.stacked, self.n_jobs, budget, checkpoint, self.verbose)

    def _evaluate(self, runs: CandidateRuns) -> None:
        evaluate = runs.evaluate
        if evaluate.splits is None and runs.run_first().predictions is None:
            if self.cv == "out_of_fold":
                raise ValueError(
                    "cv='out_of_fold' needs an NNClassifier or NNRegressor whose members hold out a fold each, which "
                    f"takes two members or more and early stopping. Got {evaluate.estimator!r}; pass cv=5."
                )
            evaluate.splits = evaluate.rows.splits(None, evaluate.estimator)
            runs.found.clear()
        runs.run_others()

    # -- results ------------------------------------------------------------------------------

    def _finish(self, runs: CandidateRuns, interrupted: bool = False) -> None:
        """Set what is known of the candidates; after Ctrl-C without a further fit."""
        trained = time.perf_counter()
        self.cv_results_ = cv_results(runs.found)
        self.n_splits_ = len(runs.found[0].fit_time)
        if self.refit is not False and not (interrupted and runs.evaluate.splits is not None):
            self._choose(runs.found, runs.evaluate)
            self.refit_time_ = time.perf_counter() - trained

    def _choose(self, candidates: list[Candidate], evaluate: Evaluation) -> None:
        """The best candidate and the weights of all, fitted to all rows where they are not yet."""
        name = self.refit if self.multimetric_ else "score"
        is_dropped = self.cv_results_["is_dropped"]
        self.best_index_ = int(
            np.where(is_dropped, len(candidates) + 1, self.cv_results_[f"rank_test_{name}"]).argmin()
        )
        self.best_params_ = candidates[self.best_index_].params
        self.best_score_ = self.cv_results_[f"mean_test_{name}"][self.best_index_]
        self.weights_ = np.eye(len(candidates))[self.best_index_]
        of_candidates = {k: one.predictions for k, one in enumerate(candidates) if one.predictions is not None}
        if self.ensemble is not None and of_candidates:
            self.weights_ = np.zeros(len(candidates))
            stacked = np.stack(list(of_candidates.values())).astype(np.float64)
            share = _SHARE_OF_GIVEN if self.param_distributions is None and 0 in of_candidates else 0.0
            self.weights_[list(of_candidates)] = self._weigh(stacked, evaluate, evaluate.scorers[name], share)
        chosen = np.flatnonzero(self.weights_)
        models = {k: candidates[k].fitted(evaluate) for k in {*chosen, self.best_index_}}
        self.best_estimator_, self.estimators_ = models[self.best_index_], [models[k] for k in chosen]
        self.cv_results_["weight"] = self.weights_
        if self._labels.classes is not None:
            self.classes_ = self._labels.classes
        for attribute in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.best_estimator_, attribute):
                setattr(self, attribute, getattr(self.best_estimator_, attribute))

    def _weigh(self, stacked: np.ndarray, evaluate: Evaluation, scorer, share_of_first: float) -> np.ndarray:
        """Weights of candidates by their out-of-fold predictions; what these give is measured on other rows."""
        known, rows = predicted_rows(stacked.swapaxes(0, 1)), evaluate.rows
        objective = log_score if self.scoring is None else scorer
        latest: dict[int, Rows] = {}  # by positions, with which weighing asks for many scores in turn

        def score(predictions: np.ndarray, which: np.ndarray) -> float:
            if id(which) not in latest:
                latest.clear()
                latest[id(which)] = rows.part(which)
            part = latest[id(which)]
            return objective(Predicted(evaluate.estimator, self._labels, predictions), part.X, part.y)

        folds = (KFold if rows.groups is None else GroupKFold)(_HONEST_FOLDS, shuffle=True, random_state=0)
        groups = None if rows.groups is None else np.asarray(rows.groups)[known]
        splits = [(known[train], known[test]) for train, test in folds.split(known, groups=groups)]
        self.oof_prediction_ = predictions_of_selection(stacked, score, splits, share_of_first)
        seen = Predicted(evaluate.estimator, self._labels, self.oof_prediction_[known])
        self.oof_score_ = rows.part(known).score(seen, {"score": scorer})["score"]
        return greedy_weights(stacked, score, known, share_of_first=share_of_first)

    # -- prediction ---------------------------------------------------------------------------

    def predict(self, X) -> np.ndarray:
        """Predict labels or targets.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self, "best_estimator_")
        if self.ensemble is None:
            return self.best_estimator_.predict(X)
        return self._labels.of(self._mean(X))

    @available_if(_classifies)
    def predict_proba(self, X) -> np.ndarray:
        """Predict probabilities.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_outputs)
        """
        check_is_fitted(self, "best_estimator_")
        return self._mean(X)

    def score(self, X, y) -> float:
        """The metric that has chosen, on other rows.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows like those of `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        Returns
        -------
        score : float
        """
        check_is_fitted(self, "best_estimator_")
        scorer = self.scorer_[self.refit] if self.multimetric_ else self.scorer_
        return scorer(Predicted(self.best_estimator_, self._labels, self._mean(X)), X, y)

    def _mean(self, X) -> np.ndarray:
        weights = self.weights_[np.flatnonzero(self.weights_)]
        of_models = [predictions_of(model, X, self._labels) for model in self.estimators_]
        return weighted_mean(np.stack(of_models), weights)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "cv_results_")

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        tags.input_tags, tags.target_tags = inner.input_tags, inner.target_tags
        return tags


def _labels(estimator, y) -> Labels:
    if not is_classifier(estimator):
        return Labels()
    check_classification_targets(y)
    if type_of_target(y) == "multilabel-indicator":
        return Labels(np.arange(np.shape(y)[1]), np.unique(np.asarray(y)))
    return Labels(np.unique(np.asarray(y)))
