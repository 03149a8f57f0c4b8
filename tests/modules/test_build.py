"""What the `module` parameter stands for."""

import pytest
import torch
from torch import nn

from sknn.modules import MLP, build_module, embeds_categories, module_params_of, try_out

FACTS = {"n_features": 3, "n_outputs": 2, "cat_cardinalities": ()}


class OnlyOutputs(nn.Module):
    def __init__(self, n_outputs, width=4):
        super().__init__()
        self.width = width
        self.layer = nn.LazyLinear(n_outputs)

    def forward(self, x):
        return self.layer(x)


class TakesCodes(nn.Module):
    def __init__(self, n_features, n_outputs, cat_cardinalities):
        super().__init__()

    def forward(self, x_num, x_cat):
        return x_num


def factory(n_features, n_outputs):
    return nn.Linear(n_features, n_outputs)


def test_a_class_gets_the_facts_that_it_names_and_its_params():
    built = build_module(OnlyOutputs, {"width": 9}, **FACTS)
    assert built.width == 9
    assert built(torch.zeros(1, 3)).shape == (1, 2)


def test_a_factory_gets_the_facts_that_it_names():
    assert build_module(factory, {}, **FACTS).in_features == 3


def test_params_win_over_facts():
    assert build_module(factory, {"n_outputs": 5}, **FACTS).out_features == 5


def test_an_instance_is_copied():
    original = nn.Linear(3, 2)
    built = build_module(original, {}, **FACTS)
    assert built is not original
    assert torch.equal(built.weight, original.weight)


def test_the_name_builds_the_mlp():
    assert isinstance(build_module("mlp", {"hidden_layer_sizes": (4,)}, **FACTS), MLP)


def test_a_factory_of_something_else_is_refused():
    with pytest.raises(TypeError, match=r"must return an nn\.Module\. Got int"):
        build_module(lambda n_features: 3, {}, **FACTS)


@pytest.mark.parametrize(
    ("module", "expected"),
    [("mlp", True), (TakesCodes, True), (OnlyOutputs, False), (nn.Linear(1, 1), False), (factory, False)],
)
def test_whether_a_module_takes_codes_is_read_off_its_signature(module, expected):
    assert embeds_categories(module) is expected


def test_valid_params_are_those_of_the_signature():
    assert module_params_of(OnlyOutputs) == ["n_outputs", "width"]
    assert module_params_of(nn.Linear(1, 1)) == []
    assert module_params_of(lambda **anything: None) is None


def rows(n_columns=3):
    return {"x_num": torch.randn(2, n_columns)}


def test_trying_out_gives_lazy_layers_their_shape_and_leaves_the_module_in_training():
    module = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2))
    try_out(module, rows(), 2, may_replace_head=False)
    assert module[0].in_features == 3
    assert module.training


def test_a_wrong_number_of_outputs_is_refused_before_training():
    with pytest.raises(ValueError, match=r"shape \(n_rows, 5\). Got \(2, 2\)"):
        try_out(nn.Linear(3, 2), rows(), 5, may_replace_head=False)


def test_an_instances_last_layer_is_replaced_with_a_warning():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    first = module[0].weight.clone()
    with pytest.warns(UserWarning, match=r"gives 2 outputs, but y needs 5. Its last layer '2'"):
        try_out(module, rows(), 5, may_replace_head=True)
    assert module[2].out_features == 5
    assert torch.equal(module[0].weight, first)


def test_a_layer_that_does_not_give_the_outputs_is_not_replaced():
    module = nn.Sequential(
        nn.Linear(3, 4), nn.Unflatten(1, (2, 2)), nn.Flatten(), nn.Softmax(1), nn.AdaptiveMaxPool1d(3)
    )
    with pytest.raises(ValueError, match="must return one row of 5 outputs"):
        try_out(module, rows(), 5, may_replace_head=True)
