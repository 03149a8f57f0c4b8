"""From the user's parameters to those of a fit: every "auto" is replaced, and nothing changes afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import torch
from sklearn.utils._param_validation import InvalidParameterError

from sknn.modules import initializer_for, is_ensemble
from sknn.optim import is_full_batch, takes_weight_decay
from sknn.parameters._callbacks import sets_learning_rate
from sknn.parameters._check_network import check_layer_lists, layer_sizes
from sknn.parameters._defaults import RULES, STREAM_ROWS, DataProperties, is_auto, n_bins, numeric_embedding, resolve
from sknn.parameters._module import architecture_of, is_name, is_tabular

# Parameters of the network and of its input, which a resumed fit cannot change.
_OF_NETWORK = (
    "module",
    "module_params",
    "hidden_layer_sizes",
    "activation",
    "dropout",
    "n_members",
    "preprocessing",
)


class ResolvedParams(Mapping[str, Any]):
    """The parameters of a fit by their names, each "auto" replaced. Read only: `a | b` gives new ones.

    Parameters
    ----------
    values : mapping
        The values of the fit.
    automatic : frozenset of str
        Names of the parameters that the user had left "auto".
    """

    def __init__(self, values: Mapping[str, Any], automatic: frozenset[str]):
        self._values = MappingProxyType(dict(values))
        self._automatic = automatic

    def was_auto(self, name: str) -> bool:
        """Whether the user had left it "auto"."""
        return name in self._automatic

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __or__(self, changes: Mapping[str, Any]) -> ResolvedParams:
        return ResolvedParams({**self._values, **changes}, self._automatic)


def resolve_params(
    owner: str, given: Mapping[str, Any], properties: DataProperties, earlier: Mapping[str, Any] | None = None
) -> ResolvedParams:
    """Replace each "auto" according to the data, and refuse incompatible values.

    Parameters
    ----------
    owner : str
        Name of the estimator, for errors.
    given : mapping
        Its parameters, checked.
    properties : DataProperties
        What is known of the data.
    earlier : mapping or None
        The resolved parameters of the fit that is resumed.
    """
    properties = _with_parameters(properties, given)
    params = resolve(dict(given), properties)
    network = architecture_of(given["module"])
    if is_ensemble(network):
        params["n_members"] = network.n_members
    elif properties.tabular:
        params["module_params"] = _resolve_embedding(given["module_params"] or {}, properties, earlier)
    if isinstance(given["module"], str):
        params["module_params"] = _resolve_weight_init(network, params["module_params"] or {}, params["activation"])
    if is_auto(given["lr_schedule"]) and params["lr_schedule"] and sets_learning_rate(given["callbacks"]):
        params["lr_schedule"] = {k: v for k, v in params["lr_schedule"].items() if k != "learning_rate"}
    params["hidden_layer_sizes"] = layer_sizes(params["hidden_layer_sizes"])
    params["device"] = _device(given["device"])
    _check_together(owner, given, params, properties)
    return ResolvedParams(params, frozenset(name for name, value in given.items() if is_auto(value)))


def stream_params(owner: str, given: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters of one epoch on a chunk of rows; `earlier` ones were resolved by a previous call.

    Raises
    ------
    InvalidParameterError
        For a schedule, since the number of epochs is unknown.
    """
    if given["lr_schedule"] is not None and not is_auto(given["lr_schedule"]):
        raise InvalidParameterError(
            f"The 'lr_schedule' parameter of {owner} must be 'auto' or None in partial_fit, which does not know when "
            f"training ends. Got {given['lr_schedule']!r} instead; set learning_rate between calls."
        )
    of_chunk = {"early_stopping": False, "validation_split": "auto", "max_epochs": 1, "lr_schedule": None}
    params = {**given, **of_chunk}
    if earlier is not None:  # the rules have been applied
        follow_rows = {"batch_size"} if is_full_batch(given["optimizer"]) else set()
        params |= {name: earlier[name] for name in RULES.keys() - follow_rows if is_auto(params[name])}
    return params


def stream_rows(params: Mapping[str, Any], n_rows: int) -> int:
    """Number of rows for the rules of a stream: an assumed one, or that of the chunk for L-BFGS."""
    return n_rows if is_full_batch(params["optimizer"]) else STREAM_ROWS


def check_unchanged(owner: str, earlier: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Refuse to change the network, or its input, in a fit that resumes an earlier one."""
    for name in _OF_NETWORK:
        before, now = earlier[name], params[name]
        if before is not now and before != now:
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} must not change when training is resumed (warm_start, "
                f"partial_fit). It was {before!r} and is {now!r} now; set warm_start=False."
            )


def _with_parameters(properties: DataProperties, given: Mapping[str, Any]) -> DataProperties:
    """Properties for the rules that follow from parameters."""
    optimizer = given["optimizer"]
    return properties._replace(
        tabular=is_tabular(given["module"]),
        takes_weight_decay=takes_weight_decay(optimizer),
        plain_gradient=optimizer in ("sgd", torch.optim.SGD),
        slows_down=optimizer in ("adagrad", torch.optim.Adagrad),
        is_full_batch=is_full_batch(optimizer),
        convolves=is_name(architecture_of(given["module"]), "cnn"),
    )


def _resolve_embedding(module_params: dict, properties: DataProperties, earlier: Mapping[str, Any] | None) -> dict:
    """How the tabular network embeds numbers; a resumed fit keeps the values of the first one."""
    embedding = module_params.get("numeric_embedding", "auto")
    embedding = numeric_embedding(properties) if is_auto(embedding) else embedding
    chosen = {"numeric_embedding": embedding}
    if embedding is not None and module_params.get("n_bins") is None:
        before = {} if earlier is None else earlier["module_params"] or {}
        chosen["n_bins"] = before.get("n_bins") or n_bins(properties, embedding)
    return module_params | chosen


def _resolve_weight_init(module: str, module_params: dict, activation) -> dict:
    weight_init = module_params.get("weight_init", "auto")
    if is_auto(weight_init):
        weight_init = "unit_variance" if module == "tabular" else initializer_for(activation)
    return module_params | {"weight_init": weight_init}


def _device(device: str | torch.device) -> torch.device:
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(device)


def _check_together(owner: str, given: Mapping[str, Any], params: dict, properties: DataProperties) -> None:
    check_layer_lists(owner, params)
    if params["lr_schedule_params"] and params["lr_schedule"] is None:
        raise InvalidParameterError(
            f"The 'lr_schedule_params' parameter of {owner} must be None without a schedule, and lr_schedule is "
            f"{given['lr_schedule']!r} here. Got {params['lr_schedule_params']!r} instead."
        )
    if properties.is_full_batch and params["batch_size"] < properties.n_rows:
        raise InvalidParameterError(
            f"The 'batch_size' parameter of {owner} must be 'auto' for L-BFGS, which needs all rows at once. Got "
            f"{params['batch_size']!r} instead, for {properties.n_rows} rows."
        )
