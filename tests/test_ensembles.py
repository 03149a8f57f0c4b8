"""What both estimators promise about ensembles: members, folds, out-of-fold predictions, calibration, time."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_digits, load_iris
from sklearn.feature_selection import SelectKBest
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EpochScoring, Freezer, GradientNormClipping, LRScheduler
from torch import nn

from helpers import BOTH, TwoLayers, outputs
from helpers import data as rows
from sknn import NNClassifier, NNRegressor
from sknn.callbacks import TimeLimit
from sknn.modules import TabularNet
from sknn.preprocessing import Encoded
from sknn.training import EnsembleRows
from sknn.training import Rows as EncodedRows
from sknn.training._ensemble_batches import EnsembleBatches


def data(cls, n=240):
    return rows(cls, n, as_frame=True)


def quick(cls, **params):
    sizes = {"hidden_layer_sizes": (16,)} if isinstance(params.get("module", "tabular"), str) else {}
    return cls(**{"max_epochs": 3, "random_state": 0} | sizes | params)


class Normalised(TwoLayers):
    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.layers = nn.Sequential(nn.BatchNorm1d(n_features), *self.layers)


# -- members ------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("module", ["tabular", "mlp", TwoLayers, Normalised, nn.Sequential(nn.LazyLinear(2))])
def test_any_network_can_be_in_an_ensemble(cls, module):
    X, y = data(cls)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*was replaced by a new one")  # an instance of two outputs
        net = quick(cls, module=module, n_members=3).fit(X, y)
    assert net.module_.n_members == 3
    assert net.oof_prediction_.shape == outputs(net, X).shape
    std = net.predict_std(X)
    assert std.shape == outputs(net, X).shape
    assert (std > 0).any()
    np.testing.assert_array_equal(outputs(pickle.loads(pickle.dumps(net)), X), outputs(net, X))


@BOTH
def test_the_prediction_is_the_mean_of_the_members(cls):
    X, y = data(cls)
    net = quick(cls, n_members=3).fit(X, y)
    members = torch.from_numpy(net._member_outputs(X)).double()
    if cls is NNClassifier:
        net.temperature_ = 1
        np.testing.assert_allclose(net.predict_proba(X), members.softmax(-1).mean(0), rtol=1e-5)
        np.testing.assert_allclose(net.predict_std(X), members.softmax(-1).std(0, correction=0), rtol=1e-4, atol=1e-7)
    else:
        mean, scale = y.mean(), y.std(ddof=0)
        np.testing.assert_allclose(net.predict(X), members.mean(0)[:, 0] * scale + mean, rtol=1e-5)


@BOTH
def test_one_member_is_a_network_with_one_held_out_part(cls):
    X, y = data(cls)
    net = quick(cls, n_members=1).fit(X, y)
    assert not hasattr(net, "oof_score_")
    assert "valid_loss" in net.history_
    assert (net.predict_std(X) == 0).all()


@BOTH
def test_small_tables_train_all_members_on_all_rows(cls):
    X, y = data(cls, 60)
    net = quick(cls).fit(X, y)
    assert net.module_.n_members == 8
    assert not hasattr(net, "oof_score_")
    assert "valid_loss" not in net.history_


# -- folds --------------------------------------------------------------------------------------


class Rows(nn.Module):
    """Remembers which rows it has trained on: the first feature is a row's number."""

    def __init__(self, n_outputs):
        super().__init__()
        self.layer = nn.Linear(2, n_outputs)
        self.register_buffer("seen", torch.zeros(240))

    def forward(self, x):
        if self.training and len(x) > 2:
            self.seen[x[:, 0].long()] += 1
        return self.layer(x * 0.001)


def members_rows(y, n_members=4, groups=None, weight=None, **params):
    X = np.c_[np.arange(len(y)), np.arange(len(y)) % 7].astype(np.float32)
    net = NNClassifier(Rows, preprocessing=None, n_members=n_members, max_epochs=3, random_state=0, **params)
    net.fit(X, y, groups=groups, sample_weight=weight)
    return net.module_.seen.numpy()[:, : len(y)] > 0, net


