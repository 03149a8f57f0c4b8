"""Thresholds of each member of an ensemble."""

import numpy as np
import pytest

from sknn.preprocessing import random_thresholds


def test_each_quantile_bin_gets_a_threshold_of_each_member():
    x = np.random.default_rng(0).permutation(1_000).astype(np.float32).reshape(-1, 1)
    (found,) = random_thresholds(x, 10, 4, seed=0)
    assert found.shape == (4, 10)
    assert len(np.unique(found)) > 30
    fraction = (x[:, 0] < found[..., None]).mean(-1)  # of the rows below
    np.testing.assert_array_equal(np.minimum(np.floor(10 * fraction + 1e-9), 9), np.tile(np.arange(10), (4, 1)))
    np.testing.assert_allclose(found % 1, 0.5)  # amid two neighbours


def test_a_threshold_lies_beside_the_value_that_takes_up_its_quantiles():
    x = np.repeat([1.0, 5.0, 9.0], [10, 80, 10]).astype(np.float32).reshape(-1, 1)
    (found,) = random_thresholds(x, 10, 5)
    assert found[:, 0].tolist() == [3.0] * 5
    assert set(found[:, 1:9].ravel().tolist()) == {np.inf}
    assert found[:, 9].tolist() == [7.0] * 5


def test_columns_of_two_values_have_none():
    x = np.c_[np.zeros(20), np.arange(20) % 2, np.arange(20)].astype(np.float32)
    assert [feature is None for feature in random_thresholds(x, 4, 2)] == [True, True, False]


@pytest.mark.parametrize("n_rows", [60, 200_000])
def test_a_row_of_weight_two_is_the_row_twice_and_the_seed_decides(n_rows):
    x = np.random.default_rng(0).normal(size=(n_rows, 2)).astype(np.float32)
    weight = np.random.default_rng(1).integers(1, 3, n_rows)
    first, again, other = (random_thresholds(x, 8, 3, seed=seed) for seed in (0, 0, 1))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)
    if n_rows == 60:
        weighted = random_thresholds(x, 8, 3, weight.astype(float))
        repeated = random_thresholds(np.repeat(x, weight, axis=0), 8, 3)
        np.testing.assert_array_equal(weighted, repeated)
