"""Each callback that skorch ships works with a single network and with an ensemble, or is refused by name."""

import numpy as np
import pytest
import skorch.callbacks
import torch
from sklearn.metrics import log_loss, r2_score
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    GradientNormClipping,
    Initializer,
    InputShapeSetter,
    LoadInitState,
    LRScheduler,
    MlflowLogger,
    ParamMapper,
    PassthroughScoring,
    PrintLog,
    ProgressBar,
    SacredLogger,
    TensorBoard,
    TrainEndCheckpoint,
    Unfreezer,
)

from helpers import BOTH
from sknn import NNClassifier, NNRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(61, 3))
COINS, NOISE = rng.integers(0, 2, 61), rng.normal(size=61)  # which nothing predicts
TARGETS = {NNClassifier: COINS, NNRegressor: NOISE}
SCORES = {NNClassifier: "accuracy", NNRegressor: "r2"}
NETWORKS = {
    "single": {"n_members": 1},
    "crossed": {"n_members": 3},
    "two members a fold": {"n_members": 4, "validation_split": 2},
    "rows for all": {"n_members": 3, "validation_split": 0.3},
}
EACH = pytest.mark.parametrize("network", NETWORKS)


def quick(cls, callbacks, **params):
    defaults = {"hidden_layer_sizes": 16, "max_epochs": 2, "batch_size": 30, "random_state": 0}
    return cls("mlp", callbacks=callbacks, **(defaults | {"early_stopping": True, "monitor": SCORES[cls]} | params))


# -- scores on validation rows ----------------------------------------------------------------


class Predicts(Callback):
    """Scores the validation rows in every way that a callback has."""

    def on_epoch_end(self, net, dataset_valid=None, **kwargs):
        y, n = dataset_valid.y, len(dataset_valid.y)
        net.history.record("own_predict", net.score(dataset_valid, y))
        net.history.record("own_x", net.score(dataset_valid.X, y))
        forward = net.forward(dataset_valid).numpy()
        batches = torch.cat(list(net.forward_iter(dataset_valid.X))).numpy()
        assert len(forward) == len(batches) == n
        for name, outputs in (("own_forward", forward), ("own_forward_iter", batches)):
            predicted = net.target.predict(outputs)
            right = (predicted == y).mean() if net.classes_ is not None else r2_score(y, predicted)
            net.history.record(name, float(right))
        if net.classes_ is not None:
            net.history.record("own_proba", float((net.predict_proba(dataset_valid).argmax(axis=1) == y).mean()))


@BOTH
@EACH
def test_whatever_a_callback_predicts_for_validation_rows_is_the_monitored_score(cls, network):
    score = {"scoring": SCORES[cls], "lower_is_better": False}
    callbacks = [
        EpochScoring(**score, name="cached"),
        EpochScoring(**score, use_caching=False, name="uncached"),
        EpochScoring(None, lower_is_better=False, name="default"),
        Predicts(),
    ]
    net = quick(cls, callbacks, max_epochs=3, learning_rate=0.05, **NETWORKS[network]).fit(X, TARGETS[cls])
    history = net.history_
    expected = history[f"valid_{SCORES[cls]}"]
    own = [name for name in history if name.startswith("own_")]
    assert len(own) == (5 if cls is NNClassifier else 4)
    for name in ["cached", "uncached", "default", *own]:
        assert history[name].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-5), name


@pytest.mark.parametrize("params", [{"loss": "quantile"}, {"loss": "gaussian_nll"}, {"module": "tabular"}], ids=str)
def test_other_kinds_of_outputs_are_scored_as_they_are_monitored(params):
    callbacks = [EpochScoring("r2", lower_is_better=False, name="cached"), Predicts()]
    history = quick(NNRegressor, callbacks, n_members=3).set_params(**params).fit(X, NOISE).history_
    for name in ("cached", "own_predict", "own_x"):
        assert history[name].to_numpy() == pytest.approx(history["valid_r2"].to_numpy(), abs=1e-5)


