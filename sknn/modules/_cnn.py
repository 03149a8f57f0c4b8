"""The convolutional network for images that `module="cnn"` stands for. Torch only.

Shapes: B images of a batch, C channels, H pixels high, W pixels wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sknn.modules._layers import Activation, Dropout, Linear, for_each_layer, make_activation, normalizing

_NORMALIZATIONS: dict[str, type[nn.Module]] = {"batch": nn.BatchNorm2d}
_LEAST_POOLED = 4  # pixels: a smaller image is not halved any more
_MAX_PIXELS = 4  # height and width of what the linear layers get


class CNN(nn.Module):
    """Small convolutional network on images.

    A block is a 3×3 convolution, 2×2 max pooling while the image is at least 4 pixels high and wide,
    normalisation and activation. Averages over at most 4×4 tiles then lead to a hidden linear layer::

        Block -> ... -> Block -> average -> Dropout -> Linear -> activation -> Linear

    The maximum is taken before the activation: that is the same wherever the activation rises, and
    leaves a quarter of the work to what follows.

    Parameters
    ----------
    n_outputs : int
        Number of outputs: logits of the classes or labels, or means of the targets.
    image_shape : tuple of int
        Channels, height and width of an image, (C, H, W), or (H, W) of a grey one.
    hidden_layer_sizes : sequence of int, default=(32, 64)
        Channels of each block, one block at least.
    activation : str, nn.Module class, callable without arguments, or list of these, default="relu"
        Activation; a name is one of `ACTIVATIONS`. A list has one for each block, the last one also
        after the hidden linear layer.
    dropout : float, default=0.0
        Probability with which an input of the hidden linear layer is dropped in training, in [0, 1).
    normalization : {"batch"} or None, default="batch"
        Normalisation of a channel over the images of the batch (Ioffe & Szegedy, ICML 2015).
    head_size : int, default=128
        Width of the hidden linear layer.

    Raises
    ------
    ValueError
        For no block, a list of another length than `hidden_layer_sizes`, an unknown name, an impossible
        `image_shape` or `dropout`; in `forward`, for images of another shape.

    Notes
    -----
    Shapes: (B, C, H, W), (B, H, W) for grey images or (B, C · H · W) to (B, n_outputs).

    Examples
    --------
    >>> import torch
    >>> from sknn.modules import CNN
    >>> net = CNN(n_outputs=10, image_shape=(1, 28, 28), hidden_layer_sizes=(8, 16))
    >>> net(torch.zeros(5, 28, 28)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        n_outputs: int,
        image_shape: Sequence[int],
        *,
        hidden_layer_sizes: Sequence[int] = (32, 64),
        activation: Activation | Sequence[Activation] = "relu",
        dropout: float = 0.0,
        normalization: str | None = "batch",
        head_size: int = 128,
    ):
        super().__init__()
        self.image_shape = _checked(image_shape)
        n_blocks = len(hidden_layer_sizes)
        if n_blocks == 0:
            raise ValueError("hidden_layer_sizes must have the channels of each block, one at least. Got none.")
        if isinstance(dropout, list | tuple):
            raise ValueError(f"dropout must be one number, for the hidden linear layer of a CNN. Got {dropout!r}.")
        activations = for_each_layer("activation", activation, n_blocks)
        channels, height, width = self.image_shape
        layers: list[nn.Module] = []
        for size, kind in zip(hidden_layer_sizes, activations, strict=True):
            layers.append(nn.Conv2d(channels, size, kernel_size=3, padding=1))
            if min(height, width) >= _LEAST_POOLED:
                layers.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
            layers += [*normalizing(normalization, size, _NORMALIZATIONS), make_activation(kind)]
            channels = size
        tile = math.ceil(height / _MAX_PIXELS), math.ceil(width / _MAX_PIXELS)
        if tile != (1, 1):
            layers.append(nn.AvgPool2d(tile, ceil_mode=True))
            height, width = math.ceil(height / tile[0]), math.ceil(width / tile[1])
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(),
            *([Dropout(dropout)] if dropout else []),
            Linear(channels * height * width, head_size),
            make_activation(activations[-1]),
            Linear(head_size, n_outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        channels, height, width = self.image_shape
        expected: list[tuple[int, ...]] = [self.image_shape, (channels * height * width,)]
        if channels == 1:
            expected.append((height, width))
        if tuple(x.shape[1:]) not in expected:
            raise ValueError(
                f"The images must have the shape (n_rows, channels, height, width), here "
                f"(n_rows, {channels}, {height}, {width}). Got {tuple(x.shape)}."
            )
        # Channels side by side in memory make pooling several times faster on a CPU. A copy is needed: torch
        # holds a grey image to be in any order as it is, and the convolution would then keep the usual one.
        x = x.reshape(-1, *self.image_shape).clone(memory_format=torch.channels_last)
        return self.head(self.features(x))  # (B, C, H, W) -> (B, D, ≤ 4, ≤ 4) -> (B, n_outputs)


def _checked(image_shape: Sequence[int]) -> tuple[int, int, int]:
    shape = tuple(int(size) for size in image_shape)
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"image_shape must be (channels, height, width) or (height, width). Got {image_shape!r}.")
    return shape[0], shape[1], shape[2]
