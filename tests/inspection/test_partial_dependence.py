"""The ensemble's curve is scikit-learn's, and the members' are those of each member alone."""

import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.inspection import partial_dependence
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn import NNClassifier, NNRegressor
from sknn.inspection import MemberPartialDependenceDisplay, member_partial_dependence

mpl.use("Agg")
import matplotlib.pyplot as plt

QUICK = {"preset": "fast", "max_epochs": 4, "random_state": 0}
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def mixed(n_rows=150):
    return pd.DataFrame(
        {
            "number": RNG.normal(size=n_rows),
            "level": pd.Categorical(RNG.choice(["a", "b", None], n_rows, p=[0.5, 0.3, 0.2])),
            "word": RNG.choice([f"w{i:02d}" for i in range(40)], n_rows),
            "flag": RNG.uniform(size=n_rows) < 0.5,
            "count": pd.array(np.where(np.arange(n_rows) % 9, np.arange(n_rows) % 4, None), dtype="Int64"),
            "when": pd.Timestamp("2025-01-01") + pd.to_timedelta(RNG.integers(0, 400, n_rows), "D"),
        }
    )


@pytest.fixture(scope="module")
def fitted():
    X = mixed()
    return NNRegressor(**QUICK).fit(X, X["number"] + (X["level"] == "a") + X["flag"]), X


def test_the_curve_is_that_of_scikit_learn():
    X, y = load_diabetes(return_X_y=True)
    net = NNRegressor(**QUICK).fit(X, y)
    result = member_partial_dependence(net, X, 2, grid_resolution=12)
    expected = partial_dependence(net, X, [2], grid_resolution=12)
    np.testing.assert_allclose(result.grid_values, expected.grid_values[0])
    np.testing.assert_allclose(result.average, expected.average[0], rtol=1e-6)


def test_classes_weights_and_percentiles_are_those_of_scikit_learn():
    X, y = load_iris(return_X_y=True, as_frame=True)
    net, weight = NNClassifier(**QUICK).fit(X, y), RNG.uniform(size=150)
    options = {"sample_weight": weight, "percentiles": (0.2, 0.7), "grid_resolution": 8}
    expected = partial_dependence(net, X, ["petal width (cm)"], **options)
    for target in (0, 1, 2):
        result = member_partial_dependence(net, X, "petal width (cm)", target=target, **options)
        np.testing.assert_allclose(result.average, expected.average[target], rtol=1e-6)
        np.testing.assert_allclose(result.grid_values, expected.grid_values[0])


@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_the_spread_is_that_of_the_members(cls):
    X, y = load_diabetes(return_X_y=True)
    y = y > 140 if cls is NNClassifier else y
    net = cls(**QUICK).fit(X, y)
    result = member_partial_dependence(net, X, 8, grid_resolution=4)
    for value, average, std in zip(result.grid_values, result.average, result.std, strict=True):
        rows = X.copy()
        rows[:, 8] = value
        outputs = net._member_outputs(rows)
        if cls is NNClassifier:
            members = net._target.predict_proba(outputs)[:, :, 1].mean(1)
            assert average == pytest.approx(net.predict_proba(rows)[:, 1].mean())
        else:
            members = [net._target.predict(of_member).mean() for of_member in outputs]
            assert average == pytest.approx(net.predict(rows).mean())
        assert std == pytest.approx(np.std(members), rel=1e-5)
    assert result.members.shape == (4, 4)


def test_columns_of_all_kinds(fitted):
    net, X = fitted
    before = X.copy()
    grids = {name: member_partial_dependence(net, X, name, grid_resolution=10) for name in X.columns}
    assert {name for name, each in grids.items() if each.is_categorical} == {"level", "word", "flag"}
    assert grids["level"].grid_values.tolist() == ["a", "b"]
    assert grids["flag"].grid_values.tolist() == [False, True]
    assert grids["word"].grid_values.tolist() == X["word"].value_counts().index[:20].tolist()
    assert grids["count"].grid_values.tolist() == [0, 1, 2, 3]
    assert grids["when"].grid_values.dtype.kind == "M"
    assert len(grids["when"].grid_values) == 10
    for name, each in grids.items():
        first = X.assign(**{name: pd.Series([each.grid_values[0]] * len(X)).astype(X[name].dtype)})
        assert each.average[0] == pytest.approx(net.predict(first).mean(), rel=1e-6), name
    pd.testing.assert_frame_equal(X, before)