def test_each_row_trains_all_members_but_the_one_that_holds_it_out():
    y = np.r_[np.zeros(200), np.ones(40)]
    seen, net = members_rows(y)
    assert (seen.sum(0) == 3).all()
    for trained in seen:  # folds are stratified
        assert y[~trained].sum() == 10
    assert np.isfinite(net.oof_prediction_).all()
    x = torch.from_numpy(np.c_[np.arange(240), np.arange(240) % 7]).float()
    logits = net.module_(True, x=x)
    own = logits.detach().double().numpy()[np.argmin(seen, axis=0), np.arange(240)]
    log_odds = np.log(net.oof_prediction_[:, 1] / net.oof_prediction_[:, 0])
    temperature = np.median((own[:, 1] - own[:, 0]) / log_odds)  # one for all members
    expected = softmax(own / temperature, axis=1)
    np.testing.assert_allclose(net.oof_prediction_, expected, atol=1e-5)
    assert net.oof_score_ == accuracy_score(y, net.classes_[net.oof_prediction_.argmax(1)])


def test_a_class_of_few_rows_does_not_stop_the_folds():
    y = np.r_[np.zeros(230), np.ones(7), np.full(3, 2)]
    seen, _ = members_rows(y, n_members=2)
    assert (seen.sum(0) == 1).all()


@pytest.mark.parametrize("stratifies", [True, False])
def test_groups_are_held_out_whole(stratifies):
    groups = np.repeat(np.arange(12), 20)
    y = np.tile([0, 1], 120) if stratifies else groups
    seen, _ = members_rows(y, groups=groups)
    for trained in seen:
        assert not set(groups[trained]) & set(groups[~trained])
    assert (seen.sum(0) == 3).all()


def test_with_fewer_rows_than_members_folds_are_held_out_again():
    X, y = data(NNRegressor, 20)
    net = quick(NNRegressor, n_members=24, early_stopping=True).fit(X, y)
    assert net.module_.n_members == 24
    assert np.isfinite(net.oof_prediction_).all()


def test_images_are_no_table():
    with pytest.raises(ValueError, match=r"X must be a table .* Got 4 dimensions"):
        quick(NNClassifier, preprocessing=None).fit(np.zeros((20, 1, 4, 4)), np.arange(20) % 2)


def test_with_fewer_groups_than_members_folds_are_held_out_again():
    groups = np.repeat([0, 1, 2], 80)
    seen, net = members_rows(np.tile([0, 1], 120), groups=groups)
    assert seen.sum() == 4 * 160
    assert np.isfinite(net.oof_prediction_).all()
    with pytest.raises(ValueError, match="groups must hold at least 2"):
        members_rows(np.tile([0, 1], 120), groups=np.zeros(240))


@pytest.mark.parametrize("splitter", [KFold(3), 3, GroupKFold(3), list(KFold(3).split(np.zeros(240)))])
def test_a_splitter_decides_the_folds_and_how_many_members_there_are(splitter):
    groups = np.repeat(np.arange(12), 20) if isinstance(splitter, GroupKFold) else None
    X, y = data(NNRegressor)
    net = quick(NNRegressor, validation_split=splitter).fit(X, y, groups=groups)
    assert net.module_.n_members == net.resolved_params_["n_members"] == 3
    assert np.isfinite(net.oof_prediction_).all()


def test_a_single_split_is_one_for_all_members():
    X, y = data(NNRegressor)
    net = quick(NNRegressor, validation_split=[(np.arange(200), np.arange(200, 240))]).fit(X, y)
    assert net.module_.n_members == 8
    assert not hasattr(net, "oof_score_")


def test_rows_that_no_fold_holds_out_have_no_out_of_fold_prediction():
    X, y = data(NNRegressor)
    folds = [(np.arange(100, 240), np.arange(50)), (np.arange(100, 240), np.arange(50, 90))]
    net = quick(NNRegressor, validation_split=folds).fit(X, y)
    assert np.isfinite(net.oof_prediction_[:90]).all()
    assert np.isnan(net.oof_prediction_[90:]).all()
    assert net.oof_score_ == pytest.approx(r2_score(y[:90], net.oof_prediction_[:90]))


