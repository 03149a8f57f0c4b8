"""The display shows what the history holds, of one estimator or of several."""

import copy
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn import NNClassifier, NNRegressor
from sknn.inspection import TrainingCurveDisplay
from sknn.inspection._runs import TrainingRun

mpl.use("Agg")
import matplotlib.pyplot as plt

X, y = make_classification(200, random_state=0)
SMALL = {"hidden_layer_sizes": (4,), "n_members": 1, "random_state": 0, "early_stopping": True}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def without_extras(net):
    """With losses and scores as all that was recorded."""
    net.history_ = net.history_.drop(columns=["lr", "gradient_norm"], errors="ignore")
    return net


@pytest.fixture(scope="module")
def net():
    """Monitors the loss, and stops before its last epoch."""
    net = without_extras(NNClassifier(**SMALL, max_epochs=40, patience=2, learning_rate=0.1).fit(X, y))
    assert net.best_epoch_ < net.n_iter_ < 40
    return net


@pytest.fixture(scope="module")
def scored():
    """Monitors a score, and has all columns."""
    net = NNClassifier(**SMALL, max_epochs=4, patience=9, monitor="roc_auc").fit(X, y)
    net.history_ = net.history_.assign(lr=[0.1, 0.1, 0.05, 0.02], gradient_norm=[5.0, 2.0, 1.0, 0.1])
    return net


def run_of(name="a", **columns):
    history = pd.DataFrame(columns)
    history.insert(0, "epoch", np.arange(len(history)) + 1)
    return TrainingRun(name, history)


def labels(display):
    axes = np.ravel(display.ax_)
    return [axis.get_ylabel().replace("\n", " ") for axis in axes]


def legend_of(display):
    legend = display.figure_.legends[0] if display.figure_.legends else np.ravel(display.ax_)[0].get_legend()
    return [text.get_text() for text in legend.get_texts()]


def marks(ax, marker):
    return [tuple(np.ravel(line.get_data())) for line in ax.lines if line.get_marker() == marker]


def test_losses_by_epoch(net):
    display = TrainingCurveDisplay.from_estimator(net)
    train, valid = display.lines_["loss"]
    assert list(display.lines_) == ["loss"]
    for line, column in ((train, "train_loss"), (valid, "valid_loss")):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, net.n_iter_ + 1))
        np.testing.assert_array_equal(line.get_ydata(), net.history_[column])
    assert same_color(train.get_color(), valid.get_color())
    assert (train.is_dashed(), valid.is_dashed()) == (True, False)
    assert display.ax_.get_xlabel() == "epoch"
    assert display.figure_ is display.ax_.figure


def test_the_kept_epoch_and_the_early_stop_are_marked_and_numbered(net):
    display = TrainingCurveDisplay.from_estimator(net)
    valid_loss = net.history_["valid_loss"].to_numpy()
    assert marks(display.ax_, "o") == [(net.best_epoch_, valid_loss[net.best_epoch_ - 1])]
    assert marks(display.ax_, "x") == [(net.n_iter_, valid_loss[-1])]
    assert [line.get_xdata()[0] for line in display.ax_.lines if line.get_linestyle() == ":"] == [net.best_epoch_]
    expected = ["training", "validation", f"best epoch: {net.best_epoch_}", f"stopped: epoch {net.n_iter_} of 40"]
    assert legend_of(display) == expected


def test_a_run_to_its_end_without_validation_has_no_marks():
    net = without_extras(NNRegressor(**SMALL | {"early_stopping": False}, max_epochs=2).fit(X, y))
    display = TrainingCurveDisplay.from_estimator(net)
    assert legend_of(display) == ["training"]
    assert len(display.ax_.lines) == 1


def test_an_earlier_fit_does_not_count_towards_max_epochs(net):
    warm = copy.copy(net)
    warm.resolved_params_ = net.resolved_params_ | {"warm_start": True}
    assert marks(TrainingCurveDisplay.from_estimator(warm).ax_, "x") == []


