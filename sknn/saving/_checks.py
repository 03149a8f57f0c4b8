"""Whether the parts of a loaded model fit each other, as those of a fitted one do."""

from __future__ import annotations

from typing import Any

from torch import nn

from sknn.modules import built_with
from sknn.preprocessing import ColumnDispatcher
from sknn.storage import ArchiveError
from sknn.targets import Target


def check_estimator(estimator: Any) -> None:
    """Refuse a model of parts that no fit gives.

    Raises
    ------
    ArchiveError
    """
    missing = set(estimator._get_param_names()) - vars(estimator).keys()
    if missing:
        raise ArchiveError(f"It holds a model without the parameters {sorted(missing)}.")
    if not hasattr(estimator, "module_"):
        return
    module, target = estimator.module_, getattr(estimator, "_target", None)
    encoder = getattr(estimator, "encoder_", None)
    if not isinstance(module, nn.Module) or not isinstance(target, Target) or not hasattr(encoder, "update_encode"):
        raise ArchiveError("It holds a model without a network, an encoder or a target.")
    _check_encoder(getattr(encoder, "rest", encoder))
    arguments = built_with(module)
    if arguments is not None:
        _check_network(arguments, encoder, target)


def _check_encoder(encoder: Any) -> None:
    if not isinstance(encoder, ColumnDispatcher):
        return
    columns = encoder.encoders_
    if encoder.container_ == "csr":
        n_features, codes = len(columns[0].count_), ()
    else:
        n_features = max(sum(column.n_features_ for column in columns), 1)
        codes = tuple(n_codes for column in columns for n_codes in column.cardinalities_)
    if encoder.n_features_ != n_features or tuple(encoder.cat_cardinalities_) != codes:
        raise ArchiveError("It holds an encoder whose columns do not add up.")


def _check_network(arguments: dict, encoder: Any, target: Target) -> None:
    takes = {"n_features": encoder.n_features_, "cat_cardinalities": tuple(encoder.cat_cardinalities_)}
    fits = all(arguments[name] == value for name, value in takes.items() if name in arguments)
    n_outputs = {target.n_outputs} | ({1} if target.allow_single_logit and target.n_outputs == 2 else set())
    if not fits or arguments["n_outputs"] not in n_outputs:
        raise ArchiveError("It holds a network for other columns, or another target, than those of the model.")