def test_rows_of_weight_0_have_no_out_of_fold_prediction():
    X, y = data(NNRegressor)
    weight = np.ones(len(y))
    weight[::5] = 0
    net = quick(NNRegressor).fit(X, y, sample_weight=weight)
    assert np.isnan(net.oof_prediction_[::5]).all()
    kept = weight > 0
    np.testing.assert_array_equal(net.oof_prediction_[kept], quick(NNRegressor).fit(X[kept], y[kept]).oof_prediction_)


@pytest.mark.parametrize("how", ["shared", "X_val", "transformer"])
def test_one_part_validates_all_members(how):
    X, y = data(NNClassifier)
    params = {"validation_split": 0.1} if how == "shared" else {}
    if how == "transformer":  # it learns from y, so that its rows are not unseen
        params = {"preprocessing": make_pipeline(StandardScaler(), SelectKBest(k=5))}
    given = {"X_val": X[200:], "y_val": y[200:]} if how == "X_val" else {}
    net = quick(NNClassifier, **params).fit(X, y, **given)
    assert not hasattr(net, "oof_score_")
    assert "valid_loss" in net.history_
    if how == "X_val":
        calibrated = log_loss(y[200:], net.predict_proba(X[200:]))
        net.temperature_ = 1
        assert calibrated <= log_loss(y[200:], net.predict_proba(X[200:])) + 1e-9


def test_members_do_not_see_the_rows_that_they_hold_out():
    """With labels that are pure noise, held-out predictions cannot be better than chance."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 5)), rng.integers(0, 2, 400)
    net = NNClassifier(max_epochs=40, early_stopping=True, random_state=0).fit(X, y)
    assert net.score(X, y) > 0.6
    assert 0.4 < net.oof_score_ < 0.6


# -- scores and calibration ---------------------------------------------------------------------


@BOTH
def test_the_out_of_fold_score_is_near_that_of_new_rows(cls):
    X, y = data(cls, 600)
    differences = []
    for seed in range(6):  # a score of some hundred rows has a standard error of about 0.015 or, if it is an R², 0.09
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)
        net = cls(preset="fast", random_state=0).fit(X_train, y_train)
        differences.append(net.oof_score_ - net.score(X_test, y_test))
    assert np.mean(differences) == pytest.approx(0, abs=0.02 if cls is NNClassifier else 0.1)


def test_calibration_changes_probabilities_and_not_labels():
    X, y = load_iris(return_X_y=True)
    net = NNClassifier(max_epochs=5, random_state=0).fit(X, y)
    assert net.temperature_ != 1.0
    logits, labels = net.decision_function(X) * net.temperature_, net.predict(X)
    net.temperature_ = 1.0
    np.testing.assert_allclose(net.decision_function(X), logits, rtol=1e-5)
    np.testing.assert_array_equal(net.predict(X), labels)


def test_labels_of_several_columns_are_calibrated_too():
    X, y = load_iris(return_X_y=True)
    labels = np.c_[y > 0, y > 1].astype(int)
    net = quick(NNClassifier).fit(X, labels)
    assert net.oof_prediction_.shape == labels.shape
    assert net.temperature_ > 0


# -- training -----------------------------------------------------------------------------------


@BOTH
def test_an_ensemble_has_the_same_bits_wherever_it_is_trained(cls):
    X, y = data(cls)
    grid = {"dropout": [0.1, 0.3]}
    found = [
        [outputs(GridSearchCV(quick(cls), grid, cv=2, n_jobs=n_jobs).fit(X, y).best_estimator_, X) for n_jobs in (1, 2)]
    ]
    np.testing.assert_array_equal(*found[0])
    np.testing.assert_array_equal(outputs(quick(cls).fit(X, y), X), outputs(quick(cls).fit(X, y), X))


@BOTH
@pytest.mark.parametrize("params", [{"optimizer": "sgd"}, {"optimizer": torch.optim.Adagrad}, {"activation": "mish"},
                                    {"module_params": {"numeric_embedding": "periodic"}},
                                    {"module_params": {"numeric_embedding": None}},
                                    {"lr_schedule": None}, {"lr_schedule": lambda t: 1 - t},
                                    {"lr_schedule": {"learning_rate": "cosine", "dropout": "linear"}},
                                    {"module_params": {"learnable_scale": False, "n_bins": 5}},
                                    {"optimizer": torch.optim.LBFGS, "batch_size": 1_000, "dropout": 0,
                                     "lr_schedule": None, "learning_rate": 0.1, "optimizer_params": {"max_iter": 5}},
                                    {"activation": nn.PReLU}, {"hidden_layer_sizes": ()}])  # fmt: skip
def test_every_option_trains(cls, params):
    X, y = data(cls)
    net = cls(**{"hidden_layer_sizes": (16,), "max_epochs": 15, "n_members": 3, "random_state": 0} | params).fit(X, y)
    assert net.score(X, y) > (0.85 if cls is NNClassifier else 0.1)


@BOTH
def test_flat_parameters_take_the_steps_of_groups(cls, monkeypatch):
    """Parameters side by side and the gradient by hand against torch's gradient and optimizer."""
    X, y = data(cls)
    fast = quick(cls, dropout=0).fit(X, y)
    monkeypatch.setattr("sknn.training._optimizer.is_elementwise", lambda optimizer: False)
    plain = quick(cls, dropout=0).fit(X, y)
    np.testing.assert_allclose(outputs(fast, X), outputs(plain, X), rtol=1e-3, atol=1e-4)


