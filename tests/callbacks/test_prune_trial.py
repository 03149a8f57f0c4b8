"""A trial hears each epoch's validation loss, and ends the fit when Optuna says so."""

import copy

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from helpers import BOTH, data
from sknn import NNClassifier
from sknn.callbacks import PruneTrial

optuna = pytest.importorskip("optuna")
pytestmark = pytest.mark.usefixtures("quiet_optuna")


class PruneAt(optuna.pruners.BasePruner):
    def __init__(self, step):
        self.step = step

    def prune(self, study, trial):
        return trial.last_step >= self.step


def small(cls, **params):
    return cls(hidden_layer_sizes=(8,), n_members=2, max_epochs=4, early_stopping=True, random_state=0, **params)


@BOTH
@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1), ("maximize", -1)])
def test_each_epoch_reports_its_loss_and_the_fit_is_the_same(cls, direction, sign):
    X, y = data(cls)
    study = optuna.create_study(direction=direction, pruner=optuna.pruners.NopPruner())
    trial = study.ask()
    net = small(cls, callbacks=[PruneTrial(trial)]).fit(X, y)
    study.tell(trial, 0.0)
    expected = dict(enumerate(sign * net.history_["valid_loss"]))
    assert study.trials[0].intermediate_values == expected
    np.testing.assert_array_equal(net.predict(X), small(cls).fit(X, y).predict(X))


@BOTH
def test_a_pruned_trial_leaves_the_estimator_as_it_was(cls):
    X, y = data(cls)
    study = optuna.create_study(pruner=PruneAt(1))
    net = small(cls).fit(X, y)
    before = net.predict(X)

    def objective(trial):
        net.set_params(callbacks=[PruneTrial(trial)]).fit(X[:200], y[:200])

    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == optuna.trial.TrialState.PRUNED
    assert list(study.trials[0].intermediate_values) == [0, 1]
    assert net.n_iter_ == 4
    np.testing.assert_array_equal(net.predict(X), before)
    again = net.set_params(callbacks=None).fit(X[:200], y[:200])
    np.testing.assert_array_equal(again.predict(X), small(cls).fit(X[:200], y[:200]).predict(X))


def test_pipelines_and_cross_validation_are_pruned_too():
    X, y = data(NNClassifier)
    study = optuna.create_study(pruner=PruneAt(0))

    def objective(trial):
        pipeline = make_pipeline(StandardScaler(), small(NNClassifier, callbacks=[PruneTrial(trial)]))
        return cross_val_score(pipeline, X, y, cv=2, error_score="raise").mean()

    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == optuna.trial.TrialState.PRUNED


def test_copies_report_to_the_same_trial():
    trial = optuna.create_study().ask()
    callback = PruneTrial(trial)
    for copied in (copy.copy(callback), *copy.deepcopy([callback]), *clone([callback]), clone(callback)):
        assert copied is not callback
        assert copied.trial is trial


def test_without_validation_rows_or_a_trial_it_is_refused():
    X, y = data(NNClassifier)
    trial = optuna.create_study().ask()
    with pytest.raises(ValueError, match=r"PruneTrial needs validation rows.* Pass early_stopping=True"):
        NNClassifier("mlp", early_stopping=False, max_epochs=1, callbacks=[PruneTrial(trial)]).fit(X, y)
    with pytest.raises(InvalidParameterError, match="'trial' parameter of PruneTrial must be an object implementing"):
        NNClassifier(callbacks=[PruneTrial("trial")]).fit(X, y)
