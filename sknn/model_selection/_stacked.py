"""Candidates and folds that are trained together, in stacks of plain networks."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints
from sklearn.utils.parallel import Parallel, delayed

from sknn.callbacks import StopTraining
from sknn.model_selection._candidates import Candidate, Evaluation, Predicted, joined_folds, log_score, predictions_of
from sknn.model_selection._halving import network_of
from sknn.model_selection._time_budget import SHAPE
from sknn.training import Member, ScoringView, Source, in_stacks, joined, network_inputs
from sknn.utils import limited_to, usual_settings

_RUNGS = 1 / 10, 1 / 5, 2 / 5  # of a candidate's epochs, after which halving compares them
_RATES = "learning_rate", "weight_decay", "dropout"  # in which members of a source may differ


@dataclass(eq=False)
class _Fold:
    """What candidates that differ in their rates share: the fit of a split up to its training, and the rows to score.

    Attributes
    ----------
    source : Source
    X, y : of the test rows, as the user passed them
    inputs : dict of Tensor
        X as the network takes it.
    """

    source: Source
    X: Any
    y: Any
    inputs: dict[str, torch.Tensor]


@dataclass(eq=False)
class _Fits:
    """A candidate: a member of a stack for each fold.

    Attributes
    ----------
    params : dict
    folds : list of _Fold
    members : list of Member
    scores : dict of list of float
        By metrics, of the weights that the members have now.
    predictions : list of ndarray
        Of each fold's test rows.
    is_dropped : bool
        Whether halving has ended its training.
    fails : bool
        Whether a scorer has refused it.
    score_time : float
        Seconds.
    """

    params: dict[str, Any]
    folds: list[_Fold]
    members: list[Member]
    scores: dict[str, list[float]] = field(default_factory=dict)
    predictions: list[np.ndarray] = field(default_factory=list)
    is_dropped: bool = False
    fails: bool = False
    score_time: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether nothing speaks against it; else a fit of its own tells what."""
        return not self.fails and all(member.is_finite for member in self.members)

    def score(self, evaluate: Evaluation, outputs: dict[Member, tuple[np.ndarray, np.ndarray | None]]) -> None:
        begun = time.perf_counter()
        self.scores, self.predictions = {name: [] for name in evaluate.scorers}, []
        for member, fold in zip(self.members, self.folds, strict=True):
            view = _trained(fold, *outputs[member])
            try:
                for name, scorer in evaluate.scorers.items():
                    self.scores[name].append(scorer(view, fold.X, fold.y))
            except Exception:
                self.fails = True
                return
            self.predictions.append(predictions_of(view, fold.X, evaluate.labels))
        self.score_time += time.perf_counter() - begun

    @property
    def n_epochs(self) -> int:
        """Of all members."""
        return sum(member.n_epochs for member in self.members)

    def objective(self, evaluate: Evaluation) -> float:
        """By which candidates are compared: the mean over folds."""
        if not evaluate.by_log_score:
            return float(np.mean(next(iter(self.scores.values()))))
        seen = [Predicted(evaluate.estimator, evaluate.labels, of_fold) for of_fold in self.predictions]
        return float(np.mean([log_score(view, fold.X, fold.y) for view, fold in zip(seen, self.folds, strict=True)]))

    def candidate(self, evaluate: Evaluation, fit_time: float) -> Candidate:
        assert evaluate.splits is not None
        n_folds, params = len(self.folds), self.folds[0].source.params
        return Candidate(
            self.params,
            {name: np.array(of_folds) for name, of_folds in self.scores.items()},
            np.full(n_folds, fit_time / n_folds),
            np.full(n_folds, self.score_time / n_folds),
            None if self.is_dropped else joined_folds(self.predictions, evaluate.splits, len(evaluate.rows.y)),
            shape={name: params[name] for name in SHAPE},
            n_epochs=self.n_epochs / n_folds,
            is_dropped=self.is_dropped,
            is_stacked=True,
        )


def evaluated_together(
    evaluate: Evaluation, params: Sequence[dict[str, Any]], n_jobs: int | None, halving: bool
) -> list[Candidate | None]:
    """Candidates, cross-validated in stacks; None for one that has to be fitted alone.

    Parameters
    ----------
    evaluate : Evaluation
        With splits.
    params : sequence of dict
    n_jobs : int or None
        Threads, each of which trains stacks.
    halving : bool
        Whether only the better half goes on at each rung of epochs.
    """
    begun = time.perf_counter()
    with usual_settings(), limited_to(1):
        fits = [_begun(evaluate, of_candidate, folds) for of_candidate, folds in _with_folds(evaluate, params)]
        _train([of_one for of_one in fits if of_one is not None], evaluate, n_jobs, halving)
    of_stacks = [of_one for of_one in fits if of_one is not None]
    seconds = time.perf_counter() - begun - sum(of_one.score_time for of_one in of_stacks)
    share = seconds / max(1, sum(of_one.n_epochs for of_one in of_stacks))
    return [
        None if of_one is None or not of_one.is_known else of_one.candidate(evaluate, share * of_one.n_epochs)
        for of_one in fits
    ]


def _train(running: list[_Fits], evaluate: Evaluation, n_jobs: int | None, halving: bool) -> None:
    stacks = in_stacks([member for fits in running for member in fits.members])
    parallel = Parallel(n_jobs=n_jobs, require="sharedmem")
    for fraction in (*(_RUNGS if halving else ()), 1.0):
        parallel(delayed(stack.advance)(math.ceil(fraction * stack.net.max_epochs)) for stack in stacks)
        _score(evaluate, [fits for fits in running if fits.is_known])
        running = [fits for fits in running if fits.is_known]
        if fraction < 1:
            _drop_the_worse(running, evaluate)
            running = [fits for fits in running if not fits.is_dropped]
            going_on = {member for fits in running for member in fits.members}
            for stack in stacks:
                stack.keep(going_on)
            stacks = joined(stacks, joblib.effective_n_jobs(n_jobs))


