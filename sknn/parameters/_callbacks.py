"""Valid values of the `callbacks` parameter. The callbacks themselves are in `callbacks`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import skorch.callbacks
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints
from skorch.callbacks import InputShapeSetter, LRScheduler

from sknn.callbacks import Callback


def callback_of(item) -> Any:
    """The instance or class in an entry of a list of callbacks, which may be a pair (name, callback)."""
    return item[1] if isinstance(item, tuple) and len(item) == 2 else item


def is_kind_of(item, kind: type) -> bool:
    """Whether an entry of a list of callbacks is of a class, or that class itself."""
    callback = callback_of(item)
    return issubclass(callback if isinstance(callback, type) else type(callback), kind)


def sets_learning_rate(callbacks: Sequence | None) -> bool:
    """Whether a list of callbacks contains a learning-rate scheduler."""
    return any(is_kind_of(item, LRScheduler) for item in callbacks or [])


def check_callbacks(owner: str, callbacks: Sequence | None) -> None:
    """Refuse what is no callback, or has parameters that are not valid.

    Raises
    ------
    InvalidParameterError
    """
    for item in callbacks or []:
        if not is_kind_of(item, skorch.callbacks.Callback):
            raise InvalidParameterError(
                f"The 'callbacks' parameter of {owner} must be a list of skorch callbacks or (name, callback) pairs. "
                f"Got {item!r} in it. Callbacks of scikit-learn's own protocol go to set_callbacks()."
            )
        if is_kind_of(item, InputShapeSetter):
            raise InvalidParameterError(
                f"The 'callbacks' parameter of {owner} must not hold an InputShapeSetter: the network is built for the "
                f"rows before callbacks see them. Got {item!r} in it. Let the 'module' be a class or callable with an "
                "argument n_features, or begin with a lazy layer."
            )
        callback = callback_of(item)
        if isinstance(callback, Callback):
            constraints = callback._parameter_constraints
            values = {name: getattr(callback, name) for name in constraints}
            validate_parameter_constraints(constraints, values, type(callback).__name__)
