"""Augmentations of images: affine maps, flips, crops, cut-outs and brightness.

They take a batch (N, channels, height, width), or (N, height, width) if grey, and give each image numbers of its
own. Shapes: N images, C channels, H rows and W columns of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from sknn.augmentation._base import Augmentation, Span, check_integer, check_number, check_span, happens, span, uniform


class ImageAugmentation(Augmentation):
    """An augmentation whose `apply` takes and gives images (N, C, H, W)."""

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        if x.ndim not in (3, 4):
            shape = ", ".join(["n", *map(str, x.shape[1:])]) + ("," if x.ndim == 1 else "")
            raise ValueError(
                f"{self._name} needs images, an X of shape (n, height, width) or (n, channels, height, width). "
                f"Got an X that reaches the network with the shape ({shape}): pass the images in that shape, or use "
                "an augmentation of tables such as GaussianNoise."
            )
        images = x if x.ndim == 4 else x.unsqueeze(1)
        return self.apply(images, generator).reshape(x.shape)

    def apply(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        raise NotImplementedError(f"{self._name} must define apply(images, generator).")

    @property
    def _name(self) -> str:
        return type(self).__name__


class AffineAugmentation(ImageAugmentation):
    """Moves each pixel by an affine map about the centre of the image, with bilinear values and zeros outside.

    A subclass gives the maps *from the new image to the old one*, since that is how pixels are looked up, in
    pixels right of and below the centre.
    """

    def apply(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        n, _, height, width = images.shape
        pixels, to_unit = _places(height, width, images.dtype, images.device)
        # One matrix product for the batch takes a tenth of `affine_grid`'s time, and (N, 2, H, W) in memory is a
        # layout that `grid_sample` reads just as fast. Autocast would round the places to whole pixels or so.
        with torch.autocast(images.device.type, enabled=False):
            maps = self.maps(images, generator) * to_unit
            places = (maps.view(2 * n, 3) @ pixels).view(n, 2, height, width).permute(0, 2, 3, 1)
        return F.grid_sample(images, places, mode="bilinear", padding_mode="zeros", align_corners=False)

    def maps(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        """(N, 2, 3): the matrix, and the shift in its last column, that take (x, y, 1) to (x, y) of the old image."""
        raise NotImplementedError(f"{self._name} must define maps(images, generator).")


class AffineChain(AffineAugmentation):
    """Several affine augmentations as a single one, so that an image is interpolated once.

    Pixels that one step moves out of the image and the next one back in are thus kept.
    """

    def __init__(self, steps: Sequence[AffineAugmentation]):
        self.steps = steps

    def maps(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        # The pixel looked up is step₁⁻¹(step₂⁻¹(…)): the last step's map comes first.
        return reduce(_after, (step.maps(images, generator) for step in self.steps))

    @property
    def _name(self) -> str:
        return type(self.steps[0]).__name__


class Rotate(AffineAugmentation):
    """Rotate each image about its centre by a random angle.

    Pixels are interpolated bilinearly; pixels from outside the image are zero.

    Parameters
    ----------
    degrees : float or (float, float), default=15
        Angles are uniform in [−degrees, degrees], or between the two; counter-clockwise when positive.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import Rotate
    >>> Rotate((90, 90))(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])).round()
    tensor([[[2., 4.],
             [1., 3.]]])
    """

    def __init__(self, degrees: Span = 15):
        self.degrees = degrees

    def check(self) -> None:
        check_span(self, "degrees")

    def maps(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        low, high = span(self.degrees)
        angle = uniform(len(images), low, high, images, generator).deg2rad_()
        cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
        return _stacked(cos, -sin, zero, sin, cos, zero)


class Translate(AffineAugmentation):
    """Translate each image horizontally and vertically; pixels from outside are zero.

    Parameters
    ----------
    fraction : float or (float, float), default=0.1
        Fractions of the width (to the right) and of the height (downwards), drawn independently, uniform in
        [−fraction, fraction] or between the two; at most 1 either way.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import Translate
    >>> Translate((0.5, 0.5))(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[0., 0.],
             [0., 1.]]])
    """

    def __init__(self, fraction: Span = 0.1):
        self.fraction = fraction

    def check(self) -> None:
        check_span(self, "fraction", low=-1, high=1)

    def maps(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        n, _, height, width = images.shape
        low, high = span(self.fraction)
        right = uniform(n, low, high, images, generator).mul_(-width)
        down = uniform(n, low, high, images, generator).mul_(-height)
        one, zero = torch.ones_like(right), torch.zeros_like(right)
        return _stacked(one, zero, right, zero, one, down)


class Scale(AffineAugmentation):
    """Scale each image about its centre; its size in pixels stays the same.

    Parameters
    ----------
    factor : (float, float) or float, default=(0.9, 1.1)
        Factors are uniform between the two; above 1 enlarges. A number d means between 1 − d and 1 + d.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import Scale
    >>> image = torch.zeros(1, 4, 4)
    >>> image[:, 1:3, 1:3] = 1
    >>> Scale((2, 2))(image)[0, 0]
    tensor([0.5625, 0.7500, 0.7500, 0.5625])
    """

    smallest = 0.01  # below, next to nothing of an image is left

    def __init__(self, factor: Span = (0.9, 1.1)):
        self.factor = factor

    def check(self) -> None:
        check_span(self, "factor", centre=1, low=self.smallest)

    def maps(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        low, high = span(self.factor, centre=1)
        shrink = uniform(len(images), low, high, images, generator).reciprocal_()
        zero = torch.zeros_like(shrink)
        return _stacked(shrink, zero, zero, zero, shrink, zero)


class RandomCrop(ImageAugmentation):
    """Pad each image with zeros, then crop it to the original size at a random position: a shift by whole pixels.

    Parameters
    ----------
    padding : int, default=2
        Pixels added on each side, and so the most that an image is shifted by.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import RandomCrop
    >>> RandomCrop(padding=4)(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    """

    def __init__(self, padding: int = 2):
        self.padding = padding

    def check(self) -> None:
        check_integer(self, "padding", 0)

    def apply(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        n, _, height, width = images.shape
        padded = F.pad(images, (self.padding,) * 4)
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (N, C, places, places, H, W), a view
        top, left = torch.randint(2 * self.padding + 1, (2, n), generator=generator, device=images.device)
        return windows[torch.arange(n, device=images.device), :, top, left]


class HorizontalFlip(ImageAugmentation):
    """Flip images horizontally with a given probability.

    Parameters
    ----------
    p : float, default=0.5
        Probability of an image to be flipped.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import HorizontalFlip
    >>> HorizontalFlip(p=1)(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[2., 1.],
             [4., 3.]]])
    """

    def __init__(self, p: float = 0.5):
        self.p = p

    def check(self) -> None:
        check_number(self, "p", 0, 1)

    def apply(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        return _flip_some(images, -1, self.p, generator)


class VerticalFlip(ImageAugmentation):
    """Flip images vertically with a given probability.

    Parameters
    ----------
    p : float, default=0.5
        Probability of an image to be flipped.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import VerticalFlip
    >>> VerticalFlip(p=1)(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[3., 4.],
             [1., 2.]]])
    """

    def __init__(self, p: float = 0.5):
        self.p = p

    def check(self) -> None:
        check_number(self, "p", 0, 1)

    def apply(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        return _flip_some(images, -2, self.p, generator)


class Brightness(ImageAugmentation):
    """Add a random number to all pixels and channels of an image.

    Parameters
    ----------
    change : float or (float, float), default=0.2
        Numbers are uniform in [−change, change] or between the two, in the unit of the pixels as the network gets
        them: 0.2 is a fifth of the range of pixels in [0, 1], and nothing to see for pixels in [0, 255].

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import Brightness
    >>> Brightness((0.25, 0.25))(torch.tensor([[[0.0, 0.5]]]))
    tensor([[[0.2500, 0.7500]]])
    """

    def __init__(self, change: Span = 0.2):
        self.change = change

    def check(self) -> None:
        check_span(self, "change")

    def apply(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        low, high = span(self.change)
        return images + uniform(len(images), low, high, images, generator).view(-1, 1, 1, 1)


class CutOut(ImageAugmentation):
    """Set a square of each image to zero, at a random position.

    The square lies within the image; in the paper it may extend beyond the edge, and so be smaller.

    Parameters
    ----------
    size : int, default=4
        Side of the square in pixels; at most the height and the width of the images.

    References
    ----------
    DeVries & Taylor, Improved Regularization of Convolutional Neural Networks with Cutout, arXiv:1708.04552, 2017.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import CutOut
    >>> int((CutOut(size=2)(torch.ones(1, 5, 5)) == 0).sum())
    4
    """

    def __init__(self, size: int = 4):
        self.size = size

    def check(self) -> None:
        check_integer(self, "size", 1)

    def apply(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        n, _, height, width = images.shape
        if self.size > min(height, width):
            raise ValueError(
                f"The 'size' parameter of CutOut must be at most the height and width of the images, which are "
                f"{height} × {width} pixels. Got {self.size} instead."
            )
        rows = _stretches(n, height, self.size, images.device, generator)  # (N, H)
        columns = _stretches(n, width, self.size, images.device, generator)  # (N, W)
        square = rows.unsqueeze(2) & columns.unsqueeze(1)  # (N, H, W)
        return images.masked_fill(square.unsqueeze(1), 0)


def _stretches(n: int, length: int, size: int, device: torch.device, generator: torch.Generator | None) -> Tensor:
    """(n, length) booleans: `size` neighbours at a random place of each row."""
    start = torch.randint(length - size + 1, (n, 1), generator=generator, device=device)
    place = torch.arange(length, device=device)
    return (place >= start) & (place < start + size)


def _flip_some(images: Tensor, axis: int, p: float, generator: torch.Generator | None) -> Tensor:
    chosen = happens(len(images), p, images, generator).view(-1, 1, 1, 1)
    return torch.where(chosen, images.flip(axis), images)


@lru_cache(maxsize=8)
def _places(height: int, width: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """(3, H·W) places (x, y, 1) in pixels from the centre, and (2, 1) what takes pixels to `grid_sample`'s unit.

    Without `align_corners`, −1 and 1 are the outer edges of an image and 0 its centre.
    """
    y = torch.arange(height, dtype=dtype, device=device) - (height - 1) / 2
    x = torch.arange(width, dtype=dtype, device=device) - (width - 1) / 2
    y, x = torch.meshgrid(y, x, indexing="ij")
    places = torch.stack([x, y, torch.ones_like(x)]).flatten(1)
    return places, torch.tensor([[2 / width], [2 / height]], dtype=dtype, device=device)


def _stacked(*entries: Tensor) -> Tensor:
    """Six numbers of each image, row by row, as (N, 2, 3)."""
    return torch.stack(entries, dim=1).view(-1, 2, 3)


def _after(outer: Tensor, inner: Tensor) -> Tensor:
    """The maps x → outer(inner(x)), (N, 2, 3)."""
    product = outer[:, :, :2] @ inner
    product[:, :, 2] += outer[:, :, 2]
    return product
