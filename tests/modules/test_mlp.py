"""The multilayer perceptron and the linear network against layers put together by hand."""

import pytest
import torch
from torch import nn

from sknn.modules import (
    ACTIVATIONS,
    MLP,
    CategoryEmbedding,
    Dropout,
    LinearNet,
    build_module,
    drawing_from,
    module_params_of,
)
from sknn.modules._layers import Linear


def test_mlp_is_linear_layers_with_activations_between():
    torch.manual_seed(0)
    net = MLP(5, 3, hidden_layer_sizes=(7, 6), activation="tanh")
    x = torch.randn(4, 5)
    first, _, second, _, last = net.layers
    expected = x
    for layer in (first, second):
        expected = torch.tanh(expected @ layer.weight.T + layer.bias)
    torch.testing.assert_close(net(x), expected @ last.weight.T + last.bias)


def test_mlp_without_hidden_layers_is_linear():
    net = MLP(5, 3, hidden_layer_sizes=())
    assert sum(p.numel() for p in net.parameters()) == 5 * 3 + 3


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_name_builds_its_layer(name):
    net = MLP(2, 1, hidden_layer_sizes=(3,), activation=name)
    assert type(net.layers[1]) is ACTIVATIONS[name]


def test_activation_can_be_a_factory():
    net = MLP(2, 1, hidden_layer_sizes=(3,), activation=lambda: nn.Hardtanh(-2, 2))
    assert net.layers[1].max_val == 2


def test_embeddings_are_looked_up_per_category_and_joined():
    embedding = CategoryEmbedding([4, 3], embedding_dim=2)
    codes = torch.tensor([[3, 0], [2, 2]])
    expected = torch.stack([torch.cat([embedding.weight[3], embedding.weight[4]]),
                            torch.cat([embedding.weight[2], embedding.weight[6]])])  # fmt: skip
    torch.testing.assert_close(embedding(codes), expected)


def test_unseen_and_missing_codes_start_at_zero_and_levels_do_not():
    weight = CategoryEmbedding([5, 4], embedding_dim=3).weight.detach()
    assert (weight[[0, 1, 5, 6]] == 0).all()
    assert (weight[[2, 3, 4, 7, 8]] != 0).all()


def test_mlp_feeds_embeddings_beside_the_floats():
    net = MLP(3, 2, cat_cardinalities=[6, 4], hidden_layer_sizes=(5,), embedding_dim=7)
    assert net.layers[0].in_features == 3 + 2 * 7
    assert net(torch.zeros(9, 3), torch.zeros(9, 2, dtype=torch.int64)).shape == (9, 2)


def test_dropout_zeroes_its_fraction_and_keeps_the_mean():
    layer, x = Dropout(0.3), torch.ones(200, 500)
    with drawing_from(torch.Generator().manual_seed(0)):
        out = layer(x)
    assert (out == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert out.mean().item() == pytest.approx(1, abs=0.01)
    assert out.unique().tolist() == pytest.approx([0, 1 / 0.7])


def test_dropout_is_the_identity_in_evaluation():
    x = torch.randn(3, 4)
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_dropout_draws_from_the_generator_of_the_fit_and_not_from_the_global_one():
    layer, x = Dropout(0.5), torch.ones(50, 50)
    state = torch.get_rng_state()
    with drawing_from(torch.Generator().manual_seed(7)):
        first = layer(x)
    with drawing_from(torch.Generator().manual_seed(7)):
        second = layer(x)
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("names", [["relu", "tanh"], ("relu", nn.Tanh)])
def test_each_hidden_layer_can_have_its_own_activation_and_dropout(names):
    net = MLP(3, 2, hidden_layer_sizes=(5, 4), activation=names, dropout=[0.0, 0.25])
    kinds = [type(layer) for layer in net.layers]
    assert kinds == [Linear, nn.ReLU, Linear, nn.Tanh, Dropout, Linear]
    assert net.layers[4].p == 0.25


@pytest.mark.parametrize(("name", "kind"), [("batch", nn.BatchNorm1d), ("layer", nn.LayerNorm)])
def test_normalization_stands_between_the_linear_layer_and_its_activation(name, kind):
    net = MLP(3, 2, hidden_layer_sizes=(5, 4), normalization=name, dropout=0.5)
    kinds = [type(layer) for layer in net.layers]
    assert kinds == [Linear, kind, nn.ReLU, Dropout] * 2 + [Linear]


@pytest.mark.parametrize(("name", "axis"), [("batch", 0), ("layer", 1)])
def test_normalization_is_what_the_formula_says(name, axis):
    torch.manual_seed(0)
    net = MLP(3, 2, hidden_layer_sizes=(5,), activation="tanh", normalization=name).double()
    x = torch.randn(6, 3, dtype=torch.float64)
    first, _, _, last = net.layers
    z = x @ first.weight.T + first.bias
    z = (z - z.mean(axis, keepdim=True)) / (z.var(axis, correction=0, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(net(x), torch.tanh(z) @ last.weight.T + last.bias)


def test_layer_normalization_trains_on_a_single_row():
    net = MLP(3, 2, hidden_layer_sizes=(5,), normalization="layer").train()
    assert net(torch.randn(1, 3)).isfinite().all()


@pytest.mark.parametrize("options", [{"activation": ["relu"]}, {"dropout": (0.1, 0.2, 0.3)}])
def test_a_list_of_another_length_is_refused_with_both_lengths(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=rf"{name} must be one value, or a list of 2.* Got a list of {len(value)}"):
        MLP(3, 2, hidden_layer_sizes=(5, 4), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "rellu"}, "activation must be one of .*'relu'.* Got 'rellu'"),
        ({"normalization": "group"}, r"normalization must be None or one of \['batch', 'layer'\]. Got 'group'"),
        ({"dropout": 1.0}, r"dropout must be a probability in \[0, 1\). Got 1.0"),
        ({"dropout": [0.1, -0.1]}, r"dropout must be a probability in \[0, 1\). Got -0.1"),
    ],
)
def test_options_that_are_none_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MLP(3, 2, hidden_layer_sizes=(5, 4), **options)


def test_linear_net_is_one_linear_layer_on_floats_and_embeddings():
    torch.manual_seed(0)
    net = LinearNet(3, 2, [6, 4], embedding_dim=5)
    x, codes = torch.randn(7, 3), torch.randint(0, 4, (7, 2))
    (layer,) = net.layers
    vectors = [net.embedding.weight[codes[:, 0]], net.embedding.weight[6 + codes[:, 1]]]
    torch.testing.assert_close(net(x, codes), torch.cat([x, *vectors], 1) @ layer.weight.T + layer.bias)


def test_linear_net_is_built_by_its_name_and_has_no_options_of_hidden_layers():
    facts = {"n_features": 3, "n_outputs": 2, "cat_cardinalities": (4,)}
    assert type(build_module("linear", {"embedding_dim": 5}, **facts)) is LinearNet
    assert module_params_of("linear") == ["n_features", "n_outputs", "cat_cardinalities", "embedding_dim"]
