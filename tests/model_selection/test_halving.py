"""Asynchronous halving: which candidates stop where, whatever runs beside them, and what is left of the stopping."""

import math
import pickle

import numpy as np
import pytest
from sklearn.base import clone

from helpers import BOTH, TwoLayers, data
from sknn import NNClassifier, NNRegressor
from sknn.callbacks import Callback, MaxNorm
from sknn.model_selection import NNSearchCV
from sknn.model_selection._halving import NO_LIMITS, Rungs, limits_of, losses_at_rungs, stopping_at

RUNGS = {2: 6, 4: 2}  # epochs, of 32, and one of how many goes on
RATES = [1e-6, 0.03, 2e-6, 0.02, 3e-6, 0.01, 4e-6, 0.04]


def quick(cls=NNClassifier, *args, **params):
    """Hardly learns, so that candidates with higher rates go on."""
    given = {"max_epochs": 32, "patience": 32, "n_members": 2, "early_stopping": True, "learning_rate": 1e-5}
    layers = {} if args else {"hidden_layer_sizes": (8,)}
    return cls(*args, **(given | layers | params), random_state=0, device="cpu")


def expected(losses, batch=4):
    """The rule by hand: epochs of each candidate, and whether it was dropped."""
    n_epochs, dropped, seen = [32], [False], {rung: [losses[0][rung]] for rung in RUNGS}
    for first in range(1, len(losses), batch):
        before = {rung: sorted(values) for rung, values in seen.items()}
        for of_one in losses[first : first + batch]:
            for rung, factor in RUNGS.items():
                seen[rung].append(of_one[rung])
                if of_one[rung] > before[rung][math.ceil((len(before[rung]) + 1) / factor) - 1]:
                    n_epochs.append(rung)
                    dropped.append(True)
                    break
            else:
                n_epochs.append(32)
                dropped.append(False)
    return n_epochs, dropped


@BOTH
def test_a_candidate_goes_on_in_the_lower_half_of_those_before_its_batch(cls):
    X, y = data(cls, 120)
    grid = [{"learning_rate": [rate]} for rate in RATES]
    search = NNSearchCV(quick(cls), grid, n_iter=None, halving=True).fit(X, y)
    nets = [quick(cls, **params).fit(X, y) for params in search.cv_results_["params"]]
    lowest = [np.minimum.accumulate(net.history_["valid_loss"]) for net in nets]
    n_epochs, dropped = expected([{rung: of_one[rung - 1] for rung in RUNGS} for of_one in lowest])
    assert 0 < sum(dropped) < len(RATES)
    np.testing.assert_array_equal(search.cv_results_["n_epochs"], n_epochs)
    np.testing.assert_array_equal(search.cv_results_["is_dropped"], dropped)
    assert search.weights_[dropped].sum() == 0
    assert not dropped[search.best_index_]
    # An epoch that is trained is the one of the full schedule.
    for k, net in enumerate(nets):
        if not dropped[k]:
            assert search.cv_results_["mean_test_score"][k] == pytest.approx(net.oof_score_, rel=1e-6)
    best = nets[search.best_index_]
    np.testing.assert_array_equal(search.best_estimator_.predict(X), best.predict(X))
    np.testing.assert_array_equal(search.best_estimator_.loss_curve_, best.loss_curve_)


def test_what_is_dropped_does_not_depend_on_how_many_run_at_the_same_time():
    X, y = data(NNClassifier, 120)
    grid = [{"learning_rate": [rate]} for rate in RATES]
    alone, together = (NNSearchCV(quick(), grid, n_iter=None, halving=True, n_jobs=n).fit(X, y) for n in (1, 2))
    assert alone.cv_results_["is_dropped"].any()
    for name in ("is_dropped", "n_epochs", "mean_test_score", "weight"):
        np.testing.assert_array_equal(alone.cv_results_[name], together.cv_results_[name])
    np.testing.assert_array_equal(alone.predict_proba(X), together.predict_proba(X))


def test_without_halving_all_are_trained_to_the_end():
    X, y = data(NNClassifier, 120)
    search = NNSearchCV(quick(), {"learning_rate": RATES[:3]}, n_iter=None).fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["n_epochs"], 32)
    assert not search.cv_results_["is_dropped"].any()
    assert (NNSearchCV(quick(), {"dropout": [0.1]}, cv=2, halving=True).fit(X, y).cv_results_["n_epochs"] == 32).all()


class Counts(Callback):
    """A part of the user's own."""

    def on_epoch_end(self, net, **kwargs):
        net.history.record("n", len(net.history))


@pytest.mark.parametrize("callbacks", [None, [Counts()], (MaxNorm(3.0),)])
def test_the_estimators_that_are_kept_have_the_callbacks_that_they_were_given(callbacks):
    X, y = data(NNClassifier, 120)
    net = quick(callbacks=callbacks)
    search = NNSearchCV(net, {"learning_rate": [0.003]}, n_iter=None, halving=True, ensemble=None).fit(X, y)
    assert search.best_index_ == 1  # which went through the rungs
    for kept in (search.best_estimator_, search.best_estimator_.resolved_params_):
        found = kept["callbacks"] if isinstance(kept, dict) else kept.callbacks
        assert [type(one) for one in found or ()] == [type(one) for one in callbacks or ()]
        assert (found is None) == (callbacks is None)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict_proba(X), search.best_estimator_.predict_proba(X))
    alone = clone(net).set_params(learning_rate=0.003).fit(X, y)
    np.testing.assert_array_equal(clone(again).fit(X, y).predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(again.predict_proba(X), alone.predict_proba(X))


def test_modules_of_the_users_own_are_dropped_too():
    X, y = data(NNRegressor, 120)
    search = NNSearchCV(quick(NNRegressor, TwoLayers), {"learning_rate": [1e-6]}, n_iter=None, halving=True).fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["n_epochs"], [32, 2])
    np.testing.assert_array_equal(search.weights_, [1, 0])


def test_candidates_with_another_loss_are_not_compared():
    X, y = data(NNRegressor, 120)
    grid = [{"loss": ["mean_absolute_error"], "learning_rate": [1e-6]}, {"learning_rate": [1e-6]}]
    search = NNSearchCV(quick(NNRegressor), grid, n_iter=None, halving=True).fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["is_dropped"], [False, False, True])


def test_a_candidate_without_held_out_rows_is_not_stopped():
    X, y = data(NNClassifier, 120)
    with stopping_at((0.0, 0.0), net := quick(early_stopping=False, patience="auto")):
        net.fit(X, y)
    assert net.n_iter_ == 32
    assert net.callbacks is None


def test_limits_by_hand():
    nan = math.nan
    assert limits_of([]) == NO_LIMITS
    assert limits_of([[3.0, 2.0]]) == (3.0, 2.0)
    assert limits_of([[3.0, 2.0], [4.0, 1.5], [5.0, 2.5], [nan], [nan]]) == (3.0, 2.0)
    assert limits_of([[3.0, 2.0], [4.0, 1.5], *[[5.0]] * 4]) == (4.0, 2.0)


@pytest.mark.parametrize("max_epochs", [1, 2, 3])
def test_the_last_epoch_is_no_rung(max_epochs):
    X, y = data(NNClassifier, 120)
    net = quick(max_epochs=max_epochs, callbacks=[Rungs((0.0, 0.0))]).fit(X, y)
    assert net.n_iter_ == 1
    losses, is_dropped = losses_at_rungs(net, (0.0, 0.0))
    assert is_dropped == (max_epochs > 1)
    assert set(losses) == set(net.history_["valid_loss"])
