"""Every initialisation against its variance, bound or orthogonality, and unit variance measured on rows."""

import math

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn

from sknn import NNClassifier
from sknn.modules import (
    ACTIVATIONS,
    CNN,
    INITIALIZERS,
    MLP,
    EnsembleLinear,
    ResNet,
    TabularNet,
    initialize,
    initializer_for,
    scale_to_unit_variance,
)

# Variance of a weight by its fan-in and fan-out.
VARIANCE = {
    "glorot_uniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "glorot_normal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he_uniform": lambda fan_in, fan_out: 2 / fan_in,
    "he_normal": lambda fan_in, fan_out: 2 / fan_in,
    "lecun_normal": lambda fan_in, fan_out: 1 / fan_in,
    "small_normal": lambda fan_in, fan_out: 1e-4,
}
# Layers and their fan-in and fan-out.
LAYERS = {
    "linear": (lambda: nn.Linear(300, 200), 300, 200),
    "conv1d": (lambda: nn.Conv1d(60, 80, 5), 60 * 5, 80 * 5),
    "conv2d": (lambda: nn.Conv2d(30, 40, 3), 30 * 9, 40 * 9),
    "conv3d": (lambda: nn.Conv3d(10, 30, 3), 10 * 27, 30 * 27),
}


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_every_name_is_tested():
    assert set(INITIALIZERS) == {*VARIANCE, "zero", "orthogonal", "unit_variance"}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("name", VARIANCE)
def test_weights_have_the_moments_of_the_formula(name, kind):
    make, fan_in, fan_out = LAYERS[kind]
    layer = make()
    initialize(layer, name)
    weight, variance = layer.weight.detach().double(), VARIANCE[name](fan_in, fan_out)
    std = math.sqrt(variance)
    n = weight.numel()
    assert abs(weight.mean().item()) < 4 * std / math.sqrt(n)
    assert weight.var().item() == pytest.approx(variance, rel=6 / math.sqrt(n))
    if name.endswith("uniform"):
        assert 0.999 * math.sqrt(3) * std < weight.abs().max().item() <= math.sqrt(3) * std * (1 + 1e-6)
    else:  # the fourth moment tells a normal distribution from a uniform one (1.8) or a truncated one
        assert ((weight / std) ** 4).mean().item() == pytest.approx(3, abs=0.2)
    assert (layer.bias == 0).all()


@pytest.mark.parametrize("name", ["orthogonal", "unit_variance"])
@pytest.mark.parametrize("make", [lambda: nn.Linear(30, 20), lambda: nn.Linear(20, 30), lambda: nn.Conv2d(3, 20, 3)])
def test_rows_or_columns_are_orthonormal(name, make):
    layer = make()
    initialize(layer, name)
    q = layer.weight.detach().flatten(1)
    product = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    torch.testing.assert_close(product, torch.eye(len(product)), atol=1e-5, rtol=0)


def test_zero_is_zero():
    layer = nn.Linear(3, 2)
    initialize(layer, "zero")
    assert (layer.weight == 0).all()
    assert (layer.bias == 0).all()


def test_the_weight_can_be_filled_by_a_function():
    net = MLP(3, 2, hidden_layer_sizes=(4,))
    initialize(net, lambda weight: weight.fill_(0.5))
    assert all((net.layers[i].weight == 0.5).all() and (net.layers[i].bias == 0).all() for i in (0, 2))


def test_embeddings_and_normalisations_stay_and_the_rest_is_drawn_anew():
    net = ResNet(3, 2, [5], hidden_layer_sizes=(4,), width=6)
    before = {name: value.clone() for name, value in net.named_parameters()}
    initialize(net, "he_normal")
    changed = {name for name, value in net.named_parameters() if not torch.equal(value, before[name])}
    linear = {"first", "blocks.0.1", "blocks.0.3", "head.2"}
    assert changed == {f"{layer}.{kind}" for layer in linear for kind in ("weight", "bias")}


def test_layers_without_a_bias_are_no_problem():
    net = nn.ModuleList([nn.Conv2d(1, 2, 3, bias=False), nn.Linear(4, 3, bias=False)])
    initialize(net, lambda weight: weight.fill_(1))
    assert all((p == 1).all() for p in net.parameters())


def test_dtype_gradients_and_identity_of_the_weights_stay():
    layer = nn.Linear(4, 3).double()
    weight = layer.weight
    initialize(layer, "orthogonal")
    assert layer.weight is weight
    assert weight.dtype == torch.float64
    assert weight.requires_grad
    assert weight.grad_fn is None


def test_it_draws_from_the_global_generator():
    first, second, other = nn.Linear(4, 3), nn.Linear(4, 3), nn.Linear(4, 3)
    for layer, seed in ((first, 1), (second, 1), (other, 2)):
        torch.manual_seed(seed)
        initialize(layer, "glorot_normal")
    assert torch.equal(first.weight, second.weight)
    assert not torch.equal(first.weight, other.weight)


