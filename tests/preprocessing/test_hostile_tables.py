"""Odd names and cells work, or are refused by an error that says where they are."""

import datetime
import decimal
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sknn import NNClassifier, NNRegressor
from sknn.preprocessing import TableEncoder, as_values
from sknn.preprocessing.columns import column_kind, table_kinds
from sknn.preprocessing.columns._numbers import Numbers
from sknn.preprocessing.columns._scaling import robust_scale

N = 24
NUMBERS = np.random.RandomState(0).normal(size=N)


def objects(*cells) -> pd.Series:
    column = pd.Series([None] * N, dtype=object)
    for i in range(N):
        column.iat[i] = cells[i % len(cells)]
    return column


def frame_of(column) -> pd.DataFrame:
    return pd.DataFrame({"a": NUMBERS, "odd": column})


def named(*names) -> pd.DataFrame:
    cells = np.empty(len(names), dtype=object)
    cells[:] = names
    frame = pd.DataFrame({j: NUMBERS * (j + 1) for j in range(len(names))})
    frame.columns = pd.Index(cells, dtype=object, tupleize_cols=False)
    return frame


def regressor(**params) -> NNRegressor:
    return NNRegressor("mlp", hidden_layer_sizes=4, max_epochs=1, random_state=0, **params)


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        (("a", 1), ("b", 2)),
        (3, 7),
        (None, "x"),
        (np.nan, "x"),
        (pd.NA, "x"),
        (pd.NaT, "x"),
        ("x", "x"),
        (b"x", 1),
        (np.str_("a"), "b"),
        ("\ud800", ""),
    ],
    ids=ascii,
)
def test_columns_may_have_any_names(names):
    X = named(*names)
    model = regressor().fit(X, NUMBERS)
    expected = regressor().fit(X.to_numpy(), NUMBERS).predict(X.to_numpy())
    np.testing.assert_array_equal(model.predict(X), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)


def test_another_name_than_the_missing_one_of_fit_is_refused():
    model = regressor().fit(named(pd.NA, "x"), NUMBERS)
    with pytest.raises(ValueError, match="columns of X must be those of fit"):
        model.predict(named(3, "x"))


# -- cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cells",
    [("\ud800", "a", "b"), ((1, 2), (3,), ("x",)), (b"a", "a"), (True, None, "x"), (frozenset([1]), frozenset([2]))],
    ids=ascii,
)
@pytest.mark.parametrize("embed", [False, True])
def test_whatever_can_be_told_apart_is_a_level(cells, embed):
    encoder = TableEncoder(max_onehot=9 if not embed else 1)
    codes = encoder.fit_transform(frame_of(objects(*cells)))[:, 1:]
    number = {cell: i for i, cell in enumerate(cells)}
    of_row = [number[cells[i % len(cells)]] for i in range(N)]
    for i in range(N):
        np.testing.assert_array_equal((codes == codes[i]).all(axis=1), np.array(of_row) == of_row[i])


@pytest.mark.parametrize("odd", [{"a": 1}, [2], {3}, np.ones(2)], ids=str)
def test_a_cell_that_is_no_level_is_named_with_its_row(odd):
    cells = objects("a", "b")
    cells.iat[5] = odd
    X = pd.DataFrame({"a": NUMBERS, "odd": cells}).set_axis(range(100, 100 + N))
    with pytest.raises(TypeError, match=r"'odd' of X .* in row 5, labelled 105"):
        regressor().fit(X, NUMBERS)


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param((10**400, 1), id="huge"),
        pytest.param((decimal.Decimal("1e400"),), id="decimal"),
        pytest.param((datetime.timedelta.max,), id="long"),
        pytest.param(
            (np.timedelta64(1, "M"),),
            id="month",
            marks=pytest.mark.skipif(
                int(pd.__version__.partition(".")[0]) < 3, reason="pandas 2 takes a month for 30 days and some hours"
            ),
        ),
    ],
)
def test_amounts_without_a_float_are_refused_by_column(cells):
    with pytest.raises(ValueError, match=r"X.*'odd'|'odd' of X"):
        regressor().fit(frame_of(objects(*cells)), NUMBERS)


def test_sparse_durations_count_as_seconds():
    days = pd.to_timedelta(np.arange(N), unit="D")
    sparse = frame_of(pd.Series(pd.arrays.SparseArray(days.to_numpy())))
    np.testing.assert_array_equal(
        TableEncoder().fit_transform(sparse), TableEncoder().fit_transform(frame_of(pd.Series(days)))
    )


