"""What both estimators promise about `fit`: parameters, weights, validation, stopping, callbacks, state."""

import copy
import pickle
import signal
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import make_scorer, mean_absolute_error, roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, PredefinedSplit, cross_val_predict, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
    ProgressBar,
)
from torch import nn

from helpers import BOTH, TwoLayers, data, outputs
from sknn import NNClassifier, NNRegressor
from sknn.callbacks import Penalty, TimeLimit
from sknn.utils import Seeds


def quick(cls, **params):
    sizes = {"hidden_layer_sizes": (16,)} if isinstance(params.get("module", "mlp"), str) else {}
    return cls(**{"module": "mlp", "max_epochs": 5, "random_state": 0} | sizes | params)


# -- parameters -------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"learning_rate": -1}, "The 'learning_rate' parameter .* must be .* Got -1 instead"),
        ({"activation": "rleu"}, "The 'activation' parameter.*'relu'"),
        ({"optimizer": "adma"}, "The 'optimizer' parameter.*'adamw'"),
        ({"loss": "hing"}, "The 'loss' parameter"),
        ({"hidden_layer_sizes": (10, 0)}, "positive ints. Got \\(10, 0\\)"),
        ({"module_params": {"embeding_dim": 3}}, "'embedding_dim', 'weight_init'\\]. Got \\['embeding_dim'\\]"),
        ({"optimizer_params": {"beta": 3}}, "'betas'.* Got \\['beta'\\]"),
        ({"optimizer_params": {"lr": 3}}, "Set \\['learning_rate'\\] on the estimator"),
        ({"module_params": {"dropout": 0.5}}, "Set \\['dropout'\\] on the estimator"),
        ({"callbacks": [StandardScaler()]}, "list of skorch callbacks"),
        ({"callbacks": [ScoringMonitor(scoring="r2")]}, "go to set_callbacks"),
        ({"device": "toaster"}, "The 'device' parameter .* Got 'toaster'"),
        ({"preprocessing": StandardScaler}, "StandardScaler\\(\\)"),
        ({"optimizer": torch.optim.SGD([torch.zeros(1)])}, "The 'optimizer' parameter"),
        ({"optimizer": torch.optim.LBFGS, "weight_decay": 1e-4}, "must be 0 for the optimizer LBFGS.* Got 0.0001"),
        ({"monitor": "auc"}, "The 'monitor' parameter"),
        ({"validation_split": 1.0}, "The 'validation_split' parameter"),
        ({"callbacks": [Penalty(l1=-1.0)]}, "The 'l1' parameter of Penalty"),
        ({"loss_params": {"delt": 1.0}}, r"The 'loss_params' parameter .* Got \['delt'\]"),
        ({"loss": "absolute"}, "The 'loss' parameter .* must be a str among"),
        (
            {"lr_schedule": "step", "lr_schedule_params": {"step": 3}},
            r"only parameters of lr_schedule step: \['step_size",
        ),
        ({"optimizer": "lbfgs", "callbacks": [("l1", Penalty(l1=0.1))]}, "'callbacks' parameter .* no Penalty with l1"),
        ({"activation": ["relu", "rely"]}, "The 'activation' parameter .* Got 'rely'"),
        ({"dropout": [0.1, 1.5]}, "The 'dropout' parameter .* Got 1.5"),
        ({"augmentation": [3]}, "The 'augmentation' parameter"),
    ],
)
def test_a_parameter_that_is_not_valid_is_refused_before_work(cls, params, message):
    net = quick(cls, module=params.get("module", "mlp")).set_params(**params)
    with pytest.raises(InvalidParameterError, match=message):
        net.fit(*data(cls))
    assert not hasattr(net, "n_features_in_")


@BOTH
def test_nested_names_set_entries_of_a_copy(cls):
    betas = {"betas": (0.5, 0.5)}
    net = quick(cls, optimizer_params=betas).set_params(optimizer__eps=0.1, module__embedding_dim=3)
    assert net.optimizer_params == {"betas": (0.5, 0.5), "eps": 0.1}
    assert betas == {"betas": (0.5, 0.5)}
    assert net.module_params == {"embedding_dim": 3}
    assert net.get_params()["optimizer__eps"] == 0.1
    assert clone(net).get_params()["module__embedding_dim"] == 3


