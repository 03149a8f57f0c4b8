"""Displays of searches: what is drawn stands in `cv_results_`."""

import sys
from itertools import pairwise
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sknn import NNClassifier
from sknn.inspection import SearchDisplay
from sknn.inspection._search_results import ParameterScale, search_results
from sknn.model_selection import NNSearchCV

mpl.use("Agg")
import matplotlib.pyplot as plt

X, y = (part[:200] for part in load_breast_cancer(return_X_y=True))
KINDS = pytest.mark.parametrize("kind", ["time", "parallel", "slice"])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def own():
    net = NNClassifier(preset="fast", n_members=2, max_epochs=8, random_state=0)
    space = {"learning_rate": [1e-5, 1e-4, 0.002, 0.01], "hidden_layer_sizes": [(8,), (8, 8)]}
    return NNSearchCV(net, space, n_iter=7, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def grid():
    pipeline = Pipeline([("scale", StandardScaler()), ("svc", SVC())])
    space = [{"svc__C": [0.01, 1.0, 100.0]}, {"svc__kernel": ["linear", "rbf"], "scale__with_mean": [True, False]}]
    return GridSearchCV(pipeline, space, cv=2).fit(X, y)


def searched(scores, seconds=1.0, **results):
    """Like a fitted search with a candidate for each score, without the fits."""
    columns = {
        "mean_fit_time": np.full(len(scores), seconds),
        "mean_score_time": np.zeros(len(scores)),
        "split0_test_score": np.array(scores),
        "mean_test_score": np.array(scores),
    }
    columns["param_C"] = np.ma.masked_array(np.arange(len(scores)) + 1.0)
    return SimpleNamespace(cv_results_=columns | results, refit=True, estimator=SVC())


def marks(ax, label):
    """Positions of the marks of a kind, by the beginning of its label."""
    found = [each.get_offsets().data for each in ax.collections if each.get_label().startswith(label)]
    return np.concatenate(found).tolist() if found else []


def legend_of(display):
    legends = display.figure_.legends or [np.ravel(display.ax_)[0].get_legend()]
    return [text.get_text() for text in legends[0].get_texts()]


def tick_labels(ax):
    return [label.get_text() for label in ax.get_xticklabels()]


def test_scores_stand_at_the_seconds_so_far_with_the_best_so_far(grid):
    ax = SearchDisplay.from_estimator(grid).ax_
    results = grid.cv_results_
    spent = 2 * np.cumsum(results["mean_fit_time"] + results["mean_score_time"])
    scores = results["mean_test_score"]
    is_shown = scores >= scores.max() - 3 * (scores.max() - np.median(scores))
    np.testing.assert_allclose(marks(ax, "candidate"), np.stack([spent, scores], axis=1)[is_shown])
    (line,) = ax.lines
    np.testing.assert_allclose(line.get_xdata(), spent)
    np.testing.assert_array_equal(line.get_ydata(), np.maximum.accumulate(scores))
    np.testing.assert_allclose(marks(ax, "best"), [[spent[grid.best_index_], grid.best_score_]])


def test_an_ensemble_has_a_line_and_its_weights_are_areas(own):
    display = SearchDisplay.from_estimator(own)
    assert display.ax_.lines[-1].get_ydata() == [own.oof_score_] * 2
    weighed = np.flatnonzero(own.weights_)
    (dots,) = (each for each in display.ax_.collections if each.get_label().startswith("in the ensemble"))
    np.testing.assert_allclose(dots.get_offsets()[:, 1], own.cv_results_["mean_test_score"][weighed])
    np.testing.assert_allclose(dots.get_sizes(), 22 + 138 * own.weights_[weighed] / own.weights_.max())
    assert f"ensemble, out of fold: {own.oof_score_:.4g}" in legend_of(display)


def test_what_halving_stopped_is_marked_and_not_the_best_so_far():
    search = searched([0.5, 0.9, 0.6], is_dropped=np.array([False, True, False]))
    display = SearchDisplay.from_estimator(search)
    assert marks(display.ax_, "stopped") == [[2.0, 0.9]]
    assert marks(display.ax_, "best") == [[3.0, 0.6]]
    assert display.ax_.lines[0].get_ydata().tolist() == [0.5, 0.5, 0.6]


def test_earlier_iterations_of_scikit_learns_halving_are_rungs():
    net = SVC(random_state=0)
    search = HalvingGridSearchCV(net, {"C": [0.1, 1, 10, 100]}, cv=2, factor=2, random_state=0).fit(X, y)
    results = search_results(search)
    iteration = search.cv_results_["iter"]
    assert iteration.max() > 0
    np.testing.assert_array_equal(results.at_rung, iteration < iteration.max())
    assert results.best == search.best_index_


def test_failed_candidates_and_scores_far_below_are_at_the_edge():
    display = SearchDisplay.from_estimator(searched([0.9, np.nan, 0.8, -50.0, 0.85]))
    assert marks(display.ax_, "failed") == [[2.0, 0.0]]
    assert marks(display.ax_, "below 0.675") == [[4.0, 0.0]]
    assert [height for _, height in marks(display.ax_, "candidate")] == [0.9, 0.8, 0.85]
    assert display.ax_.get_ylim()[0] > 0.7


def test_slices_show_scores_by_value(grid):
    display = SearchDisplay.from_estimator(grid, kind="slice")
    assert [ax.get_xlabel() for ax in display.ax_] == ["C", "with_mean", "kernel"]
    by_c, by_mean, by_kernel = display.ax_
    assert tick_labels(by_c) == ["not set", "0.01", "1", "100"]
    assert tick_labels(by_kernel) == ["not set", "linear", "rbf"]
    assert tick_labels(by_mean) == ["not set", "False", "True"]
    results = search_results(grid)
    drawn = np.array(marks(by_c, "candidate"))
    is_shown = results.scores >= results.lowest_shown
    np.testing.assert_array_equal(drawn, np.stack([results.parameters["C"].positions, results.scores], 1)[is_shown])


def test_lines_go_through_the_parameters_to_the_score(own):
    ax = SearchDisplay.from_estimator(own, kind="parallel").ax_
    assert tick_labels(ax) == ["hidden_layer_sizes", "learning_rate", "score"]
    results = search_results(own)
    (lines,) = ax.collections
    paths = np.stack([path.vertices[:, 1] for path in lines.get_paths()])
    order = np.argsort(np.maximum(results.scores, results.lowest_shown), kind="stable")
    np.testing.assert_allclose(paths[:, 1], results.parameters["learning_rate"].positions[order])
    assert (np.diff(paths[:, -1]) >= 0).all()
    assert np.abs(paths[:, 0] - results.parameters["hidden_layer_sizes"].positions[order]).max() < 0.031
    np.testing.assert_allclose(lines.get_linewidths(), 1.2 + 3 * own.weights_[order] / own.weights_.max())


def test_a_failed_candidate_has_a_line_too_and_the_axis_says_where_it_is_cut():
    ax = SearchDisplay.from_estimator(searched([0.9, np.nan, 0.8, -50.0]), kind="parallel").ax_
    (lines,) = ax.collections
    assert lines.get_colors()[0][:3].tolist() == list(to_rgba("C3")[:3])
    assert {"failed", "≤ 0.6"} <= {text.get_text() for text in ax.texts}


@pytest.mark.parametrize(
    ("values", "kind", "labels", "positions"),
    [
        ([1, 2, 3], "linear", ["1", "2", "3"], [0, 0.5, 1]),
        ([1.0, 10.0, 100.0], "log", ["1", "10", "100"], [0, 0.5, 1]),
        ([0.0, 10.0, 100.0], "linear", ["0", "10", "100"], [0, 0.1, 1]),
        ([np.int64(4), 4], "linear", ["4"], [0.5, 0.5]),
        ([(64, 64), (8,), (64, 64)], "levels", ["8", "64, 64"], [1, 0, 1]),
        ([True, False], "levels", ["False", "True"], [1, 0]),
        (["auto", 3.0, None], "levels", ["auto", "3.0", "None"], [0, 0.5, 1]),
        ([np.nan, 1.0], "levels", ["nan", "1.0"], None),
        ([SVC, DummyClassifier], "levels", ["SVC", "DummyClassifier"], [0, 1]),
        ([[8, 8], [4]], "levels", ["4", "8, 8"], [1, 0]),
        (["a" * 40], "levels", ["a" * 23 + "…"], [0.5]),
    ],
)
def test_values_have_their_places(values, kind, labels, positions):
    column = np.ma.masked_all(len(values) + 1, dtype=object)
    for k, value in enumerate(values):
        column[k] = value
    scale = ParameterScale(column)
    assert scale.kind == kind
    assert [label for _, label in scale.ticks] == ["not set", *labels]
    assert scale.positions[-1] < 0
    if positions is not None:
        np.testing.assert_allclose(scale.positions[:-1], positions)


def test_many_numbers_have_round_ticks():
    scale = ParameterScale(np.ma.asarray(np.geomspace(1.3e-4, 0.9, 50)))
    assert [label for _, label in scale.ticks] == ["0.001", "0.01", "0.1"]
    assert len(ParameterScale(np.ma.asarray(np.linspace(0.013, 0.442, 50))).ticks) >= 4


def test_parameters_of_two_steps_with_one_name_keep_the_steps():
    pipeline = Pipeline([("a", StandardScaler()), ("b", StandardScaler()), ("svc", SVC())])
    space = {"a__with_mean": [True, False], "b__with_mean": [True, False]}
    search = GridSearchCV(pipeline, space, cv=2).fit(X, y)
    assert list(search_results(search).parameters) == ["a__with_mean", "b__with_mean"]


def test_parameters_that_do_not_differ_are_left_out():
    search = GridSearchCV(SVC(), {"C": [1.0, 2.0], "gamma": ["scale"]}, cv=2).fit(X, y)
    assert list(search_results(search).parameters) == ["C"]


def test_one_of_several_metrics():
    search = GridSearchCV(SVC(), {"C": [0.1, 10.0]}, cv=2, scoring=["accuracy", "neg_log_loss"], refit="accuracy")
    search.estimator = DummyClassifier(strategy="prior")
    search.param_grid = {"strategy": ["prior", "uniform"]}
    search.fit(X, y)
    assert SearchDisplay.from_estimator(search).ax_.get_ylabel() == "accuracy"
    display = SearchDisplay.from_estimator(search, metric="neg_log_loss")
    assert display.ax_.get_ylabel() == "neg log loss"
    np.testing.assert_array_equal(display.results.scores, search.cv_results_["mean_test_neg_log_loss"])
    with pytest.raises(ValueError, match=r"metric must be one of \['accuracy', 'neg_log_loss'\].* Got 'r2'"):
        SearchDisplay.from_estimator(search, metric="r2")


@KINDS
def test_nothing_overlaps_in_any_style(own, grid, kind):
    for search in (own, grid):
        for style in ("default", "dark_background"):
            with plt.style.context(style):
                display = SearchDisplay.from_estimator(search, kind=kind)
                figure = display.figure_
                figure.draw_without_rendering()
                panels = [ax.get_tightbbox() for ax in np.ravel(display.ax_)]
                for legend in figure.legends:
                    assert all(legend.get_window_extent().y0 >= panel.y1 - 25 for panel in panels)
                for ax in np.ravel(display.ax_):
                    boxes = [label.get_window_extent() for label in ax.get_xticklabels() if not label.get_rotation()]
                    boxes.sort(key=lambda box: box.x0)
                    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


@KINDS
def test_given_axes_are_used(grid, kind):
    n = 3 if kind == "slice" else 1
    figure, axes = plt.subplots(1, n)
    display = SearchDisplay.from_estimator(grid, kind=kind, ax=axes)
    assert list(np.ravel(display.ax_)) == list(np.ravel(axes))
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    _, others = plt.subplots(1, 2)
    with pytest.raises(ValueError, match=f"ax must hold {n} Axes for kind='{kind}'. Got 2"):
        display.plot(others, kind=kind)


def test_what_is_not_fitted_or_no_search_is_refused(grid):
    with pytest.raises(NotFittedError):
        SearchDisplay.from_estimator(GridSearchCV(SVC(), {"C": [1]}))
    with pytest.raises(ValueError, match=r"search must be a fitted NNSearchCV.* Got SVC"):
        SearchDisplay.from_estimator(SVC())
    with pytest.raises(ValueError, match=r"kind must be one of \['time', 'parallel', 'slice'\]. Got 'bar'"):
        SearchDisplay.from_estimator(grid, kind="bar")
    empty = GridSearchCV(SVC(), {}, cv=2).fit(X, y)
    assert SearchDisplay.from_estimator(empty).ax_.get_ylabel() == "score"
    with pytest.raises(ValueError, match="kind='slice' needs parameters that were searched"):
        SearchDisplay.from_estimator(empty, kind="slice")


def test_without_matplotlib_the_error_names_the_extra(grid, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"SearchDisplay needs matplotlib.* pip install 'sknn\[plot\]'"):
        SearchDisplay.from_estimator(grid)
