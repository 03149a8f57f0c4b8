"""The search of hyper-parameters."""

from sknn.model_selection._ensemble_selection import greedy_weights
from sknn.model_selection._optuna import optuna_distributions, suggest_params
from sknn.model_selection._search import NNSearchCV
from sknn.model_selection._search_space import search_space

__all__ = ["NNSearchCV", "greedy_weights", "optuna_distributions", "search_space", "suggest_params"]
