"""The residual network against its formula."""

import pytest
import torch
from torch import nn

from sknn.modules import Dropout, ResNet, build_ensemble, build_module, drawing_from

F = nn.functional


def normalized(x, kind):
    axis = 0 if kind == "batch" else 1
    return (x - x.mean(axis, keepdim=True)) / (x.var(axis, correction=0, keepdim=True) + 1e-5).sqrt()


def linear(x, layer):
    return x @ layer.weight.T + layer.bias


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_the_output_is_what_the_formula_says(kind):
    torch.manual_seed(0)
    net = ResNet(3, 2, [4], hidden_layer_sizes=(7, 6), width=5, normalization=kind, embedding_dim=2).double()
    x_num, x_cat = torch.randn(8, 3, dtype=torch.float64), torch.randint(0, 4, (8, 1))
    x = linear(torch.cat([x_num, net.embedding.weight[x_cat[:, 0]]], 1), net.first)
    for block in net.blocks:
        hidden, back = (layer for layer in block if isinstance(layer, nn.Linear))
        x = x + linear(torch.relu(linear(normalized(x, kind), hidden)), back)
    expected = linear(torch.relu(normalized(x, kind)), net.head[-1])
    torch.testing.assert_close(net(x_num, x_cat), expected)


def test_blocks_have_the_hidden_widths_and_both_kinds_of_dropout():
    net = ResNet(3, 2, hidden_layer_sizes=(7, 6), width=5, dropout=[0.1, 0.2], residual_dropout=0.3)
    for block, size, rate in zip(net.blocks, (7, 6), (0.1, 0.2), strict=True):
        norm, hidden, _, first, back, second = block
        assert type(norm) is nn.BatchNorm1d
        assert (hidden.in_features, hidden.out_features, back.in_features, back.out_features) == (5, size, size, 5)
        assert type(first) is type(second) is Dropout
        assert (first.p, second.p) == (rate, 0.3)


def test_without_dropout_there_is_no_such_layer():
    assert not any(isinstance(layer, Dropout) for layer in ResNet(3, 2).modules())


def test_residual_dropout_drops_what_blocks_add_and_never_the_main_path():
    net = ResNet(3, 2, hidden_layer_sizes=(6,), width=4, residual_dropout=0.5, normalization="layer")
    net.head = nn.Identity()
    x = torch.randn(500, 3)
    main = net.first(x)
    added = net.eval()(x) - main
    with drawing_from(torch.Generator().manual_seed(0)):
        found = net.train()(x) - main
    dropped = found.abs() < 1e-6
    assert dropped.float().mean().item() == pytest.approx(0.5, abs=0.05)
    torch.testing.assert_close(found[~dropped], 2 * added[~dropped], rtol=1e-4, atol=1e-5)


def test_each_block_can_have_its_own_activation_and_the_last_one_leads_to_the_outputs():
    net = ResNet(3, 2, hidden_layer_sizes=(7, 6), activation=["tanh", nn.GELU])
    assert [type(block[2]) for block in net.blocks] == [nn.Tanh, nn.GELU]
    assert type(net.head[1]) is nn.GELU


@pytest.mark.parametrize("normalization", ["batch", "layer", None])
def test_every_parameter_gets_a_gradient(normalization):
    torch.manual_seed(0)
    net = ResNet(3, 2, [5], hidden_layer_sizes=(8, 8), width=6, normalization=normalization)
    net(torch.randn(32, 3), torch.arange(32).remainder(5).view(-1, 1)).square().sum().backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in net.parameters())


def test_weights_survive_a_round_trip():
    torch.manual_seed(0)
    net, other = (ResNet(3, 2, hidden_layer_sizes=(8,), width=6) for _ in range(2))
    x = torch.randn(20, 3)
    net(x)  # moves the running statistics
    other.load_state_dict(net.state_dict())
    assert torch.equal(net.eval()(x), other.eval()(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes must have an entry for each block"),
        ({"activation": ["relu"]}, "activation must be one value, or a list of 2.* Got a list of 1"),
        ({"dropout": [0.1] * 3}, "dropout must be one value, or a list of 2.* Got a list of 3"),
        ({"residual_dropout": 1.5}, r"dropout must be a probability in \[0, 1\). Got 1.5"),
        ({"normalization": "group"}, "normalization must be None or one of .* Got 'group'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ResNet(3, 2, **options)


def test_it_is_built_by_its_name_and_can_be_in_an_ensemble():
    facts = {"n_features": 3, "n_outputs": 2, "cat_cardinalities": ()}
    networks = [build_module("resnet", {"hidden_layer_sizes": (8,), "width": 4}, **facts) for _ in range(3)]
    assert type(networks[0]) is ResNet
    ensemble = build_ensemble(networks, {"x_num": torch.randn(5, 3)}, 2).eval()
    x = torch.randn(3, 6, 3)
    expected = torch.stack([network.eval()(x[k]) for k, network in enumerate(networks)])
    torch.testing.assert_close(ensemble(x_num=x), expected)