def test_skorch_callbacks_see_ensembles():
    class Watch(Callback):
        shapes = []

        def on_batch_end(self, net, batch, training, y_pred, **kwargs):
            self.shapes.append((len(batch[1]), len(y_pred)))

    X, y = data(NNClassifier)
    scoring = EpochScoring("accuracy", on_train=True, name="acc", lower_is_better=False)
    callbacks = [scoring, GradientNormClipping(1.0), LRScheduler("StepLR", step_size=1), ("watch", Watch())]
    net = quick(NNClassifier, callbacks=callbacks).fit(X, y)
    assert net.history_["acc"].between(0, 1).all()
    assert {rows == predicted for rows, predicted in Watch.shapes} == {True}
    assert "learning_rate" not in net.resolved_params_["lr_schedule"]  # the callback sets it


@BOTH
def test_a_frozen_parameter_keeps_its_bits(cls):
    X, y = data(cls)
    params = {"module_params": {"n_bins": 4}, "learning_rate": 1e-2}
    start = quick(cls, max_epochs=1, callbacks=[Freezer("*")], **params).fit(X, y).module_
    half = quick(cls, callbacks=[Freezer("layers.0.weight")], **params).fit(X, y).module_
    assert torch.equal(start.layers[0].weight, half.layers[0].weight)
    assert not torch.equal(start.layers[-1].weight, half.layers[-1].weight)


@BOTH
def test_a_monitored_score_is_that_of_the_out_of_fold_predictions(cls):
    X, y = data(cls)
    name = "accuracy" if cls is NNClassifier else "r2"
    net = quick(cls, monitor=name).fit(X, y)
    assert net.history_[f"valid_{name}"].max() == pytest.approx(net.oof_score_)


@BOTH
def test_warm_start_and_partial_fit_go_on(cls):
    X, y = data(cls)
    net = quick(cls, warm_start=True).fit(X, y)
    assert len(net.fit(X, y).history_) == 6
    parts = quick(cls)
    for _ in range(3):
        parts.partial_fit(X, y, **({"classes": np.unique(y)} if cls is NNClassifier else {}))
    assert len(parts.history_) == 3
    n_steps = parts.history_["train_batch_count"].sum()
    assert {int(state["step"]) for state in parts._optimizer_state[1].values()} == {n_steps}
    assert parts.resolved_params_["lr_schedule"] is None
    with pytest.raises(ValueError, match="'n_members' parameter"):
        net.set_params(n_members=2).fit(X, y)


def test_time_is_kept_and_the_schedule_comes_to_its_end():
    rates = []

    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3_000, 5)), rng.normal(size=3_000)
    net = NNRegressor(max_epochs=10_000, callbacks=[TimeLimit(1.0), Watch()], random_state=0).fit(X, y)
    assert net.n_iter_ < 1_000
    assert rates[-1] < 0.1 * max(rates)


