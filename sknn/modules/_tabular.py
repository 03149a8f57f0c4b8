"""The built-in tabular network: K members with stacked weights, trained and called as one module. Torch only.

Shapes: K members, B rows of a batch, F float features, N of them with a numeric embedding, J bins,
C embedded categories, E embedding width, D layer width, O outputs. Inside, rows are the *last*
axis, (K, features, B): the embeddings of all features then lie side by side without a copy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sknn.modules._layers import (
    Activation,
    EnsembleDropout,
    EnsembleEmbedding,
    EnsembleLinear,
    for_each_layer,
    make_activation,
)
from sknn.modules._numeric_embeddings import Periodic, PiecewiseLinear, ThermometerEncoding

NUMERIC_EMBEDDINGS = ("piecewise_linear", "thermometer", "periodic")
_REFERENCE_FAN_IN = 100  # inputs of a layer that learns at the learning rate as it is given
_BIAS_ROWS = 5  # rows whose mean activation a unit's kink starts at


class Factors(NamedTuple):
    """How a parameter is trained: factors on the learning rate and on the rate of decay."""

    lr: float
    decay: float


class TabularNet(nn.Module):
    """An ensemble of multilayer perceptrons for tables, with embedded numbers and categories.

    A hidden layer of each member is h ← f(W·h + b). Its parts, with factors on their learning rate and weight decay:

    ===================  ======================================================================
    numeric embedding    piecewise-linear: the fraction of each quantile bin that a number has passed,
                         and the number itself, times a matrix for each feature and member
                         (Gorishniy et al. 2022, section 3.2, with a linear term); or thermometer: the same with
                         indicators of thresholds, different for each member; or periodic:
                         [cos(2π·(w·x + b))·W + c, x] (PBLD of Holzmüller et al. 2024). Features of two
                         values, such as one-hot columns, are passed as they are
    category embedding   a vector for each level; see `CategoryEmbedding`
    learnable scale      a factor for each input of the first layer (Holzmüller et al. 2024),
                         a soft feature selection
    initialisation       weights are rescaled so that each unit has unit variance on training rows, and
                         its bias moves the activation's kink into their range (`initialize`)
    learning rates       √(100 / fan-in) for a weight, 1 for biases and activations, 60 for the scale, 3
                         for numeric and 10 for category embeddings
    weight decay         1 for weights and category embeddings, 6 for the scale, 0.3 for numeric
                         embeddings, 0 for biases and activations
    ===================  ======================================================================

    Parameters
    ----------
    n_features : int
        Number F of float features.
    n_outputs : int
        Number O of outputs: logits of the classes or labels, or means of the targets.
    cat_cardinalities : sequence of int, default=()
        Number of codes of each embedded category.
    bins : sequence of (sequence of float or None), default=()
        For each feature the edges of its bins, increasing, or for "thermometer" the thresholds (K, J) of each member;
        None for a feature that is not embedded. Empty when no feature is embedded.
    n_members : int, default=1
        Number K of members.
    hidden_layer_sizes : sequence of int, default=(96, 96)
        Widths of the hidden layers; empty for a linear model.
    activation : str, callable without arguments or list of those, default="relu"
        Activation after each hidden layer, or one for each; a name is one of `ACTIVATIONS`. Parameters of its own
        are shared by the members.
    dropout : float, default=0.0
        Probability with which a hidden unit is dropped in training.
    numeric_embedding : {"piecewise_linear", "thermometer", "periodic"} or None, default="piecewise_linear"
        How numbers are embedded.
    numeric_embedding_dim : int, default=8
        Width of a number's embedding.
    frequency_scale : float, default=0.5
        Standard deviation of the periodic embedding's first frequencies.
    embedding_dim : int, default=8
        Width E of a category's embedding.
    embedding_std : float, default=1.0
        Standard deviation of a new category embedding.
    learnable_scale : bool, default=True
        Whether inputs of the first layer have a learned factor.

    Notes
    -----
    Shapes: `x_num` (B, F), or (K, B, F) with different rows for each member, and `x_cat` (B, C) or
    (K, B, C), to (K, B, O).

    References
    ----------
    Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in tabular deep
    learning", NeurIPS 2022. D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: Strong
    pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024, section 3 and appendix A.

    Examples
    --------
    >>> import torch
    >>> from sknn.modules import TabularNet
    >>> net = TabularNet(2, 3, bins=[[0.0, 0.5, 1.0], None], n_members=4)
    >>> net(torch.zeros(5, 2)).shape
    torch.Size([4, 5, 3])
    >>> net.layers[0].weight.shape, net.layers[-1].weight.shape
    (torch.Size([4, 96, 9]), torch.Size([4, 3, 96]))
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        cat_cardinalities: Sequence[int] = (),
        *,
        bins: Sequence = (),
        n_members: int = 1,
        hidden_layer_sizes: Sequence[int] = (96, 96),
        activation: Activation | Sequence[Activation] = "relu",
        dropout: float = 0.0,
        numeric_embedding: str | None = "piecewise_linear",
        numeric_embedding_dim: int = 8,
        frequency_scale: float = 0.5,
        embedding_dim: int = 8,
        embedding_std: float = 1.0,
        learnable_scale: bool = True,
    ):
        super().__init__()
        if numeric_embedding not in (None, *NUMERIC_EMBEDDINGS):
            raise ValueError(
                f"numeric_embedding must be None or one of {NUMERIC_EMBEDDINGS}. Got {numeric_embedding!r}."
            )
        self.n_members = n_members
        edges = list(bins) if numeric_embedding is not None else []
        embedded = [j for j, feature in enumerate(edges) if feature is not None]
        rest = [j for j in range(n_features) if j not in set(embedded)]
        self.embedded: Tensor
        self.rest: Tensor
        self.register_buffer("embedded", torch.tensor(embedded, dtype=torch.int64), persistent=False)
        self.register_buffer("rest", torch.tensor(rest, dtype=torch.int64), persistent=False)
        width = len(rest)
        self.numeric: PiecewiseLinear | ThermometerEncoding | Periodic | None = None
        if embedded:
            width += numeric_embedding_dim * len(embedded)
            if numeric_embedding == "piecewise_linear":
                self.numeric = PiecewiseLinear([edges[j] for j in embedded], n_members, numeric_embedding_dim)
            elif numeric_embedding == "thermometer":
                self.numeric = ThermometerEncoding([edges[j] for j in embedded], n_members, numeric_embedding_dim)
            else:
                self.numeric = Periodic(len(embedded), n_members, numeric_embedding_dim, frequency_scale)
        self.categories: EnsembleEmbedding | None = None
        if len(cat_cardinalities):
            self.categories = EnsembleEmbedding(cat_cardinalities, embedding_dim, n_members, embedding_std)
            width += embedding_dim * len(cat_cardinalities)
        layers: list[nn.Module] = []
        activations = for_each_layer("activation", activation, len(hidden_layer_sizes))
        for size, kind in zip(hidden_layer_sizes, activations, strict=True):
            layers += [EnsembleLinear(width, size, n_members, learnable_scale and not layers), make_activation(kind)]
            if dropout:
                layers.append(EnsembleDropout(dropout))
            width = size
        last = EnsembleLinear(width, n_outputs, n_members, learnable_scale and not layers)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, x_num: Tensor, x_cat: Tensor | None = None) -> Tensor:
        h = self.embed(x_num, x_cat)
        for layer in self.layers:  # (K, D₀, B) -> (K, D, B) -> (K, O, B)
            h = layer(h)
        return h.transpose(1, 2)  # (K, B, O)

    def embed(self, x_num: Tensor, x_cat: Tensor | None) -> Tensor:
        """Embed rows.

        Parameters
        ----------
        x_num : Tensor of shape (B, F) or (K, B, F)
            Numbers.
        x_cat : Tensor of shape (B, C) or (K, B, C), or None
            Codes of categories.

        Returns
        -------
        x : Tensor of shape (K, D₀, B)
            Inputs of the first layer; (1, D₀, B) where members neither embed nor have rows of their own.
        """
        x = x_num.transpose(-1, -2)  # (F, B) or (K, F, B)
        x = x.unsqueeze(0) if x.ndim == 2 else x
        parts = []
        if self.numeric is not None:
            parts.append(self.numeric(x.index_select(1, self.embedded)))  # (K, N · E, B)
            x = x.index_select(1, self.rest)
        if x.shape[1]:
            parts.append(x)
        if self.categories is not None:
            parts.append(self.categories(x_cat))  # (K, C · E, B)
        n_members = max(len(part) for part in parts)
        return torch.cat([part.expand(n_members, -1, -1) for part in parts], 1) if len(parts) > 1 else parts[0]

    @torch.no_grad()
    def initialize(self, x_num: Tensor, x_cat: Tensor | None, weight: Tensor | None = None) -> None:
        """Rescale weights and set biases by some training rows (Holzmüller et al. 2024, appendix A).

        Each unit gets unit variance before its activation. The bias of a hidden unit is minus a random
        weighted mean of its values on five rows, so that the activation's kink lies within the data.

        Parameters
        ----------
        x_num, x_cat : Tensor of shape (B, F) and (B, C)
            Rows.
        weight : Tensor of shape (B,) or None
            Weights of the rows.
        """
        weight = torch.ones(len(x_num), device=x_num.device) if weight is None else weight
        fraction = weight / weight.sum()
        h = self.embed(x_num, x_cat)
        for layer in self.layers:
            if not isinstance(layer, EnsembleLinear):
                h = h if isinstance(layer, EnsembleDropout) else layer(h)
                continue
            z = torch.matmul(layer.weight, h)  # (K, D, B)
            center = (z * fraction).sum(-1, keepdim=True)
            spread = ((z - center).square() * fraction).sum(-1, keepdim=True).sqrt()
            spread = torch.where(spread > 1e-6, spread, 1.0)
            layer.weight.div_(spread)
            if layer is self.layers[-1]:
                break
            z = z / spread
            shape = (*z.shape[:2], _BIAS_ROWS)
            rows = fraction.cpu().multinomial(math.prod(shape), replacement=True).to(z.device).view(shape)
            mix = torch.empty(shape).exponential_().to(z.device)
            layer.bias.copy_(-(z.gather(2, rows) * mix).sum(-1) / mix.sum(-1))
            h = z + layer.bias.unsqueeze(2)

    def parameter_factors(self) -> dict[str, Factors]:
        """Tell how each parameter is trained.

        Returns
        -------
        factors : dict of Factors
            By names of parameters.
        """
        return {
            f"{path}.{name}": _factors(path, layer, name)
            for path, layer in self.named_modules()
            for name, _ in layer.named_parameters(recurse=False)
        }


def is_tabular_net(module) -> bool:
    """Whether it is a `TabularNet`; a class or a name is none."""
    return isinstance(module, TabularNet)


def _factors(path: str, layer: nn.Module, name: str) -> Factors:
    if path == "numeric":
        return Factors(3.0, 0.3)
    if path == "categories":
        return Factors(10.0, 1.0)
    if isinstance(layer, EnsembleLinear) and name == "weight":
        return Factors(math.sqrt(_REFERENCE_FAN_IN / layer.in_features), 1.0)
    if isinstance(layer, EnsembleLinear) and name == "scale":
        return Factors(60.0, 6.0)
    return Factors(1.0, 0.0)  # a bias, or of an activation that learns
