"""Names for what lies inside a parameter: `prefix__name`, and `prefix__part__name` for a list of objects."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from sklearn.utils._param_validation import InvalidParameterError


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
    """A copy of an object, so that the user's is not changed; what cannot be copied (a file) is shared."""
    try:
        return copy.deepcopy(part)
    except TypeError:
        name, shared = part if isinstance(part, tuple) else (None, part)
        return copy.copy(shared) if name is None else (name, copy.copy(shared))


def _named(parts) -> dict[str, Any]:
    """Each object that has parameters by its name, which is its class in lower case, with -1, -2 for several of one."""
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
