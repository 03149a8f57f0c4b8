"""How many threads may share the training steps of a network without a change of its bits. Torch only.

The batched matrix products of an ensemble, and its sums over the rows of a batch, have the same bits on any number of
threads; the product of a single network with few rows has not, nor have normalisations and convolutions (measured on
two cores with torch 2.13). An elementwise function of many values is cut into as many pieces as there are threads, and
what a piece leaves over of its last vector is worked out by scalar functions, whose last bits differ unless they are
exact.
"""

from __future__ import annotations

from torch import nn

from sknn.modules._layers import ACTIVATIONS, EnsembleDropout, EnsembleEmbedding, EnsembleLinear
from sknn.modules._numeric_embeddings import PiecewiseLinear, ThermometerEncoding
from sknn.modules._tabular import TabularNet

_ACTIVATIONS = tuple(ACTIVATIONS.values())
_EXACT = nn.ReLU, nn.LeakyReLU, nn.Identity
_KNOWN = (
    TabularNet, nn.Sequential, EnsembleLinear, EnsembleDropout, EnsembleEmbedding, PiecewiseLinear, ThermometerEncoding,
)  # fmt: skip
_VECTOR = 16  # float32 values in the largest vector of a CPU


def threads_that_share(module: nn.Module, n_threads: int) -> int:
    """At most `n_threads`; one for other networks than a `TabularNet` without periodic embeddings."""
    parts = list(module.modules())
    if not all(isinstance(part, (*_KNOWN, *_ACTIVATIONS)) for part in parts):
        return 1
    if any(isinstance(part, _ACTIVATIONS) and not isinstance(part, _EXACT) for part in parts):
        # Values of a layer for each row. Few values are cut into fewer pieces: all numbers up to that of threads count.
        hidden = [part.bias.numel() for part in parts if isinstance(part, EnsembleLinear)][:-1]
        while any(size % (_VECTOR * n) for size in hidden for n in range(2, n_threads + 1)):
            n_threads -= 1
    return n_threads
