"""The residual network for tables that `module="resnet"` stands for. Torch only.

Shapes: B rows of a batch, F float features, C embedded categories, E embedding width, D width of the
main path, H hidden width of a block.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sknn.modules._layers import (
    Activation,
    CategoryEmbedding,
    Dropout,
    Linear,
    for_each_layer,
    make_activation,
    normalizing,
)


class ResNet(nn.Module):
    """Residual network on float features and embedded categories.

    A first linear layer leads to the main path, to which each block adds; f is the activation::

        x = Linear(inputs)
        x = x + ResidualDropout(Linear(Dropout(f(Linear(Norm(x))))))    for each block
        outputs = Linear(f(Norm(x)))

    Parameters
    ----------
    n_features : int
        Number F of float features.
    n_outputs : int
        Number of outputs: logits of the classes or labels, or means of the targets.
    cat_cardinalities : sequence of int, default=()
        Number of codes of each embedded category.
    hidden_layer_sizes : sequence of int, default=(256, 256)
        Hidden width H of each block, one at least.
    width : int, default=128
        Width D of the main path.
    activation : str, nn.Module class, callable without arguments, or list of these, default="relu"
        Activation; a name is one of `ACTIVATIONS`. A list has one for each block, the last one also
        before the outputs.
    dropout : float or list of float, default=0.0
        Probability with which a hidden unit of a block is dropped in training, in [0, 1). A list has one
        for each block.
    residual_dropout : float, default=0.0
        Probability with which an entry of what a block adds is dropped in training.
    normalization : {"batch", "layer"} or None, default="batch"
        Normalisation at the start of each block and before the outputs: of a unit over the rows of the
        batch, which must then be two at least, or of a row over the units.
    embedding_dim : int, default=8
        Width E of a category's embedding.

    Raises
    ------
    ValueError
        For no block, a list of another length than `hidden_layer_sizes`, an unknown name, or a dropout
        that is no probability.

    Notes
    -----
    Shapes: `x_num` (B, F) and `x_cat` (B, C) to (B, n_outputs).

    References
    ----------
    Y. Gorishniy, I. Rubachev, V. Khrulkov, A. Babenko, "Revisiting deep learning models for tabular
    data", NeurIPS 2021, section 3.2. There f is ReLU and Norm is batch normalisation.

    Examples
    --------
    >>> import torch
    >>> from sknn.modules import ResNet
    >>> net = ResNet(n_features=3, n_outputs=2, cat_cardinalities=[5], hidden_layer_sizes=[32], width=16)
    >>> net(torch.zeros(4, 3), torch.tensor([[2], [0], [1], [4]])).shape
    torch.Size([4, 2])
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        cat_cardinalities: Sequence[int] = (),
        *,
        hidden_layer_sizes: Sequence[int] = (256, 256),
        width: int = 128,
        activation: Activation | Sequence[Activation] = "relu",
        dropout: float | Sequence[float] = 0.0,
        residual_dropout: float = 0.0,
        normalization: str | None = "batch",
        embedding_dim: int = 8,
    ):
        super().__init__()
        n_blocks = len(hidden_layer_sizes)
        if n_blocks == 0:
            raise ValueError("hidden_layer_sizes must have an entry for each block, one at least. Got none.")
        activations = for_each_layer("activation", activation, n_blocks)
        rates = for_each_layer("dropout", dropout, n_blocks)
        self.embedding = CategoryEmbedding(cat_cardinalities, embedding_dim) if cat_cardinalities else None
        self.first = Linear(n_features + embedding_dim * len(cat_cardinalities), width)
        self.blocks = nn.ModuleList()
        for size, kind, rate in zip(hidden_layer_sizes, activations, rates, strict=True):
            hidden = [Linear(width, size), make_activation(kind), *_dropout(rate)]
            back = [Linear(size, width), *_dropout(residual_dropout)]
            self.blocks.append(nn.Sequential(*normalizing(normalization, width), *hidden, *back))
        self.head = nn.Sequential(
            *normalizing(normalization, width), make_activation(activations[-1]), Linear(width, n_outputs)
        )

    def forward(self, x_num: Tensor, x_cat: Tensor | None = None) -> Tensor:
        x = x_num if self.embedding is None else torch.cat([x_num, self.embedding(x_cat)], dim=1)
        x = self.first(x)  # (B, F + C · E) -> (B, D)
        for block in self.blocks:  # (B, D) -> (B, H) -> (B, D)
            x = x + block(x)
        return self.head(x)


def _dropout(rate: float) -> list[nn.Module]:
    return [Dropout(rate)] if rate else []