def test_several_labels_a_row_are_scored_as_they_are_monitored():
    y = rng.integers(0, 2, (61, 2))
    callbacks = [EpochScoring("accuracy", lower_is_better=False, name="cached"), EpochScoring(None, name="default")]
    history = quick(NNClassifier, callbacks, n_members=3).fit(X, y).history_
    for name in ("cached", "default"):
        assert history[name].to_numpy() == pytest.approx(history["valid_accuracy"].to_numpy())


@EACH
def test_probabilities_are_held_out_too(network):
    callbacks = [EpochScoring("neg_log_loss", lower_is_better=False, name="mine")]
    net = quick(NNClassifier, callbacks, monitor="neg_log_loss", **NETWORKS[network]).fit(X, COINS)
    assert net.history_["mine"].to_numpy() == pytest.approx(net.history_["valid_neg_log_loss"].to_numpy(), abs=1e-5)


def test_batches_are_scored_by_the_members_that_hold_their_rows_out():
    callback = BatchScoring("neg_log_loss", lower_is_better=False, name="mine")
    net = quick(NNClassifier, [callback], n_members=3, max_epochs=2).fit(X, COINS)
    assert net.history_["mine"].to_numpy() == pytest.approx(-net.history_["valid_loss"].to_numpy(), abs=1e-5)


def test_a_checkpoint_by_a_score_is_taken_where_the_held_out_score_is_best(tmp_path):
    callbacks = [
        EpochScoring("accuracy", lower_is_better=False, name="mine"),
        Checkpoint(monitor="mine_best", dirname=str(tmp_path)),
    ]
    history = quick(NNClassifier, callbacks, n_members=3, max_epochs=5).fit(X, COINS).history_
    best = history["valid_accuracy"] > history["valid_accuracy"].shift().cummax().fillna(-1)
    assert history["event_cp"].tolist() == best.tolist()


@EACH
def test_training_rows_are_predicted_by_all_members(network):
    class Train(Callback):
        def on_epoch_end(self, net, dataset_train=None, **kwargs):
            loss = log_loss(dataset_train.y, net.predict_proba(dataset_train))
            assert net.predict(dataset_train).shape == dataset_train.y.shape
            assert loss == pytest.approx(log_loss(dataset_train.y, net.predict_proba(dict(dataset_train.X))), abs=1e-6)

    callbacks = [EpochScoring("neg_log_loss", on_train=True, use_caching=cache, name=f"s{cache}") for cache in (0, 1)]
    params = {"learning_rate": 0.05, "max_epochs": 8, "early_stopping": False, "validation_split": "auto"}
    params |= {"monitor": "loss"}
    net = quick(NNClassifier, [*callbacks, Train()], **(NETWORKS[network] | params)).fit(X, COINS)
    assert net.history_["s0"].iloc[-1] == pytest.approx(-log_loss(COINS, net.predict_proba(X)), abs=1e-5)
    assert np.isfinite(net.history_["s1"]).all()


