"""Penalties by hand, and their minima against scikit-learn's linear models."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet, Lasso, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn

from sknn import NNClassifier, NNRegressor
from sknn.callbacks import Callback, ClipGradient, Penalty, WeightAverage
from sknn.callbacks._penalty import penalised
from sknn.modules import MLP, TabularNet


def begun(penalty, module):
    penalty.on_train_begin(SimpleNamespace(module_=module))
    return penalty


def test_value_and_gradient_by_hand():
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.5, -2.0]]))
    penalty = begun(Penalty(l1=0.1, l2=0.4), layer)
    assert penalty.value().item() == pytest.approx(0.1 * 2.5 + 0.2 * (0.25 + 4))
    layer.weight.grad, layer.bias.grad = torch.ones(1, 2), torch.ones(1)
    penalty.add_gradient()
    assert layer.weight.grad.tolist() == [pytest.approx([1 + 0.1 + 0.2, 1 - 0.1 - 0.8])]
    assert layer.bias.grad.tolist() == [1.0]


def test_a_step_across_zero_ends_there_and_a_small_gradient_does_not_leave_it():
    layer = nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.01, 0.0, 0.0]]))
    penalty = begun(Penalty(l1=0.5), layer)
    layer.weight.grad = torch.tensor([[1.0, 0.4, -2.0]])
    penalty.add_gradient()
    with torch.no_grad():
        layer.weight -= 0.1 * layer.weight.grad
    penalty.end_step()
    assert layer.weight.tolist() == [pytest.approx([0.0, 0.0, 0.15])]


def test_weights_are_penalised_and_biases_and_scales_are_not():
    mlp = MLP(3, 2, [4], hidden_layer_sizes=(5,), normalization="batch")
    names = {id(p): name for name, p in mlp.named_parameters()}
    assert {names[id(p)] for p in penalised(mlp)} == {"embedding.weight", "layers.0.weight", "layers.3.weight"}
    net = TabularNet(2, 1, [3], bins=[[0.0, 1.0], None], n_members=2, hidden_layer_sizes=(4,))
    names = {id(p): name for name, p in net.named_parameters()}
    expected = {"numeric.weight", "categories.weight", "layers.0.weight", "layers.2.weight"}
    assert {names[id(p)] for p in penalised(net)} == expected


X, Y = load_diabetes(return_X_y=True)
X = StandardScaler().fit_transform(X)
TARGET = (Y - Y.mean()) / Y.std()


def linear(**params):
    """A linear model trained on all rows at once; the loss is the mean of squares, twice scikit-learn's half mean."""
    net = NNRegressor("linear", preprocessing=None, weight_decay=0, early_stopping=False, batch_size=len(Y),
                      random_state=0, **params).fit(X, Y)  # fmt: skip
    return net.module_.layers[-1].weight.detach().numpy()[0]


@pytest.mark.parametrize(("l1", "l2"), [(0.1, 0.0), (0.2, 0.1), (0.02, 0.5)])
def test_l1_and_the_elastic_net_find_scikit_learns_coefficients_and_its_zeros(l1, l2):
    found = linear(callbacks=[Penalty(l1, l2)], optimizer="sgd", learning_rate=0.2, max_epochs=1500)
    alpha = (l1 + l2) / 2
    expected = ElasticNet(alpha=alpha, l1_ratio=l1 / (l1 + l2), tol=1e-10, max_iter=100_000).fit(X, TARGET).coef_
    np.testing.assert_allclose(found, expected, atol=2e-4)
    assert np.array_equal(found == 0, expected == 0)


def test_lasso_drops_features_with_adam_too():
    found = linear(
        callbacks=[Penalty(l1=0.2)], optimizer="adam", learning_rate=0.01, lr_schedule="cosine", max_epochs=2000
    )
    expected = Lasso(alpha=0.1, tol=1e-10).fit(X, TARGET).coef_
    np.testing.assert_allclose(found, expected, atol=5e-3)
    assert np.array_equal(found == 0, expected == 0)


@pytest.mark.parametrize("params", [{"optimizer": "lbfgs", "max_epochs": 20},
                                    {"optimizer": "sgd", "learning_rate": 0.2, "max_epochs": 1500}])  # fmt: skip
