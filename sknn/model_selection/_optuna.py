"""Search spaces for Optuna, an optional dependency. What is worth a search is in `_search_space`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_OWN_TYPES = (bool, int, float, str, type(None))  # choices that Optuna's storages keep as they are


def suggest_params(trial, space: Mapping[str, Any]) -> dict[str, Any]:
    """Hyper-parameters of one of Optuna's trials, drawn from a space as scikit-learn's searches have it.

    Choices that Optuna cannot store, such as tuples, have their `repr` in the study, and so any storage will do. From
    `study.best_trial` one gets the parameters that were best.

    Parameters
    ----------
    trial : optuna.Trial or optuna.trial.FrozenTrial
        The trial, which is asked by its `suggest_` methods.
    space : dict
        Lists, and SciPy's frozen `uniform`, `loguniform` and `randint`, by names of parameters; see `search_space`.

    Returns
    -------
    params : dict
        For the estimator's `set_params`.

    Raises
    ------
    ValueError
        For another distribution.

    Examples
    --------
    >>> import optuna
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sknn import NNClassifier
    >>> from sknn.model_selection import search_space, suggest_params
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NNClassifier("mlp", max_epochs=20, random_state=0)
    >>> space = search_space(net)
    >>> def objective(trial):
    ...     return cross_val_score(net.set_params(**suggest_params(trial, space)), X, y, cv=3).mean()
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    >>> study.optimize(objective, n_trials=2)
    >>> best = net.set_params(**suggest_params(study.best_trial, space)).fit(X, y)
    >>> best.hidden_layer_sizes in space["hidden_layer_sizes"]
    True
    """
    return {name: _suggested(trial, name, values) for name, values in space.items()}


def optuna_distributions(space: Mapping[str, Any]) -> dict[str, Any]:
    """A space as scikit-learn's searches have it, as distributions of Optuna.

    For `optuna_integration.OptunaSearchCV` and `study.ask`, with a study in memory, which holds choices of any type. A
    database would not give tuples back as they were: see `suggest_params`.

    Parameters
    ----------
    space : dict
        As for `suggest_params`.

    Returns
    -------
    distributions : dict of optuna.distributions.BaseDistribution
        By names of parameters.

    Raises
    ------
    ImportError
        Without Optuna.
    ValueError
        For another distribution.

    Examples
    --------
    >>> import optuna
    >>> from sknn import NNClassifier
    >>> from sknn.model_selection import optuna_distributions, search_space
    >>> distributions = optuna_distributions(search_space(NNClassifier("mlp")))
    >>> sorted(distributions)
    ['dropout', 'hidden_layer_sizes', 'learning_rate', 'weight_decay']
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> trial = optuna.create_study().ask(distributions)
    >>> net = NNClassifier("mlp").set_params(**trial.params)
    """
    try:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    except ImportError as error:
        raise ImportError("optuna_distributions needs Optuna. Install it with: pip install 'sknn[optuna]'") from error
    found: dict[str, Any] = {}
    for name, values in space.items():
        if not hasattr(values, "rvs"):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Choices for a categorical distribution", UserWarning)
                found[name] = CategoricalDistribution(_choices(values))
        else:
            kind, low, high = _range(name, values)
            found[name] = (
                IntDistribution(low, high)
                if kind == "randint"
                else FloatDistribution(low, high, log=kind == "loguniform")
            )
    return found


def _suggested(trial, name: str, values) -> Any:
    if hasattr(values, "rvs"):
        kind, low, high = _range(name, values)
        if kind == "randint":
            return trial.suggest_int(name, low, high)
        return trial.suggest_float(name, low, high, log=kind == "loguniform")
    choices = _choices(values)
    stored = [choice if isinstance(choice, _OWN_TYPES) else repr(choice) for choice in choices]
    return choices[stored.index(trial.suggest_categorical(name, stored))]


def _choices(values: Sequence) -> list:
    """With Python's types in the place of NumPy's, which Optuna does not know."""
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _range(name: str, values) -> tuple[str, Any, Any]:
    """Kind, lowest and highest value of a frozen distribution of SciPy."""
    kind = {"reciprocal": "loguniform"}.get(values.dist.name, values.dist.name)
    if kind not in ("uniform", "loguniform", "randint"):
        raise ValueError(
            f"space must hold lists, and SciPy's frozen uniform, loguniform and randint. Got {values.dist.name} for "
            f"{name!r}."
        )
    low, high = values.support()
    return kind, low.item(), high.item()
