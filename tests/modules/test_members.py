"""Packs of any module: stacked where torch can, one after the other where it cannot."""

import pytest
import torch
from torch import nn

from sknn.modules._build import build_pack
from sknn.modules._members import Members, StackedMembers


class Control(nn.Module):
    """Its path depends on the data, which vmap refuses."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else -self.layer(x)


def plain():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2))


def normalised():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


@pytest.mark.parametrize(("make", "kind"), [(plain, StackedMembers), (normalised, Members), (Control, Members)])
def test_members_give_what_each_network_gives(make, kind):
    torch.manual_seed(0)
    networks = [make() for _ in range(3)]
    x = torch.randn(3, 5, 3)
    pack = build_pack(networks, {"x_num": x[0]}, 2)
    assert type(pack) is kind
    assert pack.n_members == 3
    pack.eval()
    with torch.no_grad():
        expected = torch.stack([network.eval()(x[k]) for k, network in enumerate(networks)])
        torch.testing.assert_close(pack(x_num=x), expected)
        shared = torch.stack([network(x[0]) for network in networks])
        torch.testing.assert_close(pack(True, x_num=x[0]), shared)


def test_members_drop_different_units():
    torch.manual_seed(0)
    pack = build_pack([plain()] * 3, {"x_num": torch.randn(2, 3)}, 2).train()
    output = pack(x_num=torch.ones(3, 50, 3))
    assert not torch.allclose(output[0], output[1])


def test_one_logit_of_two_classes_becomes_a_pair():
    pack = build_pack([nn.Linear(3, 1) for _ in range(2)], {"x_num": torch.randn(2, 3)}, 2)
    assert pack(x_num=torch.randn(2, 4, 3)).shape == (2, 4, 2)
