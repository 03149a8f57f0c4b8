"""Fits that fail, are interrupted, or go on."""

import copy
import pickle
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning, NotFittedError, UndefinedMetricWarning
from sklearn.model_selection import PredefinedSplit, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import Callback, Checkpoint, EpochScoring
from torch import nn

from sknn import LearningRateFinder, NNClassifier, NNFeatures, NNRegressor
from sknn.preprocessing import TableEncoder

X, y = load_diabetes(return_X_y=True)
X_class, y_class = load_breast_cancer(return_X_y=True)


def quick(cls=NNRegressor, **params):
    return cls(**{"module": "mlp", "max_epochs": 4, "hidden_layer_sizes": (16,), "random_state": 0} | params)


class CtrlC(Callback):
    """Sends the signal of Ctrl-C, at the end of an epoch or within its first step."""

    def __init__(self, epoch, within_step=False):
        self.epoch = epoch
        self.within_step = within_step

    def on_epoch_begin(self, net, **kwargs):
        if self.within_step and len(net.history) == self.epoch:
            net.train_step = self.press

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            self.press()

    @staticmethod
    def press(*args, **kwargs):
        signal.raise_signal(signal.SIGINT)


# -- failing ----------------------------------------------------------------------------------


class Fails(Callback):
    """Raises an error in one of the hooks, in the third epoch where it is called in several."""

    def __init__(self, hook, error=RuntimeError):
        self.hook = hook
        self.error = error

    def initialize(self):
        self.n_epochs = 0
        return self

    def on_epoch_begin(self, net, **kwargs):
        self.n_epochs += 1
        self._fail("on_epoch_begin")

    def on_epoch_end(self, net, **kwargs):
        self._fail("on_epoch_end")

    def on_batch_begin(self, net, **kwargs):
        self._fail("on_batch_begin")

    def on_batch_end(self, net, **kwargs):
        self._fail("on_batch_end")

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self._fail("on_grad_computed")

    def on_train_begin(self, net, X, y, **kwargs):
        self._fail("on_train_begin")

    def on_train_end(self, net, X, y, **kwargs):
        self._fail("on_train_end")

    def _fail(self, hook):
        if hook == self.hook and (self.n_epochs == 3 or hook.startswith("on_train")):
            raise self.error("on purpose")


class FailsLater:
    """A loss that raises an error in a step."""

    def __init__(self, step):
        self.step = step

    def __call__(self, output, target):
        self.step -= 1
        if self.step < 0:
            raise RuntimeError("on purpose")
        return output.square().sum(1)


class FailingTransformer(StandardScaler):
    def fit(self, X, y=None, sample_weight=None):
        raise RuntimeError("on purpose")


def fails_as_scorer(estimator, X, y):
    raise RuntimeError("on purpose")


def failing_module(n_features, n_outputs):
    raise RuntimeError("on purpose")


OTHER = pd.DataFrame(X_class[:120, :4], columns=list("abcd"))  # than the rows of the earlier fit
LABELS = y_class[:120]

# What is wrong with a fit: parameters, and arguments of `fit` in the place of, or beside, OTHER and LABELS.
FAILURES = {
    "a parameter": ({"learning_rate": -1}, {}),
    "a nested parameter": ({"optimizer_params": {"bet": 1}}, {}),
    "no rows": ({}, {"X": OTHER[:0], "y": LABELS[:0]}),
    "infinity": ({}, {"X": OTHER.replace(OTHER.a[3], np.inf)}),
    "no y": ({}, {"y": None}),
    "a label that is missing": ({}, {"y": np.where(np.arange(120) == 3, np.nan, LABELS)}),
    "another number of labels": ({}, {"y": LABELS[:5]}),
    "weights": ({}, {"sample_weight": -np.ones(120)}),
    "groups": ({}, {"groups": np.ones(119)}),
    "X_val alone": ({}, {"X_val": OTHER}),
    "labels of validation rows": ({}, {"X_val": OTHER[:3], "y_val": [0, 1, 7]}),
    "columns of validation rows": ({}, {"X_val": OTHER[["a"]], "y_val": LABELS}),
    "a class weight": ({"class_weight": {"yes": 2.0}}, {}),
    "a split": ({"validation_split": [(np.arange(120), np.arange(0))]}, {}),
    "a transformer": ({"preprocessing": FailingTransformer()}, {}),
    "a module": ({"module": failing_module, "hidden_layer_sizes": "auto"}, {}),
    "a module's outputs": ({"module": nn.Identity(), "hidden_layer_sizes": "auto"}, {}),
    "a loss in the first epoch": ({"loss": FailsLater(0)}, {}),
    "a loss in the third epoch": ({"loss": FailsLater(7)}, {}),
    "a loss that is not finite": ({"loss": lambda output, target: output.sum(1) * np.nan}, {}),
    "a monitor": ({"monitor": fails_as_scorer}, {}),
    **{hook: ({"callbacks": [Fails(hook)]}, {}) for hook in vars(Callback) if hook.startswith("on_")},
    "SystemExit": ({"callbacks": [Fails("on_epoch_end", SystemExit)]}, {}),
}


