"""Numbers, categories and dates, one column at a time, against calculations by hand and by numpy."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from helpers import robust
from sknn.preprocessing.columns import column_kind
from sknn.preprocessing.columns._category import CategoryColumn
from sknn.preprocessing.columns._date import DateColumn, days, zone_of
from sknn.preprocessing.columns._numbers import Numbers
from sknn.preprocessing.columns._reading import as_numbers
from sknn.preprocessing.columns._scaling import smooth_clip, standard_scale, weighted_quantiles
from sknn.utils import FIRST_LEVEL, MISSING, UNSEEN

UTC = datetime.UTC
TOKYO = "Asia/Tokyo"


def column_of(cells, dtype=None):
    return pd.Series(cells, dtype=dtype, name="a")


def fit_column(encoder, column, weight=None):
    return encoder.fit(column.to_frame(), [0], [column_kind(column)], weight)


def written(encoder, table):
    """(features, codes) of rows."""
    x_num = np.zeros((len(table), encoder.n_features_), dtype=np.float32)
    x_cat = np.full((len(table), len(encoder.cardinalities_)), -1)
    encoder.encode(table, x_num, x_cat)
    return x_num, x_cat


def one_hot(column, fitted_on=None, weight=None, *, max_onehot=9, embed=True):
    """(encoded, names) of a column."""
    encoder = fit_column(CategoryColumn(max_onehot, embed), column if fitted_on is None else fitted_on, weight)
    return written(encoder, column.to_frame())[0], encoder.feature_names(["a"])


def block_of(values, flags=None, weight=None, *, scale=True, seed=0):
    values = np.asarray(values)
    kinds = ["number"] * values.shape[1] if flags is None else ["flag" if flag else "number" for flag in flags]
    return Numbers(scale, seed).fit(values, range(values.shape[1]), kinds, weight)


def encoded(block, values):
    return written(block, np.asarray(values))[0]


# -- kinds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("number", column_of([1, 2])),
        ("number", column_of([1.5, np.nan])),
        ("number", column_of([1, None], "Int64")),
        ("number", column_of([1.5, None], "Float64")),
        ("number", column_of([1, None], "int64[pyarrow]")),
        ("number", column_of([Decimal("1.5"), None], pd.ArrowDtype(pa.decimal128(5, 2)))),
        ("number", column_of([1, None], object)),
        ("number", column_of([1, 2.5, pd.NA], object)),
        ("number", column_of([Decimal("1.5"), None], object)),
        ("duration", column_of(pd.to_timedelta(["1s", None]))),
        ("duration", column_of([datetime.timedelta(1), None], object)),
        ("duration", column_of([datetime.timedelta(1), None], pd.ArrowDtype(pa.duration("s")))),
        ("flag", column_of([True, False])),
        ("flag", column_of([True, None], "boolean")),
        ("flag", column_of([True, None], "bool[pyarrow]")),
        ("flag", column_of([True, None], object)),
        ("flag", column_of([True, pd.NA], object)),
        ("category", column_of(["x", None])),
        ("category", column_of(["x", None], object)),
        ("category", column_of(["x", None], "string[pyarrow]")),
        ("category", column_of(["1", "2"])),
        ("category", column_of([1, 2], "category")),
        ("category", column_of([True, False], "category")),
        ("category", column_of([1, "x"], object)),
        ("category", column_of([datetime.time(1), None], object)),
        ("category", column_of(pd.cut([1.0, 2.0, 3.0], 2))),
        ("category", column_of(pd.interval_range(0, 2))),
        ("date", column_of(pd.to_datetime(["2020-01-01", None]))),
        ("date", column_of(pd.date_range("2020", periods=2, tz=TOKYO))),
        ("date", column_of(pd.period_range("2020", periods=2, freq="M"))),
        ("date", column_of([datetime.date(2020, 1, 1), None], object)),
        ("date", column_of([datetime.datetime(2020, 1, 1), None], object)),
        ("date", column_of([pd.Period("2020-01"), None], object)),
        ("date", column_of([datetime.date(2020, 1, 1), None], "date32[pyarrow]")),
        ("empty", column_of([None, None], object)),
        ("empty", column_of([np.nan, np.nan])),
        ("empty", column_of([pd.NaT, pd.NaT])),
        ("empty", column_of([None], "category")),
        ("empty", column_of([None], pd.ArrowDtype(pa.null()))),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.dtype),
)
def test_a_column_is_known_by_its_type_and_cells(kind, column):
    assert column_kind(column) == kind


# -- cells to numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        column_of([1.5, np.nan, 3]),
        column_of([1.5, None, 3], "Float64"),
        column_of([1.5, None, 3], "double[pyarrow]"),
        column_of([Decimal("1.5"), None, Decimal(3)], object),
        column_of([Decimal("1.5"), Decimal("NaN"), Decimal(3)], object),
        column_of([Decimal("1.5"), None, Decimal(3)], pd.ArrowDtype(pa.decimal128(5, 2))),
        column_of([1.5, None, 3], object),
        column_of([1.5, pd.NA, 3], object),
        column_of(["1.5", None, "3"]),
        column_of(["1.5", "", "3"]),
        column_of(["1.5", None, "3"], object),
        column_of(["1.5", None, "3"], "category"),
        column_of([1.5, None, 3], "category"),
        column_of([1.5, np.nan, 3], "Sparse[float64]"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_whatever_reads_as_numbers_is_read(column):
    numbers = as_numbers(column)
    assert numbers.dtype == np.float64
    np.testing.assert_array_equal(numbers, [1.5, np.nan, 3])


def test_whole_numbers_as_categories_may_be_missing():
    np.testing.assert_array_equal(as_numbers(column_of(pd.Categorical([3, None, 10]))), [3, np.nan, 10])


@pytest.mark.parametrize(
    "dtype", [object, "timedelta64[s]", "timedelta64[ns]", pd.ArrowDtype(pa.duration("ms"))], ids=str
)
def test_durations_count_as_seconds(dtype):
    column = column_of([datetime.timedelta(seconds=1.0), None, datetime.timedelta(minutes=2)], dtype)
    np.testing.assert_array_equal(as_numbers(column, duration=True), [1, np.nan, 120])


@pytest.mark.parametrize("duration", [False, True])
@pytest.mark.parametrize("dtype", [object, float, "datetime64[ns]", "timedelta64[ns]", "category", "Int64"])
def test_a_column_without_values_is_missing_numbers_whatever_its_type(dtype, duration):
    np.testing.assert_array_equal(as_numbers(column_of([None, None], dtype), duration), [np.nan, np.nan])


@pytest.mark.parametrize(
    ("column", "got"),
    [
        (column_of(["x", "1"]), "values that are not numbers"),
        (column_of(["x", "1"], "category"), "values that are not numbers"),
        (column_of([[1], [2]]), "values that are not numbers"),
        (column_of(pd.cut([1.0, 2.0], 2)), "values that are not numbers"),
        (column_of([10**400, 1], object), "values that are not numbers"),
        (column_of(pd.to_datetime(["2020-01-01"])), "dates"),
        (column_of(pd.to_datetime(["2020-01-01"])).astype("category"), "dates"),
        (column_of(pd.period_range("2020", periods=2, freq="M")), "dates"),
        (column_of([datetime.date(2020, 1, 1)], object), "dates"),
        (column_of(pd.to_timedelta(["1s"])), "durations"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.dtype),
)
def test_cells_that_are_no_numbers_are_refused_by_column(column, got):
    with pytest.raises(ValueError, match=f"Column 'a' of X held numbers in fit; .* holds {got}.*Give it the type"):
        as_numbers(column)


@pytest.mark.parametrize("cells", [[1.0, 2.0], ["x"], pd.to_datetime(["2020-01-01"])])
def test_only_durations_are_read_as_durations(cells):
    with pytest.raises(ValueError, match=r"held durations in fit; .*pandas\.to_timedelta"):
        as_numbers(column_of(cells), duration=True)


@pytest.mark.parametrize("cells", [[1, -np.inf], [Decimal("Infinity"), None], ["inf", "1"]])
def test_infinity_among_objects_is_refused_by_column(cells):
    with pytest.raises(ValueError, match=r"contains infinity .*column 'a'.*finite number or by NaN"):
        as_numbers(column_of(cells, object))


# -- quantiles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [1, 2, 3, 4, 5, 8, 99, 100])
@pytest.mark.parametrize("weighted", [False, True])
def test_quantiles_are_numpys_inverted_cdf(n_rows, weighted):
    rng = np.random.default_rng(n_rows)
    values = rng.integers(0, 20, n_rows).astype(float)
    weight = rng.integers(1, 5, n_rows).astype(float) if weighted else None
    levels = [0.25, 0.5, 0.75]
    expected = np.quantile(values, levels, method="inverted_cdf", weights=weight)
    np.testing.assert_array_equal(weighted_quantiles(values, weight, levels), expected)


# -- numbers --------------------------------------------------------------------------------------


def test_numbers_are_centred_scaled_and_smoothly_clipped():
    x = np.array([0.0, 1.0, 2.0, 4.0, 100.0])  # quartiles 1, 2, 4
    by_hand = [z / (1 + z**2 / 9) ** 0.5 for z in (-2 / 3, -1 / 3, 0, 2 / 3, 98 / 3)]
    np.testing.assert_allclose(encoded(block_of(x[:, None]), x[:, None])[:, 0], by_hand, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numbers_follow_the_formula_by_numpy(dtype):
    rng = np.random.default_rng(0)
    fitted = rng.lognormal(size=(201, 3)).astype(dtype)
    new = rng.normal(size=(50, 3)).astype(dtype)
    expected = np.column_stack([robust(fitted[:, j], new[:, j]) for j in range(3)])
    np.testing.assert_allclose(encoded(block_of(fitted), new), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_median_distance_of_the_others_scales_where_the_quartiles_are_equal(weighted):
    others = [1.0, 7.0, 105.0, 9.0]  # 4, 2, 100 and 4 from the median
    x = np.array([5.0] * (1 if weighted else 20) + others)
    weight = np.array([20.0, 1, 1, 1, 1]) if weighted else None
    z = (x - 5) / 4
    expected = z / np.sqrt(1 + z**2 / 9)
    block = block_of(x[:, None], weight=weight)
    np.testing.assert_allclose(encoded(block, x[:, None])[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("n_missing", [0, 1])
def test_a_constant_column_leaves_nothing_but_its_missing_mark(n_missing):
    x = np.array([[3.0]] * 4 + [[np.nan]] * n_missing)
    block = block_of(x)
    assert block.feature_names(["a"]) == ["a_missing"] * n_missing
    np.testing.assert_array_equal(encoded(block, x), np.isnan(x)[:, :n_missing])


def test_a_column_of_missing_cells_is_left_out_and_ignored_later():
    x = np.array([[np.nan, 1.0], [np.nan, 2.0]])
    block = block_of(x)
    assert block.feature_names(["a", "b"]) == ["b"]
    np.testing.assert_array_equal(encoded(block, [[9.0, 2.0]]), encoded(block, [[np.nan, 2.0]]))


def test_missing_cells_are_at_the_centre_and_marked():
    x = np.array([[1.0], [2.0], [np.nan], [3.0]])
    block = block_of(x)
    assert block.feature_names(["a"]) == ["a", "a_missing"]
    expected = np.column_stack([[*robust(x[[0, 1, 3], 0], x[:2, 0]), 0, robust(x[[0, 1, 3], 0], 3.0)], [0, 0, 1, 0]])
    np.testing.assert_allclose(encoded(block, x), expected, rtol=1e-6)


def test_a_cell_missing_only_later_is_at_the_centre():
    np.testing.assert_array_equal(encoded(block_of([[1.0], [2.0], [3.0]]), [[np.nan]]), [[0]])


def test_flags_become_minus_one_and_one():
    x = np.array([[0.0], [1.0], [1.0], [np.nan]])
    np.testing.assert_array_equal(encoded(block_of(x, [True]), x), [[-1, 0], [1, 0], [1, 0], [0, 1]])


def test_flags_are_not_clipped_beside_numbers_that_are():
    x = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 2.0], [1.0, 50.0]])
    out = encoded(block_of(x, [True, False]), x)
    np.testing.assert_array_equal(out[:, 0], [-1, 1, -1, 1])
    np.testing.assert_allclose(out[:, 1], robust(x[:, 1], x[:, 1]), rtol=1e-6)


def test_without_scaling_numbers_pass_and_missing_cells_become_zero():
    x = np.array([[10.0], [np.nan], [-500.0]])
    np.testing.assert_array_equal(encoded(block_of(x, scale=False), x), [[10, 0], [0, 1], [-500, 0]])


def test_without_scaling_a_number_beyond_float32_is_refused():
    with pytest.raises(ValueError, match=r"must fit into float32\. Got -1e\+200"):
        encoded(block_of([[1.0], [2.0]], scale=False), [[-1e200]])


@pytest.mark.parametrize("weight_first", [2.0, 3.0])
def test_an_integer_weight_is_a_repetition(weight_first):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(30, 2))
    x[::7, 0] = np.nan
    weight = rng.integers(1, 4, 30).astype(float)
    weight[0] = weight_first
    weighted, repeated = block_of(x, weight=weight), block_of(np.repeat(x, weight.astype(int), axis=0))
    np.testing.assert_array_equal(encoded(weighted, x), encoded(repeated, x))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_number_far_from_all_of_fit_is_at_the_clip(dtype, sign):
    x = np.array([[1.0], [2.0], [3.0]], dtype=dtype)
    far = np.array([[sign * np.finfo(dtype).max], [sign * 1e30]], dtype=dtype)
    np.testing.assert_allclose(encoded(block_of(x), far), 3.0 * sign, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_spread_too_small_to_divide_by_keeps_the_order(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    x = np.array([[0], [tiny], [3 * tiny], [0]], dtype=dtype)
    out = encoded(block_of(x), x)[:, 0]
    assert np.isfinite(out).all()
    assert out[0] == out[3] < out[1] <= out[2]


def test_the_clip_is_smooth_and_bounded():
    z = np.array([-1e300, -3.0, 0.0, 1.0, np.inf])
    expected = [-3, -3 / np.sqrt(2), 0, 1 / np.sqrt(1 + 1 / 9), 3]
    np.testing.assert_allclose(smooth_clip(z, 3.0), expected)


def test_many_rows_are_sampled_for_quantiles_but_what_is_rare_is_not_lost(monkeypatch):
    monkeypatch.setattr(Numbers, "max_quantile_rows", 50)
    x = np.random.default_rng(0).normal(size=(1000, 1))
    same, again, other = (block_of(x, seed=seed).center_ for seed in (0, 0, 1))
    assert same == again
    assert same != other
    np.testing.assert_allclose(same, np.median(x), atol=0.5)
    rare = np.zeros((1000, 1))
    rare[123] = 8.0  # most samples of 50 rows are constant
    np.testing.assert_array_equal(block_of(rare).factor_, 1 / 8)


# -- categories -----------------------------------------------------------------------------------


def test_levels_are_one_hot_in_sorted_order():
    out, names = one_hot(column_of(["b", "c", "a", "b"]))
    assert names == ["a_a", "a_b", "a_c"]
    np.testing.assert_array_equal(out, [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]])


def test_the_order_of_rows_does_not_change_the_codes():
    column = column_of(["b", "c", "a", None, "b"])
    straight, reverse = fit_column(CategoryColumn(9, True), column), fit_column(CategoryColumn(9, True), column[::-1])
    np.testing.assert_array_equal(straight.codes(column), reverse.codes(column))


def test_two_levels_are_one_column_and_an_unseen_or_missing_one_its_middle():
    fitted = column_of(["no", "yes", "no"])
    out, names = one_hot(column_of(["no", "yes", "?", None]), fitted)
    assert names == ["a_yes"]
    np.testing.assert_array_equal(out, [[-1], [1], [0], [0]])


def test_missing_cells_have_a_column_and_unseen_levels_have_none():
    fitted = column_of(["x", "y", None])
    out, names = one_hot(column_of(["y", None, "z", "x"]), fitted)
    assert names == ["a_missing", "a_x", "a_y"]
    np.testing.assert_array_equal(out, [[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 1, 0]])


def test_cells_missing_only_later_are_zeros():
    out, _ = one_hot(column_of(["y", None]), column_of(["x", "y", "z"]))
    np.testing.assert_array_equal(out, [[0, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize(("max_onehot", "embed"), [(9, True), (1, False), (2, False)])
def test_one_level_says_nothing(max_onehot, embed):
    assert fit_column(CategoryColumn(max_onehot, embed), column_of(["x", "x"])).n_features_ == 0


def test_one_level_or_missing_is_two_columns():
    out, names = one_hot(column_of(["x", None]))
    assert names == ["a_missing", "a_x"]
    np.testing.assert_array_equal(out, [[0, 1], [1, 0]])


def test_more_levels_than_one_hot_are_codes():
    fitted = column_of(["d", "b", None, "c", "a"])
    encoder = fit_column(CategoryColumn(3, True), fitted)
    assert (encoder.embedded_, encoder.n_features_, encoder.cardinality) == (True, 1, 6)
    codes = encoder.codes(column_of(["a", "d", None, "?"]))
    assert codes.tolist() == [FIRST_LEVEL, FIRST_LEVEL + 3, MISSING, UNSEEN]


def test_the_number_of_rows_of_a_level_is_a_number_beside_its_code():
    fitted = column_of(["a", "a", "a", "b", "b", "c", None])
    encoder = fit_column(CategoryColumn(2, True), fitted)
    out, codes = written(encoder, column_of(["b", None, "new"]).to_frame())
    assert codes[:, 0].tolist() == [3, 1, 0]
    amount = np.log1p([3, 3, 3, 2, 2, 1, 1])
    rarest = 1  # of the training rows; what they do not have counts as it
    np.testing.assert_allclose(out[:, 0], (np.log1p([2, 1, rarest]) - amount.mean()) / amount.std(), rtol=1e-6)
    twice = fit_column(CategoryColumn(2, True), column_of(["a", "b", "c", None]), np.array([3.0, 2, 1, 1]))
    np.testing.assert_allclose(twice.frequency_, encoder.frequency_)


@pytest.mark.parametrize("n_levels", [3, 7, 50, 1500])
@pytest.mark.parametrize("n_rows_of_level", [1, 3])
@pytest.mark.parametrize("weight", [None, 0.1])
def test_levels_of_equal_frequency_do_not_differ_from_new_ones(n_levels, n_rows_of_level, weight):
    levels = [f"id {k}" for k in range(n_levels)] * n_rows_of_level
    weights = None if weight is None else np.full(len(levels), weight)
    encoder = fit_column(CategoryColumn(2, True, embed_unique=True), column_of(levels), weights)
    out, _ = written(encoder, column_of(["id 0", "new", None]).to_frame())
    assert abs(out).max() < 3
    np.testing.assert_array_equal(out[1:, 0], out[1, 0])


@pytest.mark.parametrize("value", [0.1, 0.6931471805599453, 1e-9, 12345.678])
@pytest.mark.parametrize("n", [3, 7, 1500])
def test_a_constant_has_no_standard_deviation(value, n):
    assert standard_scale(np.full(n, value), None) == (value, 0.0)
    assert standard_scale(np.full(n, value), np.linspace(0.1, 1, n)) == (value, 0.0)


def test_rare_levels_count_as_unseen():
    fitted = column_of(["a", "a", "a", "b", "b", "c", None])
    encoder = fit_column(CategoryColumn(2, True, min_frequency=2), fitted)
    assert encoder.codes(column_of(["a", "b", "c", None, "new"])).tolist() == [2, 3, UNSEEN, MISSING, UNSEEN]
    assert encoder.cardinality == 4


def test_without_embedding_the_most_frequent_levels_are_one_hot():
    fitted = column_of(["a", "b", "b", "c", "c", "c", "d"])
    out, names = one_hot(fitted, max_onehot=2, embed=False)
    assert names == ["a_c"]  # b and c: two levels, one column
    np.testing.assert_array_equal(out[:, 0], [0, -1, -1, 1, 1, 1, 0])
    out, names = one_hot(fitted, max_onehot=3, embed=False)
    assert names == ["a_a", "a_b", "a_c"]
    np.testing.assert_array_equal(out.sum(axis=1), [1, 1, 1, 1, 1, 1, 0])


def test_without_embedding_a_single_one_hot_level_is_kept():
    out, names = one_hot(column_of(["a", "b", "b", "c"]), max_onehot=1, embed=False)
    assert names == ["a_b"]
    np.testing.assert_array_equal(out, [[0], [1], [1], [0]])


def test_weights_decide_which_levels_are_frequent():
    column = column_of(["a", None, "b", "b", "c", "d"])
    weight = np.array([9.0, 100.0, 1.0, 1.0, 5.0, 1.0])
    repeated = column.repeat(weight.astype(int))
    _, by_weight = one_hot(column, weight=weight, max_onehot=2, embed=False)
    _, by_repetition = one_hot(repeated, max_onehot=2, embed=False)
    assert by_weight == by_repetition == ["a_missing", "a_a", "a_c"]


@pytest.mark.parametrize(
    ("column", "names"),
    [
        (column_of(pd.Categorical(["lo", "hi", "mid"], ["lo", "mid", "hi"], ordered=True)), ["a_hi", "a_lo", "a_mid"]),
        (column_of(pd.Categorical(["x", "y", "z"], ["z", "y", "x", "unused"])), ["a_x", "a_y", "a_z"]),
        (column_of(pd.Categorical([3, 10, 2])), ["a_2", "a_3", "a_10"]),
        (column_of([1, "b", 2.5, "a"], object), ["a_2.5", "a_1", "a_a", "a_b"]),
        (column_of(pd.cut([0.5, 1.5, 2.5], [0, 1, 2, 3])), ["a_(0, 1]", "a_(1, 2]", "a_(2, 3]"]),
        (column_of(pd.interval_range(0, 3)), ["a_(0, 1]", "a_(1, 2]", "a_(2, 3]"]),
        (column_of([b"x", b"y", b"z"], object), ["a_b'x'", "a_b'y'", "a_b'z'"]),
        (column_of([datetime.time(3), datetime.time(1), datetime.time(2)], object), None),
    ],
    ids=["ordered", "unused level", "numeric", "mixed", "cut", "interval", "bytes", "time"],
)
def test_levels_of_any_type_are_one_hot(column, names):
    out, found = one_hot(column)
    assert names is None or found == names
    np.testing.assert_array_equal(np.sort(out, axis=1)[:, -2:], [[0, 1]] * len(column))
    assert len(np.unique(out, axis=0)) == len(column)


@pytest.mark.parametrize("dtype", ["str", object, "category", "string", "string[pyarrow]"])
def test_text_of_any_type_has_the_same_codes(dtype):
    encoder = fit_column(CategoryColumn(9, True), column_of(["x", "y", None, "z"]))
    assert encoder.codes(column_of(["z", None, "?"], dtype)).tolist() == [FIRST_LEVEL + 2, MISSING, UNSEEN]


@pytest.mark.parametrize("column", [column_of([3, 7]), column_of([3.0, 7.0]), column_of([3, 7], "Int64")], ids=str)
def test_numeric_levels_are_found_whatever_the_numbers_type(column):
    encoder = fit_column(CategoryColumn(9, True), column_of(pd.Categorical([2, 3, 10])))
    assert encoder.codes(column).tolist() == [FIRST_LEVEL + 1, UNSEEN]


def test_intervals_cut_otherwise_are_unseen():
    encoder = fit_column(CategoryColumn(9, True), column_of(pd.cut([0.5, 1.5, 2.5], [0, 1, 2, 3])))
    assert encoder.codes(column_of(pd.cut([0.5, 1.5], [0, 1, 5]))).tolist() == [FIRST_LEVEL, UNSEEN]


@pytest.mark.parametrize(
    ("fitted", "column", "held", "got"),
    [
        (["x", "y"], column_of([1, 2]), "text", "numbers"),
        (["x", "y"], column_of([None, 2], "Int64"), "text", "numbers"),
        (["x", "y"], column_of([True, False]), "text", "numbers"),
        (["x", "y"], column_of([1, 2], "category"), "text", "numbers"),
        (["x", "y"], column_of(pd.to_datetime(["2020-01-01"])), "text", "dates"),
        (["x", "y"], column_of([datetime.date(2020, 1, 1)], object), "text", "dates"),
        (["x", "y"], column_of(pd.period_range("2020", periods=1, freq="M")), "text", "dates"),
        (["x", "y"], column_of(pd.to_timedelta(["1s"])), "text", "durations"),
        (["x", "y"], column_of([b"x"], object), "text", "values of type bytes"),
        (pd.Categorical([1, 2]), column_of(["1", "2"]), "numbers", "text"),
        (pd.cut([1.0, 2.0], 2), column_of([1.0, 2.0]), "values of type Interval", "numbers"),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pd.Series) else "",
)
def test_levels_that_changed_their_type_are_refused(fitted, column, held, got):
    encoder = fit_column(CategoryColumn(9, True), column_of(fitted))
    message = rf"Column 'a' of X held {held} in fit; .* holds {got} \(for instance .*Give it the type it had in fit"
    with pytest.raises(ValueError, match=message):
        encoder.codes(column)


def test_an_odd_value_first_is_unseen_and_not_a_change_of_type():
    encoder = fit_column(CategoryColumn(9, True), column_of(["x", "y"]))
    assert encoder.codes(column_of([1, "y"], object)).tolist() == [UNSEEN, FIRST_LEVEL + 1]


@pytest.mark.parametrize("dtype", [object, float, "str", "datetime64[ns]"])
def test_a_column_of_missing_cells_has_no_type_to_change(dtype):
    encoder = fit_column(CategoryColumn(9, True), column_of(["x", "y"]))
    assert encoder.codes(column_of([None, None], dtype)).tolist() == [MISSING, MISSING]


@pytest.mark.parametrize("cells", [[[1], [2]], [{}, "x"], [{1}, {2}]])
def test_cells_that_cannot_be_levels_are_refused(cells):
    with pytest.raises(TypeError, match="Column 'a' of X holds values that are neither numbers, text nor dates"):
        fit_column(CategoryColumn(9, True), column_of(cells, object))
    encoder = fit_column(CategoryColumn(9, True), column_of(["x", "y"]))
    with pytest.raises(ValueError, match=r"Column 'a' of X held categories in fit; .* values that are not categories"):
        encoder.codes(column_of(cells, object))


# -- dates ----------------------------------------------------------------------------------------


def parts_of(column, fitted_on=None):
    """(days, frame of the other outputs) of a column."""
    fitted_on = column if fitted_on is None else fitted_on
    encoder = fit_column(DateColumn(), fitted_on)
    out, _ = written(encoder, column.to_frame())
    return days(column, zone_of(fitted_on)), pd.DataFrame(out, columns=encoder.feature_names(["a"]))


DATES = pd.to_datetime(["2020-01-01 00:00", "2021-07-02 06:00", "1969-12-31 18:30", "2024-02-29 12:15"])


def test_dates_become_days_season_weekday_and_time_of_day():
    days, parts = parts_of(column_of(DATES))
    np.testing.assert_allclose(days, (DATES - pd.Timestamp("1970-01-01")) / pd.Timedelta("1D"))
    day_of_year = np.array([date.timetuple().tm_yday for date in DATES])
    season = 2 * np.pi * (day_of_year - 1) / 365.25
    clock = 2 * np.pi * (DATES.hour * 60 + DATES.minute) / 1440
    expected = {"season_sin": np.sin(season), "season_cos": np.cos(season)}
    expected |= {"clock_sin": np.sin(clock), "clock_cos": np.cos(clock)}
    expected |= {f"weekday_{k}": DATES.day_of_week == k for k in range(7) if k in DATES.day_of_week}
    assert list(parts) == [f"a_{name}" for name in expected]
    np.testing.assert_allclose(parts, np.column_stack(list(expected.values())), atol=1e-6)


def test_missing_dates_are_zeros():
    days, parts = parts_of(column_of([DATES[0], pd.NaT, DATES[1]]))
    assert np.isnan(days).tolist() == [False, True, False]
    assert not parts.iloc[1].any()
    whole_days, whole_parts = parts_of(column_of(DATES[:2]))
    np.testing.assert_array_equal(days[[0, 2]], whole_days)
    np.testing.assert_array_equal(parts.iloc[[0, 2]], whole_parts)


def test_parts_that_do_not_vary_are_left_out():
    midnights = column_of(pd.to_datetime(["2020-01-06", "2020-01-13", None]))  # Mondays
    assert list(parts_of(midnights)[1]) == ["a_season_sin", "a_season_cos"]
    assert list(parts_of(column_of([DATES[0]] * 3))[1]) == []


@pytest.mark.parametrize(
    "column",
    [
        column_of([date.date() for date in DATES], object),
        column_of(DATES.normalize(), "datetime64[s]"),
        column_of(DATES.normalize().to_period("D")),
        column_of(list(DATES.to_period("D")), object),
        column_of(list(DATES.normalize()), object),
        column_of([date.date() for date in DATES], "date32[pyarrow]"),
        column_of(DATES.normalize(), "timestamp[us][pyarrow]"),
    ],
    ids=lambda column: f"{column.dtype}-{type(column[0]).__name__}",
)
def test_dates_of_every_type_are_the_same(column):
    expected_days, expected_parts = parts_of(column_of(DATES.normalize()))
    days, parts = parts_of(column)
    np.testing.assert_array_equal(days, expected_days)
    pd.testing.assert_frame_equal(parts, expected_parts)


@pytest.mark.parametrize("dtype", [object, "date32[pyarrow]"])
def test_missing_python_dates_are_missing(dtype):
    days, _ = parts_of(column_of([DATES[0].date(), None, DATES[1].date()], dtype))
    assert np.isnan(days).tolist() == [False, True, False]


def test_a_missing_period_is_missing():
    days, _ = parts_of(column_of(pd.PeriodIndex(["2020-01", None], freq="M")))
    np.testing.assert_array_equal(days, [18262, np.nan])


@pytest.mark.parametrize("dtype", [None, object, f"timestamp[us, tz={TOKYO}][pyarrow]"], ids=str)
def test_a_time_zone_counts_by_its_own_clock(dtype):
    expected_days, expected_parts = parts_of(column_of(DATES))
    days, parts = parts_of(column_of(DATES.tz_localize(TOKYO), dtype))
    np.testing.assert_array_equal(days, expected_days)
    pd.testing.assert_frame_equal(parts, expected_parts)


@pytest.mark.parametrize("dtype", [None, object, "timestamp[us, tz=America/New_York][pyarrow]"], ids=str)
def test_another_time_zone_later_is_converted_to_that_of_fit(dtype):
    fitted = column_of(DATES.tz_localize(TOKYO))
    elsewhere = column_of(DATES.tz_localize(TOKYO).tz_convert("America/New_York"), dtype)
    np.testing.assert_array_equal(parts_of(elsewhere, fitted)[0], parts_of(fitted)[0])
    pd.testing.assert_frame_equal(parts_of(elsewhere, fitted)[1], parts_of(fitted)[1])


def test_naive_dates_later_are_of_the_time_zone_of_fit():
    fitted, naive = column_of(DATES.tz_localize(TOKYO)), column_of(DATES)
    np.testing.assert_array_equal(parts_of(naive, fitted)[0], parts_of(fitted)[0])


@pytest.mark.parametrize("dtype", [object, float, "datetime64[ns]", "timedelta64[ns]", "str"])
def test_dates_all_missing_later_are_zeros_whatever_their_type(dtype):
    days, parts = parts_of(column_of([None, None], dtype), column_of(DATES))
    assert np.isnan(days).all()
    assert not parts.to_numpy().any()


@pytest.mark.parametrize(
    "column",
    [
        column_of([18262.0, 18263.0]),
        column_of(["1 January 2020"]),
        column_of(pd.to_timedelta(["1D"])),
        column_of(DATES).astype("category"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_what_is_no_date_later_is_refused_with_the_way_out(column):
    with pytest.raises(ValueError, match=r"Column 'a' of X held dates in fit; .*pandas\.to_datetime"):
        parts_of(column, column_of(DATES))


@pytest.mark.parametrize(
    "cells",
    [
        [datetime.datetime(2020, 1, 1, tzinfo=UTC), datetime.datetime(2020, 1, 2)],
        [datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=h))) for h in (1, 2)],
    ],
    ids=["aware and naive", "two zones"],
)
def test_dates_that_do_not_go_together_are_refused(cells):
    with pytest.raises(ValueError, match=r"column 'a' of X must be of one kind and one time zone.*utc=True"):
        parts_of(column_of(cells, object))