def test_a_hostile_table_goes_through_an_ensemble():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "number": np.where(rng.random(300) < 0.3, np.nan, rng.normal(size=300)),
            "constant": 1.0,
            "mostly zero": np.where(rng.random(300) < 0.9, 0.0, rng.exponential(size=300)),
            "many levels": rng.choice([f"level {k}" for k in range(80)], 300),
            "date": pd.date_range("2024-01-01", periods=300, freq="7h"),
            "flag": rng.random(300) < 0.5,
        }
    )
    y = np.where(table["mostly zero"] > 0, "some", "none")
    net = NNClassifier(random_state=0).fit(table, y)
    assert net.oof_score_ > 0.85
    unseen = table.head(3).assign(**{"many levels": "new", "number": np.nan})
    assert np.isfinite(net.predict_proba(unseen)).all()


def test_an_ensemble_is_cloned_searched_and_cross_validated_in_a_pipeline():
    X, y = data(NNClassifier)
    net = make_pipeline(StandardScaler(), quick(NNClassifier))
    assert cross_val_predict(net, X, y, cv=3, method="predict_proba").shape == (len(y), 2)
    search = GridSearchCV(net, {"nnclassifier__module__n_bins": [4, 8], "nnclassifier__n_members": [1, 2]}, cv=2).fit(
        X, y
    )
    assert isinstance(search.best_estimator_[-1].module_, TabularNet)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_members": 0}, "'n_members' parameter"),
        ({"validation_split": "none"}, "'validation_split' parameter"),
        ({"lr_schedule": "two_cycle"}, "'lr_schedule' parameter"),
        ({"lr_schedule": {"momentum": "cosine"}}, r"must have keys among \['learning_rate'"),
        ({"lr_schedule": {"dropout": "two_cycle"}}, "values that are None, a callable or one of"),
        ({"module_params": {"numeric_embedding": "fourier"}}, "'numeric_embedding' in 'module_params'"),
        *(({"module_params": {"n_bins": n_bins}}, "'n_bins' in 'module_params'") for n_bins in (0, -1, 2.5, True)),
        ({"module_params": {"bins": []}}, "must hold only parameters of module tabular"),
    ],
)
def test_a_parameter_that_is_not_valid_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        quick(NNRegressor, **params).fit(*data(NNRegressor))


def test_calibration_does_no_harm_where_few_rows_are_held_out():
    X, y = load_digits(return_X_y=True)
    net = NNClassifier("mlp", random_state=0).fit(X[:1200], y[:1200])
    calibrated = net.predict_proba(X[1200:])
    net.temperature_ = 1
    assert log_loss(y[1200:], calibrated) < 1.05 * log_loss(y[1200:], net.predict_proba(X[1200:]))


@pytest.mark.parametrize(("n_rows", "batch_size"), [(50, 16), (33, 16), (7, 3), (5, 8), (1, 1), (7, 2)])
def test_without_shuffling_each_member_meets_each_row_once_an_epoch(n_rows, batch_size):
    rows = EncodedRows(
        Encoded(np.arange(n_rows, dtype=np.float32)[:, None], None),
        np.arange(n_rows),
        None,
        torch.device("cpu"),
        np.asarray,
    )
    members = EnsembleRows(rows, [np.arange(n_rows), np.arange(n_rows)[::-1].copy()])
    batches = list(EnsembleBatches(members, batch_size))
    met = torch.cat([target for _, (target, _) in batches], 1)
    assert met.tolist() == [list(range(n_rows)), list(range(n_rows))[::-1]]


@pytest.mark.parametrize(("n_rows", "batch_size"), [(3, 2), (7, 2), (11, 2), (100, 32), (9, 1)])
def test_shuffled_batches_of_members_are_equal_and_of_two_rows_at_least(n_rows, batch_size):
    rows = EncodedRows(
        Encoded(np.zeros((n_rows, 1), dtype=np.float32), None), np.arange(n_rows), None, torch.device("cpu"), np.asarray
    )
    batches = EnsembleBatches(EnsembleRows(rows, [np.arange(n_rows)]), batch_size, shuffle=True)
    assert len(set(batches.sizes)) == 1
    assert batches.sizes[0] >= min(batch_size, 2)
    assert n_rows - sum(batches.sizes) < len(batches.sizes)