def test_a_single_epoch_is_visible():
    (line,) = TrainingCurveDisplay(runs=[run_of(train_loss=[0.5])]).plot().lines_["loss"]
    assert line.get_marker() == "."


def test_a_monitored_score_has_a_panel_of_its_own(scored):
    display = TrainingCurveDisplay.from_estimator(scored, panels=["loss", "score"])
    assert labels(display) == ["loss", "validation roc_auc"]
    (line,) = display.lines_["score"]
    np.testing.assert_array_equal(line.get_ydata(), scored.validation_scores_)
    assert marks(display.ax_[1], "o") == [(scored.best_epoch_, max(scored.validation_scores_))]


def test_a_callable_monitor_is_called_score():
    net = without_extras(NNClassifier(**SMALL, max_epochs=2, monitor=lambda net, X, y: net.score(X, y)).fit(X, y))
    assert labels(TrainingCurveDisplay.from_estimator(net)) == ["loss", "validation score"]


def test_all_that_was_recorded_is_shown(scored):
    display = TrainingCurveDisplay.from_estimator(scored)
    assert labels(display) == ["loss", "validation roc_auc", "learning rate", "gradient norm"]
    assert list(display.lines_) == ["loss", "score", "learning_rate", "gradient_norm"]
    np.testing.assert_array_equal(display.lines_["learning_rate"][0].get_ydata(), scored.history_["lr"])
    np.testing.assert_array_equal(display.lines_["gradient_norm"][0].get_ydata(), scored.history_["gradient_norm"])


def test_a_constant_learning_rate_is_shown_only_when_asked_for():
    display = TrainingCurveDisplay(runs=[run_of(train_loss=[2.0, 1.0], lr=[0.1, 0.1])])
    assert list(display.plot().lines_) == ["loss"]
    assert list(display.plot(panels="learning_rate").lines_) == ["learning_rate"]


def test_a_column_without_values_was_not_recorded():
    display = TrainingCurveDisplay(runs=[run_of(train_loss=[2.0, 1.0], gradient_norm=[None, None])])
    assert list(display.plot().lines_) == ["loss"]


def test_panels_keep_the_order_asked_for(scored):
    display = TrainingCurveDisplay.from_estimator(scored, panels=["gradient_norm", "loss"])
    assert labels(display) == ["gradient norm", "loss"]


@pytest.mark.parametrize(
    ("losses", "log_scale", "expected"),
    [
        ([21.0, 1.0], "auto", "log"),
        ([19.0, 1.0], "auto", "linear"),
        ([21.0, 0.0], "auto", "linear"),
        ([21.0, -1.0], "auto", "linear"),
        ([21.0, np.nan, 1.0], "auto", "log"),
        ([np.inf, 2.0, 1.0], "auto", "linear"),
        ([21.0, 1.0], False, "linear"),
        ([2.0, 1.0], True, "log"),
    ],
)
def test_a_loss_that_spans_much_has_a_logarithmic_axis(losses, log_scale, expected):
    display = TrainingCurveDisplay(runs=[run_of(train_loss=losses)]).plot(log_scale=log_scale)
    assert display.ax_.get_yscale() == expected


def test_ticks_of_a_few_decades_are_plain_numbers():
    display = TrainingCurveDisplay(runs=[run_of(train_loss=[0.5, 0.01])]).plot()
    shown = {label.get_text() for label in display.ax_.get_yticklabels()}
    assert {"0.01", "0.02", "0.05", "0.1", "0.2", "0.5"} <= shown


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 7, 300])
def test_ticks_are_at_whole_epochs(n_epochs):
    ax = TrainingCurveDisplay(runs=[run_of(train_loss=np.ones(n_epochs))]).plot().ax_
    low, high = ax.get_xlim()
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    assert ticks == [int(tick) for tick in ticks]
    assert len(ticks) >= min(n_epochs, 2)
    assert min(ticks) >= 1


