"""Which training rows are held out for validation."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from numbers import Integral

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedShuffleSplit,
    check_cv,
)
from sklearn.utils._param_validation import InvalidParameterError

from sknn.utils import seed_unset

_OTHERWISE = "Change validation_split; where it is 'auto', early_stopping=False holds nothing out."
_TOO_FEW_GROUPS = (
    "groups must hold at least 2 different groups, one of them to validate on. Got {}. Leave groups out. " + _OTHERWISE
)


def held_out_rows(
    n_rows: int,
    classes: np.ndarray | None,
    groups: np.ndarray | None,
    *,
    fraction: float,
    splitter,
    y,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training rows and of the validation rows.

    Parameters
    ----------
    n_rows : int
    classes : ndarray of shape (n_rows,) or None
        Class codes by which to stratify.
    groups : ndarray of shape (n_rows,) or None
        Rows of one group stay together.
    fraction : float
        Fraction of the rows that is held out when there is no `splitter`.
    splitter : int, scikit-learn splitter, iterable of (train, validation) positions, or None
        Its first split is used. An int is a number of folds.
    y : ndarray
        Targets, for the splitter.
    seed : int
    """
    empty = np.empty(0, dtype=np.int64)
    if splitter is not None:
        train, valid = next(_splits(splitter, n_rows, classes, groups, y, seed), (empty, empty))
    elif np.ceil(fraction * n_rows) >= n_rows:
        train, valid = empty, np.arange(n_rows)
    elif groups is not None:
        train, valid = _whole_groups(n_rows, classes, groups, fraction, seed)
    elif classes is not None:
        train, valid = _stratified(classes, fraction, seed)
    else:
        train, valid = _shuffled(np.arange(n_rows), fraction, seed)
    if not len(train) or not len(valid):
        raise ValueError(
            f"The validation split of {n_rows} rows left {len(train)} for training and {len(valid)} for validation. "
            f"{_OTHERWISE}"
        )
    return np.sort(train), np.sort(valid)


