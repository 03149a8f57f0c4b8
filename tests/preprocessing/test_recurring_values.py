"""Numbers whose values act as codes: which columns are chosen, the codes, and what they do for a network."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from sknn import NNClassifier
from sknn.preprocessing import TableEncoder
from sknn.preprocessing.columns._recurring_values import frequent_values, has_recurring_values, value_codes

AMOUNTS = np.array(
    [594.0, 2_176.0, 3_103.0, 5_013.0, 5_178.0, 7_298.0, 7_688.0, 14_084.0, 15_024.0, 20_051.0, 99_999.0]
)


def gains(n_rows=1_000, fraction=0.2, seed=0):
    """Mostly 0, else one of eleven amounts."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n_rows) < fraction, rng.choice(AMOUNTS, n_rows), 0.0)


def test_amounts_that_recur_far_apart_has_recurring_values():
    assert has_recurring_values(gains(), None)
    assert has_recurring_values(np.sort(gains(50_000)), None)
    assert has_recurring_values(np.r_[gains(), [np.nan] * 50], None)


def test_the_order_of_the_rows_does_not_matter():
    values = np.zeros(8_000)
    values[::4] = np.random.default_rng(0).choice(AMOUNTS, 2_000)
    assert all(has_recurring_values(np.roll(values, shift), None) for shift in range(4))


COUNTS = np.random.default_rng(0).choice([0.0] * 20 + list(range(1, 13)), 5_000)


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(size=1_000),
        COUNTS,  # leave no places free
        np.r_[COUNTS, 9_999.0],  # nor does a value that hardly occurs
        np.r_[np.zeros(700), np.repeat(1 + 10.0 ** np.arange(1, 6), 40)],
        np.r_[np.zeros(700), np.repeat(AMOUNTS, 9), np.random.default_rng(0).lognormal(7, 1, 201)],
        np.r_[np.zeros(94), np.resize(AMOUNTS, 106)],
        np.where(np.random.default_rng(0).random(1_000) < 0.2, np.random.default_rng(1).lognormal(7, 1, 1_000), 0),
        np.random.default_rng(0).choice(AMOUNTS, 1_000),  # no value takes half of the rows
        np.zeros(100),
        np.full(100, np.nan),
        gains(100),
    ],
    ids=[
        "measurement",
        "count",
        "count and outlier",
        "few values",
        "few rows each",
        "94 of 200",
        "amounts of their own",
        "no common value",
        "constant",
        "empty",
        "few",
    ],
)
def test_other_numbers_do_not(values):
    assert not has_recurring_values(values, None)


def test_frequent_values_get_codes_in_their_order():
    values = np.repeat([0.0, 7.5, 100.0, 3.0], [40, 5, 6, 4])
    frequent = frequent_values(values, None)
    assert frequent.tolist() == [0, 7.5, 100]
    np.testing.assert_array_equal(
        value_codes(np.array([0.0, 7.5, 100.0, 3.0, -1.0, 1e9, np.nan]), frequent), [2, 3, 4, 0, 0, 0, 1]
    )
    assert value_codes(np.float32([7.5]), frequent).tolist() == [3]


def test_large_numbers_are_told_apart_and_float32_is_recognised():
    single = np.float32(1e7) + np.arange(20, dtype=np.float32)
    assert value_codes(single, frequent_values(np.repeat(single, 10), None)).tolist() == [*range(2, 22)]
    names = 1e8 + np.arange(20)
    frequent = frequent_values(np.repeat(names, 10), None)
    assert value_codes(np.r_[names, 1e8 + 50, 1e300], frequent).tolist() == [*range(2, 22), 0, 0]
    for fitted, seen in ((7.3, np.float64(np.float32(7.3))), (np.float64(np.float32(7.3)), 7.3)):
        frequent = frequent_values(np.repeat([fitted, 9.0], 10), None)
        assert value_codes(np.array([seen, 7.31]), frequent).tolist() == [2, 0]


def test_huge_numbers_are_no_problem():
    values = np.random.default_rng(0).choice([0.0] * 20 + [-1e308, 1e308, 3e38, *range(1, 9)], 3_000)
    has_recurring_values(values, None)  # a warning would be an error here
    assert value_codes(np.array([1e308, -1e308]), frequent_values(values, None)).tolist() == [13, 2]


@pytest.mark.parametrize("size", [1e-3, 0.5, 99.5])
def test_how_large_weights_are_does_not_matter(size):
    X = pd.DataFrame({"gain": gains(), "city": np.random.default_rng(0).choice(list("abcdefghijklmno"), 1_000)})
    assert TableEncoder().fit(X, sample_weight=np.full(1_000, size)).cat_cardinalities_ == (17, 14)
    alone = np.random.default_rng(0).normal(size=(1_000, 1))
    assert TableEncoder(recurring_values=[0]).fit(alone, sample_weight=np.full(1_000, size)).cat_cardinalities_ == (2,)


