"""An ensemble made of plain networks has their outputs, their masks and, in blocks, their numbers."""

import pytest
import torch
from torch import nn

from helpers import seeded
from sknn.modules import MLP, LinearNet, MaskedDropout, MemberBlocks, can_be_stacked, drawing_from, stacked_mlp
from sknn.modules._layers import Dropout

SHAPES = [([], "relu"), ([3, 5], "silu")]  # categories, activation


def networks(cardinalities, activation, n=3):
    made = [MLP(4, 2, cardinalities, hidden_layer_sizes=(6, 5), activation=activation, dropout=0.5) for _ in range(n)]
    for network in made:  # embeddings of codes that are unseen or missing start at zero
        for parameter in network.parameters():
            nn.init.normal_(parameter, generator=seeded(len(made)))
    return [network.eval() for network in made]


def rows(cardinalities):
    codes = [torch.randint(n, (7, 1), generator=seeded()) for n in cardinalities]
    return torch.randn(7, 4, generator=seeded()), torch.cat(codes, 1) if codes else None


@pytest.mark.parametrize(("cardinalities", "activation"), SHAPES)
def test_the_outputs_are_those_of_each_network(cardinalities, activation):
    made, inputs = networks(cardinalities, activation), rows(cardinalities)
    expected = torch.stack([network(*inputs) for network in made])
    net = stacked_mlp(made, None)
    torch.testing.assert_close(net(*inputs), expected)
    blocks = MemberBlocks(net)
    torch.testing.assert_close(net(*inputs), expected)
    swapped = [block.detach()[[2, 0]] for block in blocks.values]
    torch.testing.assert_close(blocks.outputs(swapped, *inputs), expected[[2, 0]])


def test_a_block_has_the_numbers_of_a_member_in_a_row_and_gradients_beside_them():
    made = networks([3, 5], "relu")
    blocks = MemberBlocks(stacked_mlp(made, None))
    assert [block.shape[0] for block in blocks.values] == [3, 3]
    n_numbers = sum(parameter.numel() for parameter in made[0].parameters())
    assert sum(block.shape[1] for block in blocks.values) == n_numbers
    blocks.values[0].grad[1] = 1.0
    weight = blocks.module.layers[0].weight
    assert weight.grad[1].eq(1).all()
    assert weight.grad[[0, 2]].eq(0).all()


def test_the_masks_are_those_that_single_networks_draw():
    draws, index = [(seeded(0), 0.5), (seeded(1), 0.25), (seeded(2), 0.0)], torch.tensor([1, 0, 1, 2])
    mask = MaskedDropout(draws, index).mask((4, 6, 8), torch.device("cpu"))
    for k, source in enumerate(index.tolist()):
        p, single = draws[source][1], Dropout(draws[source][1])
        with drawing_from(seeded(source)):
            expected = single(torch.ones(8, 6)).t() if p else torch.ones(6, 8)
        torch.testing.assert_close(mask[k], expected)


def test_which_networks_can_be_stacked():
    assert can_be_stacked(MLP(2, 1, hidden_layer_sizes=(3,), activation="gelu", dropout=0.1))
    assert not can_be_stacked(MLP(2, 1, hidden_layer_sizes=(3,), activation="tanh"))
    assert not can_be_stacked(MLP(2, 1, hidden_layer_sizes=(3,), normalization="batch"))
    assert not can_be_stacked(LinearNet(2, 1))
    assert not can_be_stacked(nn.Linear(2, 1))
