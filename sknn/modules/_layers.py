"""The layers that networks are built of, those of an ensemble among them, and how they are chosen by name. Torch only.

Shapes: K members, B rows of a batch, F float features, C embedded categories, E embedding width, D layer width. Layers
of an ensemble have parameters as wide as K single layers, (K, ...), and rows on the *last* axis, (K, D, B): the
embeddings of all features then lie side by side without a copy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from sknn.modules._randomness import current_generator, dropout_mask
from sknn.utils import FIRST_LEVEL

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
        return x * self._mask(x) if self.training and self.p else x

    def _mask(self, x: Tensor) -> Tensor:
        return torch.empty_like(x).bernoulli_(1 - self.p, generator=current_generator()).div_(1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class EnsembleDropout(Dropout):
    """`Dropout` for small layers: its masks are cut from a pool, since drawing one takes longer than the layer.

    Shape: (K, D, B), of which each member drops other entries.
    """

    def _mask(self, x: Tensor) -> Tensor:
        return dropout_mask(x.shape, self.p, x.device)


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
        vectors, first_codes = _new_vectors(cardinalities, (embedding_dim,), _INITIAL_SPREAD)
        self.weight = nn.Parameter(vectors)
        self.register_buffer("first_codes", first_codes, persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        return nn.functional.embedding(codes + self.first_codes, self.weight).flatten(1)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]} codes, embedding_dim={self.embedding_dim}"


class EnsembleEmbedding(nn.Module):
    """K times `CategoryEmbedding`: a vector for each code of each category and member.

    Parameters
    ----------
    cardinalities : sequence of int
        Number of codes of each category.
    embedding_dim : int
        Width E of each vector.
    n_members : int
        Number K of members.
    std : float, default=1.0
        Standard deviation of new vectors, other than those of codes 0 and 1.

    Shape: (B, C) int64 codes, or (K, B, C) of rows of their own, to (K, C · E, B).

    Examples
    --------
    >>> import torch
    >>> from sknn.modules import EnsembleEmbedding
    >>> layer = EnsembleEmbedding([5, 3], embedding_dim=4, n_members=8)
    >>> layer.weight.shape
    torch.Size([8, 8, 4])
    >>> layer(torch.tensor([[2, 0], [4, 2]])).shape
    torch.Size([8, 8, 2])
    """

    def __init__(self, cardinalities: Sequence[int], embedding_dim: int, n_members: int, std: float = 1.0):
        super().__init__()
        vectors, first_codes = _new_vectors(cardinalities, (n_members, embedding_dim), std)
        n_codes = vectors.shape[1]
        self.weight = nn.Parameter(vectors)
        self.first_codes: Tensor
        starts = n_codes * torch.arange(n_members).view(-1, 1, 1) + first_codes
        self.register_buffer("first_codes", starts, persistent=False)  # (K, 1, C)

    def positions(self, codes: Tensor) -> Tensor:
        """Where the codes (K, B, C) lie among the vectors of all members, (K · n_codes, E)."""
        return codes + self.first_codes

    def forward(self, codes: Tensor) -> Tensor:
        vectors = nn.functional.embedding(self.positions(codes), self.weight.flatten(0, 1))  # (K, B, C, E)
        return vectors.permute(0, 2, 3, 1).flatten(1, 2)

    def extra_repr(self) -> str:
        n_members, n_codes, width = self.weight.shape
        return f"{n_codes} codes, embedding_dim={width}, n_members={n_members}"


def _new_vectors(cardinalities: Sequence[int], shape: tuple[int, ...], std: float) -> tuple[Tensor, Tensor]:
    """Vectors (..., n_codes, E) of all categories, for one look-up instead of C, and the first code (C,) of each."""
    starts = torch.tensor([0, *cardinalities]).cumsum(0)
    vectors = std * torch.randn(*shape[:-1], int(starts[-1]), shape[-1])
    for start in starts[:-1].tolist():
        vectors[..., start : start + FIRST_LEVEL, :] = 0
    return vectors, starts[:-1]


class EnsembleLinear(nn.Module):
    """K linear layers as one: z = W·h + b for each member, or z = (W·diag(s))·h + b with a learned scale s.

    Parameters
    ----------
    in_features, out_features : int
        Units before and after the layer.
    n_members : int
        Number K of members.
    learnable_scale : bool, default=False
        Whether each input has a learned factor s, which starts at 1.

    Shape: (K, in_features, B), or (1, in_features, B) that all members share, to (K, out_features, B).

    Examples
    --------
    >>> import torch
    >>> from sknn.modules import EnsembleLinear
    >>> layer = EnsembleLinear(3, 5, n_members=8)
    >>> layer.weight.shape, layer.bias.shape
    (torch.Size([8, 5, 3]), torch.Size([8, 5]))
    >>> layer(torch.zeros(8, 3, 20)).shape
    torch.Size([8, 5, 20])
    """

    def __init__(self, in_features: int, out_features: int, n_members: int, learnable_scale: bool = False):
        super().__init__()
        self.in_features, self.out_features, self.n_members = in_features, out_features, n_members
        self.weight = nn.Parameter(torch.randn(n_members, out_features, in_features) / math.sqrt(in_features))
        self.bias = nn.Parameter(torch.zeros(n_members, out_features))
        self.scale = nn.Parameter(torch.ones(n_members, in_features)) if learnable_scale else None

    def forward(self, h: Tensor) -> Tensor:
        weight = self.weight if self.scale is None else self.weight * self.scale.unsqueeze(1)
        return torch.matmul(weight, h) + self.bias.unsqueeze(2)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, n_members={self.n_members}"


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
