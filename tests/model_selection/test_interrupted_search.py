"""Ctrl-C in a search, and a checkpoint from which it goes on."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from helpers import data
from sknn import NNClassifier
from sknn.callbacks import Callback
from sknn.model_selection import NNSearchCV

X, y = data(NNClassifier, 120)


PRESSED = {"n_fits": 0, "in_fits": ()}  # beside the callback, whose copies are part of the estimator


class Presses(Callback):
    """Ctrl-C in some of the fits."""

    def on_epoch_end(self, net, **kwargs):
        PRESSED["n_fits"] += len(net.history) == 1
        if PRESSED["n_fits"] in PRESSED["in_fits"] and len(net.history) == 2:
            signal.raise_signal(signal.SIGINT)


def fit(search, *in_fits):
    """A fit, with Ctrl-C in the fits of this number."""
    PRESSED.update(n_fits=0, in_fits=in_fits)
    return search.fit(X, y)


def search_of(n=3, **params):
    shape = {"hidden_layer_sizes": (8,), "n_members": 2, "max_epochs": 20, "early_stopping": True}
    net = NNClassifier(**shape, callbacks=[Presses()], random_state=0, device="cpu")
    space = [{"learning_rate": [rate]} for rate in (0.02, 1e-6, 0.03)[:n]]
    return NNSearchCV(net, space, **{"n_iter": None, "halving": False, "random_state": 0} | params)


def assert_same(found, expected):
    """But for seconds."""
    for name in expected.cv_results_:
        if "time" not in name:
            np.testing.assert_array_equal(found.cv_results_[name], expected.cv_results_[name])
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("n_known", [2, 3])
def test_ctrl_c_leaves_a_search_of_the_candidates_that_have_ended(n_known):
    search = search_of()
    with pytest.raises(KeyboardInterrupt):
        fit(search, n_known + 1)
    assert_same(search, fit(search_of(n_known - 1)))


def test_ctrl_c_in_the_first_candidate_or_with_splits_leaves_nothing_that_predicts():
    search = fit(search_of(1))
    with pytest.raises(KeyboardInterrupt):
        fit(search, 1)
    with pytest.raises(NotFittedError):
        search.predict(X)
    with pytest.raises(KeyboardInterrupt):
        fit(search.set_params(cv=2), 4)
    assert len(search.cv_results_["params"]) == 1
    with pytest.raises(NotFittedError):
        search.predict(X)


@pytest.mark.parametrize(("params", "fit_number"), [({}, 3), ({"halving": True}, 4), ({"cv": 2}, 6)])
def test_a_search_goes_on_from_its_checkpoint(params, fit_number, tmp_path):
    expected = fit(search_of(**params))
    n_fits = PRESSED["n_fits"]
    search = search_of(checkpoint=tmp_path, **params)
    with pytest.raises(KeyboardInterrupt):
        fit(search, fit_number)
    assert_same(fit(search), expected)
    assert 0 < PRESSED["n_fits"] < n_fits
    assert_same(fit(clone(search)), expected)
    assert PRESSED["n_fits"] == (0 if search.n_splits_ == 1 else len(search.estimators_))


KILLED = """
import os, signal, sys
from sklearn.datasets import load_breast_cancer
from sknn import NNClassifier
from sknn.model_selection import NNSearchCV, _checkpoint

class KilledCheckpoint(_checkpoint.Checkpoint):
    def save(self, k, candidate):
        if k == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        super().save(k, candidate)

if len(sys.argv) > 2:
    sys.modules["sknn.model_selection._search"].Checkpoint = KilledCheckpoint
X, y = load_breast_cancer(return_X_y=True)
"""
SAME_SEARCH = """
net = NNClassifier(hidden_layer_sizes=(8,), n_members=2, max_epochs=20, early_stopping=True, random_state=0)
space = [{"learning_rate": [rate]} for rate in (0.02, 1e-6, 0.03)]
search = NNSearchCV(net, space, n_iter=None, halving=True, checkpoint=folder, random_state=0).fit(X[:120], y[:120])
"""


def test_a_search_that_was_killed_goes_on_with_the_same_bits(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    script = KILLED + "folder = sys.argv[1]" + SAME_SEARCH
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script, killed, "kill"], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(killed.glob("candidate*"))) == 2
    names = {"NNClassifier": NNClassifier, "NNSearchCV": NNSearchCV, "X": X, "y": y}
    exec(SAME_SEARCH, found := names | {"folder": str(killed)})
    exec(SAME_SEARCH, expected := names | {"folder": str(whole)})
    assert_same(found["search"], expected["search"])


def test_a_checkpoint_of_another_search_is_refused(tmp_path):
    search_of(1, checkpoint=tmp_path).fit(X, y)
    with pytest.raises(ValueError, match=r"other values of: .*y"):
        search_of(1, checkpoint=tmp_path).fit(X, 1 - y)
    with pytest.raises(ValueError, match=r"other values of: .*estimator"):
        search_of(1, checkpoint=tmp_path).set_params(estimator__dropout=0.5).fit(X, y)


def test_few_rows_are_split_with_a_checkpoint_too(tmp_path):
    net = NNClassifier(preset="fast", max_epochs=2, random_state=0)
    search = NNSearchCV(net, {"dropout": [0.1]}, n_iter=1, checkpoint=tmp_path, random_state=0)
    assert search.fit(X[:60], y[:60]).n_splits_ == search.fit(X[:60], y[:60]).n_splits_ == 5


def test_a_line_for_each_candidate(capsys):
    search = search_of(max_time=1000.0, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    scores = search.cv_results_["mean_test_score"]
    for k, line in enumerate(lines):
        assert f"candidate {k + 1}/4: score {scores[k]:.4f}, best {scores[: k + 1].max():.4f}" in line
        assert " s left]" in line
        assert "learning_rate" not in line
    search.set_params(verbose=2, max_time=None).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert "{'learning_rate': 0.03}" in lines[-1]
    assert "left" not in lines[-1]
