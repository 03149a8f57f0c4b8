"""From a `module` parameter and encoded rows to the network, or the ensemble, that is trained.

What each network is made of is in `modules`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn

from sknn.modules import (
    TabularNet,
    build_ensemble,
    build_module,
    fit_first_weights,
    initialize,
    is_ensemble,
    module_params_of,
    scale_to_unit_variance,
    try_out,
)
from sknn.parameters import (
    SHAPE,
    ResolvedParams,
    architecture_of,
    has_own_parts,
    is_data_dependent,
    pretrained_of,
    weight_init_of,
)
from sknn.preprocessing import WHAT_X_MAY_BE, ChunkEncoder, Encoded, Inputs, Table, quantile_bins, random_thresholds
from sknn.targets import Target
from sknn.training._data import Rows, network_inputs, unlabelled_rows
from sknn.utils import all_seeded, limited_to, torch_seeded

_INITIAL_ROWS, _INITIAL_VALUES = 1_000, 200_000  # at most so many rows, and values in them, scale the weights


def build_network(
    params: ResolvedParams,
    encoded: Encoded | Inputs,
    weight: np.ndarray | None,
    encoder,
    target: Target,
    seed: int,
) -> nn.Module:
    """A network, or an ensemble, whose inputs and outputs fit the data, tried out on the first rows.

    Parameters
    ----------
    params : dict
        The estimator's parameters, with each "auto" replaced.
    encoded : Encoded or Inputs
        Training rows.
    weight : ndarray of shape (n_rows,) or None
        Their weights.
    encoder : object
        What has encoded them. That of a stream tells which rows to expect; bins of numbers are fitted to those then.
    target : Target
        What tells the number of outputs, and the classes.
    seed : int
    """
    inputs = network_inputs(encoded.head(2), params["device"])
    if isinstance(encoder, ChunkEncoder):
        encoded, weight = encoder.expected_rows(_INITIAL_ROWS, seed), None
    module, pretrained = architecture_of(params["module"]), pretrained_of(params["module"])
    module_params = dict(params["module_params"] or {})
    of_built_in: dict[str, Any] = {}
    if isinstance(module, str):
        assert isinstance(encoded, Encoded)  # several inputs need a module of one's own
        module_params, of_built_in = _built_in_params(module, params, encoded, weight, seed)
    device, n_outputs = params["device"], target.n_outputs
    facts = {
        "n_features": encoder.n_features_,
        "n_outputs": n_outputs,
        "cat_cardinalities": encoder.cat_cardinalities_,
    } | of_built_in
    may_replace_head = isinstance(module, nn.Module) and pretrained is None

    def build() -> nn.Module:
        with _naming_module_params(params):
            network = build_module(module, module_params, **facts).to(device, torch.float32)
        if pretrained is not None:
            network = pretrained.start(network, n_outputs, target.classes).to(device, torch.float32)
        if not is_ensemble(network):
            single = target.allow_single_logit
            try_out(network, inputs, n_outputs, may_replace_head=may_replace_head, allow_single_logit=single)
        _set_weights(network, params, encoded, seed)
        return network

    # Some initialisers give other bits on other numbers of threads.
    seeded = all_seeded if has_own_parts(params) else torch_seeded
    with seeded(seed, device), limited_to(1):
        first = build()
        if params["n_members"] == 1 or is_ensemble(first):
            return first
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the first one has warned
            networks = [first, *(build() for _ in range(params["n_members"] - 1))]
        return build_ensemble(networks, inputs, n_outputs)


@contextmanager
def _naming_module_params(params: ResolvedParams):
    """Where a built-in network refuses what the user's `module_params` hold, say that they do."""
    try:
        yield
    except (TypeError, ValueError) as error:
        checked_before = {"numeric_embedding", "n_bins", "weight_init"}
        of_user = (params["module_params"] or {}).keys() - checked_before
        if not isinstance(params["module"], str) or not of_user:
            raise
        raise InvalidParameterError(
            f"The 'module_params' parameter must fit the network {params['module']!r}. Got {params['module_params']!r} "
            f"instead: {error}"
        ) from error


