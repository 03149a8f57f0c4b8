"""Losses by name, each with the kind of target that it is for. A new loss is a line here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

from sklearn.utils._param_validation import Interval
from torch import nn

from sknn.targets import _losses
from sknn.targets._classes import ClassTarget
from sknn.targets._distributions import GaussianTarget, LogLinkTarget
from sknn.targets._multilabel import LabelIndicatorTarget
from sknn.targets._quantiles import QuantileLevels, QuantileTarget, quantile
from sknn.targets._regression import RealTarget

F = nn.functional
Loss = _losses.Loss

NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
FRACTION = Interval(Real, 0, 1, closed="both")


def _by_name(*losses: Loss) -> dict[str, Loss]:
    return {loss.name: loss for loss in losses}


CLASSIFICATION_LOSSES = _by_name(
    Loss("cross_entropy", F.cross_entropy, ClassTarget, {"label_smoothing": FRACTION},
         gradient=_losses.cross_entropy_and_gradient, gives_probabilities=True),
    Loss("focal", _losses.focal, ClassTarget, {"gamma": NOT_NEGATIVE}),
    Loss("hinge", _losses.hinge, ClassTarget, {"margin": NOT_NEGATIVE}),
)  # fmt: skip
MULTILABEL_LOSSES = _by_name(
    Loss("cross_entropy", _losses.binary_cross_entropy, LabelIndicatorTarget, {"label_smoothing": FRACTION},
         gives_probabilities=True),
    Loss("focal", _losses.binary_focal, LabelIndicatorTarget, {"gamma": NOT_NEGATIVE}),
    Loss("hinge", _losses.binary_hinge, LabelIndicatorTarget, {"margin": NOT_NEGATIVE}),
)  # fmt: skip
REGRESSION_LOSSES = _by_name(
    Loss("gamma", _losses.gamma, LogLinkTarget, y_range=POSITIVE),
    Loss("gaussian_nll", _losses.gaussian_nll, GaussianTarget),
    Loss("huber", F.huber_loss, RealTarget, {"delta": POSITIVE}),
    Loss("log_cosh", _losses.log_cosh, RealTarget),
    Loss("mean_absolute_error", F.l1_loss, RealTarget),
    Loss("mean_squared_error", F.mse_loss, RealTarget, gradient=_losses.squared_error_and_gradient),
    Loss("poisson", _losses.poisson, LogLinkTarget, y_range=NOT_NEGATIVE),
    Loss("quantile", quantile, QuantileTarget, {"quantiles": QuantileLevels()}),
)  # fmt: skip

# By the kind of target that a loss of the user's own is for.
_LOSSES: dict[type, dict[str, Loss]] = {
    ClassTarget: CLASSIFICATION_LOSSES,
    LabelIndicatorTarget: MULTILABEL_LOSSES,
    RealTarget: REGRESSION_LOSSES,
}


def find_loss(loss: Any, kind: type) -> Loss:
    """A loss by its name, or of the user's own; `kind` is the kind of target that the latter is for."""
    built_in = _built_in(loss, _LOSSES[kind])
    return Loss(loss, loss, kind, _arguments(loss), is_built_in=False) if built_in is None else built_in


def loss_parameters(loss: Any) -> Mapping[str, Any] | None:
    """What `loss_params` may hold: names, with a constraint or None. None where the names cannot be told."""
    built_in = _built_in(loss, CLASSIFICATION_LOSSES | REGRESSION_LOSSES)
    return _arguments(loss) if built_in is None else built_in.parameters


def _built_in(loss: Any, known: dict[str, Loss]) -> Loss | None:
    if isinstance(loss, str):
        return known[loss]
    return next((built_in for built_in in known.values() if built_in.function is loss), None)


def _arguments(loss: Callable) -> dict[str, None] | None:
    """Names of what a loss of the user's own takes beyond the output and the target."""
    if isinstance(loss, nn.Module):
        return {}
    try:
        parameters = inspect.signature(loss).parameters
    except (TypeError, ValueError):  # some builtins have no signature
        return None
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return None
    first = 0 if isinstance(loss, type) else 2
    return dict.fromkeys(
        name for name in list(parameters)[first:] if name not in {"self", "reduction", "reduce", "size_average"}
    )
