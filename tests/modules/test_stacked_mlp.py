"""An ensemble made of plain networks has their outputs and, in blocks, their numbers."""

import pytest
import torch
from torch import nn

from helpers import seeded
from sknn.modules import MLP, LinearNet, MemberBlocks, can_be_stacked, stacked_mlp

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
    net = stacked_mlp(made)
    torch.testing.assert_close(net(*inputs), expected)
    blocks = MemberBlocks(net)
    torch.testing.assert_close(net(*inputs), expected)
    swapped = [block.detach()[[2, 0]] for block in blocks.values]
    torch.testing.assert_close(blocks.outputs(swapped, *inputs), expected[[2, 0]])


def test_a_block_has_the_numbers_of_a_member_in_a_row_and_gradients_beside_them():
    made = networks([3, 5], "relu")
    blocks = MemberBlocks(stacked_mlp(made))
    assert sum(block.shape[1] for block in blocks.values) == sum(p.numel() for p in made[0].parameters())
    for block in blocks.values:
        block.grad[1] = 1.0
    for parameter in blocks.module.parameters():
        assert parameter.grad[1].eq(1).all()
        assert parameter.grad[[0, 2]].eq(0).all()
    for name, tensor in blocks.tensors(blocks.values).items():
        torch.testing.assert_close(tensor, blocks.module.get_parameter(name))


def test_parts_hold_each_number_of_some_members_once():
    blocks = MemberBlocks(stacked_mlp(networks([3, 5], "relu")))
    for parts in blocks.parts(1, 3):
        for part in parts:
            part.data.fill_(7.0)
    for block in blocks.values:
        assert block[1:].eq(7).all()
        assert not block[0].eq(7).any()


def test_which_networks_can_be_stacked():
    assert can_be_stacked(MLP(2, 1, hidden_layer_sizes=(3,), activation="gelu", dropout=0.1))
    assert can_be_stacked(LinearNet(2, 1))
    assert not can_be_stacked(MLP(2, 1, hidden_layer_sizes=(3,), activation="tanh"))
    assert not can_be_stacked(MLP(2, 1, hidden_layer_sizes=(3,), normalization="batch"))
    assert not can_be_stacked(nn.Linear(2, 1))
