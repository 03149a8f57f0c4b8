"""scikit-learn's transformers inside a file, as skops stores them: only of types that it trusts."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

MARK = "skops"


def store(transformer: Any) -> np.ndarray:
    """The bytes of a transformer.

    Raises
    ------
    TypeError
        When it holds types that skops does not trust, which are named.
    """
    skops_io = _skops()
    data = skops_io.dumps(transformer)
    untrusted = skops_io.get_untrusted_types(data=data)
    if untrusted:
        raise TypeError(
            f"The transformer {type(transformer).__name__} in 'preprocessing' cannot be saved: skops does not trust "
            f"{untrusted}. Put it before the network in a Pipeline and save that by skops.io, or use transformers and "
            "functions of scikit-learn and numpy alone."
        )
    return np.frombuffer(data, np.uint8)


def restore(plain: dict) -> Any:
    """The transformer of these bytes."""
    data = plain["data"].tobytes()
    with zipfile.ZipFile(io.BytesIO(data)) as stored:
        if sum(entry.file_size for entry in stored.infolist()) > len(data):
            raise ValueError("A stored transformer is not compressed.")
    return _skops().loads(data, trusted=[])


def _skops():
    try:
        import skops.io
    except ImportError as error:
        raise ImportError(
            "A transformer in 'preprocessing' is stored by skops, which needs the extra: pip install 'sknn[skops]'."
        ) from error
    return skops.io
