"""A search on the workers of Dask and Ray, and in processes, one of which is killed."""

import builtins
import os
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from joblib import parallel_config

from helpers import data
from sknn import NNClassifier
from sknn.model_selection import NNSearchCV

GRID = {"learning_rate": [0.001, 0.003, 0.01], "dropout": [0.0, 0.2]}


@contextmanager
def dask():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster), parallel_config("dask"):
        yield


@contextmanager
def ray():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    own_print = print
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    register_ray()
    try:
        with parallel_config("ray", n_jobs=2):
            yield
    finally:
        ray.shutdown()
        builtins.print = own_print  # Ray leaves one that cannot be pickled


@contextmanager
def processes():
    with parallel_config("loky", n_jobs=2):
        yield


def scorer_that_kills(flag, main):
    """Accuracy; the first call in another process than `main` kills that process."""

    def score(estimator, X, y):
        if os.getpid() != main:
            try:
                os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return estimator.score(X, y)

    return score


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workers", [dask, ray, processes])
def test_a_search_ends_with_the_same_results_when_a_worker_is_killed(workers, tmp_path):
    X, y = data(NNClassifier, 120, as_frame=True)
    net = NNClassifier(hidden_layer_sizes=(8,), n_members=2, max_epochs=3, random_state=0, device="cpu")
    flag = tmp_path / "killed"
    scoring = scorer_that_kills(flag, os.getpid())
    here = NNSearchCV(net, GRID, n_iter=None, scoring=scoring).fit(X, y)
    assert not flag.exists()
    with workers():
        there = NNSearchCV(net, GRID, n_iter=None, scoring=scoring).fit(X, y)
    assert flag.exists()
    for key in ("mean_test_score", "n_epochs", "weight"):
        np.testing.assert_array_equal(there.cv_results_[key], here.cv_results_[key])
    np.testing.assert_array_equal(there.predict_proba(X), here.predict_proba(X))


def test_an_error_of_a_candidate_is_raised_at_once():
    calls = []

    def fails(estimator, X, y):
        calls.append(1)
        raise ZeroDivisionError

    X, y = data(NNClassifier, 120)
    with pytest.raises(ZeroDivisionError):
        NNSearchCV(NNClassifier(max_epochs=1), GRID, scoring=fails, error_score="raise").fit(X, y)
    assert len(calls) == 1
