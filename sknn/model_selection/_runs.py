"""The candidates of a search one after the other: which begin, which stop early, and what is kept of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
from joblib import effective_n_jobs, parallel_config
from scipy.stats import rankdata
from sklearn.model_selection._search import _yield_masked_array_for_each_param

from sknn.model_selection._candidates import Candidate, Evaluation
from sknn.model_selection._checkpoint import Checkpoint
from sknn.model_selection._halving import BATCH, NO_LIMITS, Limits, changes_loss, limits_of
from sknn.model_selection._stacked import evaluated_together
from sknn.model_selection._time_budget import TimeBudget, work_of
from sknn.model_selection._workers import in_workers

_SCORINGS = 20  # take as long as weighing takes for a candidate, about


@dataclass
class CandidateRuns:
    """Evaluates candidates.

    Attributes
    ----------
    evaluate : Evaluation
    params : list of dict
        Of all candidates.
    halving : bool
        Whether those that fall behind stop at a rung.
    stacked : bool
        Whether those that allow it are trained together, where there are splits.
    n_jobs : int or None
        Candidates at the same time.
    budget : TimeBudget
    checkpoint : Checkpoint or None
    verbose : int
        1 prints a line for each candidate, 2 its parameters too.
    found : list of Candidate
        Those that have ended, also when a run is interrupted.
    """

    evaluate: Evaluation
    params: list[dict[str, Any]]
    halving: bool
    stacked: bool
    n_jobs: int | None
    budget: TimeBudget
    checkpoint: Checkpoint | None
    verbose: int
    found: list[Candidate] = field(default_factory=list)

    def run_first(self) -> Candidate:
        """The estimator as it is given, on all cores that candidates may use."""
        with parallel_config(n_jobs=effective_n_jobs(self.n_jobs)):
            self._run([0], 1)
        return self.found[0]

    def run_others(self) -> None:
        """The others in their order, without those that would not end in time; with splits the first one too."""
        if not self.found and self.budget.seconds is not None:
            self.run_first()
        n_batch = BATCH if self.halving and self.evaluate.splits is None else len(self.params)
        for first in range(len(self.found), len(self.params), n_batch):
            limits, waiting = self._limits(), list(range(first, min(first + n_batch, len(self.params))))
            while ready := [k for k in waiting if self._has_time_for(k)][: self._n_at_once()]:
                waiting = [k for k in waiting if k > ready[-1]]
                self._run(ready, self.n_jobs, limits)

    def _limits(self) -> Limits:
        """By all candidates so far: asked for once a batch, they do not depend on how many run at the same time."""
        comparable = [one.losses for one in self.found if not changes_loss(one.params)]
        return limits_of(comparable) if self.halving else NO_LIMITS

    def _n_at_once(self) -> int:
        """Candidates that begin without a look at the time."""
        if self.budget.seconds is None:
            return len(self.params)
        if self.found[0].is_stacked:  # together they take less than one after the other
            return max(1, int(self.budget.left / self.budget.estimate(self._work(0))))
        return effective_n_jobs(self.n_jobs)

    def _has_time_for(self, k: int) -> bool:
        return self.budget.seconds is None or self.budget.estimate(self._work(k)) <= self.budget.left

    def _work(self, k: int) -> float:
        """That of the first candidate, but for the parameters that this one sets."""
        own = {name.rpartition("__")[2]: value for name, value in self.params[k].items() if not isinstance(value, str)}
        return work_of({name: own.get(name, value) for name, value in self.found[0].shape.items()})

    def _run(self, batch: list[int], n_jobs: int | None, limits: Limits = NO_LIMITS) -> None:
        """Candidates that are compared with those of earlier batches."""
        ready = {k: self.checkpoint.load(k) for k in batch} if self.checkpoint is not None else {}
        new = [k for k in batch if ready.get(k) is None]
        if self.stacked and self.evaluate.splits is not None:
            together = evaluated_together(self.evaluate, [self.params[k] for k in new], n_jobs, self.halving)
            ready |= zip(new, together, strict=True)
        alone = [self.params[k] for k in batch if ready.get(k) is None]
        arguments = [(params, NO_LIMITS if changes_loss(params) else limits) for params in alone]
        evaluated = in_workers(self.evaluate, arguments, n_jobs)
        for k in batch:
            candidate = ready.get(k) or next(evaluated)
            # The first one may be evaluated again, with splits.
            if self.checkpoint is not None and k in new and (k or candidate.predictions is not None):
                self.checkpoint.save(k, candidate)
            self.found.append(candidate)
            later = self._seconds_of_choice(candidate)
            self.budget.reserve += later
            if not candidate.is_dropped:
                seconds = float(candidate.fit_time.sum() + candidate.score_time.sum())
                self.budget.note(work_of(candidate.shape), seconds + later)
            self._report(k)

    def _seconds_of_choice(self, candidate: Candidate) -> float:
        """What comes after the candidates: one with splits may be fitted again to all rows, others are weighed."""
        if self.evaluate.splits is not None:
            return float(candidate.fit_time.mean())
        return 0.0 if candidate.is_dropped else _SCORINGS * float(candidate.score_time.mean())

    def _report(self, k: int) -> None:
        if not self.verbose:
            return
        name = next(iter(self.evaluate.scorers))
        means = [one.scores[name].mean() for one in self.found]
        left = "" if math.isinf(self.budget.left) else f", {max(self.budget.left, 0):.0f} s left"
        best = np.nan if np.isnan(means).all() else np.nanmax(means)
        of_this = f" {self.params[k]}" if self.verbose > 1 else ""
        print(
            f"[{self.budget.spent:.0f} s{left}] candidate {k + 1}/{len(self.params)}: {name} {means[-1]:.4f}, "
            f"best {best:.4f}{' (stopped early)' if self.found[-1].is_dropped else ''}{of_this}",
            flush=True,
        )


def cv_results(candidates: list[Candidate]) -> dict[str, Any]:
    """The results with the keys that scikit-learn's searches have; and how each candidate was trained."""
    results: dict[str, Any] = {}
    for name in ("fit_time", "score_time"):
        of_splits = np.stack([getattr(candidate, name) for candidate in candidates])
        results |= {f"mean_{name}": of_splits.mean(1), f"std_{name}": of_splits.std(1)}
    params = [candidate.params for candidate in candidates]
    results |= sorted(_yield_masked_array_for_each_param(params), key=itemgetter(0))
    results["params"] = params
    for name in candidates[0].scores:
        of_splits = np.stack([candidate.scores[name] for candidate in candidates])
        results |= {f"split{k}_test_{name}": of_split for k, of_split in enumerate(of_splits.T)}
        means = results[f"mean_test_{name}"] = of_splits.mean(1)
        results[f"std_test_{name}"] = of_splits.std(1)
        worst = np.nanmin(means, initial=0.0) - 1
        ranks = rankdata(-np.where(np.isnan(means), worst, means), method="min")
        results[f"rank_test_{name}"] = ranks.astype(np.int32)
    for name in ("n_epochs", "is_dropped", "is_stacked"):
        results[name] = np.array([getattr(candidate, name) for candidate in candidates])
    return results
