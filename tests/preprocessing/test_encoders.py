"""Whole tables to arrays: which column goes where, what is learned in fit, and what is refused later."""

import datetime
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, QuantileTransformer, StandardScaler, TargetEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

from helpers import robust
from sknn import NNRegressor
from sknn.preprocessing import TableEncoder, as_table, columns, make_encoder
from sknn.preprocessing.columns import ColumnEncoder, _numbers


def frame_of(n_rows=40, seed=0):
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmno"))
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n_rows),
            "paid": rng.random(n_rows) < 0.5,
            "city": rng.choice(letters, n_rows),
            "plan": rng.choice(["free", "basic", "pro"], n_rows),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10_000, n_rows), unit="h"),
        }
    )
    frame.loc[::7, "age"] = np.nan
    frame.loc[::5, "city"] = None
    frame.loc[3, "since"] = pd.NaT
    return frame


def frame_out(X, **params):
    return TableEncoder(**params).set_output(transform="pandas").fit_transform(X)


@parametrize_with_checks([TableEncoder()])
def test_the_table_encoder_is_a_scikit_learn_transformer(estimator, check):
    check(estimator)


# -- where columns go -----------------------------------------------------------------------------


def test_numbers_come_first_then_dates_then_categories_then_codes():
    frame = frame_of()
    out = frame_out(frame)
    numbers = ["age", "paid", "since", "age_missing", "since_missing"]
    parts = ["since_season_sin", "since_season_cos", "since_clock_sin", "since_clock_cos"]
    parts += [f"since_weekday_{k}" for k in range(7)]
    assert list(out) == [*numbers, *parts, "city_frequency", "plan_basic", "plan_free", "plan_pro", "city"]

    present = frame["age"].notna()
    np.testing.assert_allclose(out["age"][present], robust(frame["age"][present]), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(out["age"][~present], 0)
    np.testing.assert_array_equal(out["age_missing"], ~present)
    np.testing.assert_array_equal(out["paid"], np.where(frame["paid"], 1, -1))
    np.testing.assert_array_equal(out["plan_pro"], frame["plan"] == "pro")
    levels = sorted(frame["city"].dropna().unique())
    np.testing.assert_array_equal(out["city"], [1 if pd.isna(c) else 2 + levels.index(c) for c in frame["city"]])


def test_encode_gives_floats_and_codes():
    frame = frame_of()
    encoder = TableEncoder()
    x_num, x_cat = encoder.fit_encode(frame)
    assert x_num.dtype == np.float32
    assert x_num.shape == (len(frame), encoder.n_features_)
    assert x_cat.dtype == np.int64
    assert encoder.cat_cardinalities_ == (2 + frame["city"].nunique(),)
    np.testing.assert_array_equal(np.hstack([x_num, x_cat]), TableEncoder().fit_transform(frame))


def test_without_categories_to_embed_there_are_no_codes():
    encoder = TableEncoder()
    assert encoder.fit_encode(frame_of()[["age", "plan"]]).x_cat is None
    assert encoder.cat_cardinalities_ == ()


@pytest.mark.parametrize("cells", [1, 64, 1000])
def test_blocks_of_rows_change_nothing(monkeypatch, cells):
    frame, array = frame_of(), np.random.default_rng(0).normal(size=(40, 3))
    whole = [TableEncoder().fit_transform(X) for X in (frame, array)]
    monkeypatch.setattr(_numbers, "_BLOCK_SIZE", cells)
    for X, expected in zip((frame, array), whole, strict=True):
        np.testing.assert_array_equal(TableEncoder().fit_transform(X), expected)


@pytest.mark.parametrize("as_container", [np.asarray, pd.DataFrame, sparse.csr_array])
def test_fit_transform_is_fit_then_transform(as_container):
    X = as_container(np.random.default_rng(0).normal(size=(20, 3)))
    both, then = TableEncoder().fit_transform(X), TableEncoder().fit(X).transform(X)
    assert abs(both - then).max() == 0


def test_max_onehot_and_embed_decide_how_a_category_is_encoded():
    X = pd.DataFrame({"x": list("aaabbc")})
    assert list(frame_out(X)) == ["x_a", "x_b", "x_c"]
    assert list(frame_out(X, max_onehot=2)) == ["x_frequency", "x"]
    assert frame_out(X, max_onehot=2)["x"].tolist() == [2, 2, 2, 3, 3, 4]
    assert list(frame_out(X, max_onehot=2, embed=False)) == ["x_b"]
    assert frame_out(X, max_onehot=2, embed=False)["x_b"].tolist() == [-1, -1, -1, 1, 1, 0]


def test_scale_names_how_numbers_are_scaled():
    rng = np.random.default_rng(0)
    X = np.c_[rng.lognormal(size=3_000), np.round(rng.normal(size=3_000), 1)]
    np.testing.assert_array_equal(TableEncoder(scale=True).fit_transform(X), TableEncoder().fit_transform(X))
    np.testing.assert_array_equal(TableEncoder(scale=False).fit_transform(X), X.astype(np.float32))
    standard = TableEncoder(scale="standard").fit_transform(X)
    np.testing.assert_allclose(standard, StandardScaler().fit_transform(X), rtol=1e-4, atol=1e-5)
    normal = QuantileTransformer(n_quantiles=100, output_distribution="normal").fit_transform(X)
    inner = np.abs(normal) < 2.5
    np.testing.assert_allclose(TableEncoder(scale="quantile").fit_transform(X)[inner], normal[inner], atol=0.06)
    with pytest.raises(ValueError, match="'scale' parameter of TableEncoder must be"):
        TableEncoder(scale="log").fit(X)


@pytest.mark.parametrize("scale", ["standard", "quantile"])
def test_scales_by_weights_are_those_of_repeated_rows(scale):
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(60, 2)), rng.integers(1, 4, 60)
    weighted = TableEncoder(scale=scale).fit(X, sample_weight=weight).transform(X)
    repeated = TableEncoder(scale=scale).fit(np.repeat(X, weight, axis=0)).transform(X)
    np.testing.assert_allclose(weighted, repeated, atol=0.2 if scale == "quantile" else 1e-5)


