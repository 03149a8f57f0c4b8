"""The built-in tabular network: K members with stacked weights, trained and called as one module. Torch only.

Shapes: K members, B rows of a batch, F float features, N of them with a numeric embedding, J bins,
C embedded categories, E embedding width, D layer width, O outputs. Inside, rows are the *last*
axis, (K, features, B): the embeddings of all features then lie side by side without a copy.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sknn.modules._mlp import Activation, for_each_layer, keeps_input, make_activation
from sknn.modules._randomness import dropout_mask

F = nn.functional

NUMERIC_EMBEDDINGS = ("piecewise_linear", "steps", "periodic")
_REFERENCE_FAN_IN = 100  # inputs of a layer that learns at the learning rate as it is given
_BIAS_ROWS = 5  # rows whose mean activation a unit's kink starts at


class Settings(NamedTuple):
    """How a parameter is trained: factors on the learning rate and on the rate of decay."""

    lr_factor: float
    decay_factor: float


class TabularNet(nn.Module):
    """A pack of multilayer perceptrons for tables, with embedded numbers and categories.

    A layer of each member is z = W·h + b followed by an activation f(z), or by z + a·(f(z) − z) with a learned
    mix a for each unit, which starts at 1 (for f = ReLU a leaky ReLU with a learned slope 1 − a). What the
    network is made of, and how its parts learn:

    ===================  ======================================================================
    numeric embedding    piecewise-linear: the share of each quantile bin that a number has passed,
                         and the number itself, times a matrix for each feature and member
                         (Gorishniy et al. 2022, section 3.2, with a linear term); or steps: the same with
                         which of its thresholds a number has passed, other ones for each member; or periodic:
                         [cos(2π·(w·x + b))·W + c, x] (PBLD of Holzmüller et al. 2024). Features of two
                         values, such as one-hot columns, are passed as they are
    category embedding   a vector for each level; see `CategoryEmbedding`
    learnable scale      a factor for each input of the first layer (Holzmüller et al. 2024),
                         a soft choice of features
    initialisation       weights are rescaled so that each unit has unit variance on training rows, and
                         its bias puts the activation's kink amid them (`initialize`)
    learning rates       √(100 / fan-in) for a weight, 1 for biases and activations, 60 for the scale, 3
                         for numeric and 10 for category embeddings
    weight decay         1 for weights and category embeddings, 6 for the scale, 0.3 for numeric
                         embeddings, 0.1 for activations, 0 for biases
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
        For each feature the edges of its bins, increasing, or for "steps" the thresholds (K, J) of each member;
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
    numeric_embedding : {"piecewise_linear", "steps", "periodic"} or None, default="piecewise_linear"
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
    parametric_activation : bool, default=False
        Whether the mix of each activation is learned. It earned nothing on average with "silu".
    data_init : bool, default=True
        Whether `initialize` fits weights and biases to training rows. Otherwise weights are drawn from
        N(0, 1 / fan-in) and biases start at 0.
    linear_shortcut : bool, default=False
        Whether a linear model of the first layer's inputs, which starts at 0, is added to the outputs.

    Shape: `x_num` (B, F), or (K, B, F) with rows of its own for each member, and `x_cat` (B, C) or
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
        parametric_activation: bool = False,
        data_init: bool = True,
        linear_shortcut: bool = False,
    ):
        super().__init__()
        if numeric_embedding not in (None, *NUMERIC_EMBEDDINGS):
            raise ValueError(
                f"numeric_embedding must be None or one of {NUMERIC_EMBEDDINGS}. Got {numeric_embedding!r}."
            )
        self.n_members, self.dropout, self.data_init = n_members, dropout, data_init
        self.numeric_embedding = numeric_embedding
        edges = list(bins) if numeric_embedding is not None else []
        embedded = [j for j, feature in enumerate(edges) if feature is not None]
        rest = [j for j in range(n_features) if j not in set(embedded)]
        self.embedded: Tensor
        self.rest: Tensor
        self.register_buffer("embedded", torch.tensor(embedded, dtype=torch.int64), persistent=False)
        self.register_buffer("rest", torch.tensor(rest, dtype=torch.int64), persistent=False)
        width = len(rest)
        self.numeric: PiecewiseLinear | Steps | Periodic | None = None
        if embedded:
            width += numeric_embedding_dim * len(embedded)
            if numeric_embedding == "piecewise_linear":
                self.numeric = PiecewiseLinear([edges[j] for j in embedded], n_members, numeric_embedding_dim)
            elif numeric_embedding == "steps":
                self.numeric = Steps([edges[j] for j in embedded], n_members, numeric_embedding_dim)
            else:
                self.numeric = Periodic(len(embedded), n_members, numeric_embedding_dim, frequency_scale)
        self.categories: PackedCategories | None = None
        if len(cat_cardinalities):
            self.categories = PackedCategories(cat_cardinalities, n_members, embedding_dim, embedding_std)
            width += embedding_dim * len(cat_cardinalities)
        self.scale = nn.Parameter(torch.ones(n_members, 1, width)) if learnable_scale else None
        self.shortcut = nn.Parameter(torch.zeros(n_members, n_outputs, width)) if linear_shortcut else None
        self.weights, self.biases, self.mixes = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        for size in hidden_layer_sizes:
            self.weights.append(torch.randn(n_members, size, width) / math.sqrt(width))
            self.biases.append(torch.zeros(n_members, size, 1))
            if parametric_activation:
                self.mixes.append(torch.ones(n_members, size, 1))
            width = size
        self.weights.append(torch.randn(n_members, n_outputs, width) / math.sqrt(width))
        self.biases.append(torch.zeros(n_members, n_outputs, 1))
        each = for_each_layer("activation", activation, len(hidden_layer_sizes))
        self.activations = nn.ModuleList([make_activation(one) for one in each])

    def forward(self, x_num: Tensor, x_cat: Tensor | None = None) -> Tensor:
        h, first = self.hidden(x_num, x_cat)
        h = self._linear(len(self.activations), h)
        if self.shortcut is not None:
            h = h + torch.matmul(self.shortcut, first)
        return h.transpose(1, 2)  # (K, B, O)

    def hidden(self, x_num: Tensor, x_cat: Tensor | None) -> tuple[Tensor, Tensor]:
        """What the last layer is given (K, D, B), and what the first one is (K, D₀, B)."""
        h = first = self.embed(x_num, x_cat)
        for layer, activation in enumerate(self.activations):
            h = self._activate(self._linear(layer, h), layer, activation)
            if self.training and self.dropout:
                h = h * dropout_mask(h.shape, self.dropout, h.device)
        return h, first

    def embed(self, x_num: Tensor, x_cat: Tensor | None) -> Tensor:
        """Inputs of the first layer, (K, D₀, B); (1, D₀, B) where members neither embed nor have rows of their own."""
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

    def _linear(self, layer: int, h: Tensor) -> Tensor:
        weight = self.weights[layer]
        if layer == 0 and self.scale is not None:
            weight = weight * self.scale
        return torch.matmul(weight, h) + self.biases[layer]

    def _activate(self, z: Tensor, layer: int, activation: nn.Module) -> Tensor:
        if not len(self.mixes):
            return activation(z)
        return torch.lerp(z, activation(z if keeps_input(activation) else z.clone()), self.mixes[layer])

    @torch.no_grad()
    def initialize(self, x_num: Tensor, x_cat: Tensor | None, weight: Tensor | None = None) -> None:
        """Rescale weights and set biases by some training rows (Holzmüller et al. 2024, appendix A).

        Each unit gets unit variance before its activation. The bias of a hidden unit is minus a random
        weighted mean of what five rows give, so that the activation bends where the data are.

        Parameters
        ----------
        x_num, x_cat : Tensor of shape (B, F) and (B, C)
            Rows.
        weight : Tensor of shape (B,) or None
            Weights of the rows.
        """
        if not self.data_init:
            return
        weight = torch.ones(len(x_num), device=x_num.device) if weight is None else weight
        share = weight / weight.sum()
        h = self.embed(x_num, x_cat)
        for layer, bias in enumerate(self.biases):
            z = torch.matmul(self.weights[layer], h)  # (K, D, B)
            center = (z * share).sum(-1, keepdim=True)
            spread = ((z - center).square() * share).sum(-1, keepdim=True).sqrt()
            spread = torch.where(spread > 1e-6, spread, 1.0)
            self.weights[layer] /= spread
            z = z / spread
            if layer == len(self.activations):
                break
            shape = (*z.shape[:2], _BIAS_ROWS)
            rows = share.cpu().multinomial(math.prod(shape), replacement=True).to(z.device).view(shape)
            mix = torch.empty(shape).exponential_().to(z.device)
            bias.copy_(-(z.gather(2, rows) * mix).sum(-1, keepdim=True) / mix.sum(-1, keepdim=True))
            h = self.activations[layer](z + bias)

    def own_layers(self) -> Iterator[tuple[str, str, tuple, list[nn.Parameter], nn.Module | None]]:
        """For a summary, the layers that are no modules: name, type, output, parameters, which submodule comes next."""
        K, kind = self.n_members, "Linear" if self.n_members == 1 else f"Linear ×{self.n_members}"
        following = [*self.activations, None]
        if self.scale is not None:
            yield "scale", "Scale", (K, self.scale.shape[2], "B"), [self.scale], following[0]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            yield f"weights.{layer}", kind, (K, weight.shape[1], "B"), [weight, bias], following[layer]
            if layer < len(self.mixes):
                mix = self.mixes[layer]
                yield f"mixes.{layer}", "Mix", (K, mix.shape[1], "B"), [mix], following[layer + 1]
        if self.shortcut is not None:
            yield "shortcut", kind, (K, self.shortcut.shape[1], "B"), [self.shortcut], None

    def settings(self) -> dict[str, Settings]:
        """How each parameter is trained, by its name."""
        found = {}
        for name, parameter in self.named_parameters():
            kind = name.partition(".")[0]
            if kind in {"weights", "shortcut"}:
                found[name] = Settings(math.sqrt(_REFERENCE_FAN_IN / parameter.shape[-1]), 1.0)
            else:
                found[name] = _SETTINGS.get(kind, Settings(1.0, 0.0))  # of an activation that learns
        return found