def test_rows_of_a_table_are_refused_by_the_net():
    class Table(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.predict(X)

    with pytest.raises(TypeError, match="X must be a data set that a callback is given"):
        quick(NNClassifier, [Table()]).fit(X, COINS)


@pytest.mark.parametrize("n_members", [1, 3])
def test_a_checkpoint_that_is_loaded_is_the_best_epoch(n_members, tmp_path):
    second = Checkpoint(monitor=lambda net: len(net.history) == 2, dirname=str(tmp_path), load_best=True)
    params = {"n_members": n_members, "lr_schedule": None, "early_stopping": False, "monitor": "loss"}
    net = quick(NNRegressor, [second], max_epochs=4, **params).fit(X, NOISE)
    assert net.n_iter_ == net.best_epoch_ == len(net.loss_curve_) == 2
    assert np.array_equal(net.predict(X), quick(NNRegressor, [], max_epochs=2, **params).fit(X, NOISE).predict(X))


# -- all of skorch's --------------------------------------------------------------------------


class Anything:
    """An experiment tracker, whatever it is asked for."""

    def __getattr__(self, name):
        return Anything()

    def __call__(self, *args, **kwargs):
        return Anything()

    def __iter__(self):
        return iter(())


WORKING = {
    "EpochTimer": lambda path: [("mine", EpochTimer())],
    "PrintLog": lambda path: [PrintLog(sink=lambda *args: None)],
    "ProgressBar": lambda path: [ProgressBar(detect_notebook=False), ("counts", ProgressBar("count"))],
    "BatchScoring": lambda path: [
        BatchScoring("neg_mean_squared_error", on_train=on_train, use_caching=cache, name=f"score_{on_train}_{cache}")
        for on_train in (False, True)
        for cache in (False, True)
    ],
    "EpochScoring": lambda path: [
        EpochScoring("neg_mean_squared_error", on_train=True, use_caching=cache, name=f"score_{cache}")
        for cache in (False, True)
    ],
    "PassthroughScoring": lambda path: [PassthroughScoring("train_batch_size", on_train=True)],
    "Checkpoint": lambda path: [Checkpoint(dirname=path, f_pickle="net.pkl", load_best=True)],
    "EarlyStopping": lambda path: [EarlyStopping(patience=1, load_best=True)],
    "LoadInitState": lambda path: [cp := Checkpoint(dirname=path, monitor=None), LoadInitState(cp)],
    "TrainEndCheckpoint": lambda path: [TrainEndCheckpoint(dirname=path)],
    "LRScheduler": lambda path: [LRScheduler("StepLR", step_size=1)],
    "WarmRestartLR": lambda path: [LRScheduler("WarmRestartLR")],
    "GradientNormClipping": lambda path: [GradientNormClipping(1.0)],
    "Freezer": lambda path: [Freezer("*0*")],
    "Unfreezer": lambda path: [Freezer("*0*"), Unfreezer("*0*", at=2)],
    "Initializer": lambda path: [Initializer("*0*", fn=torch.nn.init.zeros_)],
    "ParamMapper": lambda path: [ParamMapper("*", fn=lambda parameter: None, at=2)],
    "TensorBoard": lambda path: [TensorBoard(Anything())],
    "SacredLogger": lambda path: [SacredLogger(Anything())],
    "MlflowLogger": lambda path: [MlflowLogger(Anything(), Anything())],
}
# What a package brings that is not needed here, what is no callback of its own, and what is refused.
OTHERS = {"Callback", "HfHubStorage", "InputShapeSetter", "NeptuneLogger", "WandbLogger"}


def test_none_of_skorchs_callbacks_is_forgotten():
    assert {*skorch.callbacks.__all__} - OTHERS == {*WORKING}


@pytest.mark.parametrize(("cls", "network"), [(NNClassifier, "single"), (NNRegressor, "crossed")])
@pytest.mark.parametrize("name", WORKING)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_skorchs_callbacks_work(cls, network, name, tmp_path):
    for _ in range(2 if name == "LoadInitState" else 1):
        net = quick(cls, WORKING[name](str(tmp_path)), **NETWORKS[network]).fit(X, TARGETS[cls])
    expected = {
        "EarlyStopping": net.n_iter_,
        "Checkpoint": net.best_epoch_,  # to whose history it went back
        "LoadInitState": 4,  # with the history that it has loaded
    }
    assert net.n_iter_ == expected.get(name, 2)
    assert 1 <= net.best_epoch_ <= net.n_iter_
    assert np.isfinite(net.history_["valid_loss"]).all()
    scores = [column for column in net.history_ if column.startswith("score_") and not column.endswith("_best")]
    assert len(scores) == {"BatchScoring": 4, "EpochScoring": 2}.get(name, 0)
    assert np.isfinite(net.history_[scores].to_numpy()).all()


@BOTH
@pytest.mark.parametrize(
    "item", [InputShapeSetter, InputShapeSetter(), ("shape", InputShapeSetter())], ids=["class", "instance", "named"]
)
def test_an_input_shape_setter_is_refused_by_name(cls, item):
    with pytest.raises(InvalidParameterError, match=r"must not hold an InputShapeSetter.*n_features"):
        quick(cls, [item]).fit(X, TARGETS[cls])


@pytest.mark.parametrize("network", NETWORKS)
def test_freezing_all_parameters_is_an_error_that_names_them(network):
    with pytest.raises(ValueError, match=r"must depend on a parameter that is trained.*frozen: .*0"):
        quick(NNClassifier, [Freezer("*")], **NETWORKS[network]).fit(X, COINS)