def test_estimators_have_a_colour_each_and_a_legend_beside_the_panels(net, scored):
    display = TrainingCurveDisplay.from_estimator({"first": net, "second": scored}, panels=["loss", "score"])
    colors = [line.get_color() for line in display.lines_["loss"]]
    assert colors[0] == colors[1] != colors[2] == colors[3]
    assert [line.get_color() for line in display.lines_["score"]] == [colors[2]]
    assert [line.get_label() for line in display.lines_["loss"]] == ["first", "first", "second", "second"]
    assert legend_of(display) == ["first", "second", "training", "validation", "best epoch", "stopped early"]
    display.figure_.draw_without_rendering()
    assert display.figure_.legends[0].get_window_extent().x0 > display.ax_[0].get_window_extent().x1


def test_many_estimators_all_differ_in_colour_and_fit_into_the_figure():
    runs = [run_of(f"a name that takes more than one line, of run {i}", train_loss=[1.0, 1.0 + i]) for i in range(30)]
    display = TrainingCurveDisplay(runs=runs).plot()
    assert len({tuple(line.get_color()) for line in display.lines_["loss"]}) == 30
    display.figure_.draw_without_rendering()
    legend, figure = display.figure_.legends[0].get_window_extent(), display.figure_.bbox
    assert legend.y0 >= 0
    assert legend.y1 <= figure.y1
    assert display.ax_.get_window_extent().width > 0.45 * figure.width


def test_a_long_name_keeps_both_ends():
    runs = [run_of("begin " + "middle " * 50 + "end", train_loss=[1.0]), run_of("b", train_loss=[1.0])]
    name = legend_of(TrainingCurveDisplay(runs=runs).plot())[0]
    assert name.startswith("begin ")
    assert name.endswith(" end")
    assert name.count("\n") == 1


def fitted(kind, **params):
    """Like a fitted estimator, without the fit."""
    each = kind(**params)
    each.history_ = run_of(train_loss=[2.0, 1.0]).history
    return each


@pytest.mark.parametrize(
    ("estimators", "expected"),
    [
        ([fitted(NNClassifier, dropout=p) for p in (0.1, 0.2)], ["dropout=0.1", "dropout=0.2"]),
        (
            [fitted(NNClassifier), fitted(NNClassifier, batch_size=np.int64(8), hidden_layer_sizes=(4,))],
            ["batch_size=auto, hidden_layer_sizes=auto", "batch_size=8, hidden_layer_sizes=(4,)"],
        ),
        ([fitted(NNClassifier), fitted(NNClassifier)], ["NNClassifier 1", "NNClassifier 2"]),
        ([fitted(NNClassifier), fitted(NNRegressor)], ["NNClassifier 1", "NNRegressor 2"]),
    ],
)
def test_a_list_is_named_by_the_parameters_that_differ(estimators, expected):
    assert [run.name for run in TrainingCurveDisplay.from_estimator(estimators).runs] == expected


def test_names_win(net, scored):
    display = TrainingCurveDisplay.from_estimator({"a": net, "b": scored}, names=["c", "d"])
    assert [run.name for run in display.runs] == ["c", "d"]
    assert TrainingCurveDisplay.from_estimator(net, names="e").runs[0].name == "e"


def test_a_search_shows_its_best_estimator_and_a_pipeline_its_last_step():
    pipeline = make_pipeline(StandardScaler(), NNClassifier(**SMALL, max_epochs=2))
    search = GridSearchCV(pipeline, {"nnclassifier__dropout": [0.0, 0.3]}, cv=2).fit(X, y)
    best = search.best_estimator_[-1]
    for estimator in (best, search.best_estimator_, search, [search]):
        train, valid = TrainingCurveDisplay.from_estimator(estimator).lines_["loss"]
        np.testing.assert_array_equal(train.get_ydata(), best.loss_curve_)
        np.testing.assert_array_equal(valid.get_ydata(), best.validation_scores_)


