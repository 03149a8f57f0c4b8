"""The multilayer perceptron ("mlp"), its linear case ("linear"), and the layers of the built-in networks. Torch only.

Shapes: B rows of a batch, F float features, C embedded categories, E embedding width, D layer width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
NORMALIZATIONS: dict[str, type[nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}

Activation = str | Callable[[], nn.Module]


# Standard deviation of a new embedding. Small: a category of many levels then has to earn its
# influence, where vectors of unit size let the network learn rows by heart.
_INITIAL_SPREAD = 0.1


class Linear(nn.Linear):
    """`torch.nn.Linear` that in evaluation gives a row the same bits wherever it stands among the others.

    A product (B, F)·(F, D) of few columns takes, on some CPUs, another path for rows that begin at other addresses, and
    its last bits differ. In evaluation the rows lie along the last axis instead, where each is a lane of the vector
    units: with a multiple of 32 rows all lanes do the same.

    Shape: (B, F) to (B, D).
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training or x.ndim != 2 or self.bias is None:
            return super().forward(x)
        return torch.addmm(self.bias.unsqueeze(1), self.weight, x.t().contiguous()).t()  # (D, B) -> (B, D)


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
        if not 0 <= p < 1:
            raise ValueError(f"dropout must be a probability in [0, 1). Got {p!r}.")
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


def make_activation(activation: Activation) -> nn.Module:
    """A new layer from its name, class or factory."""
    if not isinstance(activation, str):
        made = activation()
        if not isinstance(made, nn.Module):
            raise TypeError(f"The 'activation' callable must return an nn.Module. Got {type(made).__name__} instead.")
        return made
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"activation must be one of {sorted(ACTIVATIONS)}, or a class or callable that builds a module. "
            f"Got {activation!r}."
        )
    return ACTIVATIONS[activation]()


def keeps_input(activation: nn.Module) -> bool:
    """Whether it is known not to work in place."""
    return type(activation) in ACTIVATIONS.values() and not getattr(activation, "inplace", False)


def normalizing(
    normalization: str | None, width: int, layers: Mapping[str, type[nn.Module]] = NORMALIZATIONS
) -> list[nn.Module]:
    """The layer that normalises `width` units, in a list; an empty list for None."""
    if normalization is None:
        return []
    if normalization not in layers:
        raise ValueError(f"normalization must be None or one of {sorted(layers)}. Got {normalization!r}.")
    return [layers[normalization](width)]


def for_each_layer(name: str, value, n_layers: int) -> list:
    """A list or tuple of one value a hidden layer as it is; any other value repeated."""
    if not isinstance(value, list | tuple):
        return [value] * n_layers
    if len(value) != n_layers:
        raise ValueError(
            f"{name} must be one value, or a list of {n_layers}: one for each entry of hidden_layer_sizes. "
            f"Got a list of {len(value)}."
        )
    return list(value)


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

    Shape: `x_num` (B, F) and `x_cat` (B, C) to (B, n_outputs).

    Raises
    ------
    ValueError
        For a list of another length than `hidden_layer_sizes`, an unknown name, or a `dropout` that is no
        probability.

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

    Shape: `x_num` (B, F) and `x_cat` (B, C) to (B, n_outputs).

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