@pytest.mark.parametrize("X", [np.ones((3, 2)), pd.DataFrame({"a": ["x"] * 3, "b": [None] * 3})])
def test_a_table_of_constants_becomes_a_column_of_zeros(X):
    out = frame_out(X)
    assert list(out) == ["constant"]
    assert out["constant"].tolist() == [0, 0, 0]


def test_columns_missing_entirely_in_fit_are_ignored_later():
    fitted = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [None] * 3})
    later = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", 5, datetime.date(2020, 1, 1)]})
    encoder = TableEncoder().fit(fitted)
    np.testing.assert_array_equal(encoder.transform(later), encoder.transform(fitted))


@pytest.mark.parametrize("scale", [True, False])
def test_scale_decides_about_numbers_alone(scale):
    X = pd.DataFrame({"a": [10.0, 20.0, 70.0], "flag": [True, False, True], "text": ["x", "y", "x"]})
    out = frame_out(X, scale=scale)
    np.testing.assert_allclose(out["a"], robust(X["a"]) if scale else X["a"], rtol=1e-6)
    assert out["flag"].tolist() == out["text_y"].map(lambda v: -v).tolist() == [1, -1, 1]


# -- columns of every type ------------------------------------------------------------------------


NUMBERS = [1.0, None, 4.0, 2.0]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(NUMBERS),
        pd.Series(NUMBERS, dtype="float32"),
        pd.Series(NUMBERS, dtype="Int64"),
        pd.Series(NUMBERS, dtype="Float64"),
        pd.Series(NUMBERS, dtype="int64[pyarrow]"),
        pd.Series(NUMBERS, dtype="double[pyarrow]"),
        pd.Series(NUMBERS, dtype="Sparse[float64]"),
        pd.Series(NUMBERS, dtype=object),
        pd.Series([Decimal(1), None, Decimal(4), Decimal(2)], dtype=object),
        pd.Series(pd.to_timedelta(NUMBERS, unit="s")),
    ],
    ids=lambda column: f"{column.dtype}-{type(column[0]).__name__}",
)
def test_numbers_of_any_type_are_encoded_alike(column):
    expected = np.zeros(4)
    expected[[0, 2, 3]] = robust([1.0, 4.0, 2.0])
    out = frame_out(pd.DataFrame({"a": column}))
    np.testing.assert_allclose(out["a"], expected, rtol=1e-6)
    assert out["a_missing"].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("dtype", [object, "boolean", "bool[pyarrow]"])