@BOTH
@pytest.mark.parametrize("name", ["optimizer__beta", "module__width", "modul__width"])
def test_a_nested_name_with_a_typo_is_refused_with_the_valid_ones(cls, name):
    with pytest.raises(ValueError, match=r"betas|embedding_dim|hidden_layer_sizes"):
        cls().set_params(**{name: 1})


def test_module_and_its_params_can_be_set_together():
    net = NNClassifier().set_params(module__width=4, module=TwoLayers)
    assert net.module_params == {"width": 4}


@BOTH
def test_grid_search_reaches_modules_and_optimizers(cls):
    grid = {"module__width": [2, 5], "optimizer__betas": [(0.9, 0.99)], "learning_rate": [0.01]}
    search = GridSearchCV(quick(cls, module=TwoLayers), grid, cv=2, n_jobs=2).fit(*data(cls))
    best = pickle.loads(pickle.dumps(search.best_estimator_))
    assert best.module_.layers[0].out_features == search.best_params_["module__width"]


@BOTH
def test_resolved_params_show_what_auto_became(cls):
    net = cls(max_epochs=2).fit(*data(cls))
    shown = net.resolved_params_
    assert shown["batch_size"] == 32
    assert shown["hidden_layer_sizes"] == (96, 96)
    assert shown["n_members"] == 8
    assert shown["early_stopping"] is True
    assert shown["max_epochs"] == 2
    assert set(shown) == set(net.get_params(deep=False))
    assert "auto" not in [value for name, value in shown.items() if name != "preprocessing"]


@BOTH
def test_presets_are_ordered(cls):
    X, y = data(cls)
    nets = [
        cls("mlp", preset=preset, callbacks=[TimeLimit(1e-9)]).fit(X, y) for preset in ("fast", "default", "thorough")
    ]
    sizes = [sum(p.numel() for p in net.module_.parameters()) for net in nets]
    patience = [net.resolved_params_["patience"] for net in nets]
    assert sizes == sorted(set(sizes))
    assert patience == sorted(set(patience))


# -- against a plain torch loop ---------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [64, 1000])
def test_training_equals_a_plain_torch_loop(batch_size):
    X, y = data(NNClassifier, 200)
    X = StandardScaler().fit_transform(X).astype(np.float32)
    module = nn.Sequential(nn.Linear(30, 8), nn.ReLU(), nn.Linear(8, 2))
    net = NNClassifier(module, preprocessing=None, optimizer="adam", weight_decay=0, batch_size=batch_size,
                       max_epochs=7, early_stopping=False, random_state=0).fit(X, y)  # fmt: skip

    expected = copy.deepcopy(module)
    optimizer = torch.optim.Adam(expected.parameters(), lr=1e-3)
    tensor, target = torch.from_numpy(X), torch.from_numpy(y)
    generator = torch.Generator().manual_seed(Seeds.drawn_from(0).order)
    for _ in range(7):
        for rows in torch.randperm(200, generator=generator).split(batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(expected(tensor[rows]), target[rows]).backward()
            optimizer.step()
    proba = expected(tensor).softmax(1).detach().numpy()
    np.testing.assert_allclose(net.predict_proba(X), proba, atol=2e-5)


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_compiled_module_trains_as_the_module_itself_does(n_members):
    X, y = data(NNClassifier, 100)
    module = nn.Sequential(nn.Linear(30, 4), nn.ReLU(), nn.Linear(4, 2))
    params = {"n_members": n_members, "max_epochs": 2, "random_state": 0}
    plain, compiled = (
        NNClassifier(given, **params).fit(X, y) for given in (module, torch.compile(module, backend="eager"))
    )
    expected = plain.predict_proba(X)
    assert np.array_equal(compiled.predict_proba(X), expected)
    assert np.array_equal(pickle.loads(pickle.dumps(compiled)).predict_proba(X), expected)
    assert np.array_equal(clone(compiled).fit(X, y).predict_proba(X), expected)


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        "adamw",
        "muon",
        "nadam",
        "radam",
        "rmsprop",
        "sgd",
        torch.optim.Adagrad,
        partial(torch.optim.SGD, momentum=0.9),
    ],
)
def test_optimizers_by_name_class_and_callable_train(optimizer):
    X, y = data(NNRegressor)
    net = quick(NNRegressor, optimizer=optimizer, learning_rate=0.01, max_epochs=20).fit(X, y)
    assert net.score(X, y) > 0.3


