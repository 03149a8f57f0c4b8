"""The closed-form passes of a stack are held to the outputs and gradients of its networks, and its masks to theirs."""

import pytest
import torch
from torch import nn

from helpers import seeded
from sknn.modules import MLP, MemberBlocks, StackedDropout, StackedPasses, drawing_from, stacked_mlp
from sknn.modules._layers import Dropout, EnsembleLinear

RATES = (0.5, 0.5, 0.25)
MLPS = [
    ([], (6, 5), "relu", 2),
    ([3, 5], (6,), "silu", 2),
    ([3], (4, 4, 4), "gelu", 1),
    ([], (), "relu", 3),
]  # categories, hidden layers, activation, outputs


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize(("cardinalities", "sizes", "activation", "n_outputs"), MLPS)
def test_outputs_and_gradients_are_those_of_each_network(cardinalities, sizes, activation, n_outputs, dropout):
    options = {"hidden_layer_sizes": sizes, "activation": activation}
    made = [MLP(4, n_outputs, cardinalities, dropout=p if dropout else 0.0, **options) for p in RATES]
    x_num = torch.randn(3, 7, 4, generator=seeded())
    codes = [torch.randint(n, (3, 7, 1), generator=seeded()) for n in cardinalities]
    x_cat = torch.cat(codes, 2) if codes else None
    net = stacked_mlp(made)
    blocks = MemberBlocks(net)
    masks = StackedDropout([(seeded(1), 0.5), (seeded(2), 0.25)], torch.tensor([0, 0, 1])) if dropout else None
    passes = StackedPasses(net, masks, 7)
    outputs = passes.forward(x_num, x_cat)
    gradient = torch.randn(3, 7, n_outputs, generator=seeded(3))
    passes.backward(gradient)
    for k, network in enumerate(made):
        with drawing_from(seeded(1 if k < 2 else 2)):
            expected = network(x_num[k], None if x_cat is None else x_cat[k])
        torch.testing.assert_close(outputs[k], expected)
        expected.backward(gradient[k])
        grads = blocks.tensors([block.grad for block in blocks.values])
        wide = [name for name, layer in net.named_modules() if isinstance(layer, EnsembleLinear)]
        single = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
        for name, layer in zip(wide, single, strict=True):
            torch.testing.assert_close(grads[f"{name}.weight"][k], layer.weight.grad)
            torch.testing.assert_close(grads[f"{name}.bias"][k], layer.bias.grad)
        if cardinalities:
            torch.testing.assert_close(grads["categories.weight"][k], network.embedding.weight.grad)


def test_masks_are_those_that_single_networks_draw():
    draws, index = [(seeded(0), 0.5), (seeded(1), 0.25), (seeded(2), 0.0)], torch.tensor([1, 0, 1, 2])
    mask = StackedDropout(draws, index).mask(8, 6)
    for k, source in enumerate(index.tolist()):
        with drawing_from(seeded(source)):
            torch.testing.assert_close(mask[k], Dropout(draws[source][1]).train()(torch.ones(8, 6)))
