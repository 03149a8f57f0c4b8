"""Chunks of a table are encoded by statistics of all chunks so far; the oracle is the whole table."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin

from sknn.preprocessing import make_stream_encoder
from sknn.preprocessing._moments import RunningMoments
from sknn.preprocessing._streams import StreamEncoder

SIZES = pytest.mark.parametrize("size", [1, 2, 7, 50])
rng = np.random.default_rng(0)


def encoded_by_chunks(table, size, embed=True, weight=None):
    encoder = StreamEncoder(embed=embed)
    encode = encoder.fit_encode
    for start in range(0, len(table), size):
        rows = slice(start, start + size)
        chunk = table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows]
        encode(chunk, None, None if weight is None else weight[rows])
        encode = encoder.update_encode
    return encoder


@SIZES
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shift", [0.0, 1e8])
def test_running_moments_are_those_of_all_rows(size, weighted, shift):
    values = rng.normal(size=(100, 3)) * [1, 1e-3, 1e6] + shift
    values[rng.random(values.shape) < 0.2] = np.nan
    weight = rng.integers(1, 4, 100) if weighted else np.ones(100, dtype=int)
    moments = RunningMoments(3)
    for start in range(0, 100, size):
        moments.update(values[start : start + size], weight[start : start + size] if weighted else None)
    repeated = np.repeat(values, weight, axis=0)
    np.testing.assert_allclose(moments.mean, np.nanmean(repeated, axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.spread, np.nanstd(repeated, axis=0), rtol=1e-4)
    assert np.array_equal(moments.low, np.nanmin(values, axis=0))
    assert np.array_equal(moments.high, np.nanmax(values, axis=0))


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e17, -1e300])
@pytest.mark.parametrize("size", [3, 7])
def test_what_does_not_vary_has_no_spread(constant, size):
    moments = RunningMoments(1)
    for _ in range(5):
        moments.update(np.full((size, 1), constant), np.linspace(0.1, 1, size))
    assert moments.spread == 0
    moments.update(np.array([[constant + 1 + abs(constant)]]))
    assert 0 < moments.spread < np.inf


@SIZES
def test_numbers_are_standardised_by_all_rows_so_far(size):
    table = rng.normal(5, 3, size=(60, 4))
    encoder = encoded_by_chunks(table, size)
    z = (table - table.mean(0)) / table.std(0)
    expected = z / np.sqrt(1 + (z / 3) ** 2)
    np.testing.assert_allclose(encoder.encode(table).x_num[:, :4], expected, rtol=1e-5, atol=1e-6)


N_FIRST, N_ROWS = 5, 14


def table_that_comes_alive():
    """Columns that hold nothing, or nothing that varies, in the first rows."""
    n_rows = N_ROWS
    late = np.arange(n_rows) >= N_FIRST
    phase = np.arange(n_rows) % 3
    stamps = pd.Timestamp("2024-01-31 10:00") + pd.to_timedelta(np.where(late, np.arange(n_rows), 0), unit="D")
    return pd.DataFrame(
        {
            "number": np.where(late, phase, 1.0),
            "whole": np.where(late, phase, 1),
            "flag": np.where(late, phase == 1, False),
            "level": np.where(late, np.array(["b", "c", "d"])[phase], "a"),
            "category": pd.Categorical(np.where(late, np.array(["b", "c", "d"])[phase], "a")),
            "date": stamps,
            "duration": pd.to_timedelta(np.where(late, phase, 1), unit="h"),
            "missing number": np.where(late & (phase > 0), np.nan, 1.0),
            "missing level": np.where(late & (phase > 0), None, "a"),
            "number after nothing": np.where(late, phase, np.nan),
            "number after None": pd.Series(np.where(late, phase, None), dtype=object),
            "flag after None": pd.Series(np.where(late, phase == 1, None), dtype=object),
            "level after None": np.where(late, np.array(["b", "c", "d"])[phase], None),
            "level after NaN": pd.Series([np.nan] * N_FIRST + list("bcd" * 3), dtype=object),
            "date after nothing": pd.Series(np.where(late, stamps, pd.NaT)).astype("datetime64[ns]"),
            "date after None": pd.Series([None] * N_FIRST + list(stamps[N_FIRST:]), dtype=object),
            "duration after None": pd.Series(
                [None] * N_FIRST + list(pd.to_timedelta(phase[N_FIRST:], unit="h")), dtype=object
            ),
        }
    )


@pytest.mark.parametrize("name", table_that_comes_alive().columns)
@pytest.mark.parametrize("size", [1, N_FIRST])
@pytest.mark.parametrize("embed", [True, False])
def test_a_column_that_comes_alive_later_is_seen(name, size, embed):
    column = table_that_comes_alive()[[name]]
    before, after = encoded_by_chunks(column[:N_FIRST], size, embed), encoded_by_chunks(column, size, embed)
    assert before.n_cells_ == after.n_cells_
    rows = after.encode(column[N_FIRST:])
    seen = np.hstack([rows.x_num, np.zeros((len(rows.x_num), 0)) if rows.x_cat is None else rows.x_cat])
    n_values = column[N_FIRST:][name].nunique(dropna=False)
    assert len(np.unique(seen, axis=0)) == n_values
    assert np.isfinite(seen).all()


@pytest.mark.parametrize("embed", [True, False])
def test_levels_beyond_the_spare_codes_are_unseen(embed):
    levels = pd.DataFrame({"a": [f"level {k}" for k in range(600)]})
    encoder = encoded_by_chunks(levels.head(1), 1, embed)
    encoder.update_encode(levels)
    rows = encoder.encode(levels)
    if embed:
        codes = rows.x_cat[:, 0]
        n_codes = encoder.cat_cardinalities_[0] - 2
        assert codes[:n_codes].tolist() == list(range(2, n_codes + 2))
        assert (codes[n_codes:] == 0).all()
    else:
        one_hot = rows.x_num.sum(axis=1)
        assert (one_hot[:63] == 1).all()
        assert (one_hot[63:] == 0).all()


def test_categories_of_a_dtype_are_counted_before_they_come():
    column = pd.Series(pd.Categorical(["a"], categories=[f"level {k}" for k in range(1000)] + ["a"]))
    assert StreamEncoder(embed=True).fit_encode(column.to_frame()).x_cat.shape == (1, 1)
    encoder = encoded_by_chunks(column.to_frame(), 1)
    assert encoder.cat_cardinalities_[0] >= 1001


@SIZES
def test_sparse_columns_are_divided_by_the_root_mean_square_of_all_rows_so_far(size):
    table = sparse.csr_array(sparse.random_array((60, 5), density=0.3, rng=rng))
    encoder = StreamEncoder(embed=True)
    encode = encoder.fit_encode
    for start in range(0, 60, size):
        encode(table[start : start + size])
        encode = encoder.update_encode
    x = encoder.encode(table).x_num.toarray()
    dense = table.toarray()
    z = dense / np.sqrt((dense**2).sum(0) / (dense != 0).sum(0))
    np.testing.assert_allclose(x, z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-5)


def test_rows_to_expect_are_like_those_that_come():
    table = table_that_comes_alive()
    for embed in (True, False):
        encoder = encoded_by_chunks(table, 40, embed)
        expected, rows = encoder.expected_rows(500, 0), encoder.encode(table)
        assert expected.x_num.shape == (500, encoder.n_features_)
        assert expected.x_num.dtype == rows.x_num.dtype
        assert np.abs(expected.x_num).max() <= 3
        if embed:
            assert (expected.x_cat.max(0) < encoder.cat_cardinalities_).all()
        same = encoder.expected_rows(500, 0)
        assert np.array_equal(expected.x_num, same.x_num)


@pytest.mark.parametrize(
    ("first", "later", "message"),
    [
        (pd.DataFrame({"a": ["x", "y"]}), pd.DataFrame({"a": [[1], [2]]}), "neither numbers, text nor dates"),
        (pd.DataFrame({"a": [1.0, 2.0]}), pd.DataFrame({"a": ["x", "y"]}), "held numbers"),
        (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"b": [1.0]}), "must be those of fit"),
        (np.ones((2, 2)), sparse.csr_array(np.ones((2, 2))), "Pass X.toarray"),
    ],
)
def test_chunks_of_another_kind_are_refused(first, later, message):
    encoder = StreamEncoder(embed=True)
    encoder.fit_encode(first)
    with pytest.raises((ValueError, TypeError), match=message):
        encoder.update_encode(later)


@pytest.mark.parametrize(
    ("column", "later", "cell"),
    [
        (["x", "y", "x"], 5, "5"),
        ([1.0, 2.0, 3.0], "mistake", "'mistake'"),
        (list(pd.to_timedelta([1, 2, 3], unit="h")), "mistake", "'mistake'"),
        (list(pd.date_range("2020", periods=3)), "mistake", "'mistake'"),
    ],
    ids=["text", "number", "duration", "date"],
)
@pytest.mark.parametrize("act", ["encode", "update_encode"])
def test_an_odd_value_of_a_chunk_is_named_with_column_and_row(column, later, cell, act):
    encoder = StreamEncoder(embed=True)
    encoder.fit_encode(pd.DataFrame({"odd": column}))
    chunk = pd.DataFrame({"odd": pd.Series([None, None, later], index=[7, 8, 9], dtype=object)})
    if act == "update_encode" and column[0] == "x":
        encoder.update_encode(chunk)  # a level of another type, which a stream may hold
        return
    with pytest.raises(ValueError, match=rf"Column 'odd' of X .*for instance {cell} in row 2, labelled 9"):
        getattr(encoder, act)(chunk)


class Learns(TransformerMixin, BaseEstimator):
    """Refuses text once it learns on."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.zeros((len(X), 1))

    def partial_fit(self, X, y=None):
        X.astype(float)
        return self


def test_what_a_transformer_cannot_learn_from_is_told_by_column():
    encoder = make_stream_encoder(Learns(), embed=True, random_state=0)
    X = pd.DataFrame({"fine": [1.0, 2.0], "odd": ["x", "y"]})
    encoder.fit_encode(X)
    with pytest.raises(ValueError, match=r"Learns, the transformer in 'preprocessing', cannot take X: .*\['odd'\]"):
        encoder.update_encode(X)
