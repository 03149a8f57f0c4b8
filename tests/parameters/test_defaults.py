"""The rules behind "auto"."""

import pytest

from sknn.parameters._defaults import PRESETS, RULES, DataProperties, n_bins, numeric_embedding, resolve

AUTO = dict.fromkeys(RULES, "auto") | {"preset": "default"}


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "learning_rate", "max_epochs", "early_stopping"),
    [
        (10, 100, 3e-3, 200, False),
        (100, 100, 3e-3, 200, False),
        (150, 32, 1e-3, 200, False),
        (200, 32, 1e-3, 200, True),
        (2_800, 32, 1e-3, 200, True),
        (4_500, 64, 1e-3, 200, True),
        (6_400, 128, 1e-3, 200, True),
        (51_200, 256, 1e-3, 100, True),
        (10_000_000, 256, 1e-3, 20, True),
    ],
)
def test_rules_follow_the_number_of_rows(n_rows, batch_size, learning_rate, max_epochs, early_stopping):
    resolved = resolve(AUTO, DataProperties(n_rows, has_validation=False))
    assert resolved["batch_size"] == batch_size
    assert resolved["learning_rate"] == learning_rate
    assert resolved["max_epochs"] == max_epochs
    assert resolved["early_stopping"] is early_stopping


def test_given_validation_rows_are_used_whatever_their_number():
    assert resolve(AUTO, DataProperties(10, has_validation=True))["early_stopping"] is True


def test_what_is_not_auto_stays():
    given = {"preset": "fast", "batch_size": 7, "max_epochs": 3, "loss": "auto-like"}
    assert resolve(given, DataProperties(10, False)) == given


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (DataProperties(50, False, tabular=True), {"early_stopping": False, "max_epochs": 300, "patience": 100}),
        (DataProperties(100, False, tabular=True), {"early_stopping": True, "n_members": 8, "learning_rate": 4e-3}),
        (
            DataProperties(10_000, False, tabular=True, classifies=False),
            {"learning_rate": 1e-2, "max_epochs": 32, "patience": 11},
        ),
        (DataProperties(64_000, False, tabular=True), {"max_epochs": 16, "patience": 5}),
        (DataProperties(10_000_000, False, tabular=True, classifies=False), {"max_epochs": 4, "patience": 4}),
        (DataProperties(1_200, False, tabular=True, classifies=False), {"max_epochs": 40, "dropout": 0.05}),
        (DataProperties(400, False, tabular=True, classifies=False), {"max_epochs": 64}),
        (DataProperties(400, False, tabular=True), {"max_epochs": 32, "dropout": 0.15}),
        (DataProperties(10_000, False, n_columns=600, tabular=True), {"n_members": 4}),
        (DataProperties(10_000, False, n_columns=2_000, tabular=True), {"n_members": 1}),
        (DataProperties(10_000, False, tabular=True, takes_weight_decay=False), {"weight_decay": 0.0}),
        (
            DataProperties(10_000, False),
            {"n_members": 1, "activation": "relu", "lr_schedule": None, "weight_decay": 1e-4},
        ),
    ],
)
def test_rules_know_the_built_in_tabular_network(facts, expected):
    resolved = resolve(AUTO, facts)
    assert {name: resolved[name] for name in expected} == expected


def test_presets_differ_in_every_way():
    presets = list(PRESETS.values())
    for field in zip(*presets, strict=True):
        assert len(set(field)) == len(presets)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (DataProperties(10_000, False, n_columns=20, tabular=True), "piecewise_linear"),
        (DataProperties(10_000, False, n_columns=20, tabular=True, classifies=False), "thermometer"),
        (DataProperties(10_000, False, n_columns=600, tabular=True), None),
        (DataProperties(10_000, False, sparse=True, tabular=True), None),
        (DataProperties(10_000, False), None),
    ],
)
def test_numbers_are_embedded_in_tables_of_few_columns(facts, expected):
    assert numeric_embedding(facts) == expected


@pytest.mark.parametrize(
    ("n_rows", "embedding", "expected"),
    [
        (1_500, "thermometer", 16),
        (1_501, "thermometer", 32),
        (1_500, "piecewise_linear", 16),
        (1_501, "piecewise_linear", 16),
    ],
)
def test_the_number_of_thresholds_follows_the_rows(n_rows, embedding, expected):
    assert n_bins(DataProperties(n_rows, False, tabular=True), embedding) == expected
