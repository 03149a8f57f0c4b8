"""The multilayer perceptron that `module="mlp"` stands for, and its layers. Torch only.

Shapes: B rows of a batch, F float features, C embedded categories, E embedding width, D layer width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from sknn.modules._randomness import current_generator

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "mish": nn.Mish,
    "relu": nn.ReLU,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}


# Standard deviation of a new embedding. Small: a category of many levels then has to earn its
# influence, where vectors of unit size let the network learn rows by heart.
_INITIAL_SPREAD = 0.1


class Dropout(nn.Module):
    """Dropout that draws from the generator of the running fit.

    Sets each entry to zero with probability `p` in training and divides the others by 1 − p
    (Srivastava et al., "Dropout", JMLR 2014). The identity in evaluation.

    Parameters
    ----------
    p : float
        Probability of zero, in [0, 1).
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.p, generator=current_generator())
        return x * keep.div_(1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class CategoryEmbedding(nn.Module):
    """Learned vectors for the codes of several categories, side by side.

    The vectors of codes 0 (unseen) and 1 (missing) start at zero, so that a level without training
    rows contributes nothing.

    Parameters
    ----------
    cardinalities : sequence of int
        Number of codes of each category.
    embedding_dim : int
        Width E of each vector.

    Shape: (B, C) int64 codes to (B, C · E).
    """

    def __init__(self, cardinalities: Sequence[int], embedding_dim: int):
        super().__init__()
        self.embedding_dim = embedding_dim
        self.first_codes: Tensor
        starts = torch.tensor([0, *cardinalities]).cumsum(0)
        self.register_buffer("first_codes", starts[:-1], persistent=False)
        # One weight for all categories: one look-up instead of C.
        self.weight = nn.Parameter(_INITIAL_SPREAD * torch.randn(int(starts[-1]), embedding_dim))
        with torch.no_grad():
            for start in starts[:-1].tolist():
                self.weight[start : start + 2] = 0

    def forward(self, codes: Tensor) -> Tensor:
        return nn.functional.embedding(codes + self.first_codes, self.weight).flatten(1)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]} codes, embedding_dim={self.embedding_dim}"


class MLP(nn.Module):
    """Fully connected network on float features and embedded categories.

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
    activation : str, nn.Module class or callable without arguments, default="relu"
        Activation after each hidden layer; a name is one of `ACTIVATIONS`.
    dropout : float, default=0.0
        Probability with which a hidden unit is dropped in training.
    embedding_dim : int, default=8
        Width of a category's embedding.

    Shape: `x_num` (B, F) and `x_cat` (B, C) to (B, n_outputs).

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
        activation: str | Callable[[], nn.Module] = "relu",
        dropout: float = 0.0,
        embedding_dim: int = 8,
    ):
        super().__init__()
        self.embedding = CategoryEmbedding(cat_cardinalities, embedding_dim) if cat_cardinalities else None
        width = n_features + embedding_dim * len(cat_cardinalities)
        make_activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        layers: list[nn.Module] = []
        for size in hidden_layer_sizes:
            layers += [nn.Linear(width, size), make_activation()]
            if dropout:
                layers.append(Dropout(dropout))
            width = size
        self.layers = nn.Sequential(*layers, nn.Linear(width, n_outputs))

    def forward(self, x_num: Tensor, x_cat: Tensor | None = None) -> Tensor:
        x = x_num if self.embedding is None else torch.cat([x_num, self.embedding(x_cat)], dim=1)
        for layer in self.layers:  # (B, F + C · E) -> (B, D) -> (B, n_outputs)
            x = layer(x)
        return x
