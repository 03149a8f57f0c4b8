"""Nested parameter names for `get_params` and `set_params`: `prefix__name`, or `prefix__part__name` for lists."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any, Self

from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import InvalidParameterError

from sknn.modules import module_params_of
from sknn.optim import PLATEAU, SCHEDULES, optimizer_parameters, schedule_parameters
from sknn.parameters._check_optimizer import of_learning_rate
from sknn.parameters._constraints import NESTED, name_of
from sknn.pretrained import Pretrained
from sknn.targets import loss_parameters

_LISTS = ("augmentation", "callbacks")  # parameters that hold objects with parameters of their own
_NETWORK_FACTS = {"self", "n_features", "n_outputs", "cat_cardinalities"}
_OF_BUILT_IN = {"bins", "n_members", "image_shape", "hidden_layer_sizes", "activation", "dropout"}


class NestedParams(BaseEstimator):
    """`get_params` and `set_params` that reach into dicts of parameters and lists of objects."""

    module: Any

    def get_params(self, deep=True) -> dict[str, Any]:
        """Get the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include `module__...`, `loss__...`, `optimizer__...` and `lr_schedule__...`, the entries of
            `module_params` and so on, the parameters of the objects in `augmentation` and `callbacks`, as in
            `augmentation__rotate__degrees`, and those of a transformer in `preprocessing`.

        Returns
        -------
        params : dict
        """
        params = super().get_params(deep=deep)
        if deep:
            for prefix, name in NESTED.items():
                entries = params[name] if isinstance(params[name], dict) else {}
                params |= {f"{prefix}__{key}": value for key, value in entries.items()}
            for name in _LISTS:
                params |= {f"{name}__{key}": value for key, value in get_parts(params[name]).items()}
        return params

    def set_params(self, **params) -> Self:
        """Set parameters.

        `module__<name>`, `loss__<name>`, `optimizer__<name>` and `lr_schedule__<name>` set an entry in a copy of
        `module_params` and so on, and `augmentation__<part>__<name>` and `callbacks__<part>__<name>` a parameter of
        a copy of that object, so that they can be searched like any other parameter.

        Parameters
        ----------
        **params : dict
            New values by names.

        Returns
        -------
        self : estimator
        """
        own, nested = split_nested(params, [*NESTED, *_LISTS])
        super().set_params(**own)
        for prefix, entries in nested.items():
            if prefix in _LISTS:
                setattr(self, prefix, set_parts(type(self).__name__, prefix, getattr(self, prefix), entries))
            else:
                if prefix == "module" and isinstance(self.module, Pretrained):
                    of_source = {key: entries.pop(key) for key in self.module.get_params() if key in entries}
                    self.module = clone(self.module).set_params(**of_source)
                check_nested(type(self).__name__, self.get_params(deep=False), prefix, entries)
                setattr(self, NESTED[prefix], (getattr(self, NESTED[prefix]) or {}) | entries)
        return self


def split_nested(params: dict[str, Any], prefixes) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Parameters of the estimator itself, and those behind each prefix."""
    own: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for key, value in params.items():
        prefix, separator, name = key.partition("__")
        if separator and prefix in prefixes:
            nested.setdefault(prefix, {})[name] = value
        else:
            own[key] = value
    return own, nested


def get_parts(parts) -> dict[str, Any]:
    """Parameters of the objects in a list, as `<part>__<name>`."""
    found: dict[str, Any] = {}
    for name, part in _named(parts).items():
        found |= {f"{name}__{key}": value for key, value in part.get_params().items()}
    return found


def set_parts(owner: str, parameter: str, parts, entries: dict[str, Any]) -> list:
    """A copy of a list of objects in which some of their parameters are set."""
    copied = [own_copy(part) for part in parts or []]
    named = _named(copied)
    for key, value in entries.items():
        name, _, rest = key.partition("__")
        if name not in named or rest not in named[name].get_params():
            raise InvalidParameterError(
                f"The {parameter!r} parameter of {owner} must hold what is to be set: {sorted(get_parts(parts))}. Got "
                f"{key!r} instead."
            )
        named[name].set_params(**{rest: value})
    return copied


