"""Batches: every row once an epoch, in an order of its own; equal rows merged."""

import numpy as np
import pytest
import torch
from scipy import sparse

from sknn.preprocessing import Encoded
from sknn.training import Rows, merge_repeats
from sknn.training import _data as data_module
from sknn.training._data import TensorBatches

CPU = torch.device("cpu")


def make_rows(n=10, weight=True, as_sparse=False, codes=False):
    x = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    encoded = Encoded(sparse.csr_array(x) if as_sparse else x, np.arange(n)[:, None] if codes else None)
    return Rows(encoded, np.arange(n), np.arange(n) + 1.0 if weight else None, CPU, decode=lambda y: y)


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("codes", [False, True])
@pytest.mark.parametrize("chunk_bytes", [1, 1 << 24])
def test_an_epoch_holds_every_row_once_with_its_target_weight_and_codes(monkeypatch, as_sparse, codes, chunk_bytes):
    monkeypatch.setattr(data_module, "CHUNK_BYTES", chunk_bytes)
    rows = make_rows(as_sparse=as_sparse, codes=codes)
    batches = list(TensorBatches(rows, 4, shuffle=True, generator=torch.Generator().manual_seed(0)))
    assert [len(target) for _, (target, _) in batches] == [4, 4, 2]
    target = torch.cat([target for _, (target, _) in batches])
    assert sorted(target.tolist()) == list(range(10))
    assert target.tolist() != list(range(10))
    x = torch.cat([inputs["x_num"] for inputs, _ in batches])
    assert torch.equal(x[:, 0], 2.0 * target)
    assert torch.equal(torch.cat([weight for _, (_, weight) in batches]), target + 1.0)
    if codes:
        assert torch.equal(torch.cat([inputs["x_cat"] for inputs, _ in batches])[:, 0], target)


def test_each_epoch_has_another_order_and_the_generator_decides_it():
    def epochs(seed):
        batches = TensorBatches(make_rows(), 4, shuffle=True, generator=torch.Generator().manual_seed(seed))
        return [torch.cat([target for _, (target, _) in batches]).tolist() for _ in range(2)]

    first, second = epochs(0)
    assert first != second
    assert epochs(0) == [first, second]
    assert epochs(1) != [first, second]


@pytest.mark.parametrize(
    ("n", "size", "expected"),
    [(6, 4, [[0, 1, 2, 3], [4, 5]]), (5, 2, [[0, 1], [2, 3, 4]]), (1, 4, [[0]]), (3, 1, [[0], [1], [2]])],
)
@pytest.mark.parametrize("chunk_bytes", [1, 1 << 24])
def test_rows_keep_their_order_without_shuffling_and_a_last_row_alone_joins_the_others(
    monkeypatch, n, size, expected, chunk_bytes
):
    monkeypatch.setattr(data_module, "CHUNK_BYTES", chunk_bytes)
    batches = TensorBatches(make_rows(n), size)
    assert [target.tolist() for _, (target, _) in batches] == expected
    assert len(batches) == len(expected)


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
