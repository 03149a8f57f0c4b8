"""Weights that are not finite are found, with torch's private operator and without it."""

import math

import pytest
import torch

from sknn.callbacks._finite import _all_finite

VALUES = [[], [0.0], [1e-40, -1e15], [1.0, math.nan], [math.inf], [-math.inf, 2.0]]


@pytest.mark.parametrize("has_operator", [True, False])
@pytest.mark.parametrize("last", VALUES, ids=str)
def test_weights_are_finite_if_each_number_is(last, has_operator, monkeypatch):
    if not has_operator:
        monkeypatch.delattr(torch, "_foreach_norm")
    weights = [torch.ones(2, 3), torch.tensor(last[:1]).reshape(-1), torch.tensor(last)]
    assert _all_finite(weights) == all(bool(weight.isfinite().all()) for weight in weights)
    assert _all_finite([])
