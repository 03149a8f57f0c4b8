"""Layers of an ensemble give for each member what a single layer gives."""

import pytest
import torch

from sknn.modules import CategoryEmbedding, Dropout, EnsembleEmbedding, EnsembleLinear, TabularNet, drawing_from
from sknn.modules._layers import EnsembleDropout


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("scale", [False, True])
def test_a_linear_layer_of_an_ensemble_is_k_linear_layers(shared, scale):
    torch.manual_seed(0)
    ensemble = EnsembleLinear(3, 5, n_members=4, learnable_scale=scale)
    torch.nn.init.normal_(ensemble.bias)
    h = torch.randn(1 if shared else 4, 3, 7)
    factor = torch.ones(4, 3)
    if scale:
        torch.nn.init.normal_(ensemble.scale)
        factor = ensemble.scale
    found = ensemble(h)
    for k in range(4):
        single = torch.nn.Linear(3, 5)
        single.load_state_dict({"weight": ensemble.weight[k] * factor[k], "bias": ensemble.bias[k]})
        torch.testing.assert_close(found[k], single(h[0 if shared else k].T).T)
    assert {name for name, _ in ensemble.named_parameters()} == {"weight", "bias"} | ({"scale"} if scale else set())


def test_a_new_linear_layer_has_outputs_of_unit_variance():
    torch.manual_seed(0)
    output = EnsembleLinear(200, 50, n_members=3)(torch.randn(3, 200, 400))
    assert output.var((1, 2)).tolist() == pytest.approx([1, 1, 1], rel=0.1)


@pytest.mark.parametrize("shared", [False, True])
def test_an_embedding_of_an_ensemble_is_k_embeddings(shared):
    torch.manual_seed(0)
    cardinalities = [5, 3]
    ensemble = EnsembleEmbedding(cardinalities, 4, n_members=3)
    codes = torch.stack([torch.randint(0, n, (3, 9)) for n in cardinalities], -1)
    codes = codes[0] if shared else codes
    found = ensemble(codes)
    assert found.shape == (3, 8, 9)
    for k in range(3):
        single = CategoryEmbedding(cardinalities, 4)
        single.load_state_dict({"weight": ensemble.weight[k]})
        torch.testing.assert_close(found[k], single(codes if shared else codes[k]).T)


@pytest.mark.parametrize("make", [lambda: CategoryEmbedding([4, 3], 6), lambda: EnsembleEmbedding([4, 3], 6, 2)])
def test_vectors_of_codes_without_a_level_start_at_zero(make):
    is_zero = (make().weight == 0).all(-1)
    assert is_zero.reshape(-1, 7)[0].tolist() == [True, True, False, False, True, True, False]


@pytest.mark.parametrize("layer", [Dropout, EnsembleDropout])
def test_dropout_drops_the_fraction_asked_for_and_keeps_the_mean(layer):
    dropout, x = layer(0.25), torch.ones(2, 100, 200)
    with drawing_from(torch.Generator().manual_seed(0)):
        found = dropout(x)
    assert (found == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert found.max().item() == pytest.approx(4 / 3)
    assert not torch.equal(found[0], found[1])
    assert torch.equal(dropout.eval()(x), x)
    with pytest.raises(ValueError, match=r"dropout must be a probability in \[0, 1\). Got 1"):
        layer(1)


def test_a_mask_does_not_change_when_later_ones_are_drawn():
    """Its step may need it for the backward pass."""
    layer = EnsembleDropout(0.5)
    with drawing_from(torch.Generator().manual_seed(0)):
        masks = [layer._mask(torch.empty(2, 3, 4)) for _ in range(1_200)]
        before = masks[0].clone()
        assert all(mask.eq(0).logical_or(mask.eq(2)).all() for mask in masks)
        with drawing_from(torch.Generator().manual_seed(0)):
            again = layer._mask(torch.empty(2, 3, 4))
    assert torch.equal(before, again)
    assert torch.equal(masks[0], again)


def test_three_layers_with_dropout_train_on_through_a_new_pool_of_masks():
    net = TabularNet(3, 2, n_members=2, hidden_layer_sizes=(4, 4, 4), activation="mish", dropout=0.5)
    with drawing_from(torch.Generator().manual_seed(0)):
        for _ in range(200):  # 600 masks
            net(torch.zeros(5, 3)).sum().backward()
