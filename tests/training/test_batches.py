"""Batches: every row once an epoch, in an order of its own."""

import numpy as np
import pytest
import torch
from scipy import sparse

from sknn.preprocessing import Encoded
from sknn.training import Rows
from sknn.training import _batches as batches_module
from sknn.training._batches import TensorBatches, split

CPU = torch.device("cpu")


def make_rows(n=10, weight=True, as_sparse=False, codes=False):
    x = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    encoded = Encoded(sparse.csr_array(x) if as_sparse else x, np.arange(n)[:, None] if codes else None)
    return Rows(encoded, np.arange(n), np.arange(n) + 1.0 if weight else None, CPU, decode=lambda y: y)


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("codes", [False, True])
@pytest.mark.parametrize("chunk_bytes", [1, 1 << 24])
def test_an_epoch_holds_every_row_once_with_its_target_weight_and_codes(monkeypatch, as_sparse, codes, chunk_bytes):
    monkeypatch.setattr(batches_module, "CHUNK_BYTES", chunk_bytes)
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
    monkeypatch.setattr(batches_module, "CHUNK_BYTES", chunk_bytes)
    batches = TensorBatches(make_rows(n), size)
    assert [target.tolist() for _, (target, _) in batches] == expected
    assert len(batches) == len(expected)


@pytest.mark.parametrize("batch_axis", [0, 1])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_split_along_either_axis_gives_each_tensor_in_pieces(batch_axis, weighted):
    x, codes, target = torch.arange(24).view(4, 6), torch.arange(48).view(4, 6, 2), torch.arange(24).view(4, 6)
    weight = target * 2 if weighted else None
    sizes = [1, 3] if batch_axis == 0 else [4, 2]
    pieces = list(split({"x_num": x, "x_cat": codes}, target, weight, sizes, batch_axis))
    assert [inputs["x_num"].shape[batch_axis] for inputs, _ in pieces] == sizes
    assert torch.equal(torch.cat([inputs["x_num"] for inputs, _ in pieces], batch_axis), x)
    assert torch.equal(torch.cat([inputs["x_cat"] for inputs, _ in pieces], batch_axis), codes)
    assert torch.equal(torch.cat([y for _, (y, _) in pieces], batch_axis), target)
    for _, (y, w) in pieces:
        assert w is None if weight is None else torch.equal(w, y * 2)