def test_flags_with_missing_cells_are_encoded_alike(dtype):
    out = frame_out(pd.DataFrame({"a": pd.Series([True, None, False], dtype=dtype)}))
    assert out["a"].tolist() == [1, 0, -1]
    assert out["a_missing"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame, torch.tensor, lambda X: pd.DataFrame(X, dtype=object)])
def test_flags_are_flags_in_every_container(make):
    X = [[True, False], [False, False], [True, True]]
    np.testing.assert_array_equal(TableEncoder().fit_transform(make(X)), np.where(X, 1, -1))


def test_sparse_columns_of_pandas_are_as_dense_ones():
    matrix = sparse.random_array((30, 3), density=0.4, rng=0, format="csr")
    frame = pd.DataFrame.sparse.from_spmatrix(matrix, columns=list("abc"))
    dense = pd.DataFrame(matrix.toarray(), columns=list("abc"))
    np.testing.assert_array_equal(TableEncoder().fit_transform(frame), TableEncoder().fit_transform(dense))


def test_a_polars_frame_is_encoded_as_the_pandas_frame():
    frame = frame_of()
    frame["local"] = frame["since"].dt.tz_localize("Asia/Tokyo")
    encoder = TableEncoder().fit(pl.from_pandas(frame))
    np.testing.assert_array_equal(encoder.transform(pl.from_pandas(frame)), TableEncoder().fit_transform(frame))
    np.testing.assert_array_equal(encoder.transform(frame), TableEncoder().fit_transform(frame))


def test_a_frame_backed_by_pyarrow_is_encoded_as_one_by_numpy():
    frame = frame_of()
    frame["local"] = frame["since"].dt.tz_localize("Asia/Tokyo")
    arrow = frame.convert_dtypes(dtype_backend="pyarrow")
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in arrow.dtypes)
    encoder = TableEncoder().fit(arrow)
    for X in (frame, arrow):
        np.testing.assert_array_equal(encoder.transform(X), TableEncoder().fit_transform(frame))


@pytest.mark.parametrize("make", [lambda rows: rows, lambda rows: np.array(rows, dtype=object), pd.DataFrame])
def test_mixed_rows_are_encoded_alike_in_every_container(make):
    rows = [[1.0, "x"], [2.0, "y"], [None, "x"], [5.0, None]]
    expected = TableEncoder().fit_transform(pd.DataFrame(rows))
    encoder = TableEncoder().fit(make(rows))
    np.testing.assert_array_equal(encoder.transform(make(rows)), expected)
    np.testing.assert_array_equal(encoder.transform(rows), expected)


@pytest.mark.parametrize("make", [torch.tensor, lambda X: X.tolist(), lambda X: X.astype(object), pd.DataFrame])
def test_numbers_are_encoded_alike_in_every_container(make):
    X = np.random.default_rng(0).normal(size=(20, 3))
    expected = np.column_stack([robust(column) for column in X.T])
    np.testing.assert_allclose(TableEncoder().fit_transform(make(X)), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(TableEncoder().fit(X).transform(make(X)), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(TableEncoder().fit(make(X)).transform(X), expected, rtol=1e-5, atol=1e-6)


def test_objects_with_a_gap_later_are_read_as_the_numbers_of_fit():
    encoder = TableEncoder().fit(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    out = encoder.transform(np.array([[True, None], [5, "6"]], dtype=object))
    np.testing.assert_array_equal(out, encoder.transform([[1.0, np.nan], [5.0, 6.0]]))


# -- weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_container", [lambda X: X, lambda X: sparse.csr_array(X.to_numpy())], ids=["frame", "csr"])
def test_an_integer_weight_is_a_repetition_and_zero_leaves_a_row_out(as_container):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(30, 2)), columns=["a", "b"])
    weight = rng.integers(0, 4, 30)
    weighted = TableEncoder().fit(as_container(X), sample_weight=weight.tolist())
    repeated = TableEncoder().fit(as_container(X.loc[X.index.repeat(weight)]))
    difference = abs(weighted.transform(as_container(X)) - repeated.transform(as_container(X)))
    np.testing.assert_allclose(difference.max(), 0, atol=1e-6)


def test_a_level_of_weight_zero_is_unseen():
    X = pd.DataFrame({"x": ["a", "b", "c"]})
    encoder = TableEncoder().fit(X, sample_weight=[1, 1, 0])
    assert encoder.transform(X)[:, 0].tolist() == [-1, 1, 0]


@pytest.mark.parametrize("weight", [[1.0, -1.0, 1.0], [1.0, 1.0], [0.0, 0.0, 0.0]])
def test_weights_that_are_none_are_refused(weight):
    with pytest.raises(ValueError, match=r"(?i)sample.?weight"):
        TableEncoder().fit(np.eye(3), sample_weight=weight)


# -- names and columns ----------------------------------------------------------------------------


def test_columns_in_another_order_are_refused():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [3.0, 9.0, 2.0]})
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        TableEncoder().fit(X).transform(X[["b", "a"]])


