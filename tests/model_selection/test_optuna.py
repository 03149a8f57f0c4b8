"""Optuna's trials get the values of a space as scikit-learn has it, whatever stores the study."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.datasets import load_iris

from sknn import NNClassifier, NNRegressor
from sknn.model_selection import optuna_distributions, search_space, suggest_params

optuna = pytest.importorskip("optuna")
pytestmark = pytest.mark.usefixtures("quiet_optuna")
CategoricalDistribution = optuna.distributions.CategoricalDistribution
FloatDistribution, IntDistribution = optuna.distributions.FloatDistribution, optuna.distributions.IntDistribution

SPACE = {
    "a": loguniform(0.001, 10),
    "b": uniform(1, 2),
    "c": randint(2, 9),
    "d": ["relu", None, 3, True],
    "e": [(8,), (8, 8), None],
    "f": np.array([32, 64]),
}


def test_distributions_have_the_range_and_the_choices_of_the_space():
    with pytest.warns(UserWarning, match="Choices for a categorical distribution"):  # optuna's own, which ours lacks
        layers = CategoricalDistribution([(8,), (8, 8), None])
    assert optuna_distributions(SPACE) == {
        "a": FloatDistribution(0.001, 10, log=True),
        "b": FloatDistribution(1, 3),
        "c": IntDistribution(2, 8),
        "d": CategoricalDistribution(["relu", None, 3, True]),
        "e": layers,
        "f": CategoricalDistribution([32, 64]),
    }


@pytest.mark.parametrize("net", [NNClassifier(), NNRegressor(), NNClassifier("mlp"), NNRegressor("resnet")], ids=str)
def test_what_a_study_asks_for_is_valid(net):
    X, y = load_iris(return_X_y=True)
    space = search_space(net, "full")
    asked = optuna.create_study().ask(optuna_distributions(space)).params
    for params in (asked, suggest_params(optuna.create_study().ask(), space)):
        assert set(params) == set(space)
        assert params["hidden_layer_sizes"] in space["hidden_layer_sizes"]
        assert type(params["batch_size"]) is int
        net.set_params(**params, max_epochs=1).fit(X, y)


@pytest.mark.parametrize("is_stored", [False, True])
def test_parameters_come_back_from_any_storage(tmp_path, is_stored):
    storage = f"sqlite:///{tmp_path / 'study.db'}" if is_stored else None
    study = optuna.create_study(storage=storage, study_name="s", sampler=optuna.samplers.TPESampler(seed=0))
    drawn = []

    def objective(trial):
        drawn.append(suggest_params(trial, SPACE))
        return drawn[-1]["b"]

    study.optimize(objective, n_trials=4)
    if is_stored:
        study = optuna.load_study(study_name="s", storage=storage)
    assert [suggest_params(trial, SPACE) for trial in study.trials] == drawn
    assert suggest_params(study.best_trial, SPACE) == min(drawn, key=lambda params: params["b"])
    assert {type(params["e"]) for params in drawn} <= {tuple, type(None)}


@pytest.mark.parametrize("convert", [optuna_distributions, lambda space: suggest_params(None, space)])
def test_other_distributions_are_refused(convert):
    with pytest.raises(ValueError, match=r"uniform, loguniform and randint\. Got norm for 'a'"):
        convert({"a": norm()})


def test_without_optuna_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna.distributions", None)
    with pytest.raises(ImportError, match=r"optuna_distributions needs Optuna.* pip install 'sknn\[optuna\]'"):
        optuna_distributions(SPACE)


def test_the_example_runs(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["optuna_search.py", "--trials", "2"])
    example = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "optuna_search.py"))
    search = example["search"]
    example["main"].__globals__["search"] = lambda X, y, n_trials: search(X[:400], y[:400], n_trials)
    example["main"]()
    assert "2 trials" in capsys.readouterr().out
