"""Held-out rows: fractions, strata, groups, splitters."""

import numpy as np
import pytest
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.utils._param_validation import InvalidParameterError

from sknn.splitting import check_groups_stay_whole, held_out_folds, held_out_rows


def split(n=100, classes=None, groups=None, fraction=0.2, splitter=None, seed=0):
    y = np.zeros(n) if classes is None else classes
    train, valid = held_out_rows(n, classes, groups, fraction=fraction, splitter=splitter, y=y, seed=seed)
    if splitter is None:
        assert sorted([*train, *valid]) == list(range(n))
    assert not {*train} & {*valid}
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


def folds(n=60, classes=None, groups=None, n_folds=4, splitter=None, seed=0):
    y = np.zeros(n) if classes is None else classes
    return held_out_folds(n, classes, groups, n_folds=n_folds, splitter=splitter, y=y, seed=seed)


GROUPS = {
    "numbers": np.arange(60) // 7,
    "text": np.array(list("abcdef"))[np.arange(60) % 6],
    "two": np.arange(60) % 2,
    "as many as rows": np.arange(60),
    "a large one": np.minimum(np.arange(60), 9),
}


@pytest.mark.parametrize("classes", [None, np.arange(60) % 3, np.repeat([0, 1], [58, 2])])
@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("splitter", [None, 2, GroupKFold(2), LeaveOneGroupOut(), GroupShuffleSplit(3)])
def test_folds_keep_groups_whole(groups, classes, splitter):
    groups = GROUPS[groups]
    found = folds(classes=classes, groups=groups, splitter=splitter)
    for train, valid in [*found, split(n=60, classes=classes, groups=groups, splitter=splitter)]:
        assert not set(groups[train]) & set(groups[valid])
    if splitter is None or isinstance(splitter, int):
        assert sorted(np.concatenate([valid for _, valid in found])) == list(range(60))


@pytest.mark.parametrize("splitter", [3, 61])
def test_more_folds_than_groups_or_rows_are_refused(splitter):
    for part in (split, folds):
        with pytest.raises(InvalidParameterError, match=f"at most the number of groups, 2. Got {splitter}"):
            part(n=60, groups=GROUPS["two"], splitter=splitter)
    with pytest.raises(InvalidParameterError, match=r"at most the number of rows, 60\. Got 61"):
        folds(splitter=61)


def test_classes_of_few_rows_do_not_limit_the_number_of_folds():
    assert len(folds(classes=np.arange(60) // 2, splitter=5)) == 5


@pytest.mark.parametrize(
    ("train", "valid"),
    [
        ([0, 1], [60]),
        ([0, 1], [-1]),
        ([0.5], [1.0]),
        (["a"], ["b"]),
        ([[0, 1]], [[2, 3]]),
        (0, 1),
        (np.ones(59, dtype=bool), np.ones(59, dtype=bool)),
    ],
)
def test_positions_that_are_none_are_refused(train, valid):
    for part in (split, folds):
        with pytest.raises(InvalidParameterError, match=r"The 'validation_split' parameter.*from 0 to 59. Got"):
            part(n=60, splitter=[(train, valid)])


@pytest.mark.parametrize("splitter", [[1, 2], [None], [(1,)], [(1, 2, 3)], [[]]])
def test_splits_that_are_no_pairs_are_refused(splitter):
    with pytest.raises(InvalidParameterError, match="must hold pairs of the positions"):
        split(splitter=splitter)


@pytest.mark.parametrize("splitter", [[], (), iter([])])
def test_no_splits_at_all_are_refused(splitter):
    with pytest.raises(ValueError, match="Change validation_split"):
        split(splitter=splitter)


@pytest.mark.parametrize(("n", "fraction"), [(1, 0.2), (10, 0.999), (3, 0.7)])
def test_a_share_that_leaves_nothing_to_train_on_is_refused(n, fraction):
    with pytest.raises(ValueError, match=r"left 0 for training.*Change validation_split"):
        split(n=n, fraction=fraction)


def test_flags_of_rows_are_taken_as_positions():
    held_out = np.arange(100) % 4 == 0
    assert np.array_equal(split(splitter=[(~held_out, held_out)])[1], np.arange(0, 100, 4))


@pytest.mark.parametrize("is_split", [True, False])
def test_groups_on_both_sides_are_refused(is_split):
    train, valid = np.array(["a", "b", "c"]), np.array(["c", "d"] if is_split else ["d"])
    if is_split:
        with pytest.raises(InvalidParameterError, match=r"groups whole.*GroupKFold\(5\).*Got KFold\(.*'c'"):
            check_groups_stay_whole(train, valid, KFold(3))
    else:
        check_groups_stay_whole(train, valid, KFold(3))


def test_a_list_of_positions_will_do():
    train, valid = split(splitter=[(np.arange(50), np.arange(50, 60))])
    assert valid.tolist() == list(range(50, 60))
    assert len(train) == 50


def test_an_empty_part_is_refused():
    with pytest.raises(ValueError, match="left 0 for training"):
        split(splitter=[(np.arange(0), np.arange(100))])