@pytest.mark.parametrize(("fitted", "later"), [([0, 1, 2], [2, 0, 1]), ([2, 0, 1], [0, 1, 2]), ([5, 7, 9], [7, 5, 9])])
def test_columns_with_other_names_than_text_in_another_order_are_refused(fitted, later):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 3)), columns=fitted)
    encoder = TableEncoder().fit(X)
    with pytest.raises(ValueError, match=r"The columns of X must be those of fit, in that order: \[.*\]\. Got \["):
        encoder.transform(X[sorted(later)] if later == [0, 1, 2] else X[later])


@pytest.mark.parametrize(
    "names",
    [[5, 7], [("a", "x"), ("a", "y")], pd.to_datetime(["2020-01-01", "2020-01-02"])],
    ids=["int", "tuple", "date"],
)
def test_column_names_need_not_be_text(names):
    X = pd.DataFrame([[1.0, "x"], [2.0, "y"], [4.0, "x"]], columns=names)
    encoder = TableEncoder().fit(X)
    np.testing.assert_allclose(encoder.transform(X), np.column_stack([robust([1, 2, 4]), [-1, 1, -1]]), rtol=1e-6)
    assert list(encoder.get_feature_names_out()) == ["x0", "x1_y"]


def test_an_array_later_counts_by_position():
    X = pd.DataFrame([[1.0, 5.0], [2.0, 7.0], [4.0, 1.0]], columns=[5, 7])
    encoder = TableEncoder().fit(X)
    np.testing.assert_array_equal(encoder.transform(X.to_numpy()), encoder.transform(X))


@pytest.mark.parametrize("names", [["x", "x", "y"], ["x", 1, "y"], [0, 0, 1], [("a", 1), ("a", 2), ("b", 1)]])
def test_names_that_repeat_or_are_no_strings_count_by_position_and_keep_their_order(names):
    X = pd.DataFrame([[1.0, "a", 7], [2.0, "b", 3], [4.0, "a", 1]], columns=names)
    encoder = TableEncoder().fit(X)
    plain = TableEncoder().fit(X.set_axis(["a", "b", "c"], axis=1))
    np.testing.assert_array_equal(encoder.transform(X), plain.transform(X.set_axis(["a", "b", "c"], axis=1)))
    with pytest.raises(ValueError, match="must be those of fit, in that order"):
        encoder.transform(X.iloc[:, [0, 2, 1]])


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_another_number_of_columns_is_refused(make):
    encoder = TableEncoder().fit(make(np.eye(3)))
    with pytest.raises(ValueError, match="X has 2 features, but TableEncoder is expecting 3 features"):
        encoder.transform(make(np.eye(2)))


def test_names_of_unnamed_columns_are_made_up_or_given():
    encoder = TableEncoder().fit(np.array([[1.0, np.nan], [2.0, 3.0], [5.0, 4.0]]))
    assert list(encoder.get_feature_names_out()) == ["x0", "x1", "x1_missing"]
    assert list(encoder.get_feature_names_out(["a", "b"])) == ["a", "b", "b_missing"]


def test_names_of_sparse_columns_are_those_of_the_input():
    assert list(TableEncoder().fit(sparse.csr_array(np.eye(3))).get_feature_names_out()) == ["x0", "x1", "x2"]


