"""Groups are held out whole, whatever holds rows out; folds, members and weights."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.utils._param_validation import InvalidParameterError

from helpers import BOTH
from sknn import NNClassifier

rng = np.random.default_rng(0)
N_ROWS = 120
GROUP = np.repeat(np.arange(24), 5)
# near-copies in a group, and a coin's flip for each: what is learned of a group tells its other rows
X = rng.normal(size=(24, 6))[GROUP] + 0.01 * rng.normal(size=(N_ROWS, 6))
Y = rng.integers(0, 2, 24)[GROUP]
MODULES = pytest.mark.parametrize("module", ["mlp", "tabular"])


def quick(cls=NNClassifier, module="tabular", **params):
    return cls(module, **{"preset": "fast", "max_epochs": 2, "random_state": 0} | params)


def held_out_rows(net, groups=GROUP, weight=None):
    """The validation rows of a single network, by what a scorer is shown; the last column numbers the rows."""
    seen = []
    table = np.c_[X, np.arange(N_ROWS)]
    net.set_params(monitor=lambda estimator, X, y: seen.append(X[:, -1].astype(int)) or 0.0)
    net.fit(table, Y, groups=groups, sample_weight=weight)
    return seen[0]


KEEP = {"auto": "auto", "fraction": 0.3, "numpy fraction": np.float32(0.3), "folds": 4, "folds of numpy": np.int16(4),
        "GroupKFold": GroupKFold(4), "StratifiedGroupKFold": StratifiedGroupKFold(4),
        "GroupShuffleSplit": GroupShuffleSplit(4),
        "positions": list(GroupKFold(4).split(X, Y, GROUP)), "flags": PredefinedSplit(GROUP % 4)}  # fmt: skip
TAKE_APART = {"KFold": KFold(5, shuffle=True), "ShuffleSplit": ShuffleSplit(4), "StratifiedKFold": StratifiedKFold(4),
              "positions": list(KFold(7).split(X))}  # fmt: skip


@BOTH
@pytest.mark.parametrize("split", KEEP)
def test_groups_are_held_out_whole_by_a_single_network(cls, split):
    rows = held_out_rows(quick(cls, "mlp", validation_split=KEEP[split], early_stopping=True))
    assert not set(GROUP[rows]) & set(np.delete(GROUP, rows))


@pytest.mark.parametrize("split", ["auto", 8, GroupKFold(8)])
def test_out_of_fold_scores_of_groups_are_those_of_chance(split):
    scores = [
        quick(validation_split=split, max_epochs=12, random_state=seed).fit(X, Y, groups=GROUP).oof_score_
        for seed in range(2)
    ]
    assert np.mean(scores) < 0.75 < quick(validation_split=8, max_epochs=12).fit(X, Y).oof_score_


@BOTH
@MODULES
@pytest.mark.parametrize("split", TAKE_APART)
def test_splits_that_take_groups_apart_are_refused(cls, module, split):
    net = quick(cls, module, validation_split=TAKE_APART[split])
    with pytest.raises(InvalidParameterError, match=r"'validation_split' parameter must keep groups whole.*GroupKFold"):
        net.fit(X, Y, groups=GROUP)
    net.fit(X, Y)


@MODULES
def test_rows_of_weight_zero_do_not_take_a_group_apart(module):
    weight = (np.arange(N_ROWS) % 5 < 3).astype(float)
    splits = [(np.flatnonzero(np.isin(GROUP % 4, k) ^ True), np.flatnonzero(k == GROUP % 4)) for k in range(4)]
    splits = [(np.r_[train, valid[weight[valid] == 0]], valid) for train, valid in splits]
    quick(module=module, validation_split=splits).fit(X, Y, groups=GROUP, sample_weight=weight)
    with pytest.raises(InvalidParameterError, match="keep groups whole"):
        quick(module=module, validation_split=splits).fit(X, Y, groups=GROUP)


@MODULES
def test_rows_of_weight_zero_have_no_influence_on_folds(module):
    weight = (np.arange(N_ROWS) % 5 < 3).astype(float)
    net, kept = quick(module=module, validation_split=4), weight > 0
    with_rows = net.fit(X, Y, groups=GROUP, sample_weight=weight).predict_proba(X)
    assert np.array_equal(with_rows, net.fit(X[kept], Y[kept], groups=GROUP[kept]).predict_proba(X))


@pytest.mark.parametrize(
    "groups",
    [
        pd.Series(GROUP, dtype="category"),
        pd.Series(GROUP, dtype="Int64"),
        pd.Series(GROUP).astype(str).to_numpy(),
        pd.Series(pd.to_datetime("2020-01-01") + pd.to_timedelta(GROUP, "D")),
        np.array([f"g{k}" if k % 2 else k for k in GROUP], dtype=object),
        GROUP[:, None].astype(np.float32),
        GROUP.tolist(),
    ],
)
def test_groups_may_be_of_any_kind(groups):
    rows = held_out_rows(quick(module="mlp", validation_split=4, n_members=1), groups=groups)
    assert not set(GROUP[rows]) & set(np.delete(GROUP, rows))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.where(GROUP == 3, np.nan, GROUP), "groups contains NaN.* 5 are missing, the first in row 15"),
        (np.where(GROUP == 3, None, GROUP), "groups contains NaN"),
        (GROUP[:-1], "groups must hold a group for each of the 120 rows of X. Got shape .119,."),
        (np.c_[GROUP, GROUP], "groups"),
        ("a", "groups"),
        (np.zeros(N_ROWS), "at least 2 different groups"),
    ],
)
@MODULES
def test_groups_that_cannot_be_are_refused(module, groups, message):
    with pytest.raises(ValueError, match=message):
        quick(module=module, early_stopping=True).fit(X, Y, groups=groups)


@pytest.mark.parametrize("frame", [False, True])
def test_validation_rows_that_are_seen_to_share_groups_are_told(frame):
    held_out = GROUP < 4
    near = rng.normal(size=(10, 6))
    for table in (X, np.c_[X, GROUP]):
        table = pd.DataFrame(table).add_prefix("c") if frame else table
        rows = table[~held_out]
        net = quick(module="mlp")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            net.fit(rows, Y[~held_out], groups=GROUP[~held_out], X_val=table[held_out], y_val=Y[held_out])
            net.fit(rows, Y[~held_out], X_val=rows[:10], y_val=Y[~held_out][:10])
        with pytest.warns(UserWarning, match="10 of the 10 rows of X_val are of groups that X has too"):
            net.fit(rows, Y[~held_out], groups=GROUP[~held_out], X_val=rows[:10], y_val=Y[~held_out][:10])
    others = np.c_[near, np.r_[np.full(4, 5), np.full(6, -1)]]
    with pytest.warns(UserWarning, match="4 of the 10 rows of X_val"):
        net.fit(np.c_[X, GROUP], Y, groups=GROUP, X_val=others, y_val=Y[:10])


# -- folds and members ------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("split", [5, KFold(5), list(KFold(5).split(X))])
@pytest.mark.parametrize("n_members", [2, 4, 5, 7, "auto"])
def test_every_row_is_held_out_or_the_fit_is_refused(cls, n_members, split):
    net = quick(cls, validation_split=split, n_members=n_members)
    if n_members in (2, 4):
        with pytest.raises(InvalidParameterError, match=r"'n_members' parameter .* at least the number of folds.* 5"):
            net.fit(X, Y)
        return
    net.fit(X, Y)
    assert np.isfinite(net.oof_prediction_).all()
    assert net.resolved_params_["n_members"] == (5 if n_members == "auto" else n_members)


def test_an_ensemble_that_is_there_takes_folds_in_turn():
    ensemble = quick(n_members=6).fit(X, Y).module_
    net = quick(validation_split=3).set_params(module=ensemble).fit(X, Y)
    assert net.resolved_params_["n_members"] == 6
    assert np.isfinite(net.oof_prediction_).all()
    with pytest.raises(InvalidParameterError, match="at least the number of folds in validation_split, 8"):
        quick(validation_split=8).set_params(module=ensemble).fit(X, Y)


@BOTH
@pytest.mark.parametrize("split", [0.25, 3, KFold(3), "X_val"])
@MODULES
def test_without_early_stopping_rows_that_were_asked_for_are_only_watched(cls, module, split):
    net = quick(
        cls, module, early_stopping=False, learning_rate=0.5, max_epochs=3, n_members=3 if module == "tabular" else 1
    )
    if split == "X_val":
        net.fit(X[:90], Y[:90], X_val=X[90:], y_val=Y[90:])
    else:
        net.set_params(validation_split=split).fit(X, Y)
    assert net.validation_scores_ == net.history_["valid_loss"].tolist()
    assert net.best_epoch_ == net.n_iter_ == 3
    is_crossed = module == "tabular" and split not in (0.25, "X_val")
    assert hasattr(net, "oof_prediction_") == is_crossed
    assert not is_crossed or np.isfinite(net.oof_prediction_).all()


@BOTH
def test_out_of_fold_predictions_are_of_the_last_fit(cls):
    net = quick(cls, warm_start=True).fit(X, Y)
    assert net.oof_prediction_.shape[0] == N_ROWS
    net.fit(X[:90], Y[:90], X_val=X[90:], y_val=Y[90:])
    assert not hasattr(net, "oof_prediction_")
    assert not hasattr(net, "oof_score_")


@BOTH
def test_partial_fit_holds_nothing_out_whatever_the_split(cls):
    classes = {"classes": [0, 1]} if cls is NNClassifier else {}
    by_parts = quick(cls, validation_split=KFold(5)).partial_fit(X, Y, **classes)
    assert "valid_loss" not in by_parts.history_
    same = quick(cls).partial_fit(X, Y, **classes)
    assert np.array_equal(by_parts.predict(X), same.predict(X))
