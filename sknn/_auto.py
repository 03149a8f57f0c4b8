"""The rules behind every "auto": what a parameter becomes for a table of a given size.

Rules know the number of rows and the preset, never a data set. `resolved_params_` shows their result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Facts(NamedTuple):
    """What the rules may look at."""

    n_rows: int
    has_validation: bool  # validation rows or a splitter were given
    batch_size: int = 0  # rows a step, once it is known


class Preset(NamedTuple):
    """A point between short training and high accuracy."""

    hidden_layer_sizes: tuple[int, ...]
    max_steps: int
    max_epochs: int
    patience: int


PRESETS: dict[str, Preset] = {
    "fast": Preset((64,), max_steps=4_000, max_epochs=100, patience=6),
    "default": Preset((128, 128), max_steps=20_000, max_epochs=200, patience=12),
    "thorough": Preset((256, 256, 256), max_steps=80_000, max_epochs=400, patience=30),
}

# Up to so many rows, so many rows a batch: small tables need many steps, large ones cheap epochs.
_BATCH_SIZES = ((100, 100), (2_800, 32), (4_500, 64), (6_400, 128), (float("inf"), 256))
# A table of one batch takes one step an epoch, and goes further in each.
_LEARNING_RATES = ((100, 3e-3), (float("inf"), 1e-3))
_MIN_ROWS_TO_HOLD_OUT = 200  # below, a held-out part is too small to tell epochs apart
_MIN_EPOCHS = 20


def _batch_size(facts: Facts, preset: Preset) -> int:
    return _look_up(_BATCH_SIZES, facts.n_rows)


def _learning_rate(facts: Facts, preset: Preset) -> float:
    return _look_up(_LEARNING_RATES, facts.n_rows)


def _max_epochs(facts: Facts, preset: Preset) -> int:
    steps_per_epoch = -(-facts.n_rows // facts.batch_size)
    return min(preset.max_epochs, max(_MIN_EPOCHS, preset.max_steps // steps_per_epoch))


RULES: dict[str, Callable[[Facts, Preset], Any]] = {
    "hidden_layer_sizes": lambda facts, preset: preset.hidden_layer_sizes,
    "batch_size": _batch_size,
    "learning_rate": _learning_rate,
    "max_epochs": _max_epochs,
    "patience": lambda facts, preset: preset.patience,
    "early_stopping": lambda facts, preset: facts.has_validation or facts.n_rows >= _MIN_ROWS_TO_HOLD_OUT,
}


def resolve(params: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """The parameters with each "auto" that has a rule replaced by what the rule gives."""
    preset = PRESETS[params["preset"]]

    def value_of(name, value, facts):
        return RULES[name](facts, preset) if name in RULES and is_auto(value) else value

    # The number of epochs follows the number of steps, so the batch size comes first.
    facts = facts._replace(batch_size=value_of("batch_size", params["batch_size"], facts))
    return {name: value_of(name, value, facts) for name, value in params.items()}


def _look_up(table, n_rows: int):
    """The value of the first line whose limit is not below the number of rows."""
    return next(value for limit, value in table if n_rows <= limit)


def is_auto(value) -> bool:
    return isinstance(value, str) and value == "auto"
