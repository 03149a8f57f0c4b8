"""Mixed rows, and what they say of the targets."""

import numpy as np
import pytest
import torch

from helpers import seeded
from sknn.augmentation import Augment, CutMix, MixUp


def rows_of(*shape):
    return torch.rand(shape, generator=seeded(9))


@pytest.mark.parametrize("shape", [(8, 5), (8, 3, 4, 4), (8, 4, 6)])
def test_mixup_by_hand(shape):
    x = rows_of(*shape)
    mixed, (partner, fraction) = Augment([MixUp(1.0)], seed=0)({"x_num": x}, seeded())
    assert fraction == np.random.default_rng(0).beta(1, 1)
    assert partner.dtype == torch.int64
    assert torch.equal(partner, torch.randperm(8, generator=seeded()))
    torch.testing.assert_close(mixed["x_num"], fraction * x + (1 - fraction) * x[partner])


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_the_fraction_follows_a_beta_distribution(alpha):
    augment, x = Augment([MixUp(alpha)], seed=0), torch.zeros(2, 1)
    fractions = np.array([augment({"x_num": x}, seeded())[1].fraction for _ in range(1000)])
    assert fractions.mean() == pytest.approx(0.5, abs=0.05)
    assert fractions.var() == pytest.approx(0.25 / (2 * alpha + 1), rel=0.15)


def test_mixup_takes_codes_of_the_partner_by_its_fraction():
    x, codes = rows_of(2000, 3), torch.arange(2000).unsqueeze(1).expand(2000, 4)
    mixed, (partner, fraction) = Augment([MixUp(1.0)], seed=0)({"x_num": x, "x_cat": codes}, seeded())
    of_partner = mixed["x_cat"] == partner.unsqueeze(1)
    assert mixed["x_cat"].dtype == torch.int64
    assert (of_partner | (mixed["x_cat"] == codes)).all()
    assert abs(of_partner.float().mean() - (1 - fraction)) < 0.02
    assert not torch.equal(of_partner[:, 0], of_partner[:, 1])


def cut_of(mixed, partner):
    """Where values are the partner's, given rows that hold their own number everywhere; the same for all rows."""
    own = torch.arange(len(mixed), dtype=mixed.dtype).view(-1, *[1] * (mixed.ndim - 1))
    moved = partner != torch.arange(len(mixed))
    cut = (mixed == partner.view(own.shape)) & (own != partner.view(own.shape))
    assert (cut | (mixed == own)).all()
    for row in cut[moved]:
        assert torch.equal(row, cut[moved][0])
    return cut[moved][0]


@pytest.mark.parametrize("shape", [(6, 8, 12), (6, 3, 9, 7)])
def test_cutmix_of_images_puts_in_a_box_of_the_partner(shape):
    x = torch.arange(6.0).view(-1, *[1] * (len(shape) - 1)).expand(shape)
    augment, full = Augment([CutMix()], seed=0), 0
    boxes = set()
    for seed in range(60):
        mixed, (partner, fraction) = augment({"x_num": x}, seeded(seed))
        cut = cut_of(mixed["x_num"], partner)
        assert fraction == pytest.approx(1 - cut.float().mean().item(), abs=1e-6)
        plane = cut if cut.ndim == 2 else cut[0]
        assert torch.equal(cut, plane.expand_as(cut))
        height, width = plane.any(1).sum(), plane.any(0).sum()
        assert plane.sum() == height * width
        boxes.add((int(height), int(width)))
        full += fraction == 0
    assert len(boxes) > 15
    assert full < 10


def test_the_box_has_the_area_drawn_unless_the_edge_cuts_it():
    x, largest = torch.arange(2.0).view(2, 1, 1).expand(2, 40, 40), []
    for seed in range(100):
        drawn = np.random.default_rng(seed).beta(1, 1)
        fraction = Augment([CutMix()], seed=seed)({"x_num": x}, seeded())[1].fraction
        assert fraction >= drawn - 0.06  # whole pixels
        largest.append(abs(fraction - drawn) < 0.06)
    assert 20 < sum(largest) < 100