@pytest.mark.parametrize("name", ["he_uniform", "orthogonal"])
def test_each_member_of_an_ensemble_is_a_network_of_its_own(name):
    net = TabularNet(30, 2, n_members=3, hidden_layer_sizes=(50, 40))
    initialize(net, name)
    for layer in net.layers[::2]:
        assert not torch.equal(layer.weight[0], layer.weight[1])
        assert (layer.bias == 0).all()
        for weight in layer.weight.detach():  # (out, in)
            if name == "orthogonal":
                product = weight @ weight.T if weight.shape[0] <= weight.shape[1] else weight.T @ weight
                torch.testing.assert_close(product, torch.eye(len(product)), atol=1e-5, rtol=0)
            else:
                assert weight.var().item() == pytest.approx(2 / weight.shape[1], rel=0.3)


@pytest.mark.parametrize("name", ["he", "Zero", None, 3])
def test_an_unknown_name_is_refused_with_the_right_ones(name):
    with pytest.raises(ValueError, match=r"weight_init must be one of \['glorot_normal', .*'zero'\].* Got"):
        initialize(nn.Linear(2, 2), name)


def outputs_of_layers(net, inputs):
    """What each linear or convolutional layer gives, in evaluation."""
    seen = {}
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    hooks = [layer.register_forward_hook(lambda layer, _, out: seen.update({layer: out})) for layer in layers]
    net.eval()(**inputs)
    for hook in hooks:
        hook.remove()
    return [seen[layer] for layer in layers]


