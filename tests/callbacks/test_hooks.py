"""Whatever a callback does in a hook: stop, fail, record, predict, write into a batch, pickle the net."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import Callback

from helpers import BOTH
from sknn import NNClassifier, NNRegressor
from sknn.callbacks import Penalty, StopTraining

HOOKS = (
    "on_train_begin", "on_epoch_begin", "on_batch_begin", "on_grad_computed", "on_step_end", "on_batch_end",
    "on_training_pass_end", "on_epoch_end", "on_train_end",
)  # fmt: skip
rng = np.random.default_rng(0)
X = rng.normal(size=(41, 3))
TARGETS = {NNClassifier: (X[:, 0] > 0).astype(int), NNRegressor: X[:, 0] + 1.0}
NETWORKS = {"single": {"n_members": 1}, "ensemble": {"n_members": 3}}
EACH = pytest.mark.parametrize("network", NETWORKS)
TWO = pytest.mark.parametrize(("cls", "network"), [(NNClassifier, "single"), (NNRegressor, "ensemble")])


class Acts(Callback):
    """Calls `action(net)` in one hook, and notes all hooks that it is told."""

    def __init__(self, hook, action, epoch=1):
        self.hook, self.action, self.epoch = hook, action, epoch
        self.told = []

    def __deepcopy__(self, memo):
        return self

    def _act(self, hook, net, kwargs):
        self.told.append(hook)
        if hook == self.hook and (len(net.history) >= self.epoch or hook == "on_train_begin"):
            self.action(net, **kwargs)


def _hook(name):
    def told(self, net, *args, **kwargs):
        self._act(name, net, kwargs)

    return told


for _name in HOOKS:
    setattr(Acts, _name, _hook(_name))


STOPS = [
    (NNClassifier, "single", KeyboardInterrupt),
    (NNClassifier, "ensemble", StopTraining),
    (NNRegressor, "single", StopTraining),
    (NNRegressor, "ensemble", KeyboardInterrupt),
]


def quick(cls, network, *callbacks, **params):
    defaults = {"hidden_layer_sizes": 4, "max_epochs": 2, "batch_size": 14, "early_stopping": True, "random_state": 0}
    return cls("mlp", callbacks=list(callbacks), **(defaults | NETWORKS[network] | params))


def raising(error):
    def action(net, **kwargs):
        raise error

    return action


# -- stopping and failing ---------------------------------------------------------------------


@pytest.mark.parametrize(("cls", "network", "stop"), STOPS)
@pytest.mark.parametrize("hook", HOOKS)
def test_a_wish_to_stop_ends_training_in_any_hook(cls, network, stop, hook):
    callback = Acts(hook, raising(stop), epoch=2)
    net = quick(cls, network, callback, lr_schedule=None)
    if hook == "on_train_begin":  # no epoch could come to its end
        with pytest.raises(InvalidParameterError, match="must let one epoch come to its end"):
            net.fit(X, TARGETS[cls])
        with pytest.raises(NotFittedError):
            net.predict(X)
    else:
        net.fit(X, TARGETS[cls])
        n_epochs = {"on_epoch_end": 2, "on_train_end": 2}.get(hook, 1)
        assert net.n_iter_ == len(net.loss_curve_) == n_epochs
        expected = quick(cls, network, Acts(None, None), max_epochs=n_epochs, lr_schedule=None).fit(X, TARGETS[cls])
        assert np.array_equal(net.predict(X), expected.predict(X))
    assert callback.told.count("on_train_end") == 1
    assert callback.told[-1] == "on_train_end"


@EACH
@pytest.mark.parametrize("hook", HOOKS[:7])
def test_a_wish_to_stop_in_the_first_epoch_is_refused_or_leaves_the_earlier_fit(network, hook):
    net = quick(NNClassifier, network, Acts(hook, raising(KeyboardInterrupt)), warm_start=True)
    with pytest.raises(InvalidParameterError, match="must let one epoch come to its end"):
        net.fit(X, TARGETS[NNClassifier])
    with pytest.raises(NotFittedError):
        net.predict(X)
    net.set_params(callbacks=None).fit(X, TARGETS[NNClassifier])
    expected, n_epochs = net.predict_proba(X), net.n_iter_
    net.set_params(callbacks=[Acts(hook, raising(KeyboardInterrupt))]).fit(X, TARGETS[NNClassifier])
    assert net.n_iter_ == n_epochs
    assert np.allclose(net.predict_proba(X), expected)


@BOTH
@EACH
@pytest.mark.parametrize("hook", HOOKS)
def test_an_error_in_any_hook_is_raised_as_itself_and_leaves_no_fit(cls, network, hook):
    error = RuntimeError("on purpose")
    callback, other = Acts(hook, raising(error)), Acts(None, None)
    net = quick(cls, network, other, callback)
    with pytest.raises(RuntimeError, match="on purpose") as caught:
        net.fit(X, TARGETS[cls])
    assert caught.value is error
    assert callback.told.count("on_train_end") == other.told.count("on_train_end") == 1
    with pytest.raises(NotFittedError):
        net.predict(X)


def test_the_error_that_ended_training_is_shown_and_not_what_follows_from_it():
    first, second = Acts("on_batch_end", raising(RuntimeError("first"))), Acts("on_train_end", raising(ValueError("2")))
    last = Acts(None, None)
    with pytest.raises(RuntimeError, match="first"):
        quick(NNClassifier, "ensemble", first, second, last).fit(X, TARGETS[NNClassifier])
    assert last.told[-1] == "on_train_end"


@TWO
@pytest.mark.parametrize("hook", HOOKS[1:])
def test_a_callback_may_record_in_any_hook_and_hears_nothing_after_the_end(cls, network, hook):
    def record(net, **kwargs):
        net.history.record("mine", 7.0)
        if hook in ("on_batch_begin", "on_batch_end"):
            net.history.record_batch("mine", 7.0)

    callback = Acts(hook, record)
    net = quick(cls, network, callback).fit(X, TARGETS[cls])
    assert net.history_["mine"].iloc[-1] == 7.0
    assert callback.told[0] == "on_train_begin"
    assert callback.told.index("on_train_end") == len(callback.told) - 1
    per_epoch = {name: callback.told.count(name) / net.n_iter_ for name in HOOKS[1:-1]}
    assert per_epoch["on_epoch_begin"] == per_epoch["on_epoch_end"] == per_epoch["on_training_pass_end"] == 1
    assert per_epoch["on_grad_computed"] == per_epoch["on_step_end"] > 1
    assert per_epoch["on_batch_begin"] == per_epoch["on_batch_end"] > per_epoch["on_step_end"]


# -- what a callback sees and writes ----------------------------------------------------------


@TWO
def test_what_a_callback_writes_into_a_batch_is_for_that_step_alone(cls, network):
    seen = []

    def spoil(net, batch=None, **kwargs):
        inputs, y = batch
        seen.append((inputs["x_num"].clone(), np.array(y)))
        inputs["x_num"].fill_(1e6)
        y[...] = 0

    quick(cls, network, Acts("on_batch_end", spoil), batch_size=64).fit(X, TARGETS[cls])
    half = len(seen) // 2
    for (x, y), (x_again, y_again) in zip(seen[:half], seen[half:], strict=True):
        assert np.array_equal(np.sort(x, axis=None), np.sort(x_again, axis=None))
        assert np.array_equal(np.sort(y), np.sort(y_again))


@pytest.mark.parametrize("hook", ["on_batch_begin", "on_grad_computed", "on_batch_end"])
@TWO
def test_a_batch_has_a_target_for_each_row(cls, network, hook):
    def look(net, batch=None, y_pred=None, **kwargs):
        inputs, y = batch
        assert inputs["x_num"].shape == (len(y), 3)
        assert y_pred is None or len(y_pred) == len(y)
        known = {(*row,): target for row, target in zip(np.float32(net.train.X["x_num"]), net.train.y, strict=True)}
        if kwargs.get("training"):
            assert [known[(*row,)] for row in np.float32(inputs["x_num"])] == list(y)

    callback = Acts(hook, look)
    quick(cls, network, callback).fit(X, TARGETS[cls])
    assert hook in callback.told


@TWO
@pytest.mark.parametrize("hook", HOOKS[:-1])
def test_predicting_in_a_hook_does_not_change_training(cls, network, hook):
    def predict(net, **kwargs):
        net.predict(net.train)
        net.predict(net.valid)

    params = {"dropout": 0.3, "early_stopping": True}
    plain = quick(cls, network, Acts(hook, lambda net, **kwargs: None), **params).fit(X, TARGETS[cls])
    looked = quick(cls, network, Acts(hook, predict), **params).fit(X, TARGETS[cls])
    assert plain.loss_curve_ == looked.loss_curve_


# -- pickling ---------------------------------------------------------------------------------

PICKLED = {
    "tabular": (NNClassifier, {"module": "tabular", "n_members": 3}),
    "single": (
        NNClassifier,
        {"module": "mlp", "lr_schedule": "one_cycle", "monitor": "accuracy", "callbacks": [Penalty(l1=0.1)]},
    ),
    "multilabel": (NNClassifier, {"module": "tabular", "n_members": 3}),
    "resnet": (NNRegressor, {"module": "resnet", "hidden_layer_sizes": (8, 8), "n_members": 3, "validation_split": 3}),
    "linear": (NNRegressor, {"module": "linear", "loss": "gaussian_nll"}),
    "quantile": (NNRegressor, {"module": "tabular", "n_members": 3, "loss": "quantile"}),
}


@pytest.mark.parametrize("hook", ["on_grad_computed", "on_step_end", "on_train_end"])
@pytest.mark.parametrize("case", PICKLED)
def test_a_net_pickled_in_a_hook_predicts_the_same(case, hook):
    cls, params = PICKLED[case]
    y = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int) if case == "multilabel" else TARGETS[cls]
    sizes = []

    def dump(net, **kwargs):
        data = pickle.dumps(net)
        sizes.append((len(data), sum(p.numel() for p in net.module_.parameters())))
        for other in (pickle.loads(data), copy.deepcopy(net)):
            for rows in (net.valid, net.train, net.valid.X):
                assert np.allclose(other.predict(rows), net.predict(rows), rtol=1e-5)  # weights lie elsewhere in memory
            assert other.history == net.history

    class Dumps(Callback):  # only this hook, so that the fastest ways of training are taken
        pass

    setattr(Dumps, hook, lambda self, net, *args, **kwargs: dump(net))
    defaults = {"early_stopping": True, "max_epochs": 1, "random_state": 0}
    callbacks = [*params.get("callbacks", []), Dumps()]
    cls(**(defaults | params | {"callbacks": callbacks})).fit(X, y)
    assert all(n_bytes < 4 * 6 * n_numbers + 100_000 for n_bytes, n_numbers in sizes)  # weights, two moments, once each
