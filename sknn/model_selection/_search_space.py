"""Which hyper-parameters are worth a search, and where."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.base import is_classifier
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline

from sknn.model_selection._portfolio import portfolio
from sknn.parameters import is_tabular

_MLP_LAYERS = [(64,), (128,), (96, 96), (128, 128), (256, 256), (128, 128, 128)]
_LAYERS: dict[str, list[tuple[int, ...]]] = {
    "tabular": [(64,), (128,), (64, 64), (96, 96), (192, 192), (96, 96, 96)],
    "mlp": _MLP_LAYERS,
    "resnet": [(64, 64), (128, 128), (256, 256), (128, 128, 128)],
    "cnn": [(16, 32), (32, 64), (32, 64, 128)],
}
_WIDTH = math.e  # factor on the default learning rate to both sides


def search_space(estimator, size: str = "small") -> dict[str, Any]:
    """Distributions of hyper-parameters that suit an estimator's network.

    For scikit-learn's `RandomizedSearchCV` and `HalvingRandomSearchCV`, and by `suggest_params` for Optuna. In a
    Pipeline put the name of the step in front of each key.

    Parameters
    ----------
    estimator : NNClassifier or NNRegressor
        Its `module` and its task count. Of a module of your own only the optimizer's parameters are searched.
    size : {"small", "full"}, default="small"
        "small": learning rate, weight decay, dropout and the layers. "full": also the size of batches, the activation
        and, for "tabular", the embedding of numbers.

    Returns
    -------
    space : dict
        Lists, and frozen distributions of SciPy, by names of parameters.

    Raises
    ------
    ValueError
        For another size.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import RandomizedSearchCV
    >>> from sknn import NNClassifier
    >>> from sknn.model_selection import search_space
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NNClassifier("mlp", max_epochs=20, random_state=0)
    >>> sorted(search_space(net))
    ['dropout', 'hidden_layer_sizes', 'learning_rate', 'weight_decay']
    >>> search = RandomizedSearchCV(net, search_space(net), n_iter=3, random_state=0).fit(X, y)
    >>> bool(search.best_score_ > 0.9)
    True
    """
    if size not in ("small", "full"):
        raise ValueError(f"size must be 'small' or 'full'. Got {size!r} instead.")
    module = estimator.module if isinstance(estimator.module, str) else None
    tabular = module == "tabular"
    learning_rate = (4e-3 if is_classifier(estimator) else 1e-2) if tabular else 1e-3
    space: dict[str, Any] = {
        "learning_rate": loguniform(learning_rate / _WIDTH, learning_rate * _WIDTH),
        "weight_decay": loguniform(0.02, 1.0) if tabular else loguniform(1e-6, 1e-2),
    }
    if module in _LAYERS:
        space |= {"dropout": uniform(0, 0.45), "hidden_layer_sizes": _LAYERS[module]}
    if size == "full":
        space["batch_size"] = [32, 64, 128, 256]
        if module in _LAYERS:
            space["activation"] = ["relu", "silu", "gelu", "mish"]
        if tabular:
            space["module__numeric_embedding"] = ["piecewise_linear", "thermometer", "periodic", None]
    return space


def draw_candidates(
    estimator, space: dict | list[dict] | None, n_iter: int | None, X, random_state: np.random.RandomState
) -> list[dict[str, Any]]:
    """The parameters of each candidate of a search: none for the estimator as it is, then those that are drawn.

    Without a space the first of the portfolio for the tabular network, or from `search_space` for others. With
    `n_iter=None` all of the portfolio, or of a grid.
    """
    if space is None:
        prefix, last = "", estimator
        if isinstance(last, Pipeline):
            name, last = last.steps[-1]
            prefix = f"{name}__"
        if is_tabular(last.module):
            chosen = portfolio(last, X)[:n_iter]
            return [{}, *({prefix + name: value for name, value in params.items()} for params in chosen)]
        space = {prefix + name: values for name, values in search_space(last).items()}
    if n_iter is None:
        return [{}, *ParameterGrid(space)]
    drawn = ParameterSampler(space, n_iter, random_state=random_state)
    if not any(hasattr(values, "rvs") for one in drawn.param_distributions for values in one.values()):
        n_grid = len(ParameterGrid(drawn.param_distributions))
        drawn = ParameterSampler(space, min(n_iter, n_grid), random_state=random_state)
    return [{}, *drawn]
