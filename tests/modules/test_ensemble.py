"""Ensembles of any module: what each network gives, under the names of one network."""

import copy
import pickle
import threading

import pytest
import torch
from torch import nn

from sknn.modules import (
    SequentialEnsemble,
    TabularNet,
    VmapEnsemble,
    batch_axis_of,
    build_ensemble,
    n_members_of,
    own_axes,
    single_network,
)


class Control(nn.Module):
    """Its path depends on the data, which vmap refuses."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else -self.layer(x)


class Recurrent(nn.Module):
    """Keeps its parameters in a list too."""

    def __init__(self):
        super().__init__()
        self.recurrent, self.head = nn.LSTM(1, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.recurrent(x.unsqueeze(2))[0][:, -1])


class Tied(nn.Module):
    """One weight in two places."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.head(self.second(self.first(x)))


class Refers(nn.Module):
    """Finds its layers through a list, and its function through an attribute."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)
        self.order, self.function = [self.first, self.last], self.pass_on

    def pass_on(self, x):
        for layer in self.order:
            x = layer(x)
        return x

    def forward(self, x):
        return self.function(x)


class Counts(nn.Module):
    """Puts new buffers in the places of old ones."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("total", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x):
        if self.training:
            self.total = self.total + x.sum().detach()
            self.mean.lerp_(x.detach().mean(0), 0.5)
        return self.layer(x) + self.total


class Scaled(nn.Module):
    """Owns parameters itself, one of them a number."""

    def __init__(self):
        super().__init__()
        self.weight, self.factor = nn.Parameter(torch.randn(2, 3)), nn.Parameter(torch.rand(()))

    def forward(self, x):
        return self.factor * x @ self.weight.T


def plain():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2))


def normalised():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


def parametrised():
    first = nn.utils.parametrize.register_parametrization(nn.Linear(3, 4), "weight", Doubled())
    return nn.Sequential(first, nn.Linear(4, 2))


KINDS = pytest.mark.parametrize(
    ("make", "kind"),
    [
        (plain, VmapEnsemble),
        (Tied, VmapEnsemble),
        (Scaled, VmapEnsemble),
        (Refers, VmapEnsemble),
        (parametrised, VmapEnsemble),
        (lambda: nn.Linear(3, 2), VmapEnsemble),
        (normalised, SequentialEnsemble),
        (Control, SequentialEnsemble),
        (Recurrent, SequentialEnsemble),
        (Counts, SequentialEnsemble),
    ],
)


def build(make, n_members=3):
    torch.manual_seed(0)
    networks = [make() for _ in range(n_members)]
    return networks, build_ensemble(networks, {"x_num": torch.randn(2, 3)}, 2)


@KINDS
def test_members_give_what_each_network_gives(make, kind):
    networks, ensemble = build(make)
    x = torch.randn(3, 5, 3)
    assert type(ensemble) is kind
    assert n_members_of(ensemble) == 3
    assert batch_axis_of(ensemble) == 1
    assert ensemble.training
    ensemble.eval()
    with torch.no_grad():
        expected = torch.stack([network.eval()(x[k]) for k, network in enumerate(networks)])
        torch.testing.assert_close(ensemble(x_num=x), expected)
        shared = torch.stack([network(x[0]) for network in networks])
        torch.testing.assert_close(ensemble(True, x_num=x[0]), shared)


@KINDS
def test_a_state_dict_has_the_names_of_one_network_and_the_values_of_all(make, kind):
    networks, ensemble = build(make)
    state, states = ensemble.state_dict(), [network.state_dict() for network in networks]
    assert list(state) == list(states[0])
    for name, wide in state.items():
        assert torch.equal(wide, torch.stack([each[name] for each in states]))
    names = [name for name, _ in networks[0].named_parameters()]
    assert [name for name, _ in ensemble.named_parameters()] == names
    assert [type(part) for part in ensemble.modules()] == [type(part) for part in networks[0].modules()]
    assert set(own_axes(ensemble).values()) == {1}
    single = single_network(ensemble).eval()
    x = torch.randn(4, 3)
    torch.testing.assert_close(single(x), networks[0].eval()(x))


