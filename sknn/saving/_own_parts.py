"""The user's own parts of a model, which a file does not hold: what stands for them, and how they are put back.

A part is a whole parameter, or an entry of one that is a list or a dict: `callbacks=[MyCallback()]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from sknn.modules import SequentialEnsemble, VmapEnsemble, build_module, outputs_of, renew_head
from sknn.utils import all_seeded, usual_settings

MARK, NETWORK_MARK = "own", "own network"
_MAX_KEYS = 3
_ENSEMBLES = {"sequential": SequentialEnsemble, "vmap": VmapEnsemble}


class OwnPartError(ValueError):
    """An own part that is missing, or does not fit the model."""


class Place(NamedTuple):
    """Where an own part is: a parameter, and the keys that lead to it from there."""

    parameter: str
    keys: tuple


class OwnParts:
    """Those of the estimators that are being saved.

    Attributes
    ----------
    found : dict
        What each parameter that is not stored whole was, by its name.
    """

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._places: dict[int, tuple[Place, Any]] = {}  # by the id of the part, which is kept alive

    def note(self, params: Mapping[str, Any]) -> None:
        """Remember the parameters of an estimator, of which some may turn out to be own parts."""
        for name, value in params.items():
            for keys, part in _parts(value):
                self._places[id(part)] = Place(name, keys), part

    def stand_in(self, value: Any) -> dict | None:
        """What stands for an own part in the file, or None if it is none."""
        if id(value) not in self._places:
            return None
        place, _ = self._places[id(value)]
        self.found[place.parameter] = _described(value)
        return {"@": MARK, "parameter": place.parameter, "keys": place.keys}


def _parts(value: Any, keys: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """A parameter and what it holds, with the keys that lead there."""
    yield keys, value
    entries: Any = ()
    if len(keys) < _MAX_KEYS and type(value) in (list, tuple):
        entries = enumerate(value)
    elif len(keys) < _MAX_KEYS and type(value) is dict:
        entries = value.items()
    for key, part in entries:
        yield from _parts(part, (*keys, key))


def _described(value: Any) -> str:
    kind = value if hasattr(value, "__qualname__") else type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def check_given(needed: Mapping[str, str], given: Mapping[str, Any]) -> None:
    """Refuse parts that are not needed, and say which ones are missing.

    Raises
    ------
    TypeError
        For a part too many.
    OwnPartError
        For a missing one.
    """
    others = sorted(given.keys() - needed.keys())
    if others:
        raise TypeError(f"load got {others}, but the file holds these parts. It needs only: {sorted(needed)}.")
    missing = [name for name in needed if name not in given or (given[name] is None and name in ("loss", "module"))]
    if missing:
        parts = " and ".join(f"{name!r} ({needed[name]})" for name in missing)
        call = ", ".join(f"{name}=..." for name in missing)
        leave_out = " callbacks=None leaves them out." if "callbacks" in missing else ""
        raise OwnPartError(
            f"The file does not hold the model's own {parts}: a file runs no code, so it stores none. Pass it: "
            f"sknn.load(path, {call}).{leave_out}"
        )


def put_back(plain: dict, given: Mapping[str, Any]) -> Any:
    """The part that the caller passes in the place of a mark."""
    part = whole = given[plain["parameter"]]
    try:
        for key in plain["keys"]:
            part = part[key]
    except (LookupError, TypeError) as error:
        raise OwnPartError(
            f"The {plain['parameter']!r} passed to load must have the entry {list(plain['keys'])}, as in the model "
            f"that was saved. Got {whole!r}."
        ) from error
    return part


class StoredNetwork(NamedTuple):
    """What a file holds of a network of one's own: its numbers."""

    tensors: dict[str, torch.Tensor]
    ensemble: str | None
    n_members: int
    n_outputs: int
    frozen: list[str]
    training: bool


def describe(module: nn.Module) -> StoredNetwork:
    ensemble = next((name for name, kind in _ENSEMBLES.items() if type(module) is kind), None)
    of_ensemble: Any = module if ensemble else None
    return StoredNetwork(
        dict(module.state_dict()),
        ensemble,
        of_ensemble.n_members if ensemble else 1,
        of_ensemble.call.args[0] if ensemble else 0,
        [name for name, parameter in module.named_parameters() if not parameter.requires_grad],
        module.training,
    )


def build_own(stored: StoredNetwork, module: Any, module_params: dict, encoder: Any, target: Any) -> nn.Module:
    """The network of the user's class, factory or instance, with the stored numbers.

    Raises
    ------
    OwnPartError
        When they do not fit.
    """

    def build(tensors: dict[str, torch.Tensor]) -> nn.Module:
        network = build_module(
            module,
            module_params,
            n_features=encoder.n_features_,
            n_outputs=target.n_outputs,
            cat_cardinalities=encoder.cat_cardinalities_,
        ).to("cpu", torch.float32)
        if isinstance(module, nn.Module) and not _fits(network, tensors):
            network = renew_head(network, target.n_outputs)  # as the fit has done
        network.load_state_dict(tensors)
        return network

    try:
        with usual_settings(), all_seeded(0, torch.device("cpu")):  # which restores the generators
            if stored.ensemble is None:
                network = build(stored.tensors)
            else:
                wide = stored.tensors.items()
                members = [build({name: value[k] for name, value in wide}) for k in range(stored.n_members)]
                network = _ENSEMBLES[stored.ensemble](members, outputs_of(stored.n_outputs))
    except Exception as error:  # whatever one's own code raises
        raise OwnPartError(f"The 'module' passed to load does not fit the stored weights. {error}") from error
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name not in stored.frozen)
    return network.train(stored.training)


def _fits(network: nn.Module, tensors: Mapping[str, torch.Tensor]) -> bool:
    """Whether each tensor of the network is there in its shape; one of a lazy layer has none yet."""
    own = {name: value for name, value in network.state_dict().items() if not is_lazy(value)}
    return all(value.shape == own[name].shape for name, value in tensors.items() if name in own)
