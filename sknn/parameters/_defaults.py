"""The rules behind every "auto": what a parameter becomes for a table of a given size.

Rules know the preset and what `DataProperties` hold, never a data set. `resolved_params_` shows their result; the
reasons, with the measurements, are in `docs/defaults.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class DataProperties(NamedTuple):
    """What the rules depend on."""

    n_rows: int
    has_validation: bool  # validation rows, a fraction or a splitter was given
    n_columns: int = 1
    tabular: bool = False  # the built-in tabular network, not one of the user's or a plain one
    sparse: bool = False
    classifies: bool = True
    batch_size: int = 0  # rows per step, once resolved
    max_epochs: int = 0  # once resolved
    takes_weight_decay: bool = True
    plain_gradient: bool = False  # the optimizer is SGD, which does not adapt to the size of gradients
    slows_down: bool = False  # the optimizer is Adagrad, whose steps shrink over time
    is_full_batch: bool = False  # the optimizer is L-BFGS, which needs all rows in each step
    convolves: bool = False  # the built-in network for images
    stream: bool = False  # rows come in chunks, of which only the first is known


class Preset(NamedTuple):
    """A point between short training and high accuracy."""

    # the tabular network
    n_members: int
    tabular_layer_sizes: tuple[int, ...]
    tabular_epochs: int
    # other networks
    hidden_layer_sizes: tuple[int, ...]
    max_steps: int
    max_epochs: int
    patience: int


PRESETS: dict[str, Preset] = {
    "fast": Preset(4, (64,), 12, (64,), max_steps=4_000, max_epochs=100, patience=6),
    "default": Preset(8, (96, 96), 32, (128, 128), max_steps=20_000, max_epochs=200, patience=12),
    "thorough": Preset(16, (128, 128), 48, (256, 256, 256), max_steps=80_000, max_epochs=400, patience=30),
}

STREAM_ROWS = 2_000  # assumed for a stream, whatever the number of rows in its first chunk
# (rows up to which it holds, batch size): small tables need many steps, large ones cheap epochs.
_BATCH_SIZES = ((100, 100), (2_800, 32), (4_500, 64), (6_400, 128), (float("inf"), 256))
# A table of one batch has one step per epoch, which is larger.
_LEARNING_RATES = ((100, 3e-3), (float("inf"), 1e-3))
_MIN_ROWS_TO_HOLD_OUT = 200  # fewer held-out rows cannot tell which epoch is best
_MIN_ROWS_TO_CROSS_FIT = 100  # with fewer, all rows are one batch
_MIN_EPOCHS = 20
_MIN_TABULAR_STEPS = 300  # a schedule needs some steps
_FEW_ROWS, _MOST_TIMES = 1_500, 2  # below, regression takes more epochs, up to twice as many
_MANY_ROWS, _LEAST_TABULAR_EPOCHS = 16_000, 4  # above, steps grow as √rows
_PATIENT_FRACTION, _LEAST_PATIENCE = 1 / 3, 4  # of the epochs of a schedule; epochs

# (columns up to which it holds, most members): the first layer of an ensemble grows with the columns.
_MEMBERS_BY_COLUMNS = ((512, 16), (1_024, 4), (float("inf"), 1))
_MAX_EMBEDDED_COLUMNS = 256
_BINS = 16  # of a piecewise-linear embedding
_THRESHOLDS = ((1_500, 16), (float("inf"), 32))  # of a member and a column, up to so many rows
_CHANNELS = (32, 64)  # of the blocks of a network for images
_TABULAR_SCHEDULES = {"learning_rate": "one_cycle", "weight_decay": "flat_cosine", "dropout": "flat_cosine"}


def _n_members(properties: DataProperties, preset: Preset) -> int:
    if not properties.tabular or properties.is_full_batch:
        return 1
    return min(preset.n_members, _look_up(_MEMBERS_BY_COLUMNS, properties.n_columns))


def _hidden_layer_sizes(properties: DataProperties, preset: Preset) -> tuple[int, ...]:
    if properties.convolves:
        return _CHANNELS
    return preset.tabular_layer_sizes if properties.tabular else preset.hidden_layer_sizes


def numeric_embedding(properties: DataProperties) -> str | None:
    """What `numeric_embedding` in `module_params` becomes for the tabular network."""
    embeds = (
        properties.tabular
        and not properties.stream
        and not properties.sparse
        and properties.n_columns <= _MAX_EMBEDDED_COLUMNS
    )
    if not embeds:
        return None
    return "piecewise_linear" if properties.classifies else "thermometer"


def n_bins(properties: DataProperties, embedding: str) -> int:
    """What `n_bins` in `module_params` becomes for the tabular network with that numeric embedding."""
    return _look_up(_THRESHOLDS, properties.n_rows) if embedding == "thermometer" else _BINS


def _weight_decay(properties: DataProperties, preset: Preset) -> float:
    if not properties.takes_weight_decay:
        return 0.0
    return 0.2 if properties.tabular else 1e-4


def _dropout(properties: DataProperties, preset: Preset) -> float:
    if properties.is_full_batch:  # a line search needs a deterministic loss
        return 0.0
    if properties.tabular:
        return 0.15 if properties.classifies else 0.05
    return 0.2


def _lr_schedule(properties: DataProperties, preset: Preset) -> dict | None:
    return _TABULAR_SCHEDULES if properties.tabular and not properties.is_full_batch else None


def _batch_size(properties: DataProperties, preset: Preset) -> int:
    if properties.is_full_batch:
        return properties.n_rows
    return _look_up(_BATCH_SIZES, properties.n_rows)


def _learning_rate(properties: DataProperties, preset: Preset) -> float:
    if properties.is_full_batch:
        return 1.0
    if properties.plain_gradient or properties.slows_down:
        return 5e-2
    if properties.stream:
        return 2e-3 if properties.tabular else 3e-3
    if properties.tabular:
        return 4e-3 if properties.classifies else 1e-2
    return _look_up(_LEARNING_RATES, properties.n_rows)


def _max_epochs(properties: DataProperties, preset: Preset) -> int:
    steps_per_epoch = -(-properties.n_rows // properties.batch_size)
    if properties.tabular:
        epochs = preset.tabular_epochs * min((_MANY_ROWS / properties.n_rows) ** 0.5, 1)
        if not properties.classifies:
            epochs *= min(max(_FEW_ROWS / properties.n_rows, 1), _MOST_TIMES)
        return max(round(epochs), _LEAST_TABULAR_EPOCHS, -(-_MIN_TABULAR_STEPS // steps_per_epoch))
    return min(preset.max_epochs, max(_MIN_EPOCHS, preset.max_steps // steps_per_epoch))


def _patience(properties: DataProperties, preset: Preset) -> int:
    """With a schedule that ends at 0, the best epoch is near the end unless the network overfits."""
    if not properties.tabular:
        return preset.patience
    return max(_LEAST_PATIENCE, round(_PATIENT_FRACTION * properties.max_epochs))


def _early_stopping(properties: DataProperties, preset: Preset) -> bool:
    least = _MIN_ROWS_TO_CROSS_FIT if properties.tabular else _MIN_ROWS_TO_HOLD_OUT
    return properties.has_validation or properties.n_rows >= least


RULES: dict[str, Callable[[DataProperties, Preset], Any]] = {
    "n_members": _n_members,
    "hidden_layer_sizes": _hidden_layer_sizes,
    "activation": lambda properties, preset: "silu" if properties.tabular else "relu",
    "dropout": _dropout,
    "weight_decay": _weight_decay,
    "batch_size": _batch_size,
    "learning_rate": _learning_rate,
    "lr_schedule": _lr_schedule,
    "max_epochs": _max_epochs,
    "patience": _patience,
    "early_stopping": _early_stopping,
}


def resolve(params: dict[str, Any], properties: DataProperties) -> dict[str, Any]:
    """The parameters with each "auto" that has a rule replaced by what the rule gives."""
    preset = PRESETS[params["preset"]]

    def value_of(name, properties):
        value = params[name]
        return RULES[name](properties, preset) if name in RULES and is_auto(value) else value

    # The number of epochs follows the number of steps, so the batch size comes first; patience follows the epochs.
    properties = properties._replace(batch_size=value_of("batch_size", properties))
    properties = properties._replace(max_epochs=value_of("max_epochs", properties))
    return {name: value_of(name, properties) for name in params}


def _look_up(table, n_rows: int):
    """The value of the first entry whose limit is at least `n_rows`."""
    return next(value for limit, value in table if n_rows <= limit)


def is_auto(value) -> bool:
    return isinstance(value, str) and value == "auto"