def _built_in_params(
    name: str, params: ResolvedParams, encoded: Encoded, weight: np.ndarray | None, seed: int
) -> tuple[dict, dict[str, Any]]:
    """What a built-in network is built with: the estimator's own parameters, and what only the data tell."""
    shape = encoded.x_num.shape
    if (len(shape) > 2) != (name == "cnn"):
        needed = "images" if name == "cnn" else "a table (n_samples, n_features)"
        raise ValueError(
            f"X must be {needed} for the built-in network {name!r}. Got {len(shape)} dimensions. Pass a module of "
            "your own, or reshape X."
        )
    known = module_params_of(name) or []
    module_params = {key: params[key] for key in SHAPE if key in known} | (params["module_params"] or {})
    module_params.pop("weight_init", None)  # there is none for what is pretrained
    if name == "cnn":
        return module_params, {"image_shape": shape[1:] if len(shape) == 4 else (1, *shape[1:])}
    if name != "tabular":
        return module_params, {}
    n_bins, embedding = module_params.pop("n_bins", None), module_params["numeric_embedding"]
    bins: list = []
    if isinstance(encoded.x_num, np.ndarray) and embedding == "thermometer":
        bins = random_thresholds(encoded.x_num, n_bins, params["n_members"], weight, seed)
    elif isinstance(encoded.x_num, np.ndarray) and embedding is not None:
        bins = quantile_bins(encoded.x_num, n_bins, weight, seed)
    return module_params, {"n_members": params["n_members"], "bins": bins}


def _set_weights(network: nn.Module, params: ResolvedParams, encoded: Encoded | Inputs, seed: int) -> None:
    """Draw the first weights as `weight_init` says; an ensemble of the built-in kind is fitted to rows later on."""
    weight_init = weight_init_of(params)
    if weight_init is None or (is_ensemble(network) and is_data_dependent(params)):
        return
    initialize(network.to("cpu"), weight_init)  # drawn there, so that a seed gives the same weights on each device
    network.to(params["device"])
    if isinstance(weight_init, str) and weight_init == "unit_variance":
        scale_to_unit_variance(network, network_inputs(_some_rows(encoded, seed), params["device"]))


def initialize_by_rows(network: nn.Module, rows: Rows, params: ResolvedParams, encoder, seed: int) -> None:
    """Fit the first weights of the built-in tabular network to some training rows, or to those that a stream may hold.

    What it takes is that of `build_network`, with the rows as tensors.
    """
    if not is_data_dependent(params):
        return
    if isinstance(encoder, ChunkEncoder):
        rows = unlabelled_rows(encoder.expected_rows(_INITIAL_ROWS, seed), params["device"])
    order = torch.from_numpy(np.random.RandomState(seed).permutation(len(rows))[:_INITIAL_ROWS])
    inputs, _, weight = rows.take(order)
    with torch_seeded(seed + 1, params["device"]):
        fit_first_weights(network, inputs, weight)


def _some_rows(encoded: Encoded | Inputs, seed: int) -> Encoded | Inputs:
    """Rows at random, by which a network is initialised."""
    n_rows = encoded.shape[0]
    n_taken = max(2, min(_INITIAL_ROWS, _INITIAL_VALUES // max(math.prod(encoded.shape[1:]), 1)))
    return encoded.take(np.random.RandomState(seed).permutation(n_rows)[:n_taken])


def check_takes(owner: str, params: Mapping[str, Any], table: Table) -> None:
    """Refuse parameters that do not go with a dict of inputs, where X is one.

    Raises
    ------
    TypeError
        For preprocessing, or a network that takes one table.
    InvalidParameterError
        For augmentation, which changes one table or images.
    """
    if not isinstance(table, Inputs):
        return
    module = architecture_of(params["module"])
    takes_one = isinstance(module, str) or is_ensemble(module) or module is TabularNet
    if params["preprocessing"] is not None or takes_one:
        raise TypeError(
            f"{WHAT_X_MAY_BE} Got a dict with module={params['module']!r}, preprocessing={params['preprocessing']!r}."
        )
    if params["augmentation"]:
        raise InvalidParameterError(
            f"The 'augmentation' parameter of {owner} must be None where X is a dict of inputs. Got "
            f"{params['augmentation']!r} instead; change the rows in the module's forward, where it is in training."
        )
