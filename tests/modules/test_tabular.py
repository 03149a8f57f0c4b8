"""The tabular network: shapes, embeddings, initialisation, and the manual gradient against torch's."""

import numpy as np
import pytest
import torch
from torch import nn

from sknn.modules import ManualBackward, TabularNet, drawing_from, has_manual_backward

F = nn.functional
BINS = [[-2.0, -1.0, 0.0, 2.0], None, [0.0, 0.5, 1.0, 1.5]]
THRESHOLDS = [np.linspace(-1, 1, 12).reshape(3, 4), None, np.linspace(1, -1, 12).reshape(3, 4)]  # of three members


def make(n_members=3, bins=BINS, cards=(4, 6), **params):
    torch.manual_seed(0)
    net = TabularNet(3, 2, cards, bins=bins, n_members=n_members, **{"hidden_layer_sizes": (7, 5)} | params)
    for p in net.parameters():
        p.data += 0.1 * torch.randn_like(p)
    return net.double()


def rows(n_members=3, n=11, cards=(4, 6)):
    torch.manual_seed(1)
    x_num = torch.randn(n_members, n, 3, dtype=torch.float64)
    x_cat = torch.stack([torch.randint(0, card, (n_members, n)) for card in cards], -1) if cards else None
    return x_num, x_cat


@pytest.mark.parametrize("embedding", ["piecewise_linear", "thermometer", "periodic", None])
@pytest.mark.parametrize("options", [{}, {"hidden_layer_sizes": (), "learnable_scale": False}])
def test_each_member_is_a_network_of_its_own(embedding, options):
    bins = THRESHOLDS if embedding == "thermometer" else BINS
    net, (x_num, x_cat) = make(bins=bins, numeric_embedding=embedding, **options), rows()
    together = net(x_num, x_cat)
    assert together.shape == (3, 11, 2)
    for k in range(3):
        own = (
            [None if feature is None else feature[k : k + 1] for feature in bins]
            if embedding == "thermometer"
            else bins
        )
        alone = make(n_members=1, bins=own, numeric_embedding=embedding, **options)
        for name, p in alone.named_parameters():
            p.data = net.get_parameter(name).data[k : k + 1]
        torch.testing.assert_close(alone(x_num[k : k + 1], x_cat[k : k + 1])[0], together[k])
        torch.testing.assert_close(alone(x_num[k], x_cat[k])[0], together[k])


def test_rows_that_members_share_need_not_be_repeated():
    net, (x_num, x_cat) = make(), rows()
    shared = net(x_num[0], x_cat[0])
    torch.testing.assert_close(shared, net(x_num[:1].expand(3, -1, -1), x_cat[:1].expand(3, -1, -1)))


def test_the_first_layer_is_what_the_formulas_say():
    net, (x_num, x_cat) = make(n_members=1), rows(1)
    x, codes = x_num[0].numpy(), x_cat[0].numpy()
    parts = []
    for n, (column, edges) in enumerate(((0, BINS[0]), (2, BINS[2]))):
        left, right = np.array(edges[:-1]), np.array(edges[1:])
        fraction = np.clip((x[:, [column]] - left) / (right - left), 0, 1)
        basis = np.c_[fraction, x[:, column]]
        parts.append(basis @ net.numeric.weight.detach().numpy()[0, n].T)
    parts.append(x[:, [1]])
    table = net.categories.weight.detach().numpy()[0]
    parts += [table[codes[:, 0]], table[4 + codes[:, 1]]]
    np.testing.assert_allclose(net.embed(x_num[0], x_cat[0])[0].detach().numpy().T, np.hstack(parts), atol=1e-12)


def test_a_thermometer_encoding_is_what_the_formula_says():
    net, (x_num, _) = make(bins=THRESHOLDS, cards=(), numeric_embedding="thermometer"), rows(cards=())
    for k in range(3):
        parts = []
        for n, column in enumerate((0, 2)):
            x = x_num[k, :, column].numpy()
            basis = np.c_[x[:, None] >= np.float32(THRESHOLDS[column][k]), x]
            parts.append(basis @ net.numeric.weight.detach().numpy()[k, n].T)
        expected = np.hstack([*parts, x_num[k, :, [1]].numpy()])
        np.testing.assert_allclose(net.embed(x_num, None)[k].detach().numpy().T, expected, atol=1e-12)