def test_l2_finds_the_coefficients_of_ridge_regression(params):
    expected = Ridge(alpha=0.3 / 2 * len(Y)).fit(X, TARGET).coef_
    np.testing.assert_allclose(linear(callbacks=[Penalty(l2=0.3)], **params), expected, atol=1e-3)


def test_an_ensemble_is_penalised_member_by_member():
    params = {"module_params": {"numeric_embedding": None}, "hidden_layer_sizes": (16,), "max_epochs": 60}
    net = NNRegressor(callbacks=[Penalty(l1=0.05)], n_members=3, random_state=0, **params).fit(X, Y)
    plain = NNRegressor(n_members=3, random_state=0, **params).fit(X, Y)
    fractions = [(n.module_.layers[0].weight == 0).float().mean((1, 2)).min().item() for n in (net, plain)]
    assert fractions[0] > 0.3
    assert fractions[1] == 0


# -- in a list of callbacks -------------------------------------------------------------------

SMALL = {"max_epochs": 2, "early_stopping": False, "random_state": 0}


def outputs(*callbacks, module="mlp", **params):
    net = NNRegressor(module, callbacks=list(callbacks), **SMALL, **params).fit(X[:100], Y[:100])
    return net.predict(X)


@pytest.mark.parametrize("params", [{"module": "mlp"}, {"module": "tabular", "n_members": 2}], ids=str)
def test_penalties_add_up_and_none_is_no_penalty(params):
    plain, both = outputs(**params), outputs(Penalty(0.03, 0.1), **params)
    assert np.abs(both - plain).max() > 0.1
    np.testing.assert_allclose(outputs(Penalty(l2=0.1), Penalty(l1=0.01), Penalty(l1=0.02), **params), both, rtol=1e-4)
    np.testing.assert_array_equal(outputs(Penalty(), **params), plain)


@pytest.mark.parametrize("other", [ClipGradient(0.1), WeightAverage(0.5)])
def test_a_penalty_is_part_of_the_step_wherever_it_stands(other):
    penalty = Penalty(0.03, 0.1)
    np.testing.assert_array_equal(outputs(other, penalty), outputs(penalty, other))


def test_a_penalised_ensemble_keeps_the_gradient_in_closed_form():
    seen = []

    class Watch(Callback):
        def on_step_end(self, net):
            seen.append(net.state.manual is not None)

    outputs(Penalty(0.01, 0.01), Watch(), module="tabular", n_members=2)
    assert seen
    assert all(seen)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.longdouble])
def test_strengths_may_be_numbers_of_numpy(kind):
    np.testing.assert_array_equal(outputs(Penalty(kind(0.125), kind(0.25))), outputs(Penalty(0.125, 0.25)))
    of_line_search = {"optimizer": "lbfgs", "module": "linear"}
    np.testing.assert_array_equal(
        outputs(Penalty(l2=kind(0.25)), **of_line_search), outputs(Penalty(l2=0.25), **of_line_search)
    )


def test_strengths_are_searched_and_the_users_own_is_left_alone():
    penalty = Penalty(l2=0.5)
    net = NNRegressor("mlp", callbacks=[penalty], **SMALL)
    search = GridSearchCV(net, {"callbacks__penalty__l2": [0.0, 10.0], "callbacks__penalty__l1": [0.0]}, cv=2)
    search.fit(X[:100], Y[:100])
    assert search.best_estimator_.get_params()["callbacks__penalty__l2"] in (0.0, 10.0)
    assert len(set(search.cv_results_["mean_test_score"])) == 2
    assert vars(penalty) == {"l1": 0.0, "l2": 0.5}
    fitted = net.fit(X, Y)
    assert pickle.loads(pickle.dumps(fitted)).predict(X).tolist() == fitted.predict(X).tolist()
    assert clone(fitted).callbacks[0].l2 == 0.5


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "1", None])
@pytest.mark.parametrize("name", ["l1", "l2"])
def test_a_strength_that_is_none_is_refused_before_any_work(name, value):
    net = NNClassifier(callbacks=[("named", Penalty(**{name: value}))])
    with pytest.raises(InvalidParameterError, match=rf"The '{name}' parameter of Penalty must be .*\[0.0, inf\)"):
        net.fit(X, Y > 140)
    assert not hasattr(net, "n_features_in_")