class Twice(nn.Module):
    """The same layer two times, called by keyword, and layers declared in another order than they run in."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 2)
        self.first = nn.Linear(4, 6)
        self.again = nn.Linear(6, 6, bias=False)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        return self.last(torch.tanh(self.again(input=torch.tanh(self.again(input=x)))))


NETWORKS = {
    "mlp": lambda: MLP(4, 3, [5], hidden_layer_sizes=(30, 20), dropout=0.5),
    "deep": lambda: MLP(4, 3, [5], hidden_layer_sizes=[25] * 20, activation="tanh"),
    "batch": lambda: MLP(4, 3, [5], hidden_layer_sizes=(30, 20), normalization="batch"),
    "resnet": lambda: ResNet(4, 3, [5], hidden_layer_sizes=(30, 20), width=16),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_layer_gives_unit_variance(kind):
    net = NETWORKS[kind]().double()
    inputs = {"x_num": 30 * torch.randn(200, 4, dtype=torch.float64), "x_cat": torch.randint(0, 5, (200, 1))}
    initialize(net, "unit_variance")
    scale_to_unit_variance(net, inputs)
    for output in outputs_of_layers(net, inputs):
        assert output.var(correction=0).item() == pytest.approx(1, rel=1e-9)


def test_convolutions_give_unit_variance():
    net, x = CNN(3, (1, 12, 12), hidden_layer_sizes=(4, 6)).double(), torch.rand(50, 12, 12, dtype=torch.float64)
    initialize(net, "unit_variance")
    scale_to_unit_variance(net, {"x_num": x})
    for output in outputs_of_layers(net, {"x": x}):
        assert output.var(correction=0).item() == pytest.approx(1, rel=1e-9)


def test_scaling_changes_nothing_but_the_length_of_weights():
    net, x = MLP(4, 3, hidden_layer_sizes=(6,)), torch.randn(100, 4)
    initialize(net, "unit_variance")
    before = net.layers[0].weight.detach().clone()
    scale_to_unit_variance(net, {"x_num": x})
    ratio = net.layers[0].weight.detach() / before
    torch.testing.assert_close(ratio, ratio[0, 0].expand_as(ratio))
    spread = (x @ before.T).std(correction=0)
    torch.testing.assert_close(ratio[0, 0], 1 / spread)


def test_layers_are_scaled_once_and_in_the_order_in_which_they_run():
    net, x = Twice(), 5 * torch.randn(300, 4)
    initialize(net, "orthogonal")
    scale_to_unit_variance(net, {"x_num": x})
    with torch.no_grad():
        z = net.first(x)
        first_time = net.again(torch.tanh(z))
        second_time = net.again(torch.tanh(first_time))
        for output in (z, first_time, net.last(torch.tanh(second_time))):
            assert output.var(correction=0).item() == pytest.approx(1, rel=1e-5)
        assert second_time.var(correction=0).item() != pytest.approx(1, rel=1e-2)


@pytest.mark.parametrize("training", [True, False])
def test_scaling_leaves_mode_statistics_and_hooks_as_they_were(training):
    net = MLP(4, 3, hidden_layer_sizes=(6,), normalization="batch").train(training)
    initialize(net, "orthogonal")
    before = {name: value.clone() for name, value in net.named_buffers()}
    scale_to_unit_variance(net, {"x_num": torch.randn(50, 4)})
    assert net.training is net.layers[1].training is training
    assert all(torch.equal(value, before[name]) for name, value in net.named_buffers())
    weight = net.layers[0].weight.clone()
    net(9 * torch.randn(50, 4))
    assert torch.equal(net.layers[0].weight, weight)


def test_a_constant_output_is_left_alone():
    net = MLP(4, 3, hidden_layer_sizes=(6,))
    initialize(net, "zero")
    scale_to_unit_variance(net, {"x_num": torch.randn(50, 4)})
    assert all((p == 0).all() for p in net.parameters())


def test_hooks_are_gone_after_an_error():
    net = MLP(4, 3, hidden_layer_sizes=(6,))
    with pytest.raises(RuntimeError):
        scale_to_unit_variance(net, {"x_num": torch.randn(50, 5)})
    assert not any(layer._forward_hooks for layer in net.modules())
    assert net.training


@pytest.mark.parametrize("options", [{}, {"dropout": 0.5}, {"hidden_layer_sizes": ()}])
def test_every_layer_of_every_member_gives_unit_variance(options):
    net = TabularNet(3, 2, [4], n_members=3, **{"hidden_layer_sizes": (20, 10)} | options).double()
    x_num, x_cat = 20 * torch.randn(200, 3, dtype=torch.float64), torch.randint(0, 4, (200, 1))
    with torch.no_grad():
        net.layers[0].scale.fill_(1.5)
    initialize(net, "unit_variance")
    scale_to_unit_variance(net, {"x_num": x_num, "x_cat": x_cat})
    h = net.embed(x_num, x_cat)
    for layer in net.eval().layers:
        h = layer(h)
        if isinstance(layer, EnsembleLinear):
            torch.testing.assert_close(h.var((1, 2), correction=0), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(net(x_num, x_cat), h.transpose(1, 2))


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        *[(name, "he_uniform") for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "mish")],
        *[(name, "glorot_uniform") for name in ("sigmoid", "tanh", "softplus", "identity", "sine", None, [])],
        ("selu", "lecun_normal"),
        (nn.SELU, "lecun_normal"),
        (nn.Hardtanh, "glorot_uniform"),
        (lambda: nn.LeakyReLU(0.2), "he_uniform"),
        (["gelu", "tanh"], "he_uniform"),
        ((nn.Tanh, "relu"), "glorot_uniform"),
    ],
)
def test_the_initialisation_follows_the_activation(activation, expected):
    assert initializer_for(activation) == expected


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_class_and_its_name_have_the_same_initialisation(name):
    assert initializer_for(ACTIVATIONS[name]) == initializer_for(name)


# -- by the estimators ------------------------------------------------------------------------


class Drawn(nn.Module):
    """A network of one's own, with a parameter that has the name of the built-in networks' entry."""

    def __init__(self, n_features, n_outputs, weight_init="small_normal"):
        super().__init__()
        self.linear = nn.Linear(n_features, n_outputs)
        initialize(self, weight_init)
        self.first = self.linear.weight.detach().clone()

    def forward(self, x):
        return self.linear(x)


IRIS = load_iris(return_X_y=True)
STANDING_STILL = {"optimizer": "sgd", "learning_rate": 1e-12, "max_epochs": 1, "early_stopping": False}


@pytest.mark.parametrize(
    ("module", "activation", "expected"),
    [
        ("tabular", "auto", "unit_variance"),
        ("mlp", "auto", "he_uniform"),
        ("resnet", "gelu", "he_uniform"),
        ("mlp", "selu", "lecun_normal"),
        ("mlp", "tanh", "glorot_uniform"),
        ("linear", "auto", "he_uniform"),
    ],
)
def test_first_weights_of_built_in_networks_follow_from_the_rest_unless_they_are_named(module, activation, expected):
    net = NNClassifier(module, activation=activation, preset="fast", random_state=0, **STANDING_STILL)
    by_rule = net.fit(*IRIS)
    assert by_rule.resolved_params_["module_params"]["weight_init"] == expected
    named = clone(net).set_params(module__weight_init=expected).fit(*IRIS)
    other = clone(net).set_params(module__weight_init="small_normal").fit(*IRIS)
    assert np.array_equal(named.predict_proba(IRIS[0]), by_rule.predict_proba(IRIS[0]))
    assert not np.array_equal(other.predict_proba(IRIS[0]), by_rule.predict_proba(IRIS[0]))


@pytest.mark.parametrize("weight_init", ["small_normal", "zero"])
def test_first_weights_of_a_module_of_ones_own_are_those_of_its_constructor(weight_init):
    net = NNClassifier(Drawn, {"weight_init": weight_init}, random_state=0, **STANDING_STILL).fit(*IRIS)
    assert net.resolved_params_["module_params"] == {"weight_init": weight_init}
    torch.testing.assert_close(net.module_.linear.weight, net.module_.first, atol=1e-9, rtol=1e-6)
    assert (net.module_.first == 0).all() == (weight_init == "zero")


def test_first_weights_cannot_change_when_training_is_resumed():
    net = NNClassifier("mlp", warm_start=True, random_state=0, **STANDING_STILL).fit(*IRIS).fit(*IRIS)
    with pytest.raises(InvalidParameterError, match=r"'module_params' parameter .* must not change"):
        net.set_params(module__weight_init="zero").fit(*IRIS)
