"""Fitted encoders are rebuilt from what JSON holds, and encode to the same bits."""

import datetime
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sknn.preprocessing import TableEncoder
from sknn.preprocessing._plain import from_plain, to_plain
from sknn.preprocessing._streams import StreamEncoder

rng = np.random.default_rng(0)
N = 120
UTC, TOKYO = datetime.UTC, "Asia/Tokyo"


def table():
    frame = pd.DataFrame(
        {
            "number": rng.lognormal(size=N),
            "flag": rng.random(N) < 0.5,
            "duration": pd.to_timedelta(rng.integers(0, 99, N), unit="h"),
            "date": pd.date_range("2020", periods=N, freq="37h"),
            "local": pd.date_range("2020", periods=N, freq="37h", tz=TOKYO),
            "few": rng.choice(["x", "y", "z"], N),
            "many": rng.choice([f"l{k}" for k in range(30)], N),
            "gain": np.where(rng.random(N) < 0.6, 0.0, rng.choice([5.0, 7.5, 1e5], N)),
            "constant": 1,
        }
    )
    frame.loc[::7, ["number", "few", "many"]] = None
    return frame


def through_json(state):
    return json.loads(json.dumps(state, allow_nan=False))


def assert_same_bits(first, second):
    for a, b in zip(first, second, strict=True):
        assert (a is None and b is None) or a.tobytes() == b.tobytes()


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"embed": False},
        {"scale": "quantile"},
        {"scale": "standard", "max_onehot": 2},
        {"scale": False},
        {"min_frequency": 3},
    ],
    ids=str,
)
def test_each_kind_of_column_is_rebuilt_from_json(params):
    X = table()
    encoder = TableEncoder(recurring_values=["gain"], random_state=0, **params).fit(X)
    twin = TableEncoder.from_dict(through_json(encoder.to_dict()))
    assert {type(part).__name__ for part in twin.encoders_} >= {"Numbers", "DateColumn", "CategoryColumn"}
    assert ("RecurringValues" in {type(part).__name__ for part in twin.encoders_}) == encoder.embed
    later = X.sample(frac=1, random_state=0)
    later.loc[3, ["few", "many"]] = "new"
    assert_same_bits(twin.encode(later), encoder.encode(later))
    assert twin.get_params() == encoder.get_params()
    assert twin.get_feature_names_out().tolist() == encoder.get_feature_names_out().tolist()
    assert through_json(twin.to_dict()) == through_json(encoder.to_dict())


@pytest.mark.parametrize("make", [np.asarray, np.float32, sparse.csr_array], ids=["float64", "float32", "csr"])
def test_encoders_of_arrays_are_rebuilt_from_json(make):
    X = make(rng.normal(size=(30, 3)))
    encoder = TableEncoder().fit(X)
    twin = TableEncoder.from_dict(through_json(encoder.to_dict()))
    assert abs(twin.transform(X) - encoder.transform(X)).max() == 0


@pytest.mark.parametrize("embed", [True, False])
def test_running_encoders_are_rebuilt_from_json_and_learn_on(embed):
    X = table()
    encoder = StreamEncoder(embed=embed)
    encoder.fit_encode(X[:10])
    encoder.update_encode(X[10:50])
    twin = StreamEncoder(embed=embed)
    vars(twin).update(from_plain(through_json(to_plain(vars(encoder)))))
    assert_same_bits(twin.update_encode(X[50:]), encoder.update_encode(X[50:]))


LEVELS = {
    "text": ["a", "é", "\ud800"],
    "int": [1, -5, 10**30],
    "float": [0.1, -0.0, 1e-300, np.inf],
    "bool": [True, False, "other"],
    "numpy": [np.float32(0.1), np.int8(3), np.str_("x"), np.bool_(True)],
    "timestamp": [pd.Timestamp("2020-01-01 00:00:00.000000001"), pd.Timestamp("2021-05-04", tz=TOKYO)],
    "datetime": [datetime.datetime(2020, 1, 1, 3), datetime.datetime(2020, 1, 1, tzinfo=UTC)],
    "date": [datetime.date(2020, 1, 1), datetime.date(1, 1, 1)],
    "time": [datetime.time(3, 4, 5, 6), datetime.time(1)],
    "timedelta": [datetime.timedelta(1, 2, 3), pd.Timedelta("1ns")],
    "datetime64": [np.datetime64("2020-01-01", "D"), np.timedelta64(5, "s"), np.datetime64(3, "ns")],
    "period": [pd.Period("2020-01", "M"), pd.Period("2020-01-01", "D")],
    "interval": [pd.Interval(0, 1), pd.Interval(0.5, 1.5, "left")],
    "decimal": [Decimal("1.10"), Decimal("-Infinity")],
    "bytes": [b"x", b"\xff\x00"],
    "tuple": [(1, "a"), ((1.5,), None)],
}


@pytest.mark.parametrize("name", LEVELS)
def test_levels_of_each_type_come_back_as_they_were(name):
    for level in LEVELS[name]:
        back = from_plain(through_json(to_plain(level)))
        assert type(back) is (str if type(level) is np.str_ else type(level))
        assert back == level
        assert str(back) == str(level)
        assert hash(back) == hash(level)
    levels = pd.Index(LEVELS[name], dtype=object, tupleize_cols=False)
    codes = np.arange(3 * len(levels)) % len(levels)
    X = pd.DataFrame({"a": codes * 1.0, "x": pd.Categorical.from_codes(codes, levels)})
    encoder = TableEncoder(max_onehot=1).fit(X)
    twin = TableEncoder.from_dict(through_json(encoder.to_dict()))
    assert_same_bits(twin.encode(X), encoder.encode(X))


class Own(str):
    pass


@pytest.mark.parametrize("level", [frozenset({1}), Own("a"), 1j, datetime.timezone(datetime.timedelta(hours=1), "X")])
def test_a_level_that_cannot_be_stored_is_named_with_its_column(level):
    X = pd.DataFrame({"fine": ["a", "b"] * 6, "odd": pd.Series([level, "b", "c"] * 4, dtype=object)})
    encoder = TableEncoder().fit(X)
    with pytest.raises(TypeError, match=r"column 'odd' of X cannot be stored"):
        encoder.to_dict()


def test_a_generator_as_random_state_cannot_be_stored():
    encoder = TableEncoder(random_state=np.random.RandomState(0)).fit(np.eye(3))
    with pytest.raises(TypeError, match="cannot be stored as plain data"):
        encoder.to_dict()


@pytest.mark.parametrize(
    "names", [[0, 7], [("a", 1), ("b", 2)], [None, "x"], [pd.NA, pd.NaT], [pd.Timestamp("2020"), 1.5]]
)
def test_column_names_of_any_type_come_back(names):
    X = pd.DataFrame(rng.normal(size=(9, 2)))
    X.columns = pd.Index([*names], dtype=object, tupleize_cols=False)
    encoder = TableEncoder().fit(X)
    twin = TableEncoder.from_dict(through_json(encoder.to_dict()))
    np.testing.assert_array_equal(twin.transform(X), encoder.transform(X))