@KINDS
def test_a_step_of_training_is_that_of_each_network(make, kind):
    networks, ensemble = build(make)
    for part in (*ensemble.modules(), *(part for network in networks for part in network.modules())):
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    x = torch.randn(3, 6, 3)
    for _ in range(2):  # buffers of the first step count in the second
        ensemble(x_num=x).square().sum().backward()
        for k, network in enumerate(networks):
            network(x[k]).square().sum().backward()
    for name, wide in ensemble.named_parameters():
        expected = torch.stack([network.get_parameter(name).grad for network in networks])
        torch.testing.assert_close(wide.grad, expected)
    for name, wide in ensemble.named_buffers():
        torch.testing.assert_close(wide, torch.stack([network.get_buffer(name) for network in networks]))


@KINDS
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_a_copy_has_its_own_weights_under_the_same_names(make, kind, copied):
    if make is parametrised:
        copied = copy.deepcopy  # a parametrised module cannot be pickled
    _, ensemble = build(make)
    x = torch.randn(5, 3)
    ensemble.eval()(True, x_num=x)  # it keeps what the call needed
    other = copied(ensemble)
    assert list(other.state_dict()) == list(ensemble.state_dict())
    expected = ensemble(True, x_num=x)
    torch.testing.assert_close(other(True, x_num=x), expected)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert not torch.equal(other(True, x_num=x), expected)
    torch.testing.assert_close(ensemble(True, x_num=x), expected)
    other.double()
    assert other(True, x_num=x.double()).dtype == torch.float64


@pytest.mark.parametrize("make", [plain, normalised])
def test_threads_call_it_beside_each_other(make):
    _, ensemble = build(make)
    ensemble.eval()
    inputs = [torch.randn(3, n, 3) for n in (5, 50, 500)]
    expected, wrong = [ensemble(x_num=x) for x in inputs], []

    def work(x, wanted):
        for _ in range(30):
            if not torch.equal(ensemble(x_num=x), wanted):
                wrong.append(x.shape)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(inputs, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("make", [plain, normalised])
def test_what_is_changed_in_a_layer_counts_in_the_next_call(make):
    _, ensemble = build(make)
    x, seen = torch.randn(4, 3), []
    ensemble.eval()(True, x_num=x)
    list(ensemble.modules())[1].register_forward_hook(lambda *args: seen.append(args))
    ensemble(True, x_num=x)
    assert seen


def test_members_drop_different_units():
    _, ensemble = build(plain)
    with torch.no_grad():
        for parameter in ensemble.parameters():
            parameter.copy_(parameter[:1].clone().expand_as(parameter))
    output = ensemble(x_num=torch.ones(3, 50, 3))
    assert not torch.allclose(output[0], output[1])


def test_a_buffer_keeps_modes_and_devices_of_the_tree():
    _, ensemble = build(normalised)
    ensemble.train()
    ensemble.get_submodule("1").eval()  # as a frozen normalisation is
    before = ensemble.get_buffer("1.running_mean").clone()
    ensemble(x_num=torch.randn(3, 5, 3))
    assert torch.equal(ensemble.get_buffer("1.running_mean"), before)
    assert {value.device.type for value in ensemble.to("meta").state_dict().values()} == {"meta"}


def test_one_logit_of_two_classes_becomes_a_pair():
    ensemble = build_ensemble([nn.Linear(3, 1) for _ in range(2)], {"x_num": torch.randn(2, 3)}, 2)
    assert ensemble(x_num=torch.randn(2, 4, 3)).shape == (2, 4, 2)


@pytest.mark.parametrize("widths", [(4, 5), (4, 4, 5)])
def test_members_that_differ_are_refused(widths):
    networks = [nn.Sequential(nn.Linear(3, width), nn.Linear(width, 2)) for width in widths]
    with pytest.raises(ValueError, match="must have parameters and buffers of the same names and shapes") as caught:
        build_ensemble(networks, {"x_num": torch.randn(2, 3)}, 2)
    assert caught.value.__notes__ == [f"The networks were to be members of an ensemble, n_members={len(widths)}."]


def test_of_a_tabular_network_only_activations_are_common_to_members():
    net = TabularNet(3, 2, [4], n_members=5, hidden_layer_sizes=(6,), activation=nn.PReLU)
    common = {name for name, parameter in net.named_parameters() if own_axes(net)[parameter] == 0}
    assert common == {"layers.1.weight"}
    assert (n_members_of(net), batch_axis_of(net)) == (5, 1)
    assert all(parameter.shape[0] == 5 for name, parameter in net.named_parameters() if name not in common)


def test_a_single_network_is_an_ensemble_of_one_without_an_axis_for_it():
    net = plain()
    assert (n_members_of(net), batch_axis_of(net)) == (1, 0)
    assert set(own_axes(net).values()) == {0}
    assert single_network(net) is net
