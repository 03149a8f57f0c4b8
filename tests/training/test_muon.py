"""Muon against torch's own, which takes single matrices alone."""

import pytest
import torch
from torch import nn

from sknn.training import Muon
from sknn.training._muon import orthogonalized


def steps(optimizer, parameter, n_steps=4):
    generator = torch.Generator().manual_seed(0)
    for _ in range(n_steps):
        parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
    return parameter.detach()


def start(*shape):
    return nn.Parameter(torch.randn(*shape, generator=torch.Generator().manual_seed(1)))


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
@pytest.mark.parametrize("shape", [(16, 32), (40, 10)])
@pytest.mark.parametrize("nesterov", [True, False])
def test_a_matrix_takes_the_steps_of_torchs_muon(shape, nesterov):
    ours, theirs = start(*shape), start(*shape)
    before = ours.detach().clone()
    params = {"lr": 0.02, "weight_decay": 0.1, "nesterov": nesterov}
    moved = steps(Muon([ours], **params), ours) - before
    expected = steps(torch.optim.Muon([theirs], adjust_lr_fn="match_rms_adamw", **params), theirs) - before
    assert (moved - expected).norm() < 0.03 * expected.norm()  # torch's iterations are in bfloat16


def test_stacked_matrices_take_the_steps_of_each():
    stacked = start(3, 16, 12)
    single = [nn.Parameter(matrix.clone()) for matrix in stacked.detach()]
    stacked.grad = torch.randn(3, 16, 12, generator=torch.Generator().manual_seed(2))
    for matrix, grad in zip(single, stacked.grad, strict=True):
        matrix.grad = grad.clone()
    Muon([stacked], lr=0.1, stacked=True).step()
    Muon(single, lr=0.1).step()
    torch.testing.assert_close(stacked, torch.stack(single))


@pytest.mark.parametrize("shape", [(7,), (4, 1, 20), (3, 5)])
def test_what_is_no_matrix_takes_the_steps_of_adamw(shape):
    ours, theirs = start(*shape), start(*shape)
    moved = steps(Muon([ours], lr=0.02, weight_decay=0.1), ours)
    torch.testing.assert_close(moved, steps(torch.optim.AdamW([theirs], lr=0.02, weight_decay=0.1), theirs))


def test_a_convolution_is_a_matrix_of_its_kernels():
    kernel = start(16, 8, 3, 3)
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    kernel.grad = torch.randn(16, 8, 3, 3, generator=torch.Generator().manual_seed(2))
    matrix.grad = kernel.grad.flatten(1).clone()
    Muon([kernel], lr=0.1).step()
    Muon([matrix], lr=0.1).step()
    torch.testing.assert_close(kernel.flatten(1), matrix)


def test_singular_values_become_nearly_one():
    values = torch.linalg.svdvals(orthogonalized(start(20, 30).detach(), 5))
    assert values.min() > 0.6
    assert values.max() < 1.3