def _drop_the_worse(running: list[_Fits], evaluate: Evaluation) -> None:
    """All that has not ended, but for the better half and the estimator as it is."""

    def rank(fits: _Fits) -> tuple[bool, float]:
        score = fits.objective(evaluate)
        return bool(fits.params), math.inf if math.isnan(score) else -score

    for fits in sorted(running, key=rank)[math.ceil(len(running) / 2) :]:
        fits.is_dropped = not all(member.has_stopped for member in fits.members)


# -- before training ----------------------------------------------------------------------------


def _with_folds(evaluate: Evaluation, params: Sequence[dict[str, Any]]):
    """Each candidate's parameters and its folds, which those have in common that differ in rates; None without any."""
    folds_of: dict[str, list[_Fold] | None] = {}
    for of_candidate in params:
        rates = _rates(evaluate.estimator, of_candidate)
        rest = {name: value for name, value in of_candidate.items() if name not in rates}
        key = joblib.hash(rest)
        if key not in folds_of:
            folds_of[key] = _prepared_folds(evaluate, rest)
        yield of_candidate, folds_of[key]


def _rates(estimator, params: dict[str, Any]) -> dict[str, float]:
    """Those among the parameters of a candidate in which members of a source may differ, by the names that it uses.

    Other steps of a Pipeline may have parameters that are called the same.
    """
    prefix = f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
    names = {prefix + name for name in _RATES}
    return {
        name: float(value)
        for name, value in params.items()
        if name in names and isinstance(value, Real) and not isinstance(value, bool)
    }


def _begun(evaluate: Evaluation, params: dict[str, Any], folds: list[_Fold] | None) -> _Fits | None:
    """None where folds cannot be stacked, or a rate is invalid: the error then comes from a fit of its own."""
    if folds is None:
        return None
    rates = {name.rpartition("__")[2]: value for name, value in _rates(evaluate.estimator, params).items()}
    net = network_of(evaluate.estimator)
    try:
        validate_parameter_constraints({name: net._parameter_constraints[name] for name in rates}, rates, "")
    except InvalidParameterError:
        return None
    members = []
    for fold in folds:
        own = {name: float(fold.source.params[name]) for name in _RATES} | rates
        members.append(Member(fold.source, own["learning_rate"], own["weight_decay"], own["dropout"]))
    return _Fits(params, folds, members)


def _prepared_folds(evaluate: Evaluation, params: dict[str, Any]) -> list[_Fold] | None:
    """None where fits cannot be stacked, or fail: what is wrong is told by a fit of its own."""
    rows = evaluate.rows
    if rows.fit_params or evaluate.splits is None:
        return None
    folds = []
    for train, test in evaluate.splits:
        X, y, X_test, y_test = (_safe_indexing(each, part) for part in (train, test) for each in (rows.X, rows.y))
        try:
            fold = _prepared(evaluate.with_params(params), X, y, X_test, y_test)
        except Exception:
            return None
        if fold is None:
            return None
        folds.append(fold)
    return folds


def _prepared(estimator, X, y, X_test, y_test) -> _Fold | None:
    net, table = network_of(estimator), X_test
    if not hasattr(net, "_until_training"):
        return None
    if isinstance(estimator, Pipeline):
        steps = estimator[:-1]
        X = steps.fit_transform(X, y)
        table = steps.transform(X_test)
    source = source_of(net, X, y)
    if not source.takes_stack:
        return None
    encoded = net.encoder_.encode(net._check_table(table))
    return _Fold(source, X_test, y_test, network_inputs(encoded, net.resolved_params_["device"]))


def source_of(net, X, y) -> Source:
    """The fit of a network up to its training, which is left before anything is recorded."""
    with suppress(StopTraining), net._until_training(X, y) as to_train:
        source = Source(net, to_train)
        raise StopTraining
    return source


# -- scores -------------------------------------------------------------------------------------


def _score(evaluate: Evaluation, running: Sequence[_Fits]) -> None:
    """Score by outputs that all members of a source have been asked for at once."""
    members_of: dict[_Fold, list[Member]] = {}
    for fits in running:
        for fold, member in zip(fits.folds, fits.members, strict=True):
            members_of.setdefault(fold, []).append(member)
    outputs: dict[Member, tuple[np.ndarray, np.ndarray | None]] = {}
    for fold, members in members_of.items():
        weights = [torch.stack(blocks) for blocks in zip(*(member.weights for member in members), strict=True)]
        valid = fold.source.net.valid
        of_valid = [None] * len(members) if valid is None else _outputs(fold, weights, valid.inputs)
        outputs |= zip(members, zip(_outputs(fold, weights, fold.inputs), of_valid, strict=True), strict=True)
    for fits in running:
        fits.score(evaluate, outputs)


def _outputs(fold: _Fold, weights: list[torch.Tensor], inputs: dict[str, torch.Tensor]) -> np.ndarray:
    return fold.source.outputs(weights, inputs).cpu().numpy()


def _trained(fold: _Fold, outputs: np.ndarray, valid_outputs: np.ndarray | None) -> ScoringView:
    """What a scorer needs of the fitted estimator that a member would be."""
    net = copy.copy(fold.source.estimator)
    net._target = copy.copy(net._target)
    if valid_outputs is not None:
        valid: Any = fold.source.net.valid
        net._target.calibrate(valid_outputs, valid.y, None, None)
    return ScoringView(net, fold.X, outputs)