@pytest.mark.parametrize(
    ("column", "later", "cell"),
    [
        (objects(1.0, 2.0), "mistake", "'mistake'"),
        (objects("a", "b"), 5, "5"),
        (objects(datetime.timedelta(1), datetime.timedelta(2)), "mistake", "'mistake'"),
        (objects(datetime.date(2020, 1, 1), datetime.date(2021, 1, 2)), "mistake", "'mistake'"),
    ],
    ids=["number", "text", "duration", "date"],
)
def test_a_cell_of_another_type_is_named_with_its_row(column, later, cell):
    model = regressor().fit(frame_of(column), NUMBERS)
    X = frame_of(objects(None)).set_axis(range(100, 100 + N))
    X["odd"] = pd.Series([None] * 7 + [later] + [None] * (N - 8), dtype=object, index=X.index)
    with pytest.raises(ValueError, match=rf"'odd' of X .*for instance {cell} in row 7, labelled 107"):
        model.predict(X)


@pytest.mark.parametrize("dtype", [[("x", int), ("y", float)], "V3"], ids=str)
def test_records_are_refused_by_the_name_of_x(dtype):
    with pytest.raises(ValueError, match="X must be numbers, text or dates"):
        regressor().fit(np.zeros((N, 2), dtype=dtype), NUMBERS)


def test_numpys_text_of_any_length_is_text():
    X = np.array([["a"], ["b"]] * (N // 2), dtype=object)
    expected = regressor().fit(X, NUMBERS).predict(X)
    X = X.astype(np.dtypes.StringDType())
    np.testing.assert_array_equal(regressor().fit(X, NUMBERS).predict(X), expected)


# -- transformers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        pd.date_range("2020", periods=N),
        pd.period_range("2020", periods=N, freq="D"),
        objects(datetime.time(1), datetime.time(2)),
        objects("a", "b"),
    ],
    ids=["dates", "periods", "times", "text"],
)
def test_columns_that_a_transformer_cannot_take_are_named(column):
    message = r"StandardScaler, the transformer in 'preprocessing', cannot take X.*'odd'"
    with pytest.raises((ValueError, TypeError), match=message):
        regressor(preprocessing=StandardScaler()).fit(frame_of(column), NUMBERS)


class Constant(TransformerMixin, BaseEstimator):
    def __init__(self, output):
        self.output = output

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return self.output


@pytest.mark.parametrize(
    "output",
    [None, np.zeros(N), np.zeros((N + 1, 2)), np.full((N, 1), np.inf), np.zeros((N, 0))],
    ids=["nothing", "1-d", "rows", "infinity", "empty"],
)
def test_an_output_that_is_no_table_is_the_transformers_fault(output):
    with pytest.raises(ValueError, match="output of Constant, the transformer in 'preprocessing', must be a table"):
        regressor(preprocessing=Constant(output)).fit(frame_of(NUMBERS), NUMBERS)


# -- many columns ---------------------------------------------------------------------------------


def odd_columns(dtype) -> np.ndarray:
    random_state = np.random.RandomState(1)
    values = random_state.normal(size=(31, 9))
    values[:, 1] = 3.0  # constant
    values[:, 2] = np.nan
    values[1:, 3] = np.nan
    values[random_state.uniform(size=31) < 0.3, 4] = np.nan
    values[:25, 5] = 0.0  # no spread
    values[:, 6] = np.nan
    values[:2, 6] = 1.0, 2.0
    values[:, 7] *= 1e-40
    values[:, 8] = values[:, 8].round()
    return values.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("group", [1, 62, 1 << 20])
def test_the_scales_of_all_columns_are_those_of_each(monkeypatch, dtype, group):
    monkeypatch.setattr("sknn.preprocessing._tables._GROUP_VALUES", group)
    values = odd_columns(dtype)
    block = Numbers().fit(values, range(9), ["number"] * 9)
    expected = np.array([robust_scale(values[:, j], None) for j in range(9)])
    np.testing.assert_array_equal(np.column_stack([block.center_, block.factor_]), expected[block.kept_])


def test_the_kinds_of_all_columns_are_those_of_each():
    frame = pd.DataFrame(odd_columns(np.float64)).assign(
        text=objects("a"), none=objects(None), flag=NUMBERS[0] > 0, whole=1, date=pd.Timestamp("2020"), flags=True
    )
    assert table_kinds(frame) == [column_kind(column) for _, column in frame.items()]


def test_infinity_is_found_in_each_column_of_many():
    frame = pd.DataFrame(np.zeros((N, 50)))
    frame.iloc[3, 41] = -np.inf
    with pytest.raises(ValueError, match=r"infinity.*column 41"):
        NNClassifier(preset="fast", max_epochs=1).fit(frame, np.arange(N) % 2)