@pytest.mark.parametrize(
    "estimator",
    [
        NNClassifier(),
        make_pipeline(StandardScaler(), NNRegressor()),
        GridSearchCV(NNClassifier(), {}),
        [fitted(NNClassifier), NNClassifier()],
    ],
    ids=["estimator", "pipeline", "search", "list"],
)
def test_what_is_not_fitted_is_refused(estimator):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        TrainingCurveDisplay.from_estimator(estimator)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (GridSearchCV(NNClassifier(), {}, refit=False), "GridSearchCV was given refit=False .* Set refit=True"),
        (RandomForestClassifier(), "Got RandomForestClassifier, which keeps no table history_"),
        (make_pipeline(StandardScaler(), "passthrough"), "must be a fitted NNClassifier or NNRegressor.* Got str"),
        (None, "Got NoneType"),
        ([], "at least one fitted estimator"),
        ({}, "at least one fitted estimator"),
    ],
)
def test_what_has_no_history_is_refused(estimator, message):
    with pytest.raises(ValueError, match=message):
        TrainingCurveDisplay.from_estimator(estimator)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"panels": "accuracy"}, r"panels must be of \['loss', .* Got 'accuracy'"),
        ({"panels": ["loss", "score"]}, r"'score' cannot be drawn.* Recorded: \['loss'\]\. For a score, set monitor"),
        ({"panels": ["gradient_norm"]}, "'gradient_norm' cannot be drawn"),
        ({"panels": []}, "at least one of"),
        ({"panels": ["loss", "loss"]}, "each once"),
        ({"log_scale": "log"}, r'log_scale must be "auto", True or False\. Got \'log\''),
        ({"names": ["a", "b"]}, r"names must be 1 different names, one for each estimator\. Got \['a', 'b'\]"),
    ],
)
def test_what_cannot_be_drawn_is_refused(net, params, message):
    with pytest.raises(ValueError, match=message):
        TrainingCurveDisplay.from_estimator(net, **params)


def test_names_must_differ(net):
    with pytest.raises(ValueError, match="2 different names"):
        TrainingCurveDisplay.from_estimator([net, net], names=["a", "a"])


def test_a_logarithmic_axis_of_values_below_0_is_refused():
    with pytest.raises(ValueError, match="The least loss is -1; set log_scale=False"):
        TrainingCurveDisplay(runs=[run_of(train_loss=[1.0, -1.0])]).plot(log_scale=True)


def test_a_given_axes_gets_the_losses(scored):
    figure, ax = plt.subplots()
    display = TrainingCurveDisplay.from_estimator([scored, scored], ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert labels(display) == ["loss"]
    assert len(display.lines_["loss"]) == 4
    assert plt.get_fignums() == [figure.number]


def test_given_axes_are_one_for_each_panel(scored):
    _, axes = plt.subplots(1, 2)
    display = TrainingCurveDisplay.from_estimator(scored, ax=axes, panels=["score", "gradient_norm"])
    assert list(display.ax_) == list(axes)
    assert [ax.get_xlabel() for ax in axes] == ["epoch", "epoch"]
    with pytest.raises(ValueError, match=r"one Axes for each of the panels \['loss'.*\]\. Got 2"):
        TrainingCurveDisplay.from_estimator(scored, ax=axes)


def test_line_kw_reach_each_curve(net):
    display = TrainingCurveDisplay.from_estimator(net, line_kw={"lw": 3, "c": "red"})
    assert [line.get_linewidth() for line in display.lines_["loss"]] == [3, 3]
    assert {line.get_color() for line in display.ax_.lines if line.get_linestyle() != ":"} == {"red"}
    assert {line.get_color() for line in display.ax_.get_legend().legend_handles} == {"red"}


def test_plotting_again_draws_a_new_figure(net):
    display = TrainingCurveDisplay.from_estimator(net)
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first


def test_without_matplotlib_the_error_names_the_extra(net, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"TrainingCurveDisplay needs matplotlib.* pip install 'sknn\[plot\]'"):
        TrainingCurveDisplay.from_estimator(net)
