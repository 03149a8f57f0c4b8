"""Whether a fit has parts that may draw from the global random generators.

The rule: values (None, flags, numbers, text, arrays, tensors, devices, numpy's RandomState) draw nothing. Classes of
this package, of scikit-learn and of `torch.optim` draw by `random_state` or not at all, and so do their instances if
all that these hold does. Anything else, and each function, is a part of the user's own, which may draw from any
generator of the process: those are then seeded for the fit, and restored. The rule is the same for every parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Number
from typing import Any

import numpy as np
import torch

_VALUES = (str, bytes, range, Number, np.generic, np.random.RandomState, torch.Tensor, torch.device, type(None))
_PACKAGES = ("sknn", "sklearn", "torch.optim")


def has_own_parts(params: Mapping[str, Any]) -> bool:
    """Whether a parameter is, or holds, a part of the user's own; `module` is one unless it is a name."""
    return not isinstance(params["module"], str) or not all(_is_known(value) for value in params.values())


def _is_known(part) -> bool:
    if type(part) in (list, tuple, set, frozenset):
        return all(_is_known(value) for value in part)
    if type(part) is dict:
        return all(_is_known(value) for value in part.values())
    if isinstance(part, np.ndarray):
        return not part.dtype.hasobject or _is_known(part.tolist())
    if isinstance(part, _VALUES):
        return True
    owner = part if isinstance(part, type) else type(part)
    if not any(owner.__module__ == name or owner.__module__.startswith(f"{name}.") for name in _PACKAGES):
        return False
    return owner is part or _is_known(getattr(part, "__dict__", {}))