def test_an_optimizer_that_evaluates_the_loss_several_times_a_step_trains():
    X, y = data(NNRegressor)
    net = quick(NNRegressor, optimizer=torch.optim.LBFGS, weight_decay=0, dropout=0, batch_size=300,
                learning_rate=0.5, early_stopping=False).fit(X, y)  # fmt: skip
    assert net.score(X, y) > 0.5


def test_parameter_groups_are_set_by_name_patterns():
    X, y = data(NNRegressor)
    groups = [("layers.0.*", {"lr": 0.0, "weight_decay": 0.0})]
    frozen = quick(NNRegressor, optimizer_params={"param_groups": groups}, max_epochs=1).fit(X, y).module_.layers
    start = quick(NNRegressor, max_epochs=1, learning_rate=1e-12, weight_decay=0).fit(X, y).module_.layers
    assert torch.allclose(frozen[0].weight, start[0].weight, atol=1e-9)
    assert not torch.allclose(frozen[3].weight, start[3].weight, atol=1e-5)


# -- weights ----------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("module", ["mlp", TwoLayers])
def test_weights_equal_repeats_and_zero_equals_absence(cls, module):
    X, y = data(cls, 60)
    weight = np.random.RandomState(0).randint(0, 4, 60)
    net = quick(cls, module=module, max_epochs=30, batch_size=1000, early_stopping=False)
    if module != "mlp":
        net.set_params(hidden_layer_sizes="auto")
    weighted = outputs(clone(net).fit(X, y, sample_weight=weight), X)
    repeated = outputs(clone(net).fit(X.repeat(weight, 0), y.repeat(weight)), X)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-6)


@BOTH
def test_a_row_of_weight_zero_has_no_influence_on_early_stopping_or_preprocessing(cls):
    X, y = data(cls)
    wild = X[:50] * 1e6
    other = 1 - y[:50] if cls is NNClassifier else y[:50] * 1e6
    weight = np.r_[np.zeros(50), np.linspace(1, 2, 300)]
    net = quick(cls, early_stopping=True)
    with_rows = clone(net).fit(np.r_[wild, X], np.r_[other, y], sample_weight=weight)
    without = clone(net).fit(X, y, sample_weight=weight[50:])
    assert np.array_equal(outputs(with_rows, X), outputs(without, X))
    pd.testing.assert_frame_equal(with_rows.history_.drop(columns="dur"), without.history_.drop(columns="dur"))


@BOTH
def test_validation_loss_is_weighted(cls):
    X, y = data(cls)
    split = PredefinedSplit(np.r_[np.full(250, -1), np.zeros(50)])
    weight = np.r_[np.ones(250), np.full(25, 1.0), np.full(25, 3.0)]
    repeats = np.r_[np.ones(250), np.ones(25), np.full(25, 3)].astype(int)
    weighted = quick(cls, validation_split=split).fit(X, y, sample_weight=weight)
    split = PredefinedSplit(np.r_[np.full(250, -1), np.zeros(25 + 75)])
    repeated = quick(cls, validation_split=split).fit(X.repeat(repeats, 0), y.repeat(repeats))
    np.testing.assert_allclose(weighted.history_["valid_loss"], repeated.history_["valid_loss"], rtol=1e-5)


