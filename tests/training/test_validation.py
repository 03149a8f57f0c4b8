"""Held-out rows: shares, strata, groups, splitters."""

import numpy as np
import pytest
from sklearn.model_selection import KFold, PredefinedSplit, ShuffleSplit, TimeSeriesSplit

from sknn.training import held_out_rows


def split(n=100, classes=None, groups=None, fraction=0.2, splitter=None, seed=0):
    y = np.zeros(n) if classes is None else classes
    train, valid = held_out_rows(n, classes, groups, fraction=fraction, splitter=splitter, y=y, seed=seed)
    assert sorted([*train, *valid]) == list(range(n)) or splitter is not None
    return train, valid


def test_the_share_is_held_out():
    assert len(split(fraction=0.25)[1]) == 25


def test_the_seed_decides():
    assert np.array_equal(split(seed=1)[1], split(seed=1)[1])
    assert not np.array_equal(split(seed=1)[1], split(seed=2)[1])


def test_classes_keep_their_shares():
    classes = np.repeat([0, 1, 2], [60, 30, 10])
    assert np.bincount(classes[split(classes=classes)[1]]).tolist() == [12, 6, 2]


def test_a_class_with_a_single_row_trains():
    classes = np.array([0] * 50 + [1] * 49 + [2])
    train, valid = split(classes=classes)
    assert 99 in train
    assert set(classes[valid]) == {0, 1}


def test_more_classes_than_places_fall_back_to_a_plain_split():
    train, valid = split(n=40, classes=np.arange(40) // 2, fraction=0.1)
    assert len(valid) == 4
    assert len(train) == 36


@pytest.mark.parametrize("classes", [None, np.arange(100) % 2])
def test_groups_stay_whole(classes):
    groups = np.arange(100) // 5
    train, valid = split(classes=classes, groups=groups)
    assert not set(groups[train]) & set(groups[valid])
    assert 5 <= len(valid) <= 40


def test_a_single_group_cannot_be_split():
    with pytest.raises(ValueError, match="at least 2 different groups"):
        split(groups=np.zeros(100))


@pytest.mark.parametrize("splitter", [KFold(4), TimeSeriesSplit(3), PredefinedSplit(np.arange(100) % 2)])
def test_a_splitters_first_split_is_used(splitter):
    train, valid = split(splitter=splitter)
    expected_train, expected_valid = next(splitter.split(np.zeros((100, 1)), np.zeros(100)))
    assert np.array_equal(train, expected_train)
    assert np.array_equal(valid, expected_valid)


def test_a_number_of_folds_is_shuffled_and_stratified():
    classes = np.repeat([0, 1], 50)
    valid = split(classes=classes, splitter=5)[1]
    assert np.bincount(classes[valid]).tolist() == [10, 10]
    assert valid.tolist() != sorted(range(10)) + sorted(range(50, 60))


def test_a_splitter_without_a_seed_gets_one_and_is_not_changed():
    splitter = ShuffleSplit(1, test_size=0.2)
    assert np.array_equal(split(splitter=splitter)[1], split(splitter=splitter)[1])
    assert splitter.random_state is None


@pytest.mark.parametrize("classes", [None, np.arange(400) % 2])
@pytest.mark.parametrize("seed", range(5))
def test_a_group_of_nearly_all_rows_is_never_held_out(classes, seed):
    groups = np.array(["large"] * 390 + ["small"] * 10)
    assert set(groups[split(n=400, classes=classes, groups=groups, seed=seed)[1]]) == {"small"}


def test_a_list_of_positions_will_do():
    train, valid = split(splitter=[(np.arange(50), np.arange(50, 60))])
    assert valid.tolist() == list(range(50, 60))
    assert len(train) == 50


def test_an_empty_part_is_refused():
    with pytest.raises(ValueError, match="left 0 for training"):
        split(splitter=[(np.arange(0), np.arange(100))])
