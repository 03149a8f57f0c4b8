"""Common base of all augmentations: the protocol, the checks of their parameters, and uniform numbers.

Shapes: N rows of a batch; members of an ensemble are flattened into the same axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

Span = float | Sequence[float]


class Augmentation(BaseEstimator):
    """A random change of rows, drawn anew for each row of each batch in training.

    In a subclass `__init__` only assigns, `check` refuses invalid values, and `__call__` returns new rows. Random
    numbers are drawn from `generator`.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import Augmentation
    >>> class Negative(Augmentation):
    ...     def __init__(self, p=0.5):
    ...         self.p = p
    ...
    ...     def __call__(self, x, generator=None):
    ...         chosen = torch.rand(len(x), generator=generator, device=x.device) < self.p
    ...         return torch.where(chosen.view(-1, *[1] * (x.ndim - 1)), -x, x)
    >>> Negative(p=1.0)(torch.ones(2, 3))
    tensor([[-1., -1., -1.],
            [-1., -1., -1.]])
    """

    def check(self) -> None:
        """Raise a ValueError if a parameter has an invalid value."""

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """New rows (N, ...) of the same shape, with `generator` on their device or torch's default one."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x, generator).")

    def change_codes(self, x_cat: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw new codes of categories; unchanged by default.

        Parameters
        ----------
        x_cat : Tensor of shape (N, C)
            Codes, int64.
        generator : torch.Generator or None
            To draw from; None for torch's default one.

        Returns
        -------
        x_cat : Tensor of shape (N, C)
            New codes.
        """
        return x_cat


def span(value: Span, centre: float = 0.0) -> tuple[float, float]:
    """A number d as (centre − d, centre + d), a pair as it is."""
    if isinstance(value, Sequence | np.ndarray):
        low, high = value
        return float(low), float(high)
    return centre - float(value), centre + float(value)


def uniform(n: int, low: float, high: float, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """(n,) numbers between `low` and `high`, of the dtype and on the device of `like`."""
    drawn = torch.rand(n, generator=generator, dtype=like.dtype, device=like.device)
    return drawn.mul_(high - low).add_(low)


def happens(n: int, p: float, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """(n,) booleans that are True with probability `p`."""
    return torch.rand(n, generator=generator, device=like.device) < p


def check_span(
    owner: Augmentation, name: str, centre: float = 0.0, low: float = -math.inf, high: float = math.inf
) -> None:
    """A number ≥ 0 or a pair in order, whose ends both lie within (low, high), the finite ends included."""
    value = getattr(owner, name)
    fits = value >= 0 if _is_number(value) else _is_pair(value) and value[0] <= value[1]
    if fits:
        first, last = span(value, centre)
        fits = low <= first and last <= high
    if not fits:
        number = "a number d ≥ 0" if centre == 0 else f"a number d ≥ 0 (meaning {centre:g} − d to {centre:g} + d)"
        within = "" if (low, high) == (-math.inf, math.inf) else f", within [{low:g}, {high:g}]"
        refuse(owner, name, f"{number} or a pair (low, high) with low <= high{within}")


def check_number(
    owner: Augmentation, name: str, low: float = 0, high: float = math.inf, *, open_low: bool = False
) -> None:
    """A finite number in [low, high], or in (low, high] with `open_low`."""
    value = getattr(owner, name)
    if not _is_number(value) or not low <= value <= high or (open_low and value == low):
        above = f"{'>' if open_low else '≥'} {low:g}" if high == math.inf else f"in [{low:g}, {high:g}]"
        refuse(owner, name, f"a number {above}")


def check_integer(owner: Augmentation, name: str, low: int) -> None:
    """An integer ≥ low."""
    value = getattr(owner, name)
    if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
        refuse(owner, name, f"an integer ≥ {low}")


def refuse(owner: Augmentation, name: str, what: str) -> None:
    raise ValueError(
        f"The '{name}' parameter of {type(owner).__name__} must be {what}. Got {getattr(owner, name)!r} instead."
    )


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_pair(value) -> bool:
    return isinstance(value, (tuple, list, np.ndarray)) and len(value) == 2 and all(map(_is_number, value))