def test_monitored_score_is_weighted():
    X, y = data(NNClassifier)
    split = PredefinedSplit(np.r_[np.full(200, -1), np.zeros(100)])
    weight = np.random.RandomState(0).uniform(0.1, 5, 300)
    net = quick(NNClassifier, validation_split=split, monitor="roc_auc", max_epochs=1).fit(X, y, sample_weight=weight)
    expected = roc_auc_score(y[200:], net.predict_proba(X[200:])[:, 1], sample_weight=weight[200:])
    assert net.validation_scores_ == [pytest.approx(expected, abs=1e-6)]


@BOTH
@pytest.mark.parametrize("weight", [np.zeros(300), -np.ones(300), np.ones(299), np.full(300, np.nan)])
def test_impossible_weights_are_refused(cls, weight):
    with pytest.raises(ValueError, match=r"[Ww]eight"):
        quick(cls).fit(*data(cls), sample_weight=weight)


# -- validation and stopping ------------------------------------------------------------------


@BOTH
def test_best_weights_are_restored(cls):
    X, y = data(cls)
    split = PredefinedSplit(np.r_[np.full(200, -1), np.zeros(100)])
    net = cls("mlp", validation_split=split, learning_rate=0.02, patience=8, random_state=0).fit(X, y)
    best = net.history_["valid_loss"].idxmin()
    assert net.best_epoch_ == best + 1
    assert net.n_iter_ == net.best_epoch_ + 8
    if cls is NNClassifier:
        net.temperature_ = 1
        proba = net.predict_proba(X[200:])
        loss = -np.log(proba[np.arange(100), y[200:]]).mean()
    else:
        scale = y[:200].std()
        loss = np.mean(((net.predict(X[200:]) - y[200:]) / scale) ** 2)
    assert loss == pytest.approx(net.history_["valid_loss"][best], rel=1e-4)


@BOTH
def test_small_tables_are_not_split_and_large_ones_are(cls):
    X, y = data(cls, 250)
    assert "valid_loss" not in quick(cls).fit(X[:150], y[:150]).history_
    assert "valid_loss" in quick(cls).fit(X, y).history_
    assert "valid_loss" not in quick(cls, early_stopping=False).fit(X, y).history_


@BOTH
def test_own_validation_rows_are_used_and_none_of_x_held_out(cls):
    X, y = data(cls)
    net = quick(cls).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    split = PredefinedSplit(np.r_[np.full(200, -1), np.zeros(100)])
    same = quick(cls, validation_split=split).fit(X, y)
    assert np.array_equal(outputs(net, X), outputs(same, X))


@BOTH
def test_without_early_stopping_own_validation_rows_are_only_watched(cls):
    X, y = data(cls)
    net = quick(cls, early_stopping=False).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    assert len(net.validation_scores_) == 5
    assert net.best_epoch_ == 5


@BOTH
def test_x_val_and_y_val_go_together(cls):
    X, y = data(cls)
    with pytest.raises(ValueError, match="Got X_val without y_val"):
        quick(cls).fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="Got y_val without X_val"):
        quick(cls).fit(X, y, y_val=y)


@BOTH
def test_validation_rows_pass_through_a_pipelines_steps(cls):
    X, y = data(cls)
    with config_context(enable_metadata_routing=True):
        pipeline = Pipeline([("scale", StandardScaler()), ("net", quick(cls))], transform_input=["X_val"])
        pipeline.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
        scaler = StandardScaler().fit(X[:200])
        direct = quick(cls).fit(scaler.transform(X[:200]), y[:200], X_val=scaler.transform(X[200:]), y_val=y[200:])
    assert np.array_equal(outputs(pipeline[-1], scaler.transform(X)), outputs(direct, scaler.transform(X)))


@BOTH
def test_groups_meant_for_a_splitter_outside_reach_the_fit_without_a_request(cls):
    X, y = data(cls)
    groups = np.arange(300) // 10
    with config_context(enable_metadata_routing=True):
        result = cross_validate(
            quick(cls), X, y, cv=GroupKFold(2), params={"groups": groups}, return_estimator=True, error_score="raise"
        )
        search = GridSearchCV(quick(cls), {"dropout": [0.0]}, cv=GroupKFold(2)).fit(X, y, groups=groups)
    assert len(result["estimator"]) == 2
    assert search.best_params_ == {"dropout": 0.0}


