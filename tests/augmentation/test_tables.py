"""Noise and gaps in the rows of a table."""

import pandas as pd
import pytest
import torch

from helpers import seeded
from sknn.augmentation import FeatureDropout, GaussianNoise
from sknn.preprocessing import TableEncoder
from sknn.utils import MISSING


@pytest.mark.parametrize("shape", [(4000, 10), (100, 3, 8, 8)])
@pytest.mark.parametrize("std", [0.1, 2.0])
def test_noise_is_normal_with_the_standard_deviation_asked_for(shape, std):
    x = torch.rand(shape, generator=seeded(1)) * 5
    noise = (GaussianNoise(std)(x, seeded()) - x).flatten() / std
    assert abs(noise.mean()) < 0.03
    assert abs(noise.std() - 1) < 0.03
    assert abs((noise.abs() < 1).float().mean() - 0.683) < 0.02


def test_noise_leaves_codes_and_with_no_deviation_numbers_alone():
    codes = torch.randint(0, 5, (6, 3), generator=seeded())
    assert GaussianNoise().change_codes(codes, seeded()) is codes
    x = torch.rand(3, 4)
    assert torch.equal(GaussianNoise(0)(x), x)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.7, 1.0])
def test_dropped_numbers_are_zero_and_the_others_as_they_were(p):
    x = torch.rand(2000, 10, generator=seeded(1)) + 1
    got = FeatureDropout(p)(x, seeded())
    gone = got == 0
    assert torch.equal(got[~gone], x[~gone])
    assert abs(gone.float().mean() - p) < 0.01
    assert ((gone.float().mean(0) - p).abs() < 0.05).all()


@pytest.mark.parametrize("p", [0.0, 0.1, 0.7, 1.0])
def test_dropped_categories_are_missing_and_the_others_as_they_were(p):
    codes = torch.randint(2, 9, (2000, 10), generator=seeded(1))
    got = FeatureDropout(p).change_codes(codes, seeded())
    gone = got == MISSING
    assert got.dtype == torch.int64
    assert torch.equal(got[~gone], codes[~gone])
    assert abs(gone.float().mean() - p) < 0.01


def test_the_code_of_a_missing_category_is_the_encoders():
    X = pd.DataFrame({"x": [None, "a", "b", "c"]})
    assert TableEncoder(max_onehot=1).fit_encode(X).x_cat[0, 0] == MISSING
