"""The candidates that a search tries when it is given none."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import BOTH, data
from sknn import NNClassifier, NNRegressor
from sknn.model_selection import NNSearchCV
from sknn.model_selection._portfolio import portfolio
from sknn.model_selection._search_space import draw_candidates


@pytest.mark.parametrize("n_rows", [150, 3_000])
@BOTH
def test_factors_are_on_what_the_parameters_would_be(cls, n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    y = X[:, 0] > 0 if cls is NNClassifier else X[:, 0]
    usual = cls(max_epochs=1).fit(X, y).resolved_params_
    n_epochs = cls().fit(X, y).resolved_params_["max_epochs"] if n_rows == 150 else None
    first, fourth = (portfolio(cls(), X)[k] for k in (0, 3))
    assert first["learning_rate"] == pytest.approx(1.32 * usual["learning_rate"])
    assert first["batch_size"] == usual["batch_size"]
    assert fourth["batch_size"] == 4 * usual["batch_size"]
    if n_epochs:
        assert first["max_epochs"] == round(n_epochs / 2)


def test_each_is_valid_and_they_differ():
    X, y = data(NNRegressor, 110)
    found = portfolio(NNRegressor(), X)
    assert len({repr(params) for params in found}) == len(found)
    for params in found:
        clone(NNRegressor(random_state=0)).set_params(**params | {"max_epochs": 1}).fit(X, y)


@pytest.mark.parametrize("X", [sparse.random_array((200, 5), format="csr"), np.zeros((200, 300)).tolist()])
def test_where_numbers_are_not_embedded_candidates_do_not_embed_them_either(X):
    assert not any("module__numeric_embedding" in params for params in portfolio(NNClassifier(), X))


@BOTH
def test_a_search_without_distributions_takes_them_in_their_order(cls):
    X, y = data(cls, 120)
    net = cls(device="cpu", random_state=0)
    search = NNSearchCV(net, n_iter=2).fit(X, y)
    assert search.cv_results_["params"] == [{}, *portfolio(net, X)[:2]]
    assert search.cv_results_["n_epochs"].min() > 1


def test_in_a_pipeline_they_have_the_prefix_of_its_last_step_and_other_networks_a_space():
    X = np.zeros((200, 5))
    pipeline = make_pipeline(StandardScaler(), NNClassifier())
    (_, first) = draw_candidates(pipeline, None, 1, X, np.random.RandomState(0))
    assert first == {f"nnclassifier__{name}": value for name, value in portfolio(NNClassifier(), X)[0].items()}
    (_, first) = draw_candidates(NNClassifier("mlp"), None, 1, X, np.random.RandomState(0))
    assert sorted(first) == ["dropout", "hidden_layer_sizes", "learning_rate", "weight_decay"]