def held_out_folds(
    n_rows: int,
    classes: np.ndarray | None,
    groups: np.ndarray | None,
    *,
    n_folds: int,
    splitter,
    y,
    seed: int,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions of the rows that each fold trains on and of those that it holds out.

    Without a `splitter` there are `n_folds`, or as many as groups or rows if these are fewer; each row is held
    out once, and the folds are stratified by class. Parameters are those of `held_out_rows`.
    """
    if splitter is not None:
        folds = list(_splits(splitter, n_rows, classes, groups, y, seed))
    elif groups is not None:
        folds = list(_group_folds(n_rows, classes, groups, n_folds, seed))
    else:
        n_folds = min(n_folds, n_rows)
        fold = _dealt_out(n_rows, classes, n_folds, seed)
        folds = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]
    if not folds or any(not len(train) or not len(valid) for train, valid in folds):
        raise ValueError(
            f"The validation folds of {n_rows} rows must each leave rows for training and for validation. {_OTHERWISE}"
        )
    return [(np.sort(train), np.sort(valid)) for train, valid in folds]


def check_groups_stay_whole(train_groups: np.ndarray | None, valid_groups: np.ndarray | None, splitter) -> None:
    """Refuse a user-defined split with rows of one group in both parts.

    Raises
    ------
    InvalidParameterError
        Naming such a group, and what may be passed instead.
    """
    if train_groups is None or valid_groups is None:
        return
    split_apart = np.intersect1d(train_groups, valid_groups)
    if len(split_apart):
        raise InvalidParameterError(
            "The 'validation_split' parameter must keep groups whole: be 'auto', a fraction, a number of folds or a "
            f"splitter that takes groups, such as GroupKFold(5). Got {splitter!r} instead, which puts rows of "
            f"{len(split_apart)} groups, {split_apart[0]!r} among them, into both parts. Or leave groups out."
        )


def _splits(splitter, n_rows: int, classes, groups, y, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Folds given by number are shuffled; a splitter is copied, and seeded if it has no seed."""
    if isinstance(splitter, Integral):
        yield from _folds(int(splitter), n_rows, classes, groups, y, seed)
    elif hasattr(splitter, "split"):
        cv = seed_unset(copy.copy(splitter), seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The groups parameter is ignored", UserWarning)  # what it does is checked
            splits = cv.split(np.zeros((n_rows, 1)), y, groups)
        for split in splits:
            yield _positions(split, n_rows)
    else:
        for split in splitter:
            yield _positions(split, n_rows)


def _folds(n_folds: int, n_rows: int, classes, groups, y, seed: int):
    things, n_things = ("rows", n_rows) if groups is None else ("groups", len(np.unique(groups)))
    if n_folds > n_things:
        raise InvalidParameterError(
            f"The 'validation_split' parameter, as a number of folds, must be at most the number of {things}, "
            f"{n_things}. Got {n_folds} instead."
        )
    if groups is not None:
        return _group_folds(n_rows, classes, groups, n_folds, seed)
    spreads = classes is not None and np.bincount(classes).max() >= n_folds
    cv = check_cv(n_folds, y, classifier=spreads)
    return type(cv)(n_folds, shuffle=True, random_state=seed).split(np.zeros((n_rows, 1)), y)


def _positions(split, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The positions of a split's training and validation rows; boolean masks become positions."""
    try:
        train, valid = (np.asarray(part) for part in split)
    except (TypeError, ValueError):
        train = valid = np.asarray(None)
    parts = [
        np.flatnonzero(part) if part.dtype == bool and part.shape == (n_rows,) else part for part in (train, valid)
    ]
    for part in parts:
        if part.ndim != 1 or (len(part) and (part.dtype.kind not in "iu" or part.min() < 0 or part.max() >= n_rows)):
            raise InvalidParameterError(
                "The 'validation_split' parameter, as an iterable, must hold pairs of the positions of training rows "
                f"and of validation rows, from 0 to {n_rows - 1}. Got {split!r} in it."
            )
    return parts[0].astype(np.int64), parts[1].astype(np.int64)


def _dealt_out(n_rows: int, classes: np.ndarray | None, n_folds: int, seed: int) -> np.ndarray:
    """The fold of each row: shuffled rows, sorted by class, are assigned to folds in turn."""
    order = np.random.RandomState(seed).permutation(n_rows)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    fold = np.empty(n_rows, dtype=np.int64)
    fold[order] = np.arange(n_rows) % n_folds
    return fold


def _group_folds(n_rows, classes, groups, n_folds, seed):
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError(_TOO_FEW_GROUPS.format(n_groups))
    n_folds = min(n_folds, n_groups)
    if classes is not None and np.bincount(classes).max() >= n_folds:
        folds = _stratified_group_folds(classes, groups, n_folds, seed)
        if all(len(train) and len(valid) for train, valid in folds):
            return folds
    return GroupKFold(n_folds, shuffle=True, random_state=seed).split(np.zeros((n_rows, 1)), groups=groups)


def _stratified_group_folds(classes: np.ndarray, groups: np.ndarray, n_folds: int, seed: int) -> list:
    cv = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return list(cv.split(np.zeros((len(groups), 1)), classes, groups))


def _shuffled(rows: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    split = ShuffleSplit(1, test_size=fraction, random_state=seed)
    train, valid = next(split.split(rows))
    return rows[train], rows[valid]


def _stratified(classes: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes of a single row are for training; with fewer validation rows than classes the split is not stratified."""
    count = np.bincount(classes)
    alone = count[classes] < 2
    rows = np.flatnonzero(~alone)
    n_classes = int((count >= 2).sum())
    n_valid = int(np.ceil(fraction * len(rows)))
    if n_classes < 1 or n_valid < n_classes or len(rows) - n_valid < n_classes:
        return _shuffled(np.arange(len(classes)), fraction, seed)
    split = StratifiedShuffleSplit(1, test_size=n_valid, random_state=seed)
    train, valid = next(split.split(rows, classes[rows]))
    return np.concatenate([rows[train], np.flatnonzero(alone)]), rows[valid]


def _whole_groups(n_rows, classes, groups, fraction, seed) -> tuple[np.ndarray, np.ndarray]:
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError(_TOO_FEW_GROUPS.format(n_groups))
    n_folds = min(max(2, round(1 / fraction)), n_groups)
    if classes is not None and np.bincount(classes).max() >= n_folds:
        train, valid = _stratified_group_folds(classes, groups, n_folds, seed)[0]
        if fraction / 3 < len(valid) / n_rows < min(3 * fraction, 0.5):
            return train, valid
    return _groups_by_size(groups, fraction, seed)


def _groups_by_size(groups: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Groups in random order are held out as long as they fit into the fraction of the rows; at least the smallest."""
    _, member, size = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.RandomState(seed).permutation(len(size))
    chosen, room = [], fraction * len(groups)
    for group in order:
        if size[group] <= room:
            chosen.append(group)
            room -= size[group]
    is_valid = np.isin(member.ravel(), chosen or [size.argmin()])
    return np.flatnonzero(~is_valid), np.flatnonzero(is_valid)