@BOTH
def test_preprocessing_sees_training_rows_only(cls):
    X, y = data(cls)
    split = PredefinedSplit(np.r_[np.full(200, -1), np.zeros(100)])
    scaler = quick(cls, preprocessing=StandardScaler(), validation_split=split).fit(X, y).encoder_.transformer
    np.testing.assert_array_equal(scaler.mean_, StandardScaler().fit(X[:200]).mean_)


@pytest.mark.parametrize(
    "monitor",
    ["neg_mean_absolute_error", make_scorer(mean_absolute_error, greater_is_better=False),
     lambda estimator, X, y: -mean_absolute_error(y, estimator.predict(X))],
)  # fmt: skip
def test_monitor_takes_any_scorer_and_scores_in_the_users_unit(monitor):
    X, y = data(NNRegressor)
    split = PredefinedSplit(np.r_[np.full(200, -1), np.zeros(100)])
    net = NNRegressor(validation_split=split, monitor=monitor, patience=5, random_state=0).fit(X, y)
    expected = -mean_absolute_error(y[200:], net.predict(X[200:]))
    assert max(net.validation_scores_) == pytest.approx(expected, rel=1e-6)
    assert np.argmax(net.validation_scores_) + 1 == net.best_epoch_


def test_monitor_shows_a_scorer_the_users_labels():
    X, y = data(NNClassifier)
    labels = np.where(y == 1, "benign", "malignant")
    net = quick(NNClassifier, monitor=make_scorer(roc_auc_score, response_method="predict_proba")).fit(X, labels)
    assert max(net.validation_scores_) > 0.9


@BOTH
def test_patience_counts_epochs_without_progress(cls):
    X, y = data(cls)
    stuck = cls(patience=3, monitor=lambda *_: 0.5, random_state=0).fit(X, y)
    assert stuck.n_iter_ == 4


@BOTH
def test_a_time_limit_stops_after_an_epoch(cls):
    assert quick(cls, callbacks=[TimeLimit(1e-6)]).fit(*data(cls)).n_iter_ == 1


@BOTH
def test_a_loss_that_is_not_finite_from_the_start_is_an_error(cls):
    X, y = data(cls)
    loss = lambda output, target: output.sum(1) * np.nan  # noqa: E731
    net = quick(cls, loss=loss)
    with pytest.raises(ValueError, match=r"train_loss became nan in epoch 1.*Likely causes"):
        net.fit(X, y)
    with pytest.raises(NotFittedError):
        net.predict(X)


@BOTH
def test_a_loss_that_stops_being_finite_keeps_the_best_weights(cls):
    X, y = data(cls)
    steps = iter(range(10_000))

    def breaks(output, target):
        return output.square().sum(1) * (np.nan if next(steps) > 30 else 1)

    net = quick(cls, loss=breaks, max_epochs=20, early_stopping=False, batch_size=100)
    with pytest.warns(ConvergenceWarning, match="became nan in epoch 11; .* best weights so far are kept"):
        net.fit(X, y)
    assert np.isfinite(outputs(net, X)).all()
    assert net.best_epoch_ == 10