def fitted_state(net):
    """What a fit has set, by its bits."""
    return {name: pickle.dumps(value) for name, value in vars(net).items() if name not in net.get_params(deep=False)}


EARLIER = {
    "none": lambda net: net,
    "a fit of other columns": lambda net: net.fit(X_class[:100], y_class[:100]),
    "a fit to go on from": lambda net: net.set_params(warm_start=True).fit(OTHER, LABELS),
}
GOES_ON = {"a loss that is not finite"}  # is no error for a resumed fit


@pytest.mark.parametrize("what", FAILURES)
@pytest.mark.parametrize("earlier", EARLIER)
def test_a_fit_that_fails_leaves_the_earlier_one_whole_or_nothing(earlier, what):
    if earlier == "a fit to go on from" and what in GOES_ON:
        return
    params, arguments = copy.deepcopy(FAILURES[what])
    net = EARLIER[earlier](quick(NNClassifier, early_stopping=True, batch_size=40))
    before = fitted_state(net)
    net.set_params(**params)
    with pytest.raises((ValueError, TypeError, RuntimeError, SystemExit)):
        net.fit(**({"X": OTHER, "y": LABELS} | arguments))
    assert fitted_state(net) == before
    if earlier == "none":
        with pytest.raises(NotFittedError):
            net.predict(OTHER)


@pytest.mark.parametrize("what", ["a parameter", "no rows", "weights", "a loss in the first epoch", "on_train_end"])
@pytest.mark.parametrize("n_before", [0, 2])
def test_a_part_that_fails_leaves_what_was_learned_before(n_before, what):
    params, arguments = copy.deepcopy(FAILURES[what])
    net = quick(NNClassifier, batch_size=40)
    for _ in range(n_before):
        net.partial_fit(OTHER, LABELS, classes=[0, 1])
    before = fitted_state(net)
    net.set_params(**params)
    with pytest.raises((ValueError, RuntimeError)):
        net.partial_fit(**({"X": OTHER, "y": LABELS, "classes": [0, 1]} | arguments))
    assert fitted_state(net) == before


@pytest.mark.parametrize("name", ["fit", "epoch"])
def test_an_error_of_scikit_learns_callbacks_is_a_failure_of_the_fit(name):
    class FailsAtTheEnd:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context):
            self.is_torn_down = True

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            if (context.task_name == "epoch") == (name == "epoch"):
                raise RuntimeError("on purpose")

    net = quick().fit(X, y)
    before = fitted_state(net)
    callback = FailsAtTheEnd()
    with pytest.raises(RuntimeError, match="on purpose"):
        net.set_callbacks(callback).fit(X[:, :3], y)
    assert callback.is_torn_down
    net.set_callbacks()
    assert fitted_state(net) == before


def test_a_failed_part_of_another_target_range_leaves_the_range():
    net = quick().partial_fit(X[:100], np.linspace(0, 1, 100))
    before = fitted_state(net)
    net.set_params(loss=FailsLater(0))
    with pytest.raises(RuntimeError, match="on purpose"):
        net.partial_fit(X[:100], np.linspace(-100, 100, 100))
    assert fitted_state(net) == before


def finder(first):
    return LearningRateFinder(quick(), n_steps=10), {"X": X, "y": y} if first else {"X": X[:, :3], "y": y * np.nan}


def features(first):
    return NNFeatures(quick(max_epochs=1)), {"X": X, "y": y} if first else {"X": X[:, :3], "y": y * np.nan}


def features_of_a_module(first):
    return NNFeatures(nn.Linear(10, 2)), {"X": X} if first else {"X": X[:, :3]}