def test_pandas_output_keeps_the_index():
    X = frame_of().set_index(np.arange(40) * 3)
    out = frame_out(X)
    assert out.index.equals(X.index)
    np.testing.assert_array_equal(out, TableEncoder().fit_transform(X))


@pytest.mark.parametrize("copy", [clone, lambda encoder: pickle.loads(pickle.dumps(encoder))], ids=["clone", "pickle"])
def test_a_copy_encodes_alike(copy):
    X = frame_of()
    encoder = TableEncoder(max_onehot=2, embed=False, random_state=0).fit(X)
    twin = copy(encoder)
    assert twin.get_params() == encoder.get_params()
    if not hasattr(twin, "n_features_"):
        twin.fit(X)
    np.testing.assert_array_equal(twin.transform(X), encoder.transform(X))


# -- types that change between fit and transform --------------------------------------------------


COLUMNS = {
    "numbers": pd.Series([1.0, 2.0, 3.0]),
    "text": pd.Series(["x", "y", "z"]),
    "dates": pd.Series(pd.date_range("2020", periods=3)),
    "durations": pd.Series(pd.to_timedelta(["1h", "2h", "3h"])),
}


@pytest.mark.parametrize("later", COLUMNS)
@pytest.mark.parametrize("held", COLUMNS)
def test_a_column_that_changed_its_type_is_refused_by_name(held, later):
    encoder = TableEncoder().fit(COLUMNS[held].to_frame("x"))
    if held == later:
        assert encoder.transform(COLUMNS[later].to_frame("x")).shape == (3, encoder.n_features_)
        return
    with pytest.raises(ValueError, match=f"Column 'x' of X held {held} in fit; it has dtype .* Give it the type"):
        encoder.transform(COLUMNS[later].to_frame("x"))


def test_text_that_reads_as_numbers_is_read_where_fit_saw_numbers():
    X = pd.DataFrame({"a": [1.0, 2.0, 4.0]})
    encoder = TableEncoder().fit(X)
    np.testing.assert_array_equal(encoder.transform(X.astype(str)), encoder.transform(X))


def test_infinity_among_objects_is_refused_by_column_in_fit_and_later():
    fine = pd.DataFrame({"a": pd.Series([1, 2.5, None], dtype=object)})
    bad = pd.DataFrame({"a": pd.Series([1, np.inf, None], dtype=object)})
    for act in (TableEncoder().fit, TableEncoder().fit(fine).transform):
        with pytest.raises(ValueError, match=r"contains infinity .*column 'a'"):
            act(bad)


# -- sparse ---------------------------------------------------------------------------------------


def sparse_table():
    dense = np.random.default_rng(0).normal(3, 5, size=(30, 4)) * (np.random.default_rng(1).random((30, 4)) < 0.4)
    dense[:, 3] = 0
    return dense


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
def test_sparse_columns_are_divided_by_their_root_mean_square_and_clipped(form):
    dense = sparse_table()
    out = TableEncoder().fit_transform(sparse.csr_array(dense).asformat(form))
    assert type(out) is sparse.csr_array
    assert out.dtype == np.float32
    mean_square = np.sum(dense**2, axis=0) / np.maximum(np.count_nonzero(dense, axis=0), 1)
    z = dense / np.sqrt(np.where(mean_square > 0, mean_square, 1))
    np.testing.assert_allclose(out.toarray(), z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-5)


def test_without_scaling_sparse_values_pass():
    X = sparse.csr_array(np.array([[0, 2], [3, 0]]))
    assert TableEncoder(scale=False).fit_transform(X).toarray().tolist() == [[0, 2], [3, 0]]


def test_stored_zeros_of_a_sparse_column_do_not_count():
    zeros = sparse.csr_array(([2.0, 0.0, 4.0], [0, 0, 0], [0, 1, 2, 3]), shape=(3, 1))
    none = sparse.csr_array([[2.0], [0.0], [4.0]])
    assert zeros.nnz == 3
    assert none.nnz == 2
    out = TableEncoder().fit_transform(zeros).toarray()
    np.testing.assert_array_equal(out, TableEncoder().fit_transform(none).toarray())


def test_a_sparse_value_far_from_all_of_fit_is_at_the_clip():
    out = TableEncoder().fit(sparse.csr_array([[1.0], [2.0]])).transform(sparse.csr_array([[1e200], [-1e30]]))
    np.testing.assert_allclose(out.toarray(), [[3], [-3]], rtol=1e-6)


