"""Faults of training, seen in the history of losses and, where that leaves the cause open, by another fit."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.base import clone, is_classifier

from sknn.inspection._findings import Case, Finding
from sknn.parameters import DataProperties, resolve_params
from sknn.preprocessing import take_rows

_GROWN = 2.0  # factor on the largest loss that training should end with
_GIVEN_BACK = 0.5  # fraction of the fall of the validation loss
_FAR = 30.0  # factor between learning rates
_BETTER = 2.0  # factor by which another rate must lower the loss more
_LEAST_FALL = 0.05  # of the loss of a constant, that counts as learning


def find_constant_target(case: Case) -> Finding | None:
    """A target that is the same in all rows."""
    if (case.y != case.y[:1]).any():
        return None
    return Finding(
        "constant target",
        f"y is {case.y[0]!s} in all {len(case.y)} rows, so there is nothing to learn.",
        "rows with other values of y; look whether a filter or a join has removed them.",
    )


def find_divergence(case: Case) -> Finding | None:
    """A training loss that ends at twice what it began with, and what a constant prediction has, or more."""
    losses = case.network.history_["train_loss"].to_numpy(dtype=np.float64)
    limit = _GROWN * max(losses[0], case.constant_loss)
    if np.isfinite(losses[-1]) and not losses[-1] > max(limit, 0):
        return None
    return Finding(
        "diverged",
        f"The training loss was {losses[0]:.3g} in epoch 1, {np.nanmin(losses):.3g} at its lowest and is "
        f"{losses[-1]:.3g} in epoch {len(losses)}. A constant prediction has {case.constant_loss:.3g}.",
        "a lower learning_rate or a schedule that falls, scaled numbers in X, callbacks=[ClipGradient()].",
    )


def find_overfitting(case: Case) -> Finding | None:
    """A last epoch, kept without early stopping, that has given back half of the fall of the validation loss."""
    network, history = case.network, case.network.history_
    if network.resolved_params_["early_stopping"] or "valid_loss" not in history:
        return None
    losses = history["valid_loss"].to_numpy(dtype=np.float64)
    kept, lowest = losses[network.best_epoch_ - 1], np.nanmin(losses)
    fall = max(case.constant_loss, losses[0]) - lowest
    if not kept - lowest > _GIVEN_BACK * fall > 0:
        return None
    return Finding(
        "overfitted",
        f"The validation loss was lowest in epoch {int(np.nanargmin(losses)) + 1} with {lowest:.3g}, and is {kept:.3g} "
        f"in epoch {network.best_epoch_}, whose weights were kept, while the training loss fell to "
        f"{history['train_loss'].iloc[network.best_epoch_ - 1]:.3g}.",
        "early_stopping=True, more weight_decay or dropout, a smaller network, or fewer epochs.",
    )


def find_learning_rate(case: Case) -> Finding | None:
    """A rate that is 30 times as high or as low as "auto", with which training does far worse than with that.

    A clone of the network is fitted to some of the rows. Its rate counts as better if it lowers the validation loss
    (the training loss where there is none) below that of a constant at least twice as far.
    """
    used, auto = case.network.resolved_params_["learning_rate"], _automatic_rate(case)
    return _with_other_rate(case, auto) if max(used / auto, auto / used) >= _FAR else None


def find_flat_loss(case: Case) -> Finding | None:
    """A training loss that came to that of a constant and no lower; rates 30 times lower and higher are tried."""
    if case.has_learned:
        return None
    used = case.network.resolved_params_["learning_rate"]
    found = (_with_other_rate(case, rate) for rate in (used / _FAR, used * _FAR))
    flat = Finding(
        "flat loss",
        f"The training loss came to {case.training_loss:.3g}, and a constant prediction has {case.constant_loss:.3g}: "
        "nothing was learned. The learning rate is not the reason.",
        "look whether the module's output depends on its input, whether weight_decay or dropout is too large, whether "
        "rows of X and y belong together, and whether X tells anything about y.",
    )
    return next(filter(None, found), flat)


def _with_other_rate(case: Case, rate: float) -> Finding | None:
    """The finding that a fit with another rate is far better, if it is."""
    if case.network.resolved_params_["optimizer"] == "lbfgs":  # whose line search finds the rate
        return None
    used, constant = case.network.resolved_params_["learning_rate"], case.constant_loss
    fall, other = constant - _lowest_loss(case.network), constant - _loss_with(case, rate)
    if not other > max(_BETTER * fall, _LEAST_FALL * abs(constant)):
        return None
    return Finding(
        f"learning rate too {'high' if rate < used else 'low'}",
        f"With learning_rate={used:.2g} the loss came to {constant - fall:.3g}, with {rate:.2g} to "
        f"{constant - other:.3g}, on at most {len(case.some):,} rows; a constant prediction has {constant:.3g}.",
        f"learning_rate={rate:.2g}; LearningRateFinder shows the range.",
    )


def _lowest_loss(network) -> float:
    history = network.history_
    losses = history["valid_loss" if "valid_loss" in history else "train_loss"].to_numpy(dtype=np.float64)
    return float(np.nanmin(np.where(np.isfinite(losses), losses, np.inf)))


def _automatic_rate(case: Case) -> float:
    """What learning_rate="auto" would have been."""
    network = case.network
    automatic = {"learning_rate": "auto", "lr_schedule": "auto", "lr_schedule_params": None}
    properties = DataProperties(
        n_rows=len(case.y),
        has_validation="valid_loss" in network.history_,
        n_columns=int(np.prod(case.table.shape[1:])),
        classifies=is_classifier(network),
        stream=getattr(network, "_is_stream", False),
    )
    params = {**network.resolved_params_, **automatic}
    return float(resolve_params(type(network).__name__, params, properties)["learning_rate"])


def _loss_with(case: Case, rate: float) -> float:
    """The lowest loss of a fit of some rows with another rate."""
    other = clone(case.network).set_params(learning_rate=rate, warm_start=False, verbose=0)
    weight = {} if case.weight is None else {"sample_weight": case.weight[case.some]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            other.fit(take_rows(case.table, case.some), case.y[case.some], **weight)
        except ValueError:  # it diverges at once, or a splitter of the user's knows other rows
            return np.inf
    return _lowest_loss(other)