def test_cutmix_of_a_table_puts_in_columns_of_the_partner_numbers_and_categories_alike():
    x = torch.arange(5.0).unsqueeze(1).expand(5, 7)
    codes = torch.arange(5).unsqueeze(1).expand(5, 3)
    augment, cuts = Augment([CutMix()], seed=0), []
    for seed in range(60):
        mixed, (partner, fraction) = augment({"x_num": x, "x_cat": codes}, seeded(seed))
        if (partner == torch.arange(5)).all():
            continue
        cut = torch.cat([cut_of(mixed["x_num"], partner), cut_of(mixed["x_cat"], partner)])
        assert fraction == pytest.approx(1 - cut.sum().item() / 10)
        cuts.append(cut)
    taken = torch.stack(cuts).float()
    assert ((taken.mean(0) > 0.25) & (taken.mean(0) < 0.75)).all()
    assert taken.sum(1).unique().numel() > 6


def test_cutmix_of_images_with_categories_takes_codes_by_the_fraction_kept():
    codes = torch.arange(2000).unsqueeze(1)
    mixed, (partner, fraction) = Augment([CutMix()], seed=3)(
        {"x_num": torch.zeros(2000, 4, 4), "x_cat": codes}, seeded()
    )
    of_partner = mixed["x_cat"] == partner.unsqueeze(1)
    assert (of_partner | (mixed["x_cat"] == codes)).all()
    assert abs(of_partner.float().mean() - (1 - fraction)) < 0.04


@pytest.mark.parametrize("step", [MixUp(1.0), CutMix()], ids=repr)
def test_a_table_of_categories_only_is_mixed(step):
    codes = torch.arange(40).unsqueeze(1).expand(40, 6)
    mixed, (partner, fraction) = Augment([step], seed=0)({"x_num": torch.zeros(40, 0), "x_cat": codes}, seeded())
    assert mixed["x_num"].shape == (40, 0)
    of_partner = mixed["x_cat"] == partner.unsqueeze(1)
    assert (of_partner | (mixed["x_cat"] == codes)).all()
    assert 0 < fraction < 1
    assert of_partner.any()


def test_a_table_without_columns_stays_one():
    mixed, mixture = Augment([CutMix()], seed=0)({"x_num": torch.zeros(4, 0)}, seeded())
    assert mixed["x_num"].shape == (4, 0)
    assert mixture.fraction == 1


@pytest.mark.parametrize("step", [MixUp(1.0), CutMix()], ids=repr)
@pytest.mark.parametrize("shape", [(5,), (6, 6), (2, 6, 6)])
def test_rows_of_an_ensemble_are_mixed_within_their_network(step, shape):
    """What each network gets is what it would get alone: the partner's rows of the same network."""
    x = rows_of(3, 8, *shape)
    mixed, mixture = Augment([step], seed=0)({"x_num": x}, seeded(), batch_axis=1)
    assert mixed["x_num"].shape == x.shape
    assert mixture.partner.shape == (8,)
    for k in range(3):
        alone, same = Augment([step], seed=0)({"x_num": x[k]}, seeded())
        assert torch.equal(same.partner, mixture.partner)
        assert same.fraction == mixture.fraction
        torch.testing.assert_close(mixed["x_num"][k], alone["x_num"])


@pytest.mark.parametrize("step", [MixUp(1.0), CutMix()], ids=repr)
def test_categories_of_an_ensemble_are_mixed_within_their_network(step):
    codes = torch.arange(24).view(3, 8, 1).expand(3, 8, 5)
    mixed, _ = Augment([step], seed=0)({"x_num": rows_of(3, 8, 4), "x_cat": codes}, seeded(), batch_axis=1)
    assert torch.equal(mixed["x_cat"] // 8, codes // 8)
    assert not torch.equal(mixed["x_cat"], codes)


@pytest.mark.parametrize("step", [MixUp(), CutMix()], ids=repr)
def test_rows_alone_cannot_be_mixed(step):
    with pytest.raises(TypeError, match="changes targets"):
        step(torch.zeros(2, 3))