def own_copy(part):
    """A copy of an object, so that the user's is unchanged; uncopyable objects (a file) are shared."""
    try:
        return copy.deepcopy(part)
    except TypeError:
        name, shared = part if isinstance(part, tuple) else (None, part)
        return copy.copy(shared) if name is None else (name, copy.copy(shared))


def _named(parts) -> dict[str, Any]:
    """Objects with parameters by name: the class in lower case, with -1, -2 for several of a class."""
    listed = parts if isinstance(parts, list | tuple) else []  # anything else is refused in fit
    pairs = [part if isinstance(part, tuple) and len(part) == 2 else (None, part) for part in listed]
    pairs = [(name, part) for name, part in pairs if hasattr(part, "get_params") and not isinstance(part, type)]
    names = [name or type(part).__name__.lower() for name, part in pairs]
    count, seen = Counter(names), Counter[str]()
    found = {}
    for name, (_, part) in zip(names, pairs, strict=True):
        seen[name] += 1
        found[f"{name}-{seen[name]}" if count[name] > 1 else name] = part
    return found


def nested_names(params: dict, prefix: str) -> list[str] | None:
    """Names that `<prefix>_params` may hold; None when any will do."""
    if prefix == "optimizer":
        return optimizer_parameters(params["optimizer"])
    if prefix == "loss":
        constraints = loss_parameters(params["loss"])
        return None if constraints is None else list(constraints)
    if prefix == "lr_schedule":
        schedule = of_learning_rate(params["lr_schedule"])
        known = not isinstance(schedule, str) or schedule in {*SCHEDULES, PLATEAU}
        return schedule_parameters(schedule) if known else None  # a wrong name is refused in fit
    module = params["module"]
    if isinstance(module, Pretrained):
        module = module.architecture
    names = module_params_of(module)
    if names is None:
        return None
    taken = _NETWORK_FACTS | (_OF_BUILT_IN if isinstance(module, str) else set())
    own = [name for name in names if name not in taken]
    of_built_in = ["weight_init"] * isinstance(params["module"], str) + ["n_bins"] * (module == "tabular")
    return [*own, *of_built_in]  # what is read before the network is built


def check_nested_params(owner: str, params: dict) -> None:
    """Refuse dicts of parameters with unknown names, or invalid values for the loss."""
    for prefix, name in NESTED.items():
        if params[name]:
            check_nested(owner, params, prefix, params[name])
    _check_loss_params(owner, params)


def check_nested(owner: str, params: dict, prefix: str, names) -> None:
    """Refuse unknown names in `<prefix>_params`."""
    known = nested_names(params, prefix)
    unknown = [] if known is None else [name for name in names if name not in known]
    if unknown:
        what = params[prefix] if isinstance(params[prefix], str | dict | None) else name_of(params[prefix])
        raise InvalidParameterError(
            f"The '{NESTED[prefix]}' parameter of {owner} must hold only parameters of {prefix} {what}: {known}. "
            f"Got {unknown} instead.{_hint(unknown, params)}"
        )


def _check_loss_params(owner: str, params: dict) -> None:
    """Refuse invalid values of the loss' parameters."""
    for name, constraint in (loss_parameters(params["loss"]) or {}).items():
        value = (params["loss_params"] or {}).get(name)
        is_given = constraint is not None and name in (params["loss_params"] or {})
        if is_given and (isinstance(value, bool) or not constraint.is_satisfied_by(value)):
            raise InvalidParameterError(
                f"The {name!r} in 'loss_params' of {owner} must be {constraint}. Got {value!r} instead."
            )


def _hint(unknown: list[str], params: dict) -> str:
    own = [name for name in unknown if name in params]
    own += ["learning_rate"] * ("lr" in unknown)
    return f" Set {own} on the estimator itself." if own else ""