@BOTH
def test_ctrl_c_leaves_fit_and_keeps_the_weights_so_far(cls):
    class PressCtrlC(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 3:
                net.train_step = self.press

        def press(self, batch, **kwargs):
            signal.raise_signal(signal.SIGINT)

    X, y = data(cls)
    net = quick(cls, callbacks=[PressCtrlC()], max_epochs=50)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert net.n_iter_ >= 2
    assert np.isfinite(outputs(net, X)).all()


@BOTH
def test_the_last_epoch_counts_when_a_callback_stops_training(cls):
    class StopAtThree(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 3:
                raise KeyboardInterrupt

    X, y = data(cls)
    stopped = quick(cls, callbacks=[StopAtThree()], early_stopping=False).fit(X, y)
    assert stopped.n_iter_ == stopped.best_epoch_ == 3
    assert np.array_equal(outputs(stopped, X), outputs(quick(cls, max_epochs=3, early_stopping=False).fit(X, y), X))


@BOTH
def test_the_users_callbacks_see_the_epoch_that_stops_training(cls):
    score = EpochScoring("neg_mean_absolute_error", name="mae", lower_is_better=False)
    net = quick(cls, callbacks=[score], max_epochs=100, patience=2, monitor=lambda *_: 0.5).fit(*data(cls))
    assert net.n_iter_ == 3
    assert net.history_["mae"].notna().all()


# -- callbacks --------------------------------------------------------------------------------


@BOTH
def test_skorch_callbacks_work_and_are_not_changed(cls, tmp_path):
    callbacks = [
        EarlyStopping(monitor="train_loss", patience=2, threshold=10, threshold_mode="abs"),
        LRScheduler("StepLR", step_size=1, gamma=0.5, event_name="rate"),
        GradientNormClipping(0.1),
        Checkpoint(dirname=str(tmp_path), f_history=None, f_optimizer=None, f_criterion=None),
        ("mine", EpochScoring("neg_mean_absolute_error", lower_is_better=False, name="mae")),
        EpochScoring("neg_mean_absolute_error", lower_is_better=False, name="mae_again", use_caching=False),
        EpochScoring("neg_mean_absolute_error", lower_is_better=False, name="mae_train", on_train=True),
    ]
    before = [copy.deepcopy(vars(item[1] if isinstance(item, tuple) else item)) for item in callbacks]
    X, y = data(cls)
    net = quick(cls, callbacks=callbacks, max_epochs=10).fit(X, y)
    assert [vars(item[1] if isinstance(item, tuple) else item) for item in callbacks] == before
    assert net.n_iter_ == 3
    history = net.history_
    assert history["rate"].tolist()[:2] == pytest.approx([1e-3, 5e-4])
    np.testing.assert_allclose(history["mae"], history["mae_again"], rtol=1e-6)
    assert (tmp_path / "params.pt").exists()
    if cls is NNRegressor:
        assert history["mae"].abs().min() > 5  # in the user's unit, not in standard deviations


@BOTH
def test_callbacks_survive_cloning(cls):
    net = quick(cls, callbacks=[LRScheduler("StepLR", step_size=1), ("stop", EarlyStopping("train_loss"))])
    copied = clone(net)
    assert copied.callbacks[0].step_size == 1
    assert copied.callbacks[0] is not net.callbacks[0]
    copied.fit(*data(cls))


def test_a_callback_class_is_built():
    assert quick(NNRegressor, callbacks=[GradientNormClipping]).fit(*data(NNRegressor)).n_iter_ == 5


def test_skorchs_progress_bar_runs(capsys):
    quick(NNRegressor, callbacks=[ProgressBar(detect_notebook=False)]).fit(*data(NNRegressor))
    assert "/10" in capsys.readouterr().err  # 9 batches of training rows and one of validation rows


@BOTH
@pytest.mark.parametrize("wrap", [lambda net: net, lambda net: make_pipeline(StandardScaler(), net)])
def test_scikit_learns_callbacks_see_every_epoch(cls, wrap):
    X, y = data(cls)
    scoring = "accuracy" if cls is NNClassifier else "r2"
    monitor = ScoringMonitor(scoring=scoring)
    net = quick(cls, early_stopping=False).set_callbacks(monitor)
    wrap(net).fit(X, y)
    log = monitor.get_logs().data_as_pandas
    epochs = log[log["task_name"] == "epoch"][scoring].tolist()
    assert len(epochs) == 5
    assert len(set(epochs)) > 1
    assert "score" not in vars(net)


def test_scikit_learns_callback_can_stop_training():
    class StopAtThree:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            return context.task_name == "epoch" and context.task_id == 2

    assert quick(NNRegressor).set_callbacks(StopAtThree()).fit(*data(NNRegressor)).n_iter_ == 3


def test_scikit_learns_snapshots_do_not_share_weights():
    seen = []

    class Keep:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch":
                seen.append(fitted_estimator)

    X, y = data(NNRegressor)
    quick(NNRegressor, early_stopping=False).set_callbacks(Keep()).fit(X, y)
    predictions = [net.predict(X) for net in seen]
    assert len({prediction.tobytes() for prediction in predictions}) == 5


def test_scikit_learns_progress_bar_shows_epochs_inside_a_search(capsys):
    from sklearn.callback import ProgressBar as SklearnProgressBar

    X, y = data(NNClassifier)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), quick(NNClassifier)), {"nnclassifier__dropout": [0, 0.5]}, cv=2
    )
    search.set_callbacks(SklearnProgressBar(max_propagation_depth=None)).fit(X, y)
    assert "NNClassifier" in capsys.readouterr().out