@pytest.mark.parametrize("step", ["fit", "transform"])
def test_missing_cells_of_sparse_input_are_refused(step):
    encoder = TableEncoder().fit(sparse.csr_array(np.eye(2)))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        getattr(encoder, step)(sparse.csr_array([[np.nan, 1.0]]))


@pytest.mark.parametrize("make", [np.asarray, lambda X: pd.DataFrame(X), lambda X: X.tolist()])
def test_dense_input_after_sparse_is_encoded_as_sparse(make):
    dense = sparse_table()
    encoder = TableEncoder().fit(sparse.csr_array(dense))
    expected = encoder.transform(sparse.csr_array(dense)).toarray()
    np.testing.assert_array_equal(encoder.transform(make(dense)).toarray(), expected)


def test_sparse_input_after_dense_is_refused_with_the_way_out():
    encoder = TableEncoder().fit(np.eye(2))
    with pytest.raises(TypeError, match=r"dense in fit and is sparse now\. Pass X\.toarray\(\)"):
        encoder.transform(sparse.csr_array(np.eye(2)))


# -- the encoder that `preprocessing` stands for --------------------------------------------------


class Same(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


def encoder_of(preprocessing, *, embed=True):
    return make_encoder(preprocessing, embed=embed, random_state=0)


@pytest.mark.parametrize("embed", [True, False])
def test_a_network_without_embeddings_gets_no_codes(embed):
    X = pd.DataFrame({"x": [f"level {k}" for k in range(20)]})
    for preprocessing in ("auto", Same()):
        encoder = encoder_of(preprocessing, embed=embed)
        encoder.fit_encode(X)
        assert (encoder.n_features_, encoder.cat_cardinalities_) == ((1, (22,)) if embed else (20, ()))


def test_what_a_column_transformer_gives_is_passed_unscaled():
    X = frame_of()[["age", "plan"]]
    transformer = ColumnTransformer(
        [("number", SimpleImputer(), ["age"]), ("text", OneHotEncoder(sparse_output=False), ["plan"])]
    )
    expected = clone(transformer).fit_transform(X)
    encoder = encoder_of(transformer)
    np.testing.assert_allclose(encoder.fit_encode(X).x_num, expected, rtol=1e-6)
    np.testing.assert_allclose(encoder.encode(X[:5]).x_num, expected[:5], rtol=1e-6)
    assert encoder.n_features_ == 4
    assert not hasattr(transformer, "transformers_")  # the user's own is not fitted


def test_missing_cells_that_a_transformer_leaves_are_marked():
    X = np.array([[1.0, 2.0], [np.nan, 4.0], [5.0, 3.0]])
    scaled = StandardScaler().fit_transform(X)
    expected = np.column_stack([np.nan_to_num(scaled), np.isnan(X[:, 0])])
    np.testing.assert_allclose(encoder_of(StandardScaler()).fit_encode(X).x_num, expected, rtol=1e-6)


def test_text_and_dates_that_a_transformer_leaves_are_encoded():
    X = frame_of()
    expected = TableEncoder(scale=False).fit_encode(X)
    passed = ColumnTransformer([], remainder="passthrough", verbose_feature_names_out=False)
    for transformer in (Same(), FunctionTransformer(), passed.set_output(transform="pandas")):
        encoded = encoder_of(transformer).fit_encode(X)
        for got, want in zip(encoded, expected, strict=True):
            np.testing.assert_array_equal(got, want)


def test_text_that_becomes_an_array_of_objects_is_encoded():
    X = pd.DataFrame({"a": [1.0, 2.0, 4.0], "x": ["p", "q", None]})
    encoder = encoder_of(FunctionTransformer(lambda frame: frame.to_numpy(dtype=object)))
    expected = [[1, 0, 1, 0], [2, 0, 0, 1], [4, 1, 0, 0]]
    np.testing.assert_array_equal(encoder.fit_encode(X).x_num, expected)
    np.testing.assert_array_equal(encoder.encode(X[:1]).x_num, expected[:1])


def test_a_transformer_may_give_sparse_output():
    X = pd.DataFrame({"x": ["p", "q", "p"]})
    encoded = encoder_of(OneHotEncoder()).fit_encode(X)
    assert type(encoded.x_num) is sparse.csr_array
    assert encoded.x_num.toarray().tolist() == [[1, 0], [0, 1], [1, 0]]


def test_a_transformer_may_learn_from_the_target_by_cross_fitting():
    X, y = frame_of()[["plan"]], np.arange(40.0) % 2
    transformer = TargetEncoder(cv=KFold(3))
    crossed, plain = transformer.fit_transform(X, y), transformer.fit(X, y).transform(X)
    assert not np.allclose(crossed, plain)
    encoder = encoder_of(transformer)
    np.testing.assert_allclose(encoder.fit_encode(X, y).x_num, crossed, rtol=1e-6)
    np.testing.assert_allclose(encoder.encode(X).x_num, plain, rtol=1e-6)


def test_a_transformer_that_takes_weights_gets_them():
    X, weight = np.array([[1.0], [2.0], [6.0]]), np.array([1.0, 1.0, 4.0])
    expected = StandardScaler().fit(X, sample_weight=weight).transform(X)
    np.testing.assert_allclose(encoder_of(StandardScaler()).fit_encode(X, None, weight).x_num, expected, rtol=1e-6)
    np.testing.assert_array_equal(encoder_of(FunctionTransformer()).fit_encode(X, None, weight).x_num, X)


def test_infinity_and_one_dimension_from_a_transformer_are_refused():
    with pytest.raises(ValueError, match=r"contains infinity"):
        encoder_of(FunctionTransformer(lambda X: np.where(X, np.inf, X))).fit_encode(np.eye(2))
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        encoder_of(FunctionTransformer(np.ravel)).fit_encode(np.eye(2))


# -- preprocessing=None ---------------------------------------------------------------------------


def passed(X):
    encoder = encoder_of(None)
    encoded = encoder.fit_encode(as_table(X, estimator=TableEncoder(), numbers_only=True))
    assert encoded.x_cat is None
    assert encoder.cat_cardinalities_ == ()
    assert encoder.n_features_ == encoded.x_num.shape[1]
    return encoded.x_num


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8", "bool"])
def test_arrays_of_any_shape_pass_as_float32(shape, dtype):
    X = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    out = passed(X)
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    np.testing.assert_array_equal(out, X.astype(np.float32))


@pytest.mark.parametrize(
    "make",
    [
        torch.tensor,
        pd.DataFrame,
        lambda X: pd.DataFrame(X, dtype="Int64"),
        lambda X: pd.DataFrame(X, dtype="int64[pyarrow]"),
        lambda X: pd.DataFrame(X).astype("category"),
        lambda X: pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(X)),
        lambda X: pd.DataFrame(X, dtype=object),
        lambda X: pl.DataFrame(X),
    ],
    ids=["tensor", "frame", "nullable", "pyarrow", "category", "sparse", "object", "polars"],
)
def test_numbers_of_any_container_pass(make):
    np.testing.assert_array_equal(passed(make(np.array([[1, 2], [3, 0]]))), [[1, 2], [3, 0]])