_SETTINGS = {
    "biases": Settings(1.0, 0.0),
    "mixes": Settings(1.0, 0.1),
    "scale": Settings(60.0, 6.0),
    "numeric": Settings(3.0, 0.3),
    "categories": Settings(10.0, 1.0),
}


class _Basis(nn.Module, ABC):
    """Numbers as t·W for each feature and member: t holds J functions of the number x, and x itself.

    Shape: (K or 1, N, B) to (K, N · E, B).
    """

    def __init__(self, n_members: int, n_embedded: int, n_functions: int, embedding_dim: int):
        super().__init__()
        shape = n_members, n_embedded, embedding_dim, n_functions + 1
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(n_functions))
        with torch.no_grad():
            self.weight[..., -1].normal_(0, 0.5)

    @abstractmethod
    def basis(self, x: Tensor) -> Tensor:
        """(K, N, B) to (K, N, J + 1, B)."""

    @abstractmethod
    def write_basis(self, x: Tensor, out: Tensor) -> None:
        """The same from (K, N, 1, B) into memory that is there."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(self.weight, self.basis(x)).flatten(1, 2)


class PiecewiseLinear(_Basis):
    """Numbers by their quantile bins: t·W for each feature and member, with the J + 1 entries of t as follows.

    Entry j < J is the share of bin j that the number x has passed, min(1, max(0, (x − left) / width)); the last
    one is x. Features with fewer bins have entries of 0.

    Shape: (K or 1, N, B) to (K, N · E, B).
    """

    def __init__(self, edges: Sequence, n_members: int, embedding_dim: int):
        n_bins = max(len(feature) for feature in edges) - 1
        super().__init__(n_members, len(edges), n_bins, embedding_dim)
        slope, start = torch.zeros(len(edges), n_bins + 1, 1), torch.zeros(len(edges), n_bins + 1, 1)
        for j, feature in enumerate(edges):
            left, right = torch.as_tensor(feature, dtype=torch.float64).unfold(0, 2, 1).unbind(1)
            slope[j, : len(left), 0] = 1 / (right - left)
            start[j, : len(left), 0] = -left / (right - left)
        slope[:, -1] = 1
        low, high = torch.zeros(n_bins + 1, 1), torch.ones(n_bins + 1, 1)
        low[-1], high[-1] = -math.inf, math.inf
        self.slope: Tensor
        self.start: Tensor
        self.low: Tensor
        self.high: Tensor
        for name, value in (("slope", slope), ("start", start), ("low", low), ("high", high)):
            self.register_buffer(name, value)

    def basis(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.start, x.unsqueeze(2), self.slope).clamp_(self.low, self.high)

    def write_basis(self, x: Tensor, out: Tensor) -> None:
        torch.mul(x, self.slope, out=out).add_(self.start).clamp_(0, 1)
        out[:, :, -1:].copy_(x)


class Steps(_Basis):
    """Numbers by the thresholds that they have passed: t·W for each feature and member.

    Entry j < J of t is 1 where the number x is at least threshold j of the member, else 0; the last one is x. A member
    sees places at random (`random_thresholds` in `preprocessing`) and is constant between them but for the linear term,
    as a tree is; the mean of the members changes in as many places as they have thresholds together.

    Shape: (K or 1, N, B) to (K, N · E, B).
    """

    def __init__(self, thresholds: Sequence, n_members: int, embedding_dim: int):
        each = [torch.as_tensor(feature, dtype=torch.float32) for feature in thresholds]
        if any(one.ndim != 2 or one.shape != (n_members, each[0].shape[1]) for one in each):
            raise ValueError(
                f'With numeric_embedding="steps" bins must hold thresholds of shape ({n_members}, J): a row for each '
                f"member, and one J for all features. Got shapes {sorted({tuple(one.shape) for one in each})}."
            )
        super().__init__(n_members, len(each), each[0].shape[1], embedding_dim)
        self.thresholds: Tensor
        self.register_buffer("thresholds", torch.stack(each, 1).unsqueeze(-1))  # (K, N, J, 1)

    def basis(self, x: Tensor) -> Tensor:
        n_members, n_embedded, n_thresholds, _ = self.thresholds.shape
        basis = x.new_empty(n_members, n_embedded, n_thresholds + 1, x.shape[-1])  # the largest array of a prediction
        basis[:, :, :-1] = x.unsqueeze(2) >= self.thresholds
        basis[:, :, -1] = x
        return basis

    def write_basis(self, x: Tensor, out: Tensor) -> None:
        torch.ge(x, self.thresholds, out=out[:, :, :-1])
        out[:, :, -1:].copy_(x)


class Periodic(nn.Module):
    """Numbers by waves of learned frequency: [cos(2π·(w·x + b))·W + c, x] for each feature and member.

    Shape: (K or 1, N, B) to (K, N · E, B).
    """

    n_waves = 16

    def __init__(self, n_embedded: int, n_members: int, embedding_dim: int, frequency_scale: float):
        super().__init__()
        shape = n_members, n_embedded
        self.frequency = nn.Parameter(frequency_scale * torch.randn(*shape, self.n_waves, 1))
        self.phase = nn.Parameter(torch.rand(*shape, self.n_waves, 1) - 0.5)
        self.weight = nn.Parameter((torch.rand(*shape, embedding_dim - 1, self.n_waves) - 0.5) / 2)
        self.bias = nn.Parameter((torch.rand(*shape, embedding_dim - 1, 1) - 0.5) / 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unsqueeze(2)  # (K, N, 1, B)
        waves = torch.cos(2 * math.pi * (self.frequency * x + self.phase))
        mixed = torch.matmul(self.weight, waves) + self.bias  # (K, N, E - 1, B)
        return torch.cat([mixed, x.expand(len(mixed), -1, -1, -1)], 2).flatten(1, 2)


class PackedCategories(nn.Module):
    """A vector for each code of each category and member; codes 0 (unseen) and 1 (missing) start at zero.

    Shape: (B, C) or (K, B, C) int64 codes to (K, C · E, B).
    """

    def __init__(self, cardinalities: Sequence[int], n_members: int, embedding_dim: int, std: float):
        super().__init__()
        starts = torch.tensor([0, *cardinalities]).cumsum(0)
        total = int(starts[-1])
        self.weight = nn.Parameter(std * torch.randn(n_members, total, embedding_dim))
        with torch.no_grad():
            for start in starts[:-1].tolist():
                self.weight[:, start : start + 2] = 0
        first = total * torch.arange(n_members).view(-1, 1, 1) + starts[:-1]
        self.first_codes: Tensor
        self.register_buffer("first_codes", first, persistent=False)  # (K, 1, C): of the K tables below each other

    def rows(self, codes: Tensor) -> Tensor:
        """(K, B, C) positions in the members' tables put below each other."""
        return codes + self.first_codes

    def forward(self, codes: Tensor) -> Tensor:
        vectors = F.embedding(self.rows(codes), self.weight.flatten(0, 1))  # (K, B, C, E)
        return vectors.permute(0, 2, 3, 1).flatten(1, 2)
