"""Augmentations of the rows of a table: noise and feature dropout.

Shapes: N rows, F numbers (or any shape of a row), C categories.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sknn.augmentation._base import Augmentation, check_number
from sknn.utils import MISSING


class GaussianNoise(Augmentation):
    """Add normal noise to each number, x + std · ε with ε ~ N(0, 1). Categories stay.

    Parameters
    ----------
    std : float, default=0.1
        Standard deviation of the noise, in the unit of the numbers as the network gets them. With the default
        preprocessing that is about the interquartile range of a column.

    References
    ----------
    Bishop, Training with Noise is Equivalent to Tikhonov Regularization, Neural Computation 7(1), 1995.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import GaussianNoise
    >>> noise = GaussianNoise(std=0.5)(torch.zeros(10_000, 2), torch.Generator().manual_seed(0))
    >>> round(noise.std().item(), 2)
    0.5
    """

    def __init__(self, std: float = 0.1):
        self.std = std

    def check(self) -> None:
        check_number(self, "std")

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        return noise.mul_(self.std).add_(x)


class FeatureDropout(Augmentation):
    """Leave out random values of each row, so that the network does not rely on a few features.

    A number becomes 0, the centre of its column after the default scaling; a category becomes missing, so that the
    embedding of missing values is trained too. The number and the code of a recurring value
    (`TableEncoder(recurring_values=...)`) are left out independently. Unlike in a dropout layer, the other values are
    not scaled up.

    Parameters
    ----------
    p : float, default=0.1
        Probability with which a value is left out.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import FeatureDropout
    >>> FeatureDropout(p=0.5)(torch.ones(2, 6), torch.Generator().manual_seed(0)).unique()
    tensor([0., 1.])
    """

    def __init__(self, p: float = 0.1):
        self.p = p

    def check(self) -> None:
        check_number(self, "p", 0, 1)

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return x.masked_fill(self._gaps(x, generator), 0)

    def change_codes(self, x_cat: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return x_cat.masked_fill(self._gaps(x_cat, generator), MISSING)

    def _gaps(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        return torch.rand(x.shape, generator=generator, device=x.device) < self.p
