"""The convolutional network against convolutions by hand, and on digits."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from sknn.modules import CNN, Dropout, build_ensemble, build_module

F = nn.functional


def layers_of(net, kind):
    return [layer for layer in net.modules() if isinstance(layer, kind)]


def convolved(x, layer):
    """3×3 convolution as nine shifted products; x (B, C, H, W)."""
    height, width = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1))
    out = layer.bias.view(-1, 1, 1).expand(len(x), -1, height, width)
    for i in range(3):
        for j in range(3):
            shifted = padded[:, :, i : i + height, j : j + width]
            out = out + torch.einsum("bchw,oc->bohw", shifted, layer.weight[:, :, i, j])
    return out


def halved(x):
    height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    x = x[:, :, :height, :width]
    return torch.stack([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]).amax(0)


def tiled_means(x, size):
    """Means of tiles of `size` pixels, cut off at the border."""
    rows = [part.mean(2, keepdim=True) for part in x.split(size, 2)]
    return torch.cat([torch.cat([part.mean(3, keepdim=True) for part in row.split(size, 3)], 3) for row in rows], 2)


@pytest.mark.parametrize("normalization", ["batch", None])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_output_is_that_of_layers_by_hand(normalization, activation):
    torch.manual_seed(0)
    net = CNN(3, (2, 21, 22), hidden_layer_sizes=(4, 5), activation=activation, normalization=normalization).double()
    x = torch.randn(6, 2, 21, 22, dtype=torch.float64)
    f, h = getattr(torch, activation), x
    for layer in layers_of(net, nn.Conv2d):
        h = halved(convolved(h, layer))
        if normalization:
            variance, mean = torch.var_mean(h, (0, 2, 3), correction=0, keepdim=True)
            h = (h - mean) / (variance + 1e-5).sqrt()
        h = f(h)
    h = tiled_means(h, 2).flatten(1)  # 5×5 pixels to 3×3
    first, last = layers_of(net, nn.Linear)
    expected = f(h @ first.weight.T + first.bias) @ last.weight.T + last.bias
    torch.testing.assert_close(net(x), expected)


@pytest.mark.parametrize("activation", ["relu", "selu", "softplus"])
def test_the_maximum_before_a_rising_activation_is_the_one_after_it(activation):
    torch.manual_seed(0)
    net = CNN(2, (1, 8, 8), hidden_layer_sizes=(4,), activation=activation, normalization=None)
    convolution, pool, f = net.features
    x = torch.randn(3, 1, 8, 8)
    torch.testing.assert_close(net(x), net.head(pool(f(convolution(x)))))


@pytest.mark.parametrize(
    ("image_shape", "n_blocks", "n_pools", "n_inputs"),
    [
        ((1, 28, 28), 2, 2, 4 * 4),  # 28, 14, 7, tiles of 2: 4
        ((1, 8, 8), 3, 2, 2 * 2),  # 8, 4, 2 and no further
        ((1, 3, 50), 2, 0, 3 * 4),  # too low to be halved
        ((3, 64, 20), 1, 1, 4 * 4),  # 32×10, tiles of 8×3
        ((2, 1, 1), 1, 0, 1),
    ],
)
def test_images_are_halved_while_they_can_be_and_end_at_four_by_four_at_most(image_shape, n_blocks, n_pools, n_inputs):
    net = CNN(2, image_shape, hidden_layer_sizes=[6] * n_blocks)
    assert len(layers_of(net, nn.MaxPool2d)) == n_pools
    assert layers_of(net, nn.Linear)[0].in_features == 6 * n_inputs
    assert net(torch.randn(4, *image_shape)).shape == (4, 2)


def test_grey_images_need_no_channel_and_rows_of_pixels_will_do():
    torch.manual_seed(0)
    net, x = CNN(3, (8, 9), hidden_layer_sizes=(4,)).eval(), torch.randn(5, 1, 8, 9)
    expected = net(x)
    assert torch.equal(net(x[:, 0]), expected)
    assert torch.equal(net(x.flatten(1)), expected)


@pytest.mark.parametrize("shape", [(5, 8, 8, 3), (5, 8, 8), (5, 3, 8, 9), (5, 191)])
def test_images_of_another_shape_are_refused(shape):
    net = CNN(2, (3, 8, 8))
    with pytest.raises(ValueError, match=r"here \(n_rows, 3, 8, 8\). Got \(5, "):
        net(torch.zeros(shape))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_shape": (8,)}, r"image_shape must be \(channels, height, width\) or \(height, width\). Got \(8,\)"),
        ({"image_shape": (0, 8, 8)}, "image_shape must be"),
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes must have the channels of each block"),
        ({"activation": ["relu"]}, "activation must be one value, or a list of 2.* Got a list of 1"),
        ({"dropout": [0.1, 0.2]}, "dropout must be one number"),
        ({"normalization": "layer"}, r"normalization must be None or one of \['batch'\]. Got 'layer'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CNN(2, **{"image_shape": (1, 8, 8)} | options)


def test_options_reach_their_layers():
    net = CNN(2, (1, 8, 8), activation=["tanh", nn.GELU], dropout=0.3, head_size=11)
    assert [type(layer) for layer in net.modules() if isinstance(layer, nn.Tanh | nn.GELU)] == [
        nn.Tanh,
        nn.GELU,
        nn.GELU,
    ]
    (dropout,) = layers_of(net, Dropout)
    assert dropout.p == 0.3
    assert layers_of(net, nn.Linear)[0].out_features == 11


def test_images_keep_their_channels_side_by_side_in_memory():
    net, seen = CNN(2, (1, 16, 16)), []
    for layer in layers_of(net, nn.Conv2d):
        layer.register_forward_hook(lambda layer, args, output: seen.append(output))
    net(torch.randn(4, 1, 16, 16))
    assert all(output.is_contiguous(memory_format=torch.channels_last) for output in seen)


@pytest.mark.parametrize("normalization", ["batch", None])
def test_every_parameter_gets_a_gradient(normalization):
    torch.manual_seed(0)
    net = CNN(2, (3, 12, 12), hidden_layer_sizes=(4, 5), activation="tanh", normalization=normalization)
    net(torch.randn(16, 3, 12, 12)).square().sum().backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in net.parameters())


def test_weights_survive_a_round_trip():
    torch.manual_seed(0)
    net, other = (CNN(2, (1, 8, 8), hidden_layer_sizes=(4,)) for _ in range(2))
    x = torch.randn(9, 1, 8, 8)
    net(x)  # moves the running statistics
    other.load_state_dict(net.state_dict())
    assert torch.equal(net.eval()(x), other.eval()(x))


@pytest.mark.parametrize("normalization", ["batch", None])
def test_it_is_built_by_its_name_and_can_be_in_an_ensemble(normalization):
    facts = {"n_features": 64, "n_outputs": 2, "cat_cardinalities": (), "image_shape": (1, 8, 8)}
    params = {"hidden_layer_sizes": (4,), "normalization": normalization}
    networks = [build_module("cnn", params, **facts) for _ in range(3)]
    assert type(networks[0]) is CNN
    ensemble = build_ensemble(networks, {"x_num": torch.randn(5, 8, 8)}, 2).eval()
    x = torch.randn(3, 6, 8, 8)
    expected = torch.stack([network.eval()(x[k]) for k, network in enumerate(networks)])
    torch.testing.assert_close(ensemble(x_num=x), expected)


def test_it_learns_digits():
    images, labels = load_digits(return_X_y=True)
    torch.manual_seed(0)
    order = torch.randperm(len(labels))
    x, y = torch.tensor(images, dtype=torch.float32)[order] / 16, torch.tensor(labels)[order]
    net = CNN(10, (8, 8), hidden_layer_sizes=(16, 32))
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(5):
        for rows in torch.randperm(1400).split(50):
            optimizer.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        right = net.eval()(x[1400:]).argmax(1) == y[1400:]
    assert right.float().mean() > 0.97