@BOTH
def test_verbose_writes_one_line_with_epoch_losses_and_time(cls, capsys):
    quick(cls, verbose=1).fit(*data(cls))
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    for part in ("epoch", "5", "train loss", "valid loss", "s"):
        assert part in lines[0]


# -- going on, saving, randomness -------------------------------------------------------------


@BOTH
def test_warm_start_goes_on_with_optimizer_state(cls):
    X, y = data(cls)
    net = quick(cls, warm_start=True, early_stopping=False, dropout=0, batch_size=1000).fit(X, y)
    net = pickle.loads(pickle.dumps(net))  # the state survives
    net.fit(X, y)
    whole = quick(cls, max_epochs=10, early_stopping=False, dropout=0, batch_size=1000).fit(X, y)
    assert np.array_equal(outputs(net, X), outputs(whole, X))
    assert net.n_iter_ == net.best_epoch_ == 10
    assert net.history_["epoch"].tolist() == list(range(1, 11))
    np.testing.assert_allclose(net.loss_curve_, whole.loss_curve_, rtol=1e-6)


def classes_of(cls, y):
    return {"classes": np.unique(y)} if cls is NNClassifier else {}


@BOTH
def test_partial_fit_is_an_epoch(cls):
    X, y = data(cls)
    params = {"dropout": 0, "batch_size": 1000, "learning_rate": 0.001, "preprocessing": None}
    by_parts = quick(cls, **params)
    for _ in range(5):
        by_parts.partial_fit(X, y, **classes_of(cls, y))
    whole = quick(cls, early_stopping=False, **params).fit(X, y)
    assert np.array_equal(outputs(by_parts, X), outputs(whole, X))
    assert by_parts.n_iter_ == 5


@BOTH
def test_fit_starts_anew_after_partial_fit(cls):
    X, y = data(cls)
    net = quick(cls).partial_fit(X[:, :5], y, **classes_of(cls, y)).fit(X, y)
    assert np.array_equal(outputs(net, X), outputs(quick(cls).fit(X, y), X))


@BOTH
@pytest.mark.parametrize("copier", ["pickle", "joblib", "deepcopy"])
def test_copies_predict_the_same(cls, copier, tmp_path):
    X, y = data(cls)
    net = quick(cls, callbacks=[GradientNormClipping(1.0)]).fit(X, y)
    if copier == "pickle":
        other = pickle.loads(pickle.dumps(net))
    elif copier == "joblib":
        joblib.dump(net, tmp_path / "net.joblib")
        other = joblib.load(tmp_path / "net.joblib")
    else:
        other = copy.deepcopy(net)
    assert np.array_equal(outputs(net, X), outputs(other, X))


class OnGPU(nn.Linear):
    """Says that it is on a GPU until it is moved to the CPU."""

    def state_dict(self, *args, **kwargs):
        state = super().state_dict(*args, **kwargs)
        return state if getattr(self, "moved", False) else {"weight": torch.empty(0, device="meta")}

    def to(self, device):
        self.moved = device == "cpu"
        return self


def test_weights_on_another_device_are_pickled_from_the_cpu(monkeypatch):
    X, y = data(NNRegressor)
    net = quick(NNRegressor, warm_start=True).fit(X, y)
    net.module_ = OnGPU(10, 1)
    moved = []
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: moved.append(self) or self)
    loaded = pickle.loads(pickle.dumps(net))
    assert loaded.module_.moved
    assert not hasattr(net.module_, "moved")
    n_states = sum(len(state) for state in net._optimizer_state[1].values())
    assert len(moved) == n_states


