"""The table of a network's layers agrees with the network, and leaves it as it was."""

import pandas as pd
import pytest
import torch
from torch import nn

from sknn.inspection._summary import summarize
from sknn.modules import MLP, TabularNet, build_ensemble

X = {"x_num": torch.zeros(2, 3)}
TABLE = {"x_num": torch.zeros(2, 3), "x_cat": torch.zeros(2, 2, dtype=torch.int64)}


def rows_of(module, inputs=X, n_outputs=2):
    """(name, type, output shape, parameters) of each layer."""
    return list(summarize(module, inputs, n_outputs).frame.iloc[:, :4].itertuples(index=False, name=None))


class Tokens(nn.Module):
    """Owns a parameter beside its layers, and calls them in another order than it lists them."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.token = nn.Parameter(torch.zeros(3, 4))
        self.unused = nn.Linear(5, 1)

    def forward(self, x):
        h = x.unsqueeze(2) * self.token  # (B, 3, 4)
        return self.head(self.attention(h, h, h)[0].mean(1))


class Reshaping(nn.Module):
    """Puts rows and features into one axis, and adds a row."""

    def __init__(self):
        super().__init__()
        self.flat, self.longer = nn.Identity(), nn.Identity()

    def forward(self, x):
        self.flat(x.flatten())
        self.longer(torch.cat([x, x[:1]]))
        return x


def test_layers_in_the_order_of_their_calls():
    net = MLP(3, 2, [5, 7], hidden_layer_sizes=[16], dropout=0.1, embedding_dim=4)
    assert rows_of(net, TABLE) == [
        ("embedding", "CategoryEmbedding", "(B, 8)", 12 * 4),
        ("layers.0", "Linear", "(B, 16)", 11 * 16 + 16),
        ("layers.1", "ReLU", "(B, 16)", 0),
        ("layers.2", "Dropout", "(B, 16)", 0),
        ("layers.3", "Linear", "(B, 2)", 16 * 2 + 2),
    ]


def test_a_compiled_network_and_compiled_parts_have_the_layers_of_the_plain_ones():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    expected = rows_of(net)
    assert [row[1:] for row in rows_of(torch.compile(net, backend="eager"))] == [row[1:] for row in expected]
    parts = nn.Sequential(nn.Linear(3, 4), torch.compile(net[1:], backend="eager"))
    parts[0].load_state_dict(net[0].state_dict())
    assert [row[1:] for row in rows_of(parts)] == [row[1:] for row in expected]


def test_own_parameters_come_before_the_layers_and_unused_ones_last():
    assert rows_of(Tokens()) == [
        ("token", "Parameter (3, 4)", "", 12),
        ("attention", "MultiheadAttention", "(B, 3, 4)", 4 * 4 * 4 + 4 * 4),  # calls no layer: one of its own
        ("head", "Linear", "(B, 2)", 10),
        ("unused", "Linear", "not called", 6),
    ]


def test_parameters_in_a_list_are_shown_by_their_names():
    class Lists(nn.Module):
        def __init__(self):
            super().__init__()
            self.weights, self.activation = nn.ParameterList([torch.zeros(5, 3), torch.zeros(2, 5)]), nn.ReLU()

        def forward(self, x):
            return self.activation(x @ self.weights[0].T) @ self.weights[1].T

    expected = [
        ("weights.0", "Parameter (5, 3)", "", 15),
        ("weights.1", "Parameter (2, 5)", "", 10),
        ("activation", "ReLU", "(B, 5)", 0),
    ]
    assert rows_of(Lists()) == expected
    inside = rows_of(nn.Sequential(Lists(), nn.Identity()))
    assert inside == [(f"0.{row[0]}", *row[1:]) for row in expected] + [("1", "Identity", "(B, 2)", 0)]


def test_a_single_layer():
    assert rows_of(nn.Linear(3, 1)) == [("module", "Linear", "(B, 1)", 4)]


def test_sizes_that_depend_on_the_rows_are_told_from_equal_ones():
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 3))  # as wide as the passes have rows
    assert [row[2] for row in rows_of(net)] == ["(B, 2)", "(B, 3)"]
    assert [row[2] for row in rows_of(Reshaping())] == ["(3B,)", "(B+1, 3)"]


def test_a_layer_that_some_rows_do_not_reach_has_the_shape_that_was_seen():
    class Sometimes(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x):
            return self.layer(x) if len(x) == 2 else x[:, :2]

    assert rows_of(Sometimes()) == [("layer", "Linear", "(2, 2)", 8)]


def test_of_several_outputs_the_first_counts():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent = nn.LSTM(1, 4, batch_first=True)

        def forward(self, x):
            return {"out": self.recurrent(x.unsqueeze(2))[0][:, -1]}

    assert rows_of(Last()) == [("recurrent", "LSTM", "(B, 3, 4)", 4 * 4 * (1 + 4) + 2 * 4 * 4)]


def test_a_layer_that_is_called_again_is_shown_once():
    layer = nn.Linear(3, 3)
    assert rows_of(nn.Sequential(layer, layer)) == [("0", "Linear", "(B, 3)", 12)]


def test_shared_parameters_count_once():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    summary = summarize(net, X, 3)
    assert summary.frame["type"].tolist() == ["Linear", "Linear (shared)", "Linear"]
    assert summary.frame["parameters"].tolist() == [12, 3, 12]
    assert summary.n_parameters == 27


def test_frozen_parameters_are_not_trained():
    net = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2))
    net[0].requires_grad_(False)
    summary = summarize(net, X, 2)
    assert summary.frame["trainable"].tolist() == [0, 18]
    assert (summary.n_parameters, summary.n_trainable) == (50, 18)


def small():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (TabularNet(3, 2, [5, 7], bins=[[0.0, 0.5, 1.0], None, [0.0, 1.0]], n_members=4), TABLE),
        (TabularNet(3, 2, hidden_layer_sizes=(), n_members=2, learnable_scale=False), X),
        (TabularNet(3, 2, n_members=2, activation=nn.PReLU, dropout=0.1), X),
        (build_ensemble([small() for _ in range(3)], X, 2), X),
        (build_ensemble([nn.Sequential(small(), nn.BatchNorm1d(2)) for _ in range(3)], X, 2), X),
        (nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), {"x_num": torch.zeros(2, 3, 4)}),
        (nn.Sequential(nn.LazyLinear(4), nn.LazyLinear(2)), X),
    ],
    ids=["tabular", "linear", "learned activation", "batched", "sequential", "transformer", "lazy"],
)
def test_rows_add_up_to_all_parameters(module, inputs):
    summary = summarize(module, inputs, 2)
    total = sum(p.numel() for p in module.parameters())
    assert summary.frame["parameters"].sum() == summary.n_parameters == total
    assert summary.frame["trainable"].sum() == summary.n_trainable == total
    assert "not called" not in summary.frame["output_shape"].tolist()
    assert summary.frame["name"].is_unique


class Careless(nn.Module):
    """Changes buffers and draws random numbers whenever it is called; may fail."""

    def __init__(self, fails):
        super().__init__()
        self.layer, self.dropout, self.fails = nn.Linear(3, 2), nn.Dropout(), fails
        self.register_buffer("n_calls", torch.zeros(()))
        self.register_buffer("last", torch.zeros(()))

    def forward(self, x):
        self.n_calls += 1
        self.last = self.layer(x).mean() + torch.rand(())
        if self.fails:
            raise RuntimeError("no")
        return self.dropout(self.layer(x))


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_changed(fails):
    net = Careless(fails)
    net.dropout.eval()
    own_hook = net.layer.register_forward_hook(lambda *args: None)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    buffers, generator = dict(net.named_buffers()), torch.get_rng_state()
    if fails:
        with pytest.raises(RuntimeError, match="no"):
            summarize(net, X, 2)
    else:
        summarize(net, X, 2)
    assert [part.training for part in (net, net.layer, net.dropout)] == [True, True, False]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(net.get_buffer(name) is buffer for name, buffer in buffers.items())
    assert torch.equal(torch.get_rng_state(), generator)
    assert list(net.layer._forward_hooks) == [own_hook.id]
    assert not any(part._forward_pre_hooks for part in net.modules())
    assert not any(part._forward_hooks for part in (net, net.dropout))


def test_without_gradients_and_in_evaluation():
    seen = []

    class Looks(nn.Module):
        def forward(self, x):
            seen.append((self.training, torch.is_grad_enabled()))
            return x

    summarize(Looks().train(), X, 3)
    assert set(seen) == {(False, False)}


def test_inputs_are_put_where_the_network_is():
    assert rows_of(nn.Linear(3, 1, device="meta")) == [("module", "Linear", "(B, 1)", 4)]


def test_one_row_is_enough():
    assert rows_of(nn.Linear(3, 1), {"x_num": torch.zeros(1, 3)}) == [("module", "Linear", "(B, 1)", 4)]


def test_text_is_an_aligned_table_with_totals():
    net = nn.Sequential(nn.Linear(3, 500), nn.BatchNorm1d(500), nn.Linear(500, 1))
    net[0].requires_grad_(False)
    lines = repr(summarize(net, X, 1)).splitlines()
    assert lines[0] == "Sequential: x_num (B, 3) to 1 output a row"
    assert [line.split() for line in lines[2:3]] == [["Layer", "Type", "Output", "Parameters", "Trainable"]]
    assert lines[4].split() == ["0", "Linear", "(B,", "500)", "2,000", "0"]
    assert lines[8].split() == ["Total", "3,501", "1,501"]
    assert 4 * (3501 + 2 * 500) + 8 == 18_012  # float32, and the int64 that counts batches
    assert lines[9] == "Size: 18 kB (parameters and buffers). B: rows of a batch."
    assert len({len(line) for line in lines[1:9]}) == 1
    outputs = {line.index("(B") for line in lines[4:7]}
    assert outputs == {lines[2].index("Output")}


@pytest.mark.parametrize(
    ("n_parameters", "expected"),
    [(2, "8 B"), (249, "996 B"), (250, "1 kB"), (2_500, "10 kB"), (249_950, "1 MB"), (123_456_789, "494 MB")],
)
def test_size_has_a_fitting_unit(n_parameters, expected):
    class Large(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.empty(1, device="meta").expand(n_parameters))

        def forward(self, x):
            return x

    assert f"Size: {expected} (" in repr(summarize(Large(), X, 3))


def test_html_holds_the_same_cells():
    fast = type("Linear<fast>", (nn.Linear,), {})
    table = summarize(nn.Sequential(fast(3, 500), nn.Linear(500, 2)), X, 2)._repr_html_()
    assert "Linear&lt;fast&gt;" in table
    assert "Linear<fast>" not in table
    assert "Sequential: x_num (B, 3) to 2 outputs a row" in table
    for cell in ("(B, 500)", "2,000", "1,002", "3,002", "12 kB"):
        assert cell in table


def test_frame_has_a_column_for_each_fact():
    frame = summarize(small(), X, 2).frame
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.tolist() == ["name", "type", "output_shape", "parameters", "trainable"]
    assert frame["parameters"].tolist() == [16, 0, 10]


def test_a_tabular_network_names_its_layers():
    net = TabularNet(
        3,
        2,
        [5, 7],
        bins=[[0.0, 0.5, 1.0], None, [0.0, 1.0]],
        n_members=4,
        hidden_layer_sizes=(6,),
    )
    width = 2 * 8 + 1 + 2 * 8  # two embedded numbers, one that is not, two embedded categories
    assert rows_of(net, TABLE) == [
        ("numeric", "PiecewiseLinear", "(4, 16, B)", 4 * 2 * 8 * 3),
        ("categories", "EnsembleEmbedding", "(4, 16, B)", 4 * 12 * 8),
        ("layers.0", "EnsembleLinear", "(4, 6, B)", 4 * (width * 6 + 6 + width)),
        ("layers.1", "ReLU", "(4, 6, B)", 0),
        ("layers.2", "EnsembleLinear", "(4, 2, B)", 4 * (6 * 2 + 2)),
    ]


@pytest.mark.parametrize("extra", [nn.Identity, lambda: nn.BatchNorm1d(4)], ids=["batched", "sequential"])
def test_the_members_of_an_ensemble_are_shown_once(extra):
    ensemble = build_ensemble([nn.Sequential(small()[:2], extra(), nn.Linear(4, 2)) for _ in range(3)], X, 2)
    rows = rows_of(ensemble)
    assert rows[0] == ("0.0", "Linear ×3", "(3, B, 4)", 3 * 16)
    assert rows[-1] == ("2", "Linear ×3", "(3, B, 2)", 3 * 10)
    assert len(rows) == 4
    assert repr(summarize(ensemble, X, 2)).startswith("Sequential ×3: x_num (B, 3)")


def test_frozen_members_are_not_trained():
    ensemble = build_ensemble([small() for _ in range(3)], X, 2)
    for parameter in ensemble.parameters():
        parameter.requires_grad_(False)
    assert summarize(ensemble, X, 2).frame["trainable"].sum() == 0