def test_a_transformer_may_give_a_frame_of_dates():
    X = pd.DataFrame({"a": NUMBERS, "when": pd.date_range("2020", periods=N)})
    expected = regressor(preprocessing=TableEncoder(scale=False, recurring_values=None)).fit(X, NUMBERS).predict(X)
    np.testing.assert_array_equal(regressor(preprocessing=FunctionTransformer()).fit(X, NUMBERS).predict(X), expected)


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}], ids=["list", "struct"])
def test_nested_columns_of_arrow_are_refused_by_name(cell):
    pyarrow = pytest.importorskip("pyarrow")
    dtype = pd.ArrowDtype(pyarrow.array([cell]).type)
    frame = pd.DataFrame({"odd": pd.array([cell] * len(NUMBERS), dtype=dtype)})
    with pytest.raises((ValueError, TypeError), match="odd"):
        regressor().fit(frame, NUMBERS)


# -- types that pandas cannot work with -----------------------------------------------------------

TIMES = [datetime.datetime(2020, 1, 1, 6), datetime.datetime(2021, 5, 4), datetime.datetime(2020, 2, 3)]


def runs(cells, kind):
    return pc.run_end_encode(pa.array(cells, kind))


@pytest.mark.parametrize(
    ("make", "cells"),
    [
        (lambda cells: pa.array(cells, pa.string_view()), ["x", None, "y"]),
        (lambda cells: pa.array(cells, pa.binary_view()), [b"x", None, b"y"]),
        (lambda cells: runs(cells, pa.string()), ["x", None, "y"]),
        (lambda cells: runs(cells, pa.float64()), [1.5, None, 4.0]),
        (lambda cells: runs(cells, pa.int64()), [1, 5, 7]),
        (lambda cells: runs(cells, pa.bool_()), [True, False, False]),
        (lambda cells: runs(cells, pa.timestamp("us")), TIMES),
        (
            lambda cells: pa.array(cells, pa.month_day_nano_interval()),
            [pa.MonthDayNano(cells) for cells in ([1, 2, 3], [1, 0, 0], [2, 0, 0])],
        ),
    ],
    ids=["text view", "bytes view", "text runs", "number runs", "int runs", "flag runs", "date runs", "months"],
)
@pytest.mark.parametrize("max_onehot", [1, 9])
def test_types_of_arrow_without_one_of_numpy_are_encoded_as_their_cells(make, cells, max_onehot):
    column = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([make(cells * 8)])))
    assert isinstance(column.dtype, pd.ArrowDtype)
    X, plain = frame_of(column), frame_of(pd.Series(cells * 8))
    encoder = TableEncoder(max_onehot=max_onehot).fit(X)
    expected = TableEncoder(max_onehot=max_onehot).fit_transform(plain)
    np.testing.assert_array_equal(encoder.transform(X), expected)
    np.testing.assert_array_equal(encoder.transform(plain), expected)
    if None not in cells:
        np.testing.assert_array_equal(as_values(column, "y"), as_values(plain["odd"], "y"))


@pytest.mark.parametrize("others", [(decimal.Decimal(1), decimal.Decimal(3)), ("a", "b"), (None, None), (1.5, 2)])
@pytest.mark.parametrize("later", [False, True])
def test_a_signaling_nan_is_refused_with_its_column_and_row(others, later):
    cells = objects(*others)
    X = frame_of(cells if others[0] is not None else objects(1.0, 2.0))
    cells.iat[5] = decimal.Decimal("sNaN")
    encoder = TableEncoder().fit(X)
    with pytest.raises(ValueError, match=r"[Cc]olumn 'odd' of X .*sNaN.* in row 5"):
        (encoder.transform if later else TableEncoder().fit)(frame_of(cells))
    with pytest.raises(ValueError, match="y must not hold a signaling NaN"):
        as_values(cells, "y")


@pytest.mark.parametrize("dtype", ["datetime64", "timedelta64"])
@pytest.mark.parametrize("cell", ["NaT", 0])
def test_dates_and_durations_without_a_unit_are_refused_with_the_way_out(dtype, cell):
    X = np.full((N, 2), np.array(cell).astype(dtype) if cell == "NaT" else np.zeros((), dtype=dtype))
    with pytest.raises(ValueError, match=rf"X must hold dates of a unit\. Got dtype {dtype}; .*\[s\]"):
        TableEncoder().fit(X)
    TableEncoder().fit(X.astype(f"{dtype}[s]"))