@BOTH
def test_nothing_of_the_training_data_stays(cls):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 20))
    y = rng.integers(0, 2, 20_000) if cls is NNClassifier else rng.normal(size=20_000)
    net = quick(cls, max_epochs=1, callbacks=[EpochScoring("neg_mean_absolute_error", name="mae")]).fit(X, y)
    assert len(pickle.dumps(net)) < 100_000


@BOTH
@pytest.mark.parametrize("module", ["mlp", TwoLayers])
def test_the_same_random_state_gives_the_same_bits_wherever_it_runs(cls, module):
    X, y = data(cls)
    net = quick(cls, module=module, max_epochs=3)
    method = "predict_proba" if cls is NNClassifier else "predict"
    results = [cross_val_predict(net, X, y, cv=KFold(4), method=method)]
    for backend in ("loky", "threading"):
        with joblib.parallel_config(backend=backend, n_jobs=2):
            results.append(cross_val_predict(net, X, y, cv=KFold(4), method=method))
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


@BOTH
def test_another_random_state_gives_another_network(cls):
    X, y = data(cls)
    first, second = (quick(cls, random_state=seed).fit(X, y) for seed in (0, 1))
    assert not np.array_equal(outputs(first, X), outputs(second, X))


def process_state():
    numpy_state = np.random.get_state()  # noqa: NPY002 - the global state is what is looked at
    return (
        numpy_state[1].tolist(),
        numpy_state[2],
        torch.get_rng_state().tolist(),
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
    )


@BOTH
@pytest.mark.parametrize("module", ["mlp", TwoLayers])
@pytest.mark.parametrize("random_state", [None, 0])
def test_process_state_is_as_before(cls, module, random_state):
    X, y = data(cls)
    before = process_state()
    net = quick(cls, module=module, random_state=random_state).fit(X, y)
    assert process_state() == before
    net.predict(X)
    assert process_state() == before

    def fails(output, target):
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        quick(cls, module=module, loss=fails, random_state=random_state).fit(X, y)
    assert process_state() == before


@BOTH
def test_predicting_leaves_the_modules_mode_alone_for_other_threads(cls, monkeypatch):
    X, y = data(cls)
    net = quick(cls, dropout=0.5).fit(X, y)
    expected = outputs(net, X)

    def refuse(self, mode=True):
        raise AssertionError("the mode of a shared module was touched")

    monkeypatch.setattr(nn.Module, "train", refuse)
    with joblib.parallel_config(backend="threading", n_jobs=4):
        results = joblib.Parallel()(joblib.delayed(outputs)(net, X) for _ in range(20))
    assert all(np.array_equal(result, expected) for result in results)


@BOTH
def test_a_prediction_does_not_depend_on_the_rows_beside_it(cls):
    X, y = data(cls)
    net = quick(cls).fit(X, y)
    expected = outputs(net, X)
    assert np.array_equal(np.concatenate([outputs(net, X[i : i + 1]) for i in range(40)]), expected[:40])
    order = np.random.RandomState(0).permutation(300)
    assert np.array_equal(outputs(net, X[order]), expected[order])


@BOTH
def test_predicting_in_blocks_gives_the_same(cls, monkeypatch):
    X, y = data(cls)
    net = quick(cls).fit(X, y)
    expected = outputs(net, X)
    monkeypatch.setattr("sknn.training._inference._MAX_BLOCK_ROWS", 64)
    assert np.array_equal(outputs(net, X), expected)


@BOTH
def test_new_identifiers_do_not_change_predictions(cls):
    X, y = data(cls, 250, as_frame=True)
    X = X.iloc[:, :4].assign(id=[f"row {k}" for k in range(len(X))])
    net = cls(preset="fast", max_epochs=4, random_state=0).fit(X[:200], y[:200])
    renamed = X.assign(id=[f"new {k}" for k in range(len(X))])
    assert net.score(renamed[:200], y[:200]) > 0
    assert (net.encoder_.encode(renamed).x_num.max(0) < 4).all()
