"""From a table to outputs, in blocks of bounded memory."""

import weakref

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sknn import NNRegressor
from sknn.training import _inference


@pytest.fixture(scope="module")
def numbers():
    return np.random.RandomState(0).normal(size=(150, 3))


def make_table(kind: str, numbers: np.ndarray):
    if kind == "frame":
        return pd.DataFrame({"a": numbers[:, 0], "b": np.where(numbers[:, 1] > 0, "x", "y"), "c": numbers[:, 2]})
    return sparse.csr_array(np.maximum(numbers, 0)) if kind == "csr" else numbers


@pytest.fixture(scope="module", params=["array", "frame", "csr"])
def fitted(request, numbers):
    X = make_table(request.param, numbers)
    return NNRegressor("mlp", hidden_layer_sizes=8, max_epochs=1, random_state=0).fit(X, numbers[:, 0]), X


def forwards(monkeypatch, watch):
    """Call `watch` before each block of 32 rows."""
    forward = _inference._forward

    def watched(*args):
        watch()
        outputs = forward(*args)
        alive.append(weakref.ref(outputs))
        return outputs

    alive: list[weakref.ref] = []
    monkeypatch.setattr(_inference, "_forward", watched)
    monkeypatch.setattr(_inference, "block_rows", lambda *_: 32)
    return alive


def test_blocks_are_put_together_in_the_order_of_the_rows(fitted, monkeypatch):
    model, X = fitted
    whole = model.predict(X)
    alive = forwards(monkeypatch, lambda: None)
    np.testing.assert_allclose(model.predict(X), whole, atol=1e-6)
    assert len(alive) == 5


def test_outputs_of_a_block_are_not_kept_beside_the_result(fitted, monkeypatch):
    model, X = fitted
    held: list[int] = []
    alive = forwards(monkeypatch, lambda: held.append(sum(reference() is not None for reference in alive)))
    model.predict(X)
    assert max(held) <= 1  # the block before


@pytest.mark.parametrize(("cells", "n_encoded"), [(1 << 21, 1), (3 * 64, 3), (1, 5)])
def test_blocks_are_encoded_together_up_to_a_number_of_cells(numbers, monkeypatch, cells, n_encoded):
    model = NNRegressor("mlp", hidden_layer_sizes=8, max_epochs=1, random_state=0).fit(numbers, numbers[:, 0])
    forwards(monkeypatch, lambda: None)
    monkeypatch.setattr(_inference, "_BLOCK_VALUES", cells)
    rows = []
    encode = model.encoder_.encode
    monkeypatch.setattr(model.encoder_, "encode", lambda table: rows.append(len(table)) or encode(table))
    model.predict(numbers)
    assert len(rows) == n_encoded
    assert sum(rows) == 150
