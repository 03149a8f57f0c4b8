"""Classes, functions and types that plain data may name, and that stand for themselves.

The names are part of the format of files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from sknn.modules import ACTIVATIONS, MODULES
from sknn.optim import OPTIMIZERS
from sknn.targets import (
    CLASSIFICATION_LOSSES,
    MULTILABEL_LOSSES,
    REGRESSION_LOSSES,
    ClassTarget,
    LabelIndicatorTarget,
    RealTarget,
)

_ACTIVATIONS = (
    *ACTIVATIONS.values(), nn.CELU, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.LogSigmoid, nn.PReLU, nn.ReLU6,
    nn.Softsign, nn.Tanhshrink,
)  # fmt: skip
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.bool)
_SCALARS = (np.bool_, np.float32, np.float64, np.int32, np.int64, np.uint64, bool, float, int, object, str)

NAMES: dict[str, Any] = (
    {f"torch.nn.{cls.__name__}": cls for cls in _ACTIVATIONS}
    | {f"module {name}": cls for name, cls in MODULES.items()}
    | {f"optimizer {name}": cls for name, cls in OPTIMIZERS.items()}
    | {
        f"{kind} loss {name}": loss.function
        for kind, losses in (
            ("class", CLASSIFICATION_LOSSES),
            ("label", MULTILABEL_LOSSES),
            ("real", REGRESSION_LOSSES),
        )
        for name, loss in losses.items()
    }
    | {str(dtype): dtype for dtype in _DTYPES}
    | {cls.__name__: cls for cls in _SCALARS}
)
# By what a loss of one's own is for.
LOSS_KINDS: dict[str, type] = {"class": ClassTarget, "label": LabelIndicatorTarget, "real": RealTarget}