def encoder(first):
    table = pd.DataFrame(X)
    return TableEncoder(), {"X": table} if first else {"X": table.iloc[:, :3], "sample_weight": -np.ones(442)}


@pytest.mark.parametrize("make", [finder, features, features_of_a_module, encoder])
def test_a_failed_fit_of_what_stands_beside_the_networks_leaves_the_earlier_one(make):
    estimator, arguments = make(first=True)
    estimator.fit(**arguments)
    before = fitted_state(estimator)
    with pytest.raises((ValueError, RuntimeError)):
        estimator.fit(**make(first=False)[1])
    assert fitted_state(estimator) == before


def test_a_failed_first_part_does_not_count():
    net = quick(NNClassifier)
    with pytest.raises(ValueError, match="were not among the classes"):
        net.partial_fit(X_class, y_class, classes=[0, 5])
    assert net.partial_fit(X_class, y_class, classes=[0, 1]).n_iter_ == 1


@pytest.mark.parametrize("earlier", [False, True])
def test_ctrl_c_in_the_first_epoch_raises_and_leaves_nothing_half_trained(earlier):
    net = quick(warm_start=earlier)
    if earlier:
        net.fit(X, y)
        expected = net.predict(X)
    net.set_params(callbacks=[CtrlC(1, within_step=True)])
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    if earlier:
        assert np.array_equal(net.predict(X), expected)
        assert net.n_iter_ == 4
    else:
        with pytest.raises(NotFittedError):
            net.predict(X)


def test_ctrl_c_later_keeps_the_completed_epochs():
    net = quick(callbacks=[CtrlC(3, within_step=True)], early_stopping=False)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert net.n_iter_ == len(net.loss_curve_) == net.best_epoch_ == 2
    assert np.isfinite(net.loss_curve_).all()
    assert np.array_equal(net.predict(X), quick(max_epochs=2, early_stopping=False).fit(X, y).predict(X))


def test_ctrl_c_while_held_out_rows_are_looked_at_keeps_the_training(monkeypatch):
    net = quick(NNClassifier, module="tabular", preset="fast", hidden_layer_sizes="auto").fit(X_class[:, :5], y_class)
    whole = clone(net).fit(X_class, y_class)
    whole.temperature_ = 1
    monkeypatch.setattr("sknn.targets._labels.best_temperature", CtrlC.press)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X_class, y_class)
    assert np.array_equal(net.predict_proba(X_class), whole.predict_proba(X_class))
    assert not hasattr(net, "oof_prediction_")


def test_ctrl_c_within_a_callback_is_no_wish_to_stop():
    with pytest.raises(KeyboardInterrupt):
        quick(callbacks=[CtrlC(2)]).fit(X, y)


def test_ctrl_c_within_a_scorer_is_no_wish_to_stop():
    def scorer(estimator, X, y):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        quick(monitor=scorer).fit(X, y)


def test_an_error_of_a_callback_is_shown_as_it_is():
    class Fails(Callback):
        def on_train_begin(self, net, **kwargs):
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        quick(callbacks=[Fails()]).fit(X, y)


def test_a_loss_that_is_not_finite_while_a_scorer_is_monitored_keeps_the_best_weights():
    steps = iter(range(1000))

    def breaks(output, target):
        return (output - target).square().mean(1) * (np.nan if next(steps) > 50 else 1)

    net = quick(loss=breaks, monitor="r2", max_epochs=50, batch_size=100)
    with pytest.warns(ConvergenceWarning, match="became nan"):
        net.fit(X, y)
    assert np.isfinite(net.predict(X)).all()


def test_a_gradient_that_is_not_finite_stops_training_in_time():
    def root(output, target):
        return (0 * output).sqrt().sum(1)  # whose slope at 0 is infinite

    with pytest.raises(ValueError, match="A weight became infinite or NaN in epoch 1"):
        quick(loss=root, batch_size=1000, early_stopping=False).fit(X, y)


def test_a_part_that_is_not_finite_gives_the_weights_before_it_back():
    net = quick(early_stopping=False).partial_fit(X, y)
    expected = net.predict(X)
    net.set_params(loss=lambda output, target: output.sum(1) * np.nan)
    with pytest.warns(ConvergenceWarning, match="best weights so far are kept"):
        net.partial_fit(X, y)
    assert np.array_equal(net.predict(X), expected)