def test_sparse_numbers_stay_sparse():
    out = passed(sparse.csc_array(np.array([[0.0, 2.0], [3.0, 0.0]])))
    assert type(out) is sparse.csr_array
    assert out.dtype == np.float32
    assert out.toarray().tolist() == [[0, 2], [3, 0]]


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1.0, np.nan]]),
        np.full((2, 3, 4), np.nan),
        pd.DataFrame({"a": [1.0, None]}),
        pd.DataFrame({"a": pd.Series([1, None], dtype="Int64")}),
        pd.DataFrame({"a": pd.Series([True, None], dtype="boolean")}),
        sparse.csr_array([[np.nan, 1.0]]),
    ],
    ids=["array", "3-d", "frame", "Int64", "boolean", "csr"],
)
def test_missing_cells_are_refused_without_preprocessing(X):
    with pytest.raises(ValueError, match="Input X contains NaN"):
        passed(X)


@pytest.mark.parametrize("X", [np.array([[1e200]]), pd.DataFrame({"a": [1e200]})])
def test_numbers_beyond_float32_are_refused_without_preprocessing(X):
    with pytest.raises(ValueError, match=r"infinity or a value too large for dtype\('float32'\)"):
        passed(X)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["x", "y"]),
        pd.Series(["x", "y"], dtype="category"),
        pd.Series(pd.date_range("2020", periods=2)),
        pd.Series(pd.date_range("2020", periods=2, tz="UTC")),
        pd.Series(pd.date_range("2020", periods=2)).astype("category"),
        pd.Series(pd.to_timedelta(["1s", "2s"])),
        pd.Series(pd.period_range("2020", periods=2)),
        pd.Series([datetime.date(2020, 1, 1)] * 2),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_that_are_no_numbers_are_refused_by_name_without_preprocessing(column):
    X = pd.DataFrame({"fine": [1.0, 2.0], "bad": column})
    with pytest.raises(ValueError, match=r"must be numbers\. Got others in columns \['bad'\]\. .*preprocessing='auto'"):
        passed(X)