def test_whole_numbers_are_not_rounded():
    X = RNG.integers(0, 1000, (150, 2))
    net = NNRegressor(**QUICK).fit(X, X[:, 0])
    result = member_partial_dependence(net, X, 0, grid_resolution=7)
    assert (result.grid_values != np.round(result.grid_values)).any()
    rows = X.astype(float)
    rows[:, 0] = result.grid_values[3]
    assert result.average[3] == pytest.approx(net.predict(rows).mean(), rel=1e-6)


def test_a_pipeline_gets_raw_columns():
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    pipeline = make_pipeline(StandardScaler(), NNRegressor(**QUICK)).fit(X, y)
    result = member_partial_dependence(pipeline, X, "bmi", grid_resolution=5)
    expected = partial_dependence(pipeline, X, ["bmi"], grid_resolution=5)
    np.testing.assert_allclose(result.average, expected.average[0], rtol=1e-6)


def test_a_single_network_has_no_spread_and_several_targets_are_chosen_among():
    X, y = load_diabetes(return_X_y=True)
    net = NNRegressor("linear", max_epochs=2, random_state=0).fit(X, np.column_stack([y, -y]))
    first, second = (member_partial_dependence(net, X, 2, target=target, grid_resolution=3) for target in (0, 1))
    assert (first.std == 0).all()
    assert not np.allclose(first.average, second.average)
    with pytest.raises(ValueError, match=r"target must be one of \[0, 1\]. Got None"):
        member_partial_dependence(net, X, 2)


def test_errors_say_what_to_pass(fitted):
    net, X = fitted
    with pytest.raises(ValueError, match=r"by its name or its position. Got 'age'"):
        member_partial_dependence(net, X, "age")
    empty = X.assign(number=np.nan)
    with pytest.raises(ValueError, match="'number' of X has no values"):
        member_partial_dependence(net, empty, "number")
    iris, y = load_iris(return_X_y=True)
    classifier = NNClassifier(**QUICK).fit(iris, y)
    with pytest.raises(ValueError, match=r"target must be one of \[0, 1, 2\]. Got 'setosa'"):
        member_partial_dependence(classifier, iris, 0, target="setosa")


def test_the_display_has_a_band_and_points_with_error_bars(fitted):
    net, X = fitted
    display = MemberPartialDependenceDisplay.from_estimator(net, X, ["number", "level", "when"], grid_resolution=6)
    number, level, _ = display.results
    np.testing.assert_allclose(display.display_.lines_[0, 0].get_ydata(), number.average)
    (band,) = display.axes_[0].collections[-1].get_paths()
    low = np.maximum(number.average - number.std, number.members.min(0))
    high = np.minimum(number.average + number.std, number.members.max(0))
    for value, lower, upper in zip(number.grid_values, low, high, strict=True):
        drawn = band.vertices[band.vertices[:, 0] == value, 1]
        assert (drawn.min(), drawn.max()) == pytest.approx((lower, upper))
    points = display.bands_[1].lines[0]
    np.testing.assert_allclose(points.get_ydata(), level.average)
    assert [label.get_text() for label in display.axes_[1].get_xticklabels()] == ["a", "b"]
    assert not any(bar.get_visible() for bar in display.axes_[1].patches)
    assert [ax.get_xlabel() for ax in display.axes_] == ["number", "level", "when"]
    assert display.axes_[0].get_ylabel() == "mean prediction"
    bottom, top = display.axes_[0].get_ylim()
    assert bottom < min(low) < max(high) < top


def test_the_display_draws_where_it_is_told_and_names_the_class():
    X, y = load_iris(return_X_y=True, as_frame=True)
    net = NNClassifier(**QUICK).fit(X, y.map({0: "setosa", 1: "versicolor", 2: "virginica"}))
    figure, axes = plt.subplots(1, 2)
    display = MemberPartialDependenceDisplay.from_estimator(
        net, X, [2, 3], target="virginica", ax=axes, line_kw={"color": "C2"}, band_kw={"alpha": 0.5}, grid_resolution=5
    )
    assert display.figure_ is figure
    assert display.axes_[0].get_ylabel() == "mean probability of virginica"
    assert display.axes_[1].lines[0].get_color() == "C2"
    assert display.bands_[1].get_alpha() == 0.5


def test_without_matplotlib_an_error_names_the_extra(fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="MemberPartialDependenceDisplay needs matplotlib"):
        MemberPartialDependenceDisplay.from_estimator(*fitted, ["number"])
