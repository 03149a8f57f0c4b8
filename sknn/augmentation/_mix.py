"""Augmentations that mix each row with another of its batch, and so its target too.

Shapes: B rows of a batch; K members of an ensemble, each with rows of its own, if the rows lie along axis 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sknn.augmentation._base import Augmentation, check_number


class Mixture(NamedTuple):
    """How the rows of a batch are mixed; their loss is λ · loss(own target) + (1 − λ) · loss(partner's target).

    Parameters
    ----------
    partner : Tensor of shape (B,)
        int64 position, in the batch, of the row that each row is mixed with; the same for all members of an ensemble.
    fraction : float
        λ: the weight of the row itself, in [0, 1].
    """

    partner: Tensor
    fraction: float


class Mixing(Augmentation):
    """An augmentation that mixes rows by a λ ~ Beta(alpha, alpha). It has `mix`, since targets change too."""

    alpha: float

    def check(self) -> None:
        check_number(self, "alpha", open_low=True)

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        raise TypeError(f"{type(self).__name__} changes targets as well as rows: call Augment([{self!r}], seed).")

    def mix(
        self, inputs: dict[str, Tensor], generator: torch.Generator | None, rng: np.random.Generator, batch_axis: int
    ) -> tuple[dict[str, Tensor], Mixture]:
        """Mixed inputs. Numbers needed on the host are drawn by `rng`, all others by `generator`."""
        raise NotImplementedError(f"{type(self).__name__} must define mix(inputs, generator, rng, batch_axis).")

    def _partner_and_fraction(
        self, inputs: dict[str, Tensor], generator: torch.Generator | None, rng: np.random.Generator, batch_axis: int
    ) -> Mixture:
        x = inputs["x_num"]
        partner = torch.randperm(x.shape[batch_axis], generator=generator, device=x.device)
        return Mixture(partner, float(rng.beta(self.alpha, self.alpha)))


class MixUp(Mixing):
    """Train on convex combinations of two rows, λ · x + (1 − λ) · x', and of their losses.

    One λ ~ Beta(alpha, alpha) is drawn per batch, and each row is mixed with a random row of the batch. Categories
    cannot be averaged: the partner's is taken with probability 1 − λ.

    Parameters
    ----------
    alpha : float, default=0.2
        Near 0 most batches hardly change; at 1, λ is uniform.

    References
    ----------
    Zhang, Cisse, Dauphin & Lopez-Paz, mixup: Beyond Empirical Risk Minimization, ICLR 2018, equation (1).

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import Augment, MixUp
    >>> x = torch.tensor([[0.0], [1.0]])
    >>> mixed, mixture = Augment([MixUp()], seed=0)({"x_num": x}, torch.Generator().manual_seed(0))
    >>> expected = mixture.fraction * x + (1 - mixture.fraction) * x[mixture.partner]
    >>> torch.allclose(mixed["x_num"], expected)
    True
    """

    def __init__(self, alpha: float = 0.2):
        self.alpha = alpha

    def mix(
        self, inputs: dict[str, Tensor], generator: torch.Generator | None, rng: np.random.Generator, batch_axis: int
    ) -> tuple[dict[str, Tensor], Mixture]:
        partner, fraction = self._partner_and_fraction(inputs, generator, rng, batch_axis)
        x = inputs["x_num"]
        mixed = {**inputs, "x_num": torch.lerp(x.index_select(batch_axis, partner), x, fraction)}
        if "x_cat" in inputs:
            mixed["x_cat"] = _some_of_partner(inputs["x_cat"], partner, fraction, generator, batch_axis)
        return mixed, Mixture(partner, fraction)


class CutMix(Mixing):
    """Replace a part of each row by that of another row, and mix the losses by the fraction that is kept.

    In images the part is a box with 1 − λ of the area at a random position, clipped at the edge; in tables it is a
    random fraction 1 − λ of the columns. λ ~ Beta(alpha, alpha); the box or the columns are the same for all rows of
    a batch. Losses are mixed by the fraction actually kept.

    Parameters
    ----------
    alpha : float, default=1.0
        At 1, λ is uniform; near 0, almost nothing or almost everything is replaced.

    References
    ----------
    Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features, ICCV 2019,
    equations (1) and (2). Its authors cut images; columns of a table are this package's analogue.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import Augment, CutMix
    >>> x = torch.tensor([[0.0] * 8, [1.0] * 8])
    >>> mixed, mixture = Augment([CutMix()], seed=0)({"x_num": x}, torch.Generator().manual_seed(1))
    >>> mixture.fraction
    0.75
    >>> bool((mixed["x_num"][0] == x[mixture.partner[0]]).sum() == 8 * (1 - mixture.fraction))
    True
    """

    def __init__(self, alpha: float = 1.0):
        self.alpha = alpha

    def mix(
        self, inputs: dict[str, Tensor], generator: torch.Generator | None, rng: np.random.Generator, batch_axis: int
    ) -> tuple[dict[str, Tensor], Mixture]:
        partner, fraction = self._partner_and_fraction(inputs, generator, rng, batch_axis)
        if inputs["x_num"].ndim - batch_axis == 2:
            return _cut_columns(inputs, partner, fraction, generator, batch_axis)
        x = inputs["x_num"]
        rows, columns = _stretch(x.shape[-2], fraction, rng), _stretch(x.shape[-1], fraction, rng)
        box = (..., rows, columns)
        mixed = {**inputs, "x_num": x.clone()}
        mixed["x_num"][box] = x[box].index_select(batch_axis, partner)
        fraction = 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (x.shape[-2] * x.shape[-1])
        if "x_cat" in inputs:
            mixed["x_cat"] = _some_of_partner(inputs["x_cat"], partner, fraction, generator, batch_axis)
        return mixed, Mixture(partner, fraction)


def _stretch(length: int, fraction: float, rng: np.random.Generator) -> slice:
    """√(1 − λ) of a side, round a random pixel, as far as it lies within the image."""
    size = round(length * math.sqrt(1 - fraction))
    start = int(rng.integers(length)) - size // 2
    return slice(max(start, 0), min(start + size, length))


def _cut_columns(
    inputs: dict[str, Tensor], partner: Tensor, fraction: float, generator: torch.Generator | None, batch_axis: int
) -> tuple[dict[str, Tensor], Mixture]:
    """Numbers and categories count as columns alike."""
    values = {name: inputs[name] for name in ("x_num", "x_cat") if name in inputs}
    widths = [value.shape[-1] for value in values.values()]
    n_columns = sum(widths)
    n_cut = round((1 - fraction) * n_columns)
    cut = torch.randperm(n_columns, generator=generator, device=partner.device) < n_cut
    mixed = dict(inputs)
    for (name, value), columns in zip(values.items(), cut.split(widths), strict=True):
        mixed[name] = torch.where(columns, value.index_select(batch_axis, partner), value)
    return mixed, Mixture(partner, 1 - n_cut / max(n_columns, 1))


def _some_of_partner(
    codes: Tensor, partner: Tensor, fraction: float, generator: torch.Generator | None, batch_axis: int
) -> Tensor:
    """Codes of which each is the partner's with probability 1 − fraction."""
    kept = torch.rand(codes.shape, generator=generator, device=codes.device) < fraction
    return torch.where(kept, codes, codes.index_select(batch_axis, partner))
