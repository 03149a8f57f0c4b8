"""What a candidate will take, by a clock that stands still."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import _validation

from sknn.model_selection import NNSearchCV, _candidates, _search, _time_budget
from sknn.model_selection._time_budget import TimeBudget, work_of

SHAPE = {"batch_size": 32, "hidden_layer_sizes": (96, 96), "max_epochs": 32, "n_members": 8}


class Clock:
    now = 100.0

    def perf_counter(self):
        return self.now

    time = perf_counter


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (_time_budget, _candidates, _search, _validation):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(Takes, "clock", clock, raising=False)
    return clock


def test_seconds_that_are_left(clock):
    budget = TimeBudget(10.0, begun=98.0)
    assert (budget.spent, budget.left) == (2.0, 8.0)
    budget.reserve += 3.0
    clock.now += 4.0
    assert budget.left == 1.0
    assert TimeBudget(None, begun=0.0).left == np.inf


def test_more_work_takes_longer_in_proportion_and_less_work_by_its_root():
    budget = TimeBudget(10.0, begun=0.0)
    budget.note(2.0, 6.0)
    assert budget.estimate(4.0) == 12.0
    assert budget.estimate(0.5) == 3.0
    budget.note(1.0, 4.0)
    assert budget.estimate(2.0) == (6.0 + 8.0) / 2


def test_work_grows_with_what_a_fit_has_to_do():
    work = work_of(SHAPE)
    assert work_of(SHAPE | {"max_epochs": 64}) == work_of(SHAPE | {"n_members": 16}) == 2 * work
    assert work_of(SHAPE | {"hidden_layer_sizes": (256, 256)}) > 2 * work
    assert work_of(SHAPE | {"hidden_layer_sizes": 96}) < work_of(SHAPE | {"hidden_layer_sizes": [96, 96]}) == work
    assert work_of(SHAPE | {"batch_size": 256}) < work < work_of(SHAPE | {"batch_size": 4})
    assert work_of({}) == work_of({})


class Takes(ClassifierMixin, BaseEstimator):
    """A network as far as a search can see, whose fit takes a second for each unit of its width."""

    clock: Clock

    def __init__(self, hidden_layer_sizes=96):
        self.hidden_layer_sizes = hidden_layer_sizes

    def fit(self, X, y):
        self.clock.now += self.hidden_layer_sizes / 96
        self.resolved_params_ = SHAPE | {"hidden_layer_sizes": self.hidden_layer_sizes}
        self.history_, self.n_iter_, self.classes_ = {"epoch": [1]}, 1, np.unique(y)
        self.oof_prediction_ = np.eye(2)[y]
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)

    def predict_proba(self, X):
        return np.eye(2)[self.predict(X)]


def sizes_of(search):
    return [params.get("hidden_layer_sizes") for params in search.cv_results_["params"]]


@pytest.mark.parametrize("halving", [True, False])
def test_what_does_not_fit_is_skipped_for_later_ones_that_do(clock, halving):
    X, y = np.zeros((20, 2)), np.arange(20) % 2
    grid = [{"hidden_layer_sizes": [size]} for size in (96, 960, 48, 960, 48, 960, 96, 48)]
    search = NNSearchCV(Takes(), grid, n_iter=None, max_time=5.5, halving=halving)
    # 1 s of the estimator as it is; the wide one would take 10 times as long, and 0.2 s are left in the end.
    assert sizes_of(search.fit(X, y)) == [None, 96, 48, 48, 96, 48]
    assert clock.now == 104.5
    assert sizes_of(search.set_params(max_time=0.1).fit(X, y)) == [None]
    assert sizes_of(search.set_params(max_time=100.0).fit(X, y)) == [None, 96, 960, 48, 960, 48, 960, 96, 48]


def test_refits_are_counted(clock):
    X, y = np.zeros((20, 2)), np.arange(20) % 2
    search = NNSearchCV(Takes(), [{"hidden_layer_sizes": [96]}] * 4, n_iter=None, cv=2)
    # Each takes 2 s, and 1 s more if it is fitted again.
    assert len(sizes_of(search.set_params(max_time=9.1).fit(X, y))) == 3
    assert len(sizes_of(search.set_params(max_time=8.9).fit(X, y))) == 2