def test_a_score_that_is_nan_at_first_does_not_win():
    values = iter([np.nan, 0.1, 0.3, 0.2])
    net = quick(monitor=lambda estimator, X, y: next(values)).fit(X, y)
    assert net.best_epoch_ == 3


def test_a_score_that_is_always_nan_is_told():
    with pytest.warns(UndefinedMetricWarning, match="was NaN in every epoch"):
        net = quick(monitor=lambda estimator, X, y: np.nan).fit(X, y)
    assert net.best_epoch_ == 4


def test_a_monitor_that_cannot_be_computed_names_itself():
    labels = np.r_[2, np.arange(499) % 2]  # the row of class 2 trains
    with pytest.raises(ValueError) as raised:
        quick(NNClassifier, monitor="neg_log_loss").fit(X_class[:500], labels)
    assert "monitor='neg_log_loss'" in raised.value.__notes__[0]


# -- validation rows --------------------------------------------------------------------------


def test_positions_of_a_validation_split_count_rows_of_weight_zero():
    weight = np.r_[np.zeros(50), np.ones(392)]
    fold = np.r_[np.full(300, -1), np.zeros(142)]
    net = quick(validation_split=PredefinedSplit(fold)).fit(X, y, sample_weight=weight)
    same = quick().fit(X[50:300], y[50:300], X_val=X[300:], y_val=y[300:])
    assert np.array_equal(net.predict(X), same.predict(X))


def test_the_share_and_the_groups_decide_which_rows_are_held_out():
    seen = {}

    def watch(estimator, rows, targets):
        seen["rows"] = rows
        return 0.0

    quick(monitor=watch, validation_split=0.25, max_epochs=1).fit(X, y)
    assert len(seen["rows"]) == round(0.25 * 442) + 1
    groups = np.arange(442) // 17
    quick(monitor=watch, max_epochs=1).fit(np.c_[X, groups], y, groups=groups)
    held_out = seen["rows"][:, -1]
    for group in np.unique(held_out):
        assert (held_out == group).sum() == (groups == group).sum()


def test_validation_scores_are_those_of_the_monitor_also_without_early_stopping():
    net = quick(monitor="r2", early_stopping=False).fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert net.validation_scores_ == net.history_["valid_r2"].tolist()
    assert net.best_epoch_ == 4


def test_class_weights_of_a_class_that_is_not_held_out():
    labels = y_class.copy()
    labels[0] = 2
    net = quick(NNClassifier, class_weight={1: 2.0, 2: 10.0}).fit(X_class, labels)
    assert net.predict_proba(X_class).shape == (569, 3)
    with pytest.raises(ValueError, match=r"class_weight must be .* Got .*yes"):
        quick(NNClassifier, class_weight={"yes": 2.0}).fit(X_class, labels)


# -- going on ---------------------------------------------------------------------------------


def test_optimizer_settings_can_change_when_training_goes_on():
    net = quick(warm_start=True, optimizer="adamw", early_stopping=False).fit(X, y)
    before = net.predict(X)
    net.set_params(learning_rate=1e-12, weight_decay=0.0).fit(X, y)
    np.testing.assert_allclose(net.predict(X), before, rtol=1e-4)
    assert net.resolved_params_["learning_rate"] == 1e-12
    assert net.set_params(optimizer="sgd", learning_rate=0.01).fit(X, y).n_iter_ == 12


@pytest.mark.parametrize("change", [{"hidden_layer_sizes": (4,)}, {"preprocessing": None}, {"dropout": 0.5}])
def test_the_network_cannot_change_when_training_goes_on(change):
    net = quick(warm_start=True).fit(X, y)
    with pytest.raises(InvalidParameterError, match=f"The '{next(iter(change))}' parameter .* must not change"):
        net.set_params(**change).fit(X, y)
    assert np.isfinite(net.predict(X)).all()


@pytest.mark.parametrize("goes_on", ["fit", "partial_fit"])
def test_class_weights_can_change_when_training_goes_on(goes_on):
    net = quick(NNClassifier, warm_start=True, class_weight={0: 1.0, 1: 1.0}).fit(X_class, y_class)
    probabilities = []
    for weight in (1e-3, 1e3):
        other = copy.deepcopy(net).set_params(class_weight={0: weight, 1: 1.0})
        probabilities.append(getattr(other, goes_on)(X_class, y_class).predict_proba(X_class)[:, 0].mean())
    assert probabilities[0] < net.predict_proba(X_class)[:, 0].mean() < probabilities[1]


