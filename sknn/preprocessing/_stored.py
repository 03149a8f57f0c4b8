"""The classes whose instances a fitted encoder is made of: those that a stored model may hold."""

from __future__ import annotations

from sknn.preprocessing._encoders import ArrayEncoder, ImageEncoder, InputEncoder, InputsEncoder, TransformedEncoder
from sknn.preprocessing._moments import RunningMoments
from sknn.preprocessing._streams import StreamArrays, StreamEncoder, StreamImages, StreamTransformer
from sknn.preprocessing._table_encoder import TableEncoder
from sknn.preprocessing.columns import KINDS, SparseNumbers

_COLUMNS: list[type] = [encoder for kind in KINDS for encoder in (*kind.encoders, *kind.running)]

STORED_CLASSES: tuple[type, ...] = (
    ArrayEncoder,
    ImageEncoder,
    InputEncoder,
    InputsEncoder,
    RunningMoments,
    SparseNumbers,
    StreamArrays,
    StreamEncoder,
    StreamImages,
    StreamTransformer,
    TableEncoder,
    TransformedEncoder,
    *dict.fromkeys(_COLUMNS),
)
