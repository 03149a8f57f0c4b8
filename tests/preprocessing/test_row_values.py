"""Targets and weights of every container: what scikit-learn takes is taken, the rest refused by its name."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sknn import NNClassifier, NNRegressor
from sknn.preprocessing import as_numbers, as_values

N = 12
X = np.random.default_rng(0).normal(size=(N, 2))
BITS = np.arange(N) % 2
TEXT = np.array(["no", "yes"])[BITS]
PAIRS = np.c_[BITS, 1 - BITS]
DAYS = pd.date_range("2020", periods=N)
CLASSIFIERS = MLPClassifier((2,), max_iter=1), NNClassifier("mlp", hidden_layer_sizes=2, max_epochs=1)
REGRESSORS = (
    MLPRegressor(hidden_layer_sizes=(2,), max_iter=1),
    NNRegressor("mlp", hidden_layer_sizes=2, max_epochs=1),
)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


CONTAINERS = {
    "list": BITS.tolist(),
    "tuple": tuple(BITS.tolist()),
    "range": range(N),
    "read-only array": read_only(BITS),
    "column": BITS[:, None],
    "flags": BITS > 0,
    "whole floats": BITS.astype(np.float16),
    "unsigned numbers beyond int64": BITS.astype(np.uint64) + 2**63,
    "nothing masked": np.ma.array(BITS, mask=False),
    "tensor": torch.from_numpy(BITS),
    "Series of another index": pd.Series(BITS, index=range(7, 7 + N)),
    "Series of Int64": pd.Series(BITS, dtype="Int64"),
    "Series of boolean": pd.Series(BITS > 0, dtype="boolean"),
    "Series of Arrow": pd.Series(BITS, dtype="int64[pyarrow]"),
    "Categorical": pd.Categorical(BITS),
    "Index": pd.Index(BITS),
    "frame of one column": pd.DataFrame({"y": BITS}),
    "polars Series": pl.Series(BITS),
    "polars frame": pl.DataFrame({"y": BITS}),
    "frame": pd.DataFrame(PAIRS),
    "frame of numbers and flags": pd.DataFrame({"a": BITS, "b": BITS > 0}),
    "frame of Int64": pd.DataFrame(PAIRS).astype("Int64"),
    "frame of boolean": pd.DataFrame(PAIRS).astype("boolean"),
    "polars frame of two columns": pl.DataFrame({"a": BITS, "b": 1 - BITS}),
}
LABELS = CONTAINERS | {
    "text": TEXT,
    "text of digits": BITS.astype(str),
    "text as objects": TEXT.astype(object),
    "Series of text": pd.Series(TEXT),
    "Series of string": pd.Series(TEXT, dtype="string"),
    "Series of Arrow text": pd.Series(TEXT, dtype="string[pyarrow]"),
    "Series of categories": pd.Series(TEXT, dtype="category"),
    "polars text": pl.Series(TEXT),
    "polars categories": pl.Series(TEXT, dtype=pl.Categorical),
    "list of text and numbers": ["a", 1] * (N // 2),
    "dates": DAYS.to_numpy(),
    "durations": BITS.astype("m8[s]"),
    "one class": np.ones(N, dtype=int),
    "sparse indicator": sparse.csr_array(PAIRS),
    "sparse indicator with zeros stored": sparse.csr_array((PAIRS.ravel(), np.tile([0, 1], N), 2 * np.arange(N + 1))),
    "coordinates of an indicator": sparse.coo_matrix(PAIRS),
}
TARGETS = CONTAINERS | {
    "fractions": [Fraction(int(bit), 3) for bit in BITS],
    "decimals": [Decimal(int(bit)) for bit in BITS],
    "integers beyond int64": [2**70 * int(bit) for bit in BITS],
    "text of numbers": pd.Series(BITS.astype(str), dtype=object),
    "Float64": pd.Series(BITS / 3, dtype="Float64"),
}
BEYOND_SCIKIT_LEARN = {
    "objects": (BITS.astype(object), BITS),
    "flags as objects": ((BITS > 0).astype(object), BITS > 0),
    "frame of objects": (pd.DataFrame(PAIRS).astype(object), PAIRS),
    "frame of categories": (pd.DataFrame(PAIRS).astype("category"), PAIRS),
    "tensor of bfloat16 with a gradient": (torch.from_numpy(BITS).bfloat16().requires_grad_(), BITS),
    "sparse tensor": (torch.from_numpy(PAIRS).to_sparse(), PAIRS),
}
MISSING = {
    "NaN": np.where(BITS, np.nan, 1),
    "None": [None, *BITS[1:].tolist()],
    "NaN in a list of text": ["no", np.nan, *TEXT[2:].tolist()],
    "NA of Int64": pd.Series([pd.NA, *BITS[1:]], dtype="Int64"),
    "NA of string": pd.Series([pd.NA, *TEXT[1:]], dtype="string"),
    "NaT": pd.Series([pd.NaT, *DAYS[1:]]),
    "masked": np.ma.array(BITS, mask=BITS > 0),
    "a cell of a frame": pd.DataFrame(PAIRS.astype(float)).mask(PAIRS > 0),
    "null of polars": pl.Series([None, *BITS[1:].tolist()]),
}
REFUSED = {
    "infinity": np.where(BITS, np.inf, 1),
    "scalar": np.float64(3),
    "word": "a" * N,
    "set": set(range(N)),
    "dict": dict(enumerate(BITS)),
    "generator": (bit for bit in BITS),
    "three dimensions": np.zeros((N, 1, 1)),
    "no columns": np.zeros((N, 0)),
    "empty": [],
    "a row": BITS[None],
    "too long": np.arange(N + 1),
    "ragged": [[1], [1, 2]] * (N // 2),
    "complex": BITS + 0j,
    "bytes": BITS.astype("S"),
    "records": np.zeros(N, dtype=[("a", int)]),
    "times of day": [datetime.time(1)] * N,
    "periods": pd.Series(pd.period_range("2020", periods=N)),
    "integers beyond float64": [10**400] * N,
    "LazyFrame": pl.LazyFrame({"y": BITS}),
    "objects of two types": np.array(["a", 1] * (N // 2), dtype=object),
}
NO_LABELS = {"fractions of one": BITS / 2, "decimals": TARGETS["decimals"], "three values": np.c_[BITS, 1 + BITS],
             "frame of text and numbers": pd.DataFrame({"a": TEXT, "b": BITS})}  # fmt: skip
NO_TARGETS = {"words": TEXT, "dates": DAYS, "durations": BITS.astype("m8[s]"), "sparse": sparse.csr_array(PAIRS),
              "dates beside numbers": pd.DataFrame({"a": BITS, "b": DAYS}),
              "nanoseconds beside numbers": pd.DataFrame({"a": BITS, "b": DAYS.as_unit("ns")})}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")  # a column of labels, a stop before convergence
@pytest.mark.parametrize("name", LABELS)
def test_labels_that_scikit_learn_takes_are_taken(name):
    theirs, ours = (model.fit(X, LABELS[name]) for model in CLASSIFIERS)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.predict(X).shape == theirs.predict(X).shape


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", TARGETS)
def test_targets_that_scikit_learn_takes_are_taken(name):
    theirs, ours = (model.fit(X, TARGETS[name]) for model in REGRESSORS)
    assert ours.predict(X).shape in {theirs.predict(X).shape, (N, 1)}
    np.testing.assert_array_equal(as_numbers(TARGETS[name], "y"), np.asarray(TARGETS[name]).astype(float))


@pytest.mark.parametrize("name", BEYOND_SCIKIT_LEARN)
def test_values_of_further_containers_are_of_their_natural_type(name):
    values, expected = BEYOND_SCIKIT_LEARN[name]
    np.testing.assert_array_equal(as_values(values, "y"), expected)
    assert as_values(values, "y").dtype.kind in (expected.dtype.kind, "f")
    CLASSIFIERS[1].fit(X, values)
    REGRESSORS[1].fit(X, values)


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("model", [CLASSIFIERS[1], REGRESSORS[1]])
def test_missing_values_are_refused_with_their_row(model, name):
    with pytest.raises(ValueError, match=r"Input y contains NaN: [0-9]+ are missing, the first in row [01]"):
        model.fit(X, MISSING[name])


@pytest.mark.parametrize(
    ("model", "y"),
    [
        *[pytest.param(CLASSIFIERS[1], y, id=f"labels: {name}") for name, y in (REFUSED | NO_LABELS).items()],
        *[pytest.param(REGRESSORS[1], y, id=f"targets: {name}") for name, y in (REFUSED | NO_TARGETS).items()],
    ],
)
def test_what_cannot_be_a_target_is_refused_by_its_name(model, y):
    with pytest.raises((ValueError, TypeError), match=r"\by\b"):
        model.fit(X, y)


@pytest.mark.parametrize("y_val", [REFUSED["too long"], REFUSED["ragged"], REFUSED["complex"], MISSING["NaN"]])
@pytest.mark.parametrize(("model", "y"), [(CLASSIFIERS[1], BITS), (REGRESSORS[1], X[:, 0])])
def test_validation_targets_are_refused_by_their_name(model, y, y_val):
    with pytest.raises(ValueError, match=r"\by_val\b"):
        model.fit(X, y, X_val=X, y_val=y_val)


@pytest.mark.parametrize("container", [list, tuple, pl.Series, torch.tensor, lambda w: pd.Series(w, range(5, 5 + N)),
                                       lambda w: pd.Series(w, dtype="Float64"), lambda w: w.astype(object),
                                       lambda w: 1e300 * w, lambda w: 1e-300 * w])  # fmt: skip
def test_weights_of_any_container_weigh_the_same(container):
    weight = np.arange(N) / 4.0
    first, second = (
        NNClassifier("mlp", hidden_layer_sizes=2, max_epochs=2, preprocessing=None, random_state=0)
        .fit(X, BITS, sample_weight=of_rows)
        .predict_proba(X)
        for of_rows in (weight, container(weight))
    )
    np.testing.assert_allclose(first, second, rtol=1e-5)


@pytest.mark.parametrize(
    "weight",
    [TEXT, DAYS, np.where(BITS, np.nan, 1), np.where(BITS, np.inf, 1), BITS - 0.5, np.zeros(N), np.ones((N, 2)),
     np.ones((N, 1)), np.ones(N + 1), np.full(N, 1e308), np.full(N, 5e-324), pd.Series([None] * N), [[1], [1, 2]] * 6,
     "balanced", sparse.csr_array(PAIRS), BITS + 0j],
)  # fmt: skip
def test_impossible_weights_are_refused_by_their_name(weight):
    with pytest.raises((ValueError, TypeError), match="sample_weight"):
        CLASSIFIERS[1].fit(X, BITS, sample_weight=weight)


def test_columns_of_one_type_keep_it():
    assert as_values(pd.DataFrame({"a": BITS > 0, "b": BITS > 0}), "y").dtype == bool
    assert as_values(pd.DataFrame({"a": BITS, "b": BITS / 2}), "y").dtype == np.float64
    assert as_values(pd.DataFrame({"a": TEXT, "b": BITS}), "y").dtype == object


@pytest.mark.parametrize(
    "groups", [[[1], [1, 2]] * 6, np.ma.array(BITS, mask=BITS), pd.Series([None] * N), 3, {1, 2}, np.ones((N, 2)),
               BITS[1:], sparse.csr_array(PAIRS), BITS + 0j],
)  # fmt: skip
def test_impossible_groups_are_refused_by_their_name(groups):
    with pytest.raises((ValueError, TypeError), match="groups"):
        CLASSIFIERS[1].fit(X, BITS, groups=groups)