def test_new_labels_are_refused_when_training_goes_on():
    net = quick(NNClassifier, warm_start=True, class_weight="balanced").fit(X_class, y_class)
    with pytest.raises(ValueError, match="were not among the classes"):
        net.fit(X_class, y_class + 1)


def test_another_kind_of_network_cannot_go_on():
    net = quick(warm_start=True).fit(X, y)
    with pytest.raises(InvalidParameterError, match=r"The 'module' parameter .* must not change"):
        net.set_params(module="tabular").fit(X, y)


def test_the_thresholds_of_the_first_fit_stay():
    many = np.random.default_rng(0).normal(size=(1_600, 2))
    net = quick(module="tabular", max_epochs=1).fit(many[:90], many[:90, 0])
    assert net.partial_fit(many, many[:, 0]).resolved_params_["module_params"]["n_bins"] == 16


def test_rules_are_applied_to_the_rows_of_the_first_fit():
    net = NNRegressor("mlp", max_epochs=1, random_state=0).fit(X[:60], y[:60])
    net.partial_fit(X, y)
    assert net.resolved_params_["learning_rate"] == 3e-3
    assert net.resolved_params_["batch_size"] == 100


def test_rows_come_in_another_order_in_a_further_fit():
    seen = []

    class Watch(Callback):
        def on_batch_begin(self, net, batch=None, training=None, **kwargs):
            seen.append(batch[1].tolist())

    net = quick(warm_start=True, early_stopping=False, max_epochs=1, batch_size=221, callbacks=[Watch()])
    net.fit(X, y).fit(X, y)
    assert sorted(seen[0] + seen[1]) == pytest.approx(sorted(y))
    assert seen[0] != seen[2]


def test_the_same_rows_stay_held_out_when_training_goes_on_without_a_random_state():
    seen = []
    net = quick(warm_start=True, random_state=None, monitor=lambda estimator, X, y: seen.append(y) or 0.0)
    net.fit(X, y).fit(X, y)
    assert np.array_equal(seen[0], seen[-1])


def test_a_part_of_little_weight_moves_the_network_little():
    start = quick(optimizer="sgd", weight_decay=0, dropout=0).partial_fit(X, y, sample_weight=np.ones(442))
    heavy, light = copy.deepcopy(start), copy.deepcopy(start)
    heavy.partial_fit(X, y, sample_weight=np.ones(442))
    light.partial_fit(X, y, sample_weight=np.full(442, 1e-6))
    moved = [np.abs(net.predict(X) - start.predict(X)).max() for net in (heavy, light)]
    assert moved[1] < 1e-3 * moved[0]


def test_partial_fit_refuses_what_it_cannot_know():
    with pytest.raises(ValueError, match="'balanced' is not for partial_fit"):
        quick(NNClassifier, class_weight="balanced").partial_fit(X_class, y_class)
    net = quick(NNClassifier).partial_fit(X_class, y_class, classes=[0, 1])
    with pytest.raises(ValueError, match="must be those of the first partial_fit"):
        net.partial_fit(X_class, y_class, classes=[0, 1, 2])


def test_without_warm_start_no_optimizer_state_stays():
    assert quick().fit(X, y)._optimizer_state is None
    assert quick(warm_start=True).fit(X, y)._optimizer_state is not None


# -- modules, callbacks and transformers of one's own -----------------------------------------