@pytest.mark.parametrize("dtype", ["datetime64[D]", "timedelta64[s]"])
def test_an_array_of_dates_is_refused_without_preprocessing(dtype):
    with pytest.raises(ValueError, match=r"X must be numbers\. Got dtype .*64.*preprocessing='auto'"):
        passed(np.array([[1, 2]]).astype(dtype))


# -- kinds of columns -----------------------------------------------------------------------------


class Lengths(ColumnEncoder):
    """Text by its length."""

    n_features_ = 1

    def _fit(self, table, weight):
        self.longest_ = int(self.column(table).str.len().max())

    def encode(self, table, x_num, x_cat):
        x_num[:, 0] = self.column(table).str.len() / self.longest_

    def feature_names(self, names):
        return [f"{names[self.columns_[0]]}_length"]


def test_a_kind_of_column_is_added_by_a_line_in_the_table(monkeypatch):
    line = columns.Kind("essay", (Lengths,), (), lambda column, held: held == "category" and column.str.len().max() > 9)
    monkeypatch.setattr(columns, "KINDS", (line, *columns.KINDS))
    X = pd.DataFrame({"essay": ["a" * 10, "b" * 20, "c" * 5], "few": ["x", "y", "x"], "age": [1.0, 2.0, 3.0]})
    out = frame_out(X)
    assert list(out) == ["essay_length", "age", "few_y"]
    assert out["essay_length"].tolist() == [0.5, 1, 0.25]
    twin = TableEncoder.from_dict(TableEncoder().fit(X).to_dict())
    np.testing.assert_array_equal(twin.transform(X), out)


@pytest.mark.parametrize("held", [[1.0, 2.0], [Decimal(1), Decimal(2)], [datetime.timedelta(1), datetime.timedelta(2)]])
def test_the_row_of_an_odd_value_counts_from_the_first_whatever_the_blocks(monkeypatch, held):
    monkeypatch.setattr(_numbers, "_BLOCK_SIZE", 1)
    cells = pd.Series(held * 4, dtype=object)
    encoder = TableEncoder().fit(pd.DataFrame({"a": cells}))
    cells.iat[6] = b"odd"
    with pytest.raises(ValueError, match=r"Column 'a' of X .*b'odd'.* in row 6"):
        encoder.transform(pd.DataFrame({"a": cells}))


def test_a_number_too_large_without_scaling_is_named_with_column_and_row(monkeypatch):
    monkeypatch.setattr(_numbers, "_BLOCK_SIZE", 4)
    X = pd.DataFrame({"a": np.arange(9.0), "b": np.arange(9.0)})
    encoder = TableEncoder(scale=False).fit(X)
    X.loc[7, "b"] = -1e200
    with pytest.raises(ValueError, match=r"must fit into float32\. Got -1e\+200 in column 'b' of X, row 7"):
        encoder.transform(X)


@pytest.mark.parametrize("names", [["age", "paid"], [0, 1]])
def test_the_encoder_of_a_fitted_estimator_names_its_features(names):
    X = pd.DataFrame({"age": np.arange(20.0), "paid": ["yes", "no"] * 10}).set_axis(names, axis=1)
    net = NNRegressor(max_epochs=1).fit(X, X[names[0]])
    expected = ["age", "paid_yes"] if names[0] == "age" else ["x0", "x1_yes"]
    assert net.encoder_.get_feature_names_out().tolist() == expected
