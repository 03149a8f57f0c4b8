"""What users pass as `X` becomes an array, a CSR array or a frame, or a clear error."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from pandas.testing import assert_frame_equal
from scipy import sparse
from sklearn.base import BaseEstimator

from sknn.preprocessing import as_table, take_rows


class Owner(BaseEstimator):
    """An estimator to be named in errors."""


def table_of(X, **options):
    return as_table(X, estimator=Owner(), **options)


NUMBERS = np.array([[1.0, 2.0], [3.0, 5.0]])


# -- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64, np.uint8, np.bool_])
def test_a_plain_array_is_not_copied(dtype):
    X = NUMBERS.astype(dtype)
    assert table_of(X) is X


def test_an_array_with_nan_is_accepted():
    X = np.array([[1.0, np.nan], [3.0, 5.0]])
    np.testing.assert_array_equal(table_of(X), X)


def test_an_array_whose_sum_overflows_is_accepted():
    X = np.full((2, 2), 1e308)
    np.testing.assert_array_equal(table_of(X), X)


@pytest.mark.parametrize(
    "X",
    [
        [[1, 2], [3, 5]],
        ((1, 2), (3, 5)),
        np.array([[1, 2], [3, 5]], dtype=object),
        torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True),
        torch.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=torch.bfloat16),
        np.asfortranarray(NUMBERS),
    ],
    ids=["lists", "tuples", "objects", "tensor", "bfloat16", "fortran"],
)
def test_numbers_of_any_container_become_a_numeric_array(X):
    table = table_of(X)
    assert type(table) is np.ndarray
    assert table.dtype.kind in "if"
    np.testing.assert_array_equal(table, NUMBERS)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_cells_of_a_list_of_numbers_become_nan(missing):
    np.testing.assert_array_equal(table_of([[1, missing], [3, 5]]), [[1, np.nan], [3, 5]])


@pytest.mark.parametrize("dtype", [float, int])
def test_masked_cells_of_an_array_are_missing(dtype):
    X = np.ma.masked_equal(np.array([[1, 2], [3, 5]], dtype=dtype), 3)
    np.testing.assert_array_equal(table_of(X), [[1, 2], [np.nan, 5]])


def test_masked_objects_are_missing():
    X = np.ma.MaskedArray(np.array([["a"], ["b"]], dtype=object), mask=[[True], [False]])
    assert table_of(X)[0].isna().tolist() == [True, False]


def test_masked_dates_are_missing():
    X = np.ma.MaskedArray(np.array([["2020-01-01"], ["2020-01-02"]], dtype="datetime64[ns]"), mask=[[True], [False]])
    assert table_of(X)[0].tolist() == [pd.NaT, pd.Timestamp("2020-01-02")]


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5)])
def test_arrays_of_more_dimensions_need_numbers_only(shape):
    X = np.zeros(shape)
    np.testing.assert_array_equal(table_of(X, numbers_only=True), X)
    with pytest.raises(ValueError, match=f"Found array with dim {len(shape)}.*required by Owner"):
        table_of(X)


# -- mixed cells ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [[[1, "a"], [2, "b"]], ((1, "a"), (2, "b")), np.array([[1, "a"], [2, "b"]], object)])
def test_rows_of_mixed_cells_become_a_frame_that_keeps_their_types(rows):
    assert_frame_equal(table_of(rows), pd.DataFrame({0: [1, 2], 1: ["a", "b"]}))


@pytest.mark.parametrize("X", [[["1", "a"]], np.array([["1", "a"]]), np.array([["1", "a"]], dtype=object)])
def test_text_stays_text(X):
    assert table_of(X).iloc[0].tolist() == ["1", "a"]


def test_an_array_of_dates_becomes_a_frame_of_dates():
    X = np.array([["2020-01-01"], ["NaT"]], dtype="datetime64[D]")
    column = table_of(X)[0]
    assert column.dtype.kind == "M"
    assert column.tolist() == [pd.Timestamp("2020-01-01"), pd.NaT]


def test_flags_among_objects_stay_flags():
    table = table_of(np.array([[True, 2.5], [False, 3.5]], dtype=object))
    assert [dtype.kind for dtype in table.dtypes] == ["b", "f"]


def test_a_frame_is_returned_as_it_is():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert table_of(frame) is frame


# -- sparse ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dok", "lil", "dia"])
@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csr_matrix])
def test_every_sparse_format_becomes_a_csr_array(form, make):
    dense = np.array([[0.0, 2.0, 0.0], [3.0, 0.0, 0.0]])
    table = table_of(make(dense).asformat(form))
    assert type(table) is sparse.csr_array
    np.testing.assert_array_equal(table.toarray(), dense)


def test_repeated_entries_of_a_sparse_cell_are_summed_in_a_copy():
    X = sparse.csr_array(([1.0, 2.0, 3.0], [0, 0, 1], [0, 2, 3]), shape=(2, 2))
    table = table_of(X)
    assert table.data.tolist() == [3, 3]
    assert X.data.tolist() == [1, 2, 3]


# -- polars ---------------------------------------------------------------------------------------


DAY = datetime.datetime(2020, 6, 5, 23, 30)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series("a", [1, None, 3]), [1, np.nan, 3]),
        (pl.Series("a", [1.5, None]), [1.5, np.nan]),
        (pl.Series("a", [True, None, False]), [True, None, False]),
        (pl.Series("a", ["x", None, "y"]), ["x", None, "y"]),
        (pl.Series("a", ["x", None, "y"], dtype=pl.Categorical), ["x", None, "y"]),
        (pl.Series("a", ["x", None, "y"], dtype=pl.Enum(["x", "y"])), ["x", None, "y"]),
        (pl.Series("a", [DAY.date(), None]), [pd.Timestamp(DAY.date()), pd.NaT]),
        (pl.Series("a", [DAY, None]), [pd.Timestamp(DAY), pd.NaT]),
        (pl.Series("a", [datetime.timedelta(hours=1), None]), [pd.Timedelta(hours=1), pd.NaT]),
        (pl.Series("a", [1, 2], dtype=pl.Int128), [1, 2]),
        (pl.Series("a", [{"k": 1}]), [{"k": 1}]),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pl.Series) else "",
)
def test_a_polars_column_keeps_its_cells(column, expected):
    values = table_of(pl.DataFrame({"a": column}))["a"]
    assert values.isna().tolist() == pd.isna(pd.Series(expected, dtype=object)).tolist()
    assert values.dropna().tolist() == [
        value for value in expected if not pd.api.types.is_scalar(value) or pd.notna(value)
    ]


def test_polars_dates_of_a_time_zone_keep_it():
    column = pl.Series([DAY, None]).dt.replace_time_zone("Asia/Tokyo")
    values = table_of(pl.DataFrame({"when": column}))["when"]
    assert str(values.dtype.tz) == "Asia/Tokyo"
    assert values[0] == pd.Timestamp(DAY, tz="Asia/Tokyo")
    assert values[0].hour == 23


def test_a_polars_lazy_frame_says_to_collect():
    with pytest.raises(TypeError, match=r"X\.collect\(\)"):
        table_of(pl.LazyFrame({"a": [1]}))


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "X",
    [
        np.arange(3.0),
        [1, 2, 3],
        ["a", "b"],
        np.array(["a", 1], dtype=object),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        pd.Series([1, 2]),
        pd.Series(["a", "b"]),
        pd.Series(["a", "b"], dtype="category"),
        pl.Series([1, 2]),
        pl.Series(["a", "b"]),
        torch.ones(3),
        [],
    ],
    ids=lambda X: f"{type(X).__module__.partition('.')[0]}-{type(X).__name__}-{getattr(X, 'dtype', '')}",
)
def test_one_dimension_is_refused_with_the_way_out(X):
    with pytest.raises(ValueError, match=r"(?s)Expected 2D array, got 1D array.*Reshape your data"):
        table_of(X)


@pytest.mark.parametrize("X", [3.0, None, "text", np.array(1.0)])
def test_a_scalar_is_refused(X):
    with pytest.raises(ValueError, match="Expected 2D array, got scalar array"):
        table_of(X)


def test_text_of_three_dimensions_is_refused():
    with pytest.raises(ValueError, match="Found array with dim 3"):
        table_of(np.array([[["a"]]]))


@pytest.mark.parametrize(
    "X",
    [
        np.empty((0, 2)),
        np.empty((0, 2), dtype=object),
        pd.DataFrame({"a": [], "b": []}),
        sparse.csr_array((0, 2)),
        pl.DataFrame({"a": [], "b": []}),
    ],
    ids=["array", "objects", "frame", "csr", "polars"],
)
def test_a_table_without_rows_is_refused(X):
    with pytest.raises(ValueError, match=r"0 sample\(s\) \(shape=\(0, 2\)\) while a minimum of 1 is required by Owner"):
        table_of(X)


@pytest.mark.parametrize(
    "X",
    [np.empty((2, 0)), np.empty((2, 0), dtype=object), pd.DataFrame(index=[0, 1]), sparse.csr_array((2, 0))],
    ids=["array", "objects", "frame", "csr"],
)
def test_a_table_without_columns_is_refused(X):
    with pytest.raises(
        ValueError, match=r"0 feature\(s\) \(shape=\(2, 0\)\) while a minimum of 1 is required by Owner"
    ):
        table_of(X)


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", "double[pyarrow]", "Sparse[float64]"])
def test_infinity_in_a_frame_is_refused_by_the_name_of_its_column(infinity, dtype):
    frame = pd.DataFrame({"fine": [1.0, 2.0], "bad": pd.Series([1.0, infinity], dtype=dtype)})
    with pytest.raises(ValueError, match=r"contains infinity .*column 'bad'.*finite number or by NaN"):
        table_of(frame)


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1.0, np.inf]]),
        np.array([[-np.inf, np.inf]]),
        [[1.0, np.inf]],
        torch.tensor([[1.0, np.inf]]),
        sparse.csr_array([[1.0, np.inf]]),
    ],
    ids=["array", "both signs", "list", "tensor", "csr"],
)
def test_infinity_in_an_array_is_refused(X):
    with pytest.raises(ValueError, match="Input X contains infinity"):
        table_of(X)


def test_infinity_beside_text_is_refused_by_the_number_of_its_column():
    with pytest.raises(ValueError, match=r"contains infinity .*column 1"):
        table_of(np.array([["a", np.inf], ["b", 1.0]], dtype=object))


@pytest.mark.parametrize(
    "X",
    [np.array([[1j]]), pd.DataFrame({"a": [1j]}), np.array([[1j, "a"]], dtype=object), sparse.csr_array([[1j]])],
    ids=["array", "frame", "objects", "csr"],
)
def test_complex_numbers_are_refused(X):
    with pytest.raises(ValueError, match="Complex data not supported"):
        table_of(X)


def test_rows_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="X must be an array, a DataFrame"):
        table_of([[1, 2], [3]])


# -- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [slice(1, 3), np.array([2, 0])])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, lambda X: pd.DataFrame(X, index=[7, 7, 1, 0])])
def test_rows_are_taken_by_position(make, rows):
    X = np.arange(8.0).reshape(4, 2)
    part = take_rows(make(X), rows)
    np.testing.assert_array_equal(part.toarray() if sparse.issparse(part) else part, X[rows])
