"""How a `TabularNet` embeds numbers. Torch only.

Shapes: K members, B rows of a batch, N embedded numbers, J bins or thresholds, E embedding width.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class NumericEmbedding(nn.Module):
    """Numbers as vectors, of each feature and member its own."""


class _Basis(NumericEmbedding, ABC):
    """Numbers as t·W for each feature and member: t holds J functions of the number x, and x itself.

    Shape: (K or 1, N, B) to (K, N · E, B).
    """

    def __init__(self, n_members: int, n_embedded: int, n_functions: int, embedding_dim: int):
        super().__init__()
        shape = n_members, n_embedded, embedding_dim, n_functions + 1
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(n_functions))
        with torch.no_grad():
            self.weight[..., -1].normal_(0, 0.5)

    @abstractmethod
    def basis(self, x: Tensor) -> Tensor:
        """(K, N, B) to (K, N, J + 1, B)."""

    @abstractmethod
    def write_basis(self, x: Tensor, out: Tensor) -> None:
        """The same from (K, N, 1, B) into memory that is there."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(self.weight, self.basis(x)).flatten(1, 2)


class PiecewiseLinear(_Basis):
    """Piecewise-linear encoding by quantile bins: t·W for each feature and member.

    Entry j < J of t is the fraction of bin j that the number x has passed, min(1, max(0, (x − left) / width)); the last
    one is x. Features with fewer bins have entries of 0.

    Shape: (K or 1, N, B) to (K, N · E, B).
    """

    def __init__(self, edges: Sequence, n_members: int, embedding_dim: int):
        n_bins = max(len(feature) for feature in edges) - 1
        super().__init__(n_members, len(edges), n_bins, embedding_dim)
        slope, start = torch.zeros(len(edges), n_bins + 1, 1), torch.zeros(len(edges), n_bins + 1, 1)
        for j, feature in enumerate(edges):
            left, right = torch.as_tensor(feature, dtype=torch.float64).unfold(0, 2, 1).unbind(1)
            slope[j, : len(left), 0] = 1 / (right - left)
            start[j, : len(left), 0] = -left / (right - left)
        slope[:, -1] = 1
        low, high = torch.zeros(n_bins + 1, 1), torch.ones(n_bins + 1, 1)
        low[-1], high[-1] = -math.inf, math.inf
        self.slope: Tensor
        self.start: Tensor
        self.low: Tensor
        self.high: Tensor
        for name, value in (("slope", slope), ("start", start), ("low", low), ("high", high)):
            self.register_buffer(name, value)

    def basis(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.start, x.unsqueeze(2), self.slope).clamp_(self.low, self.high)

    def write_basis(self, x: Tensor, out: Tensor) -> None:
        torch.mul(x, self.slope, out=out).add_(self.start).clamp_(0, 1)
        out[:, :, -1:].copy_(x)


class ThermometerEncoding(_Basis):
    """Thermometer encoding of numbers: t·W for each feature and member.

    Entry j < J of t is 1 if the number x is at least threshold j of the member, else 0; the last one is x. Thresholds
    are random (`random_thresholds` in `preprocessing`). Apart from the linear term, a member is constant between
    them, like a tree; the ensemble changes at the thresholds of all members.

    Shape: (K or 1, N, B) to (K, N · E, B).
    """

    def __init__(self, thresholds: Sequence, n_members: int, embedding_dim: int):
        each = [torch.as_tensor(feature, dtype=torch.float32) for feature in thresholds]
        if any(one.ndim != 2 or one.shape != (n_members, each[0].shape[1]) for one in each):
            raise ValueError(
                f'With numeric_embedding="thermometer" bins must hold thresholds of shape ({n_members}, J): a row for '
                f"each member, and one J for all features. Got shapes {sorted({tuple(one.shape) for one in each})}."
            )
        super().__init__(n_members, len(each), each[0].shape[1], embedding_dim)
        self.thresholds: Tensor
        self.register_buffer("thresholds", torch.stack(each, 1).unsqueeze(-1))  # (K, N, J, 1)

    def basis(self, x: Tensor) -> Tensor:
        n_members, n_embedded, n_thresholds, _ = self.thresholds.shape
        basis = x.new_empty(n_members, n_embedded, n_thresholds + 1, x.shape[-1])  # the largest array of a prediction
        basis[:, :, :-1] = x.unsqueeze(2) >= self.thresholds
        basis[:, :, -1] = x
        return basis

    def write_basis(self, x: Tensor, out: Tensor) -> None:
        torch.ge(x, self.thresholds, out=out[:, :, :-1])
        out[:, :, -1:].copy_(x)


class Periodic(NumericEmbedding):
    """Periodic embedding with learned frequencies: [cos(2π·(w·x + b))·W + c, x] for each feature and member.

    Shape: (K or 1, N, B) to (K, N · E, B).
    """

    n_waves = 16

    def __init__(self, n_embedded: int, n_members: int, embedding_dim: int, frequency_scale: float):
        super().__init__()
        n, n_mixed, n_waves = n_embedded, embedding_dim - 1, self.n_waves
        self.frequency = nn.Parameter(frequency_scale * torch.randn(n_members, n * n_waves))
        self.phase = nn.Parameter(torch.rand(n_members, n * n_waves) - 0.5)
        self.weight = nn.Parameter((torch.rand(n_members, n, n_mixed, n_waves) - 0.5) / 2)
        self.bias = nn.Parameter((torch.rand(n_members, n * n_mixed) - 0.5) / 2)

    def forward(self, x: Tensor) -> Tensor:
        k, n, n_mixed, n_waves = self.weight.shape
        frequency, phase = self.frequency.view(k, n, n_waves, 1), self.phase.view(k, n, n_waves, 1)
        x = x.unsqueeze(2)  # (K, N, 1, B)
        waves = torch.cos(2 * math.pi * (frequency * x + phase))
        mixed = torch.matmul(self.weight, waves) + self.bias.view(k, n, n_mixed, 1)  # (K, N, E - 1, B)
        return torch.cat([mixed, x.expand(len(mixed), -1, -1, -1)], 2).flatten(1, 2)