def test_periodic_embedding_is_what_the_formula_says():
    net, (x_num, _) = make(n_members=1, cards=(), numeric_embedding="periodic"), rows(1, cards=())
    part, x = net.numeric, x_num[0, :, 0].numpy()
    frequency, phase, bias = (
        p.detach().numpy()[0].reshape(2, -1, 1)[0] for p in (part.frequency, part.phase, part.bias)
    )
    weight = part.weight.detach().numpy()[0, 0]
    waves = np.cos(2 * np.pi * (frequency * x + phase))
    expected = np.vstack([weight @ waves + bias, x])
    np.testing.assert_allclose(net.embed(x_num[0], None)[0].detach().numpy()[:8], expected, atol=1e-12)


def test_initialisation_gives_every_unit_unit_variance():
    net, (x_num, x_cat) = make(), rows(1, n=400)
    net.initialize(x_num[0], x_cat[0])
    h = net.embed(x_num[0], x_cat[0])
    for linear, activation in zip(net.layers[::2], net.layers[1::2], strict=False):
        z = torch.matmul(linear.weight, h)
        torch.testing.assert_close(z.std(-1, correction=0), torch.ones(3, z.shape[1], dtype=torch.float64))
        z = z + linear.bias.unsqueeze(2)
        assert ((z.min(-1).values < 0) & (z.max(-1).values > 0)).all()  # the kink lies amid the data
        h = activation(z)


@pytest.mark.parametrize("activation", ["relu", "silu", "gelu"])
@pytest.mark.parametrize("bins", [BINS, (), [None, BINS[0], BINS[2]]])
@pytest.mark.parametrize("cards", [(), (4, 6)])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("embedding", ["piecewise_linear", "thermometer"])
def test_the_manual_gradient_is_that_of_torch(activation, bins, cards, scale, embedding):
    if embedding == "thermometer":
        bins = [None if feature is None else THRESHOLDS[0] for feature in bins]
    options = {"activation": activation, "learnable_scale": scale, "numeric_embedding": embedding}
    net, (x_num, x_cat) = make(bins=bins, cards=cards, **options), rows(cards=cards)
    assert has_manual_backward(net)
    target = torch.randint(0, 2, (33,))
    parameters = list(net.parameters())
    output = net(x_num, x_cat)
    expected = torch.autograd.grad(F.cross_entropy(output.flatten(0, 1), target), parameters)
    for p in parameters:
        p.grad = torch.full_like(p, torch.nan)
    manual = ManualBackward(net).passes(11)
    for _ in range(2):  # memory of the first step is used again
        found = manual.forward(x_num, x_cat).requires_grad_()
        F.cross_entropy(found.flatten(0, 1), target).backward()
        manual.backward(found.grad)
        torch.testing.assert_close(found.detach(), output.detach())
        for p, gradient in zip(parameters, expected, strict=True):
            torch.testing.assert_close(p.grad, gradient)


def test_manual_dropout_drops_the_same_units():
    net, (x_num, x_cat) = make(dropout=0.5), rows()
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    net.train()
    with drawing_from(torch.Generator().manual_seed(0)):
        by_torch = net.float()(x_num.float(), x_cat)
    with drawing_from(torch.Generator().manual_seed(0)):
        manually = ManualBackward(net).passes(11).forward(x_num.float(), x_cat)
    torch.testing.assert_close(by_torch, manually)
    assert not torch.allclose(by_torch, net.eval()(x_num.float(), x_cat))


@pytest.mark.parametrize(
    "options", [{"numeric_embedding": "periodic"}, {"hidden_layer_sizes": ()}, {"activation": "mish"}]
)
def test_what_the_manual_gradient_does_not_cover_is_left_to_torch(options):
    assert not has_manual_backward(make(**options))


def test_masks_of_the_pool_drop_the_fraction_asked_for_and_keep_the_mean():
    with drawing_from(torch.Generator().manual_seed(0)):
        from sknn.modules._randomness import dropout_mask

        masks = torch.stack([dropout_mask((50, 40), 0.25, torch.device("cpu")) for _ in range(600)])
    assert set(masks.unique().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    assert (masks == 0).float().mean() == pytest.approx(0.25, abs=0.005)
    assert ((masks == 0).float().mean(0) - 0.25).abs().max() < 0.1  # every place is dropped now and then


@pytest.mark.parametrize("bins", [[[0.0, 1.0]], [[[0.0, 1.0]]], [[[0.0], [0.5]], [[0.0, 1.0], [0.5, 1.0]]]])
def test_thresholds_must_be_those_of_each_member(bins):
    with pytest.raises(ValueError, match=r"thresholds of shape \(2, J\)"):
        TabularNet(len(bins), 1, bins=bins, n_members=2, numeric_embedding="thermometer")


def test_an_embedding_that_is_none_is_refused():
    with pytest.raises(ValueError, match="numeric_embedding must be None or one of"):
        TabularNet(3, 2, numeric_embedding="fourier")
