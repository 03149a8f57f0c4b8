"""Rows as tensors: targets decoded, equal rows merged."""

import numpy as np
import torch

from sknn.preprocessing import Encoded
from sknn.training import Rows, merge_repeats

CPU = torch.device("cpu")


def test_repeats_are_merged_with_the_sum_of_their_weights():
    x = np.array([[1, 2], [3, 4], [1, 2], [1, 2]], dtype=np.float32)
    y = np.array([0, 1, 0, 1])
    encoded, target, weight = merge_repeats(Encoded(x), y, np.array([1.0, 2, 3, 4]))
    assert encoded.x_num.tolist() == [[1, 2], [1, 2], [3, 4]]
    assert target.tolist() == [0, 1, 1]
    assert weight.tolist() == [4, 4, 2]


def test_merging_gives_the_same_for_any_order_and_for_weights_or_repeats():
    rng = np.random.default_rng(0)
    x, y, count = rng.normal(size=(8, 3)).astype(np.float32), rng.integers(0, 2, 8), rng.integers(1, 4, 8)
    weighted = merge_repeats(Encoded(x), y, count.astype(float))
    order = rng.permutation(count.sum())
    repeated = merge_repeats(Encoded(x.repeat(count, 0)[order]), y.repeat(count)[order], None)
    for a, b in zip((weighted[0].x_num, *weighted[1:]), (repeated[0].x_num, *repeated[1:]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_rows_that_all_differ_need_no_weights():
    x = np.eye(3, dtype=np.float32)
    assert merge_repeats(Encoded(x), np.arange(3), None)[2] is None


def test_rows_show_callbacks_their_targets_decoded():
    rows = Rows(Encoded(np.zeros((2, 1), np.float32)), np.array([1, 0]), None, CPU, np.array(["no", "yes"]).take)
    assert rows.y.tolist() == ["yes", "no"]
