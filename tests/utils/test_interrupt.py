"""Ctrl-C ends a program's fit with KeyboardInterrupt, whatever stands between."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from skorch.callbacks import Callback

from sknn import NNClassifier
from sknn.utils._interrupt import check_interrupts, noticing_interrupts

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)


def press():
    signal.raise_signal(signal.SIGINT)


def quick(*callbacks, **params):
    defaults = {"hidden_layer_sizes": 4, "max_epochs": 4, "early_stopping": False, "random_state": 0}
    return NNClassifier("mlp", callbacks=list(callbacks), **(defaults | params))


class Presses(Callback):
    def __init__(self, hook, then=None, times=1):
        self.hook, self.then, self.times = hook, then, times
        setattr(self, hook, self.act)

    def __deepcopy__(self, memo):
        return self

    def act(self, net, *args, **kwargs):
        if len(net.history) == 2:
            try:
                for _ in range(self.times):
                    press()
            except KeyboardInterrupt:
                if self.then is None:
                    raise
                self.then()


def raising(signum, frame):
    raise KeyboardInterrupt


class Graceful:
    """Raises from the second time on, as asyncio's handler does."""

    def __init__(self):
        self.n = 0

    def __call__(self, signum, frame):
        self.n += 1
        if self.n > 1:
            raise KeyboardInterrupt


@pytest.fixture(params=["default", "function", "lambda", "nested", "graceful"])
def handler(request):
    made = {
        "default": signal.default_int_handler,
        "function": raising,
        "lambda": lambda *args: raising(*args),
        "nested": lambda signum, frame: signal.default_int_handler(signum, frame),
        "graceful": Graceful(),
    }[request.param]
    before = signal.signal(signal.SIGINT, made)
    yield made
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("hook", ["on_batch_end", "on_step_end", "on_epoch_end"])
def test_ctrl_c_within_a_callback_is_raised_and_the_handler_is_put_back(handler, hook):
    net = quick(Presses(hook, times=2))
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert net.n_iter_ == (2 if hook == "on_epoch_end" else 1)
    assert signal.getsignal(signal.SIGINT) is handler


def swallow():
    pass


def turn_into_error():
    raise ImportError("half imported")


def turn_into_wish_to_stop():
    raise KeyboardInterrupt from None


@pytest.mark.parametrize("then", [swallow, turn_into_error, turn_into_wish_to_stop])
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batch_begin", "on_step_end", "on_epoch_end", "on_train_end"])
def test_ctrl_c_is_raised_whatever_a_callback_makes_of_it(then, hook):
    net = quick(Presses(hook, then), max_epochs=2)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert net.n_iter_ == (2 if hook in ("on_epoch_end", "on_train_end") else 1)


def test_ctrl_c_that_breaks_the_preparation_of_a_fit_is_raised():
    class Breaks:
        def __array__(self, dtype=None, copy=None):
            try:
                press()
            except KeyboardInterrupt:
                raise ValueError("no array") from None

    net = quick()
    with pytest.raises(KeyboardInterrupt):
        net.fit(Breaks(), y)
    assert not hasattr(net, "n_iter_")


def test_a_handler_that_a_callback_has_put_there_counts_and_stays():
    class Own(Callback):
        def on_train_begin(self, net, **kwargs):
            signal.signal(signal.SIGINT, raising)

    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            quick(Own(), Presses("on_epoch_end")).fit(X, y)
        assert signal.getsignal(signal.SIGINT) is raising
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_does_not_raise_lets_a_fit_go_on():
    before = signal.signal(signal.SIGINT, lambda *args: None)
    try:
        assert quick(Presses("on_epoch_end")).fit(X, y).n_iter_ == 4
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_handlers_that_are_not_pythons_are_left_alone(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        quick().fit(X, y)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_within_a_fit_within_a_callback_ends_both():
    class Inner(Callback):
        def on_epoch_end(self, net, **kwargs):
            quick(Presses("on_epoch_end")).fit(X, y)

    before = signal.getsignal(signal.SIGINT)
    net = quick(Inner())
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert net.n_iter_ == 1
    assert signal.getsignal(signal.SIGINT) is before
    assert quick().fit(X, y).n_iter_ == 4  # nothing is left over


def test_a_fit_in_another_thread_does_not_touch_the_handler_and_may_be_stopped():
    class Stops(Callback):
        def on_epoch_end(self, net, **kwargs):
            handlers.append(signal.getsignal(signal.SIGINT))
            raise KeyboardInterrupt

    handlers, fitted = [], []
    thread = threading.Thread(target=lambda: fitted.append(quick(Stops()).fit(X, y)))
    thread.start()
    thread.join()
    assert fitted[0].n_iter_ == 1
    assert handlers == [signal.getsignal(signal.SIGINT)]


def test_outside_of_a_fit_there_is_nothing_to_check():
    with pytest.raises(KeyboardInterrupt):
        press()
    check_interrupts()
    with noticing_interrupts():
        check_interrupts()


SEARCH = """
import os, signal, sys, threading, time
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sknn import NNClassifier
from sknn.callbacks import TimeLimit

X, y = load_iris(return_X_y=True)
net = NNClassifier("mlp", max_epochs=100_000, patience=100_000, callbacks=[TimeLimit(20)])
search = GridSearchCV(net, {"learning_rate": [0.01, 0.02, 0.03]}, cv=2)
for delay in map(float, sys.argv[1:]):
    begun = time.perf_counter()
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        search.fit(X, y)
    except KeyboardInterrupt:
        print("ended", time.perf_counter() - begun < 15)
"""


def test_ctrl_c_ends_a_grid_search_whenever_it_comes():
    delays = ("0.1", "0.2", "0.5")  # the first of them among what is imported late
    command = [sys.executable, "-W", "ignore", "-c", SEARCH, *delays]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:-1] == ["ended True"] * len(delays)
