"""A single raw row, as a frame or a dict, is encoded and predicted as the same row of a larger frame."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sknn import NNClassifier, NNRegressor
from sknn.preprocessing import TableEncoder, as_table

N = 120


def columns_of_all_kinds(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 9_000, N), unit="h")
    gains = np.where(rng.random(N) < 0.5, 0, 1_000.0 * rng.integers(1, 12, N) ** 2)
    return pd.DataFrame(
        {
            "number": np.where(rng.random(N) < 0.2, np.nan, rng.normal(size=N)),
            "float32": rng.normal(size=N).astype(np.float32),
            "whole": rng.integers(-3, 9, N),
            "nullable": pd.array(np.where(rng.random(N) < 0.2, None, rng.integers(0, 9, N)), dtype="Int64"),
            "gain": gains,
            "constant": 1.5,
            "flag": rng.random(N) < 0.5,
            "maybe": pd.Series(rng.choice([True, False, None], N), dtype=object),
            "binary": rng.choice(["a", "b"], N),
            "small": rng.choice(np.array(["a", "b", "c", None], dtype=object), N),
            "large": rng.choice([f"level {k}" for k in range(25)], N),
            "codes": pd.Categorical(rng.integers(0, 5, N)),
            "when": when,
            "there": when.tz_localize("UTC").tz_convert("Asia/Tokyo"),
            "title": [f"{rng.choice(['red', 'blue', 'green'])} thing number{k}" for k in range(N)],
        }
    )


def encoded(encoder: TableEncoder, X: pd.DataFrame):
    return encoder.encode(as_table(X, estimator=encoder))


@pytest.mark.parametrize("params", [{}, {"embed": False}, {"scale": "quantile"}, {"scale": False}])
@pytest.mark.parametrize("as_dict", [False, True])
def test_a_row_is_encoded_to_the_bits_of_the_same_row_of_a_frame(params, as_dict):
    encoder = TableEncoder(recurring_values=["gain"], **params).fit(columns_of_all_kinds())
    X = columns_of_all_kinds(seed=1)
    X.loc[0, "small"], X.loc[1, "large"], X.loc[2, "when"] = "unseen", None, pd.NaT
    whole = encoded(encoder, X)
    for i in range(N):
        row = X.iloc[[i]]
        alone = encoder.encode_row(dict(zip(X, row.iloc[0].tolist(), strict=True)) if as_dict else row)
        for ours, expected in zip(alone, whole, strict=True):
            np.testing.assert_array_equal(ours, expected if expected is None else expected[[i]])


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("number", np.inf),
        ("constant", -np.inf),
        ("number", 10**400),
        ("number", "1.5"),
        ("number", Decimal("1.5")),
        ("number", pd.Timedelta("1h")),
        ("number", pd.Timestamp("2024-01-01")),
        ("large", 3.0),
        ("large", pd.Timestamp("2024-01-01")),
        ("large", ["a"]),
        ("when", 3.0),
        ("when", "2024-01-01"),
        ("when", pd.Timestamp("2024-01-01 00:00:00.000000001")),
        ("title", 3.0),
    ],
)
def test_a_cell_that_may_have_to_be_refused_is_left_to_the_frame(column, cell):
    X = columns_of_all_kinds()
    encoder = TableEncoder().fit(X)
    row = X.iloc[0].to_dict() | {column: cell}
    assert encoder.encode_row(row) is None
    assert (
        encoder.encode_row(pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in row.items()}))
        is None
    )


def test_what_is_no_row_of_the_columns_of_fit_is_left_to_the_frame():
    X = columns_of_all_kinds()
    encoder, row = TableEncoder().fit(X), X.iloc[[0]]
    for other in (X, X[:0], row[row.columns[::-1]], row.drop(columns="flag"), row.to_numpy(), row.iloc[0], None):
        assert encoder.encode_row(other) is None
    assert TableEncoder().fit(X[["number"]].to_numpy()).encode_row(row[["number"]]) is None


def test_types_that_pandas_holds_but_cannot_work_with():
    pa = pytest.importorskip("pyarrow")
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"]})
    encoder = TableEncoder().fit(X)
    row = X.iloc[[1]].reset_index(drop=True)
    viewed = row.assign(b=pd.Series(pd.arrays.ArrowExtensionArray(pa.array(["y"], pa.string_view()))))
    np.testing.assert_array_equal(encoder.encode_row(viewed).x_num, encoded(encoder, row).x_num)


def test_dates_that_their_common_unit_cannot_hold_are_left_to_the_frame():
    X = pd.DataFrame({"a": pd.to_datetime(["2024-01-01", "2025-03-01"]).as_unit("ns")})
    X["b"] = X["a"].dt.as_unit("s")
    encoder = TableEncoder().fit(X)
    row = X[:1].assign(b=np.array(["3000-01-01"], dtype="datetime64[s]"))
    assert encoder.encode_row(row) is None
    assert encoder.encode_row(X[:1]) is not None


@pytest.fixture(scope="module")
def fitted():
    X = columns_of_all_kinds()
    return NNClassifier(max_epochs=2, random_state=0).fit(X, X["whole"] > 2), X


def test_a_row_is_predicted_to_the_bits_of_the_same_row_of_a_frame(fitted):
    net, X = fitted
    proba, labels = net.predict_proba(X), net.predict(X)
    for i in range(20):
        row = X.iloc[[i]]
        record = row.iloc[0].to_dict()
        backwards = dict(reversed(record.items()))
        for one in (row, record, backwards, [record]):
            np.testing.assert_array_equal(net.predict_proba(one), proba[[i]])
            np.testing.assert_array_equal(net.predict(one), labels[[i]])


def test_several_rows_may_be_dicts(fitted):
    net, X = fitted
    records = [row.to_dict() for _, row in X[:7].iterrows()]
    np.testing.assert_array_equal(net.predict_proba(records), net.predict_proba(X[:7]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": np.inf}, "contains infinity"),
        ({"constant": -np.inf}, "contains infinity"),
        ({"number": "many"}, "held numbers in fit"),
        ({"large": 3.0}, "held text in fit"),
        ({"when": 3.0}, "held dates in fit"),
    ],
)
def test_a_row_is_refused_for_what_a_frame_is_refused(fitted, change, message):
    net, X = fitted
    record = X.iloc[0].to_dict() | change
    for one in (record, pd.DataFrame([record])):
        with pytest.raises(ValueError, match=message):
            net.predict(one)


def test_a_dict_must_be_a_row_of_the_columns_of_fit(fitted):
    net, X = fitted
    record = X.iloc[0].to_dict()
    with pytest.raises(ValueError, match="Got one with 'more', which fit did not see"):
        net.predict(record | {"more": 1})
    with pytest.raises(ValueError, match="Got one without 'flag'"):
        net.predict([record, {name: cell for name, cell in record.items() if name != "flag"}])
    with pytest.raises(TypeError, match=r"a single value for each column.*pass pd.DataFrame\(X\)"):
        net.predict(X[:2].to_dict("list"))


def test_a_dict_is_no_row_where_fit_saw_an_array_or_for_fit(fitted):
    _, X = fitted
    numbers = X[["whole", "gain"]]
    with pytest.raises(TypeError, match="Got dict"):
        NNRegressor(max_epochs=1, random_state=0).fit(numbers.to_numpy(), X["float32"]).predict({"whole": 1, "gain": 2})
    with pytest.raises(TypeError, match="Got dict"):
        NNRegressor().fit({"whole": 1, "gain": 2}, [1.0])


def test_a_row_for_the_users_own_preprocessing_may_be_a_dict():
    from sklearn.preprocessing import StandardScaler

    X = columns_of_all_kinds()[["whole", "gain"]].astype(float)
    net = NNRegressor(preprocessing=StandardScaler(), max_epochs=1, random_state=0).fit(X, X["gain"])
    np.testing.assert_array_equal(net.predict(X.iloc[3].to_dict()), net.predict(X)[[3]])
