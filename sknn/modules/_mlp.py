"""The multilayer perceptron ("mlp") and its linear case ("linear"). Torch only.

Shapes: B rows of a batch, F float features, C embedded categories, E embedding width, D layer width.
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


class MLP(nn.Module):
    """Fully connected network on float features and embedded categories.

    A hidden layer is Linear, normalisation if there is any, activation, dropout if there is any.

    Parameters
    ----------
    n_features : int
        Number F of float features.
    n_outputs : int
        Number of outputs: logits of the classes or labels, or means of the targets.
    cat_cardinalities : sequence of int, default=()
        Number of codes of each embedded category.
    hidden_layer_sizes : sequence of int, default=(128, 128)
        Widths of the hidden layers; empty for a linear model.
    activation : str, nn.Module class, callable without arguments, or list of these, default="relu"
        Activation after each hidden layer; a name is one of `ACTIVATIONS`. A list has one for each
        hidden layer.
    dropout : float or list of float, default=0.0
        Probability with which a hidden unit is dropped in training, in [0, 1). A list has one for each
        hidden layer.
    normalization : {"batch", "layer"} or None, default=None
        Normalisation between each linear layer and its activation: of a unit over the rows of the
        batch, which must then be two at least (Ioffe & Szegedy, ICML 2015), or of a row over the units
        (Ba et al., "Layer normalization", 2016).
    embedding_dim : int, default=8
        Width of a category's embedding.

    Raises
    ------
    ValueError
        For a list of another length than `hidden_layer_sizes`, an unknown name, or a `dropout` that is no
        probability.

    Notes
    -----
    Shapes: `x_num` (B, F) and `x_cat` (B, C) to (B, n_outputs).

    Examples
    --------
    >>> import torch
    >>> from sknn.modules import MLP
    >>> net = MLP(n_features=3, n_outputs=2, cat_cardinalities=[5], hidden_layer_sizes=[16])
    >>> net(torch.zeros(4, 3), torch.tensor([[2], [0], [1], [4]])).shape
    torch.Size([4, 2])
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        cat_cardinalities: Sequence[int] = (),
        *,
        hidden_layer_sizes: Sequence[int] = (128, 128),
        activation: Activation | Sequence[Activation] = "relu",
        dropout: float | Sequence[float] = 0.0,
        normalization: str | None = None,
        embedding_dim: int = 8,
    ):
        super().__init__()
        self.embedding = CategoryEmbedding(cat_cardinalities, embedding_dim) if cat_cardinalities else None
        width = n_features + embedding_dim * len(cat_cardinalities)
        n_layers = len(hidden_layer_sizes)
        activations = for_each_layer("activation", activation, n_layers)
        rates = for_each_layer("dropout", dropout, n_layers)
        layers: list[nn.Module] = []
        for size, kind, rate in zip(hidden_layer_sizes, activations, rates, strict=True):
            layers += [Linear(width, size), *normalizing(normalization, size), make_activation(kind)]
            if rate:
                layers.append(Dropout(rate))
            width = size
        self.layers = nn.Sequential(*layers, Linear(width, n_outputs))

    def forward(self, x_num: Tensor, x_cat: Tensor | None = None) -> Tensor:
        x = x_num if self.embedding is None else torch.cat([x_num, self.embedding(x_cat)], dim=1)
        for layer in self.layers:  # (B, F + C · E) -> (B, D) -> (B, n_outputs)
            x = layer(x)
        return x


class LinearNet(MLP):
    """Linear model of float features and embedded categories: an `MLP` without hidden layers.

    With the usual losses it is linear or logistic regression, trained by gradient steps.

    Parameters
    ----------
    n_features : int
        Number F of float features.
    n_outputs : int
        Number of outputs: logits of the classes or labels, or means of the targets.
    cat_cardinalities : sequence of int, default=()
        Number of codes of each embedded category.
    embedding_dim : int, default=8
        Width of a category's embedding.

    Notes
    -----
    Shapes: `x_num` (B, F) and `x_cat` (B, C) to (B, n_outputs).

    Examples
    --------
    >>> from sknn.modules import LinearNet
    >>> LinearNet(n_features=3, n_outputs=2).layers
    Sequential(
      (0): Linear(in_features=3, out_features=2, bias=True)
    )
    """

    def __init__(
        self, n_features: int, n_outputs: int, cat_cardinalities: Sequence[int] = (), *, embedding_dim: int = 8
    ):
        super().__init__(n_features, n_outputs, cat_cardinalities, hidden_layer_sizes=(), embedding_dim=embedding_dim)