def test_a_weight_counts_as_so_many_rows():
    values, weight = gains(400), np.random.default_rng(1).integers(0, 4, 400).astype(float)
    repeated = np.repeat(values, weight.astype(int))
    assert has_recurring_values(values, weight) == has_recurring_values(repeated, None)
    np.testing.assert_array_equal(frequent_values(values, weight), frequent_values(repeated, None))


def test_no_value_is_frequent():
    frequent = frequent_values(np.arange(10.0), None)
    assert len(frequent) == 0
    assert value_codes(np.array([1.0, np.nan]), frequent).tolist() == [0, 1]


@pytest.mark.parametrize("kind", ["frame", "array"])
def test_the_encoder_adds_codes_beside_the_number(kind):
    X = pd.DataFrame({"age": np.random.default_rng(0).normal(size=1_000), "gain": gains()})
    table = X if kind == "frame" else X.to_numpy()
    encoder, without = TableEncoder().fit(table), TableEncoder(recurring_values=None).fit(table)
    encoded, plain = encoder.encode(table), without.encode(table)
    np.testing.assert_array_equal(encoded.x_num, plain.x_num)
    assert plain.x_cat is None
    assert encoder.cat_cardinalities_ == (2 + 12,)
    expected = 2 + np.searchsorted(np.r_[0.0, AMOUNTS], X["gain"])
    np.testing.assert_array_equal(encoded.x_cat[:, 0], expected)
    assert encoder.fit_transform(table).shape == (1_000, 3)
    assert encoder.get_feature_names_out()[-1] in {"gain_value", "x1_value"}


def test_codes_follow_those_of_categories():
    X = pd.DataFrame({"gain": gains(), "city": np.random.default_rng(0).choice(list("abcdefghijklmno"), 1_000)})
    encoder = TableEncoder().fit(X)
    encoded = encoder.encode(X)
    assert encoder.cat_cardinalities_ == (17, 14)
    assert encoder.get_feature_names_out().tolist() == ["gain", "city_frequency", "city", "gain_value"]
    np.testing.assert_array_equal(encoded.x_cat[:, 1], encoder.encode(X.iloc[::-1]).x_cat[::-1, 1])


@pytest.mark.parametrize("codes", [["age"], [0]])
def test_the_user_may_choose_the_columns(codes):
    X = pd.DataFrame({"age": np.repeat(np.arange(20.0), 10), "gain": np.resize(gains(), 200)})
    encoder = TableEncoder(recurring_values=codes).fit(X)
    assert encoder.cat_cardinalities_ == (22,)
    assert clone(encoder).recurring_values == codes


def test_a_constant_column_gets_none():
    X = pd.DataFrame({"one": np.ones(50), "empty": np.full(50, np.nan), "age": np.repeat(np.arange(5.0), 10)})
    assert TableEncoder(recurring_values=["one", "empty"]).fit(X).cat_cardinalities_ == ()


@pytest.mark.parametrize("codes", ["gain", 0, ["nosuch"], ["city"], [7], [["gain"]], [True]])
def test_columns_that_are_no_numbers_are_refused(codes):
    X = pd.DataFrame({"gain": gains(60), "city": list("abcdef") * 10})
    with pytest.raises(
        InvalidParameterError, match="'recurring_values' parameter of TableEncoder must be 'auto', None or a list"
    ):
        TableEncoder(recurring_values=codes).fit(X)
    with pytest.raises(InvalidParameterError, match="'recurring_values' parameter"):
        TableEncoder(recurring_values=codes, embed=False).fit(X)


def test_a_network_without_embeddings_gets_none():
    assert TableEncoder(embed=False).fit(gains().reshape(-1, 1)).cat_cardinalities_ == ()


def test_a_network_learns_what_single_values_mean():
    """Neighbouring amounts mean the opposite; bins of equal numbers of rows cannot tell them apart."""
    X = pd.DataFrame({"gain": gains(3_000), "noise": np.random.default_rng(5).normal(size=3_000)})
    y = np.searchsorted(np.r_[0.0, AMOUNTS], X["gain"]) % 2
    scores = {}
    for codes in ("auto", None):
        net = NNClassifier(preprocessing=TableEncoder(recurring_values=codes), max_epochs=12, random_state=0)
        scores[codes] = net.fit(X[:2_000], y[:2_000]).score(X[2_000:], y[2_000:])
    assert scores["auto"] == 1.0
    assert scores[None] < 0.97
