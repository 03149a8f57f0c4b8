"""Numbers and dates that are written as text."""

import numpy as np
import pandas as pd
import pytest

from sknn.preprocessing import TableEncoder
from sknn.preprocessing.columns import kind_of


@pytest.mark.parametrize(("cells", "numbers"), [
    (["1,234.50", "12", None, "-7.5"], [1234.5, 12, np.nan, -7.5]),
    (["$12", "$1,000", "−$3.5", "$0"], [12, 1000, -3.5, 0]),
    (["45 %", "4.5%", "-3%", " 0% "], [0.45, 0.045, -0.03, 0]),
    (["1.5", "2", "-3e2", "+4"], [1.5, 2, -300, 4]),
    (["12 €", "7,5,", None, "3 €"], None),
    (["1", "2", "30", "4"], None),  # codes
    (["02134", "10001", "60601", "94105"], None),
    (["1,23", "4,56", "7,89", "0,12"], None),  # a comma for the point
    (["v1.5", "2", "3", "4"], None),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_numbers(cells, numbers, dtype):
    column = pd.Series(cells, name="a", dtype=dtype)
    if numbers is None or dtype == "category":
        assert kind_of(column) == "category"
        return
    assert kind_of(column) == "number"
    written, plain = pd.DataFrame({"a": column}), pd.DataFrame({"a": numbers})
    np.testing.assert_array_equal(TableEncoder().fit_transform(written), TableEncoder().fit_transform(plain))


@pytest.mark.parametrize("cells", [
    ["2025-03-01", "2024-12-31", None], ["2025-03-01 10:30", "2025-03-02T11:45:10.5", "2025-03-02"],
])  # fmt: skip
def test_dates(cells):
    written = pd.DataFrame({"a": pd.Series(cells * 5, dtype=object)})
    dates = written.assign(a=pd.to_datetime(written["a"], format="ISO8601"))
    assert kind_of(written["a"]) == "date"
    np.testing.assert_array_equal(TableEncoder().fit_transform(written), TableEncoder().fit_transform(dates))
    np.testing.assert_array_equal(TableEncoder().fit(dates).transform(written), TableEncoder().fit_transform(dates))


def test_a_date_whose_day_and_month_cannot_be_told_is_a_category():
    assert kind_of(pd.Series(["03/04/2025", "05/06/2025"])) == "category"


def test_one_parameter_turns_it_off():
    X = pd.DataFrame({"price": ["$1.5", "$2", "$3"], "day": ["2025-03-01", "2025-03-02", "2025-03-03"]})
    names = TableEncoder(read_text=False).fit(X).get_feature_names_out()
    assert names.tolist() == [*(f"price_{cell}" for cell in X["price"]), *(f"day_{cell}" for cell in X["day"])]


def test_a_column_of_which_nearly_all_are_numbers_is_named_with_the_way_out():
    X = pd.DataFrame({"price": [f"${k}.5" for k in range(39)] + ["ask"]})
    with pytest.warns(UserWarning, match=r"'price' .* 98% of its texts are numbers.*'ask'.*: replace them"):
        TableEncoder().fit(X)


def test_what_is_no_number_later_is_named_with_its_row():
    encoder = TableEncoder().fit(pd.DataFrame({"price": ["$1.5", "$2", "3"]}))
    with pytest.raises(ValueError, match=r"Column 'price' of X held numbers in fit; .*for instance 'free' in row 1"):
        encoder.transform(pd.DataFrame({"price": ["$1", "free", "$2"]}))
    as_numbers = encoder.transform(pd.DataFrame({"price": [1.5, 3.0]}))
    np.testing.assert_array_equal(as_numbers, encoder.transform(pd.DataFrame({"price": ["$1.5", "3"]})))