@pytest.mark.parametrize("n_rows", [64, 65, 97, 250])
def test_batch_normalisation_trains_whatever_the_number_of_rows(n_rows):
    module = nn.Sequential(nn.LazyLinear(8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
    assert quick(module=module, hidden_layer_sizes="auto", batch_size=32).fit(X[:n_rows], y[:n_rows]).n_iter_ == 4


def test_a_buffer_that_is_replaced_is_restored_with_the_weights():
    class Counts(nn.Module):
        def __init__(self, n_features):
            super().__init__()
            self.layer = nn.Linear(n_features, 1)
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x):
            if self.training:
                self.count = self.count + 1
            return self.layer(x)

    values = iter([0.1, 0.9, 0.2, 0.3])
    net = NNRegressor(
        Counts, max_epochs=4, batch_size=1000, monitor=lambda estimator, X, y: next(values), random_state=0
    )
    assert net.fit(X, y).module_.count == 2


def test_a_module_that_wants_codes_gets_none_where_nothing_is_embedded():
    class WantsCodes(nn.Module):
        def __init__(self, n_features, n_outputs, cat_cardinalities):
            super().__init__()
            self.layer = nn.Linear(n_features + len(cat_cardinalities), n_outputs)

        def forward(self, x_num, x_cat):
            return self.layer(torch.cat([x_num, x_cat.float()], 1))

    net = NNRegressor(WantsCodes, max_epochs=2, random_state=0).fit(X, y)
    assert net.predict(X[:3]).shape == (3,)
    letters = np.array(list("abcdefghijklmnop"))[np.arange(442) % 16]
    assert (
        NNRegressor(WantsCodes, max_epochs=2).fit(np.c_[X.astype(object), letters], y).module_.layer.in_features == 12
    )


def test_an_error_of_a_module_comes_with_what_the_data_give():
    with pytest.raises(RuntimeError) as raised:
        NNRegressor(nn.Linear(3, 1)).fit(X, y)
    assert "called with x_num (2, 10)" in raised.value.__notes__[0]
    with pytest.raises(TypeError) as raised:
        NNRegressor(lambda input_dim: nn.Linear(input_dim, 1)).fit(X, y)
    assert "'n_features': 10" in raised.value.__notes__[0]


def test_small_tables_with_repeated_rows_take_a_loss_that_averages():
    rows = np.r_[np.arange(20), np.arange(5)]
    net = quick(loss=lambda output, target: (output - target).square().mean())
    assert net.fit(X[rows], y[rows]).n_iter_ == 4


def test_checkpoint_works_with_its_defaults(tmp_path):
    quick(callbacks=[Checkpoint(dirname=str(tmp_path))]).fit(X, y)
    assert {path.name for path in tmp_path.iterdir()} >= {"params.pt", "optimizer.pt", "history.json"}


def test_names_of_callbacks_do_not_collide():
    callbacks = [(name, EpochScoring("r2", name=name)) for name in ("early_stopping", "best_weights", "monitor")]
    assert quick(callbacks=callbacks).fit(X, y).n_iter_ == 4


def test_a_callback_that_cannot_be_copied_is_shared():
    class HoldsFile(Callback):
        def __init__(self, file):
            self.file = file

        def on_epoch_end(self, net, **kwargs):
            self.file.write("epoch\n")
            self.epochs_ = len(net.history)

    import tempfile

    with tempfile.TemporaryFile("w+") as file:
        callback = HoldsFile(file)
        quick(callbacks=[callback, ("named", HoldsFile(file))]).fit(X, y)
        file.seek(0)
        assert len(file.readlines()) == 8
        assert not hasattr(callback, "epochs_")


def test_a_table_encoder_of_ones_own_still_embeds():
    letters = np.array(list("abcdefghijklmnop"))[np.arange(442) % 16]
    rows = np.c_[X.astype(object), letters]
    net = quick(preprocessing=TableEncoder(max_onehot=3)).fit(rows, y)
    assert net.encoder_.cat_cardinalities_ == (18,)
    same = quick().fit(rows, y)
    assert np.array_equal(net.predict(rows), same.predict(rows))
    assert quick(preprocessing=TableEncoder(max_onehot=20)).fit(rows, y).encoder_.cat_cardinalities_ == ()


def test_random_states_that_are_none_draw_from_the_estimators_seed():
    project = make_pipeline(GaussianRandomProjection(5))
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is looked at
    fits = [quick(preprocessing=project, validation_split=ShuffleSplit(1)).fit(X, y) for _ in range(2)]
    assert np.array_equal(fits[0].predict(X), fits[1].predict(X))
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert project[0].random_state is None


def test_a_float64_default_does_not_matter():
    torch.set_default_dtype(torch.float64)
    try:
        net = quick().fit(X, y)
    finally:
        torch.set_default_dtype(torch.float32)
    assert next(net.module_.parameters()).dtype == torch.float32


def test_a_shallow_copy_shares_the_network():
    net = quick().fit(X, y)
    assert copy.copy(net).module_ is net.module_
    assert copy.deepcopy(net).module_ is not net.module_
