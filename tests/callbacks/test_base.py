"""The hooks of a callback: those that do something are found, and called in the order that is documented."""

import functools
import inspect
import re

import numpy as np
import pytest
import skorch.callbacks

from sknn import NNClassifier
from sknn.callbacks import Callback, ClipGradient, MaxNorm, hooks_of

HOOKS = [name for name, _ in inspect.getmembers(Callback, inspect.isfunction) if name.startswith("on_")]
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)


def does(*args, **kwargs):
    pass


def method(base, hook):
    return type("Own", (base,), {hook: does})()


def attribute(base, hook):
    callback = base()
    setattr(callback, hook, does)
    return callback


def inherited(base, hook):
    return type("Child", (type(method(base, hook)),), {})()


def partial(base, hook):
    return type("Own", (base,), {hook: functools.partialmethod(does)})()


@pytest.mark.parametrize("make", [method, attribute, inherited, partial])
@pytest.mark.parametrize("base", [Callback, skorch.callbacks.Callback])
@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_does_something_is_found_whatever_the_class(hook, base, make):
    callbacks = [base(), make(base, hook), Callback()]
    found = {name: len(hooks_of(callbacks, name)) for name in HOOKS}
    assert found == dict.fromkeys(HOOKS, 0) | {hook: 1}
    assert len(hooks_of(callbacks, *HOOKS)) == 1


class Notes(Callback):
    def __init__(self, told=None):
        self.told = told

    def __deepcopy__(self, memo):
        return self


for _hook in HOOKS:
    setattr(Notes, _hook, lambda self, net, *args, hook=_hook, **kwargs: self.told.append(hook))


@pytest.mark.parametrize("params", [{"module": "mlp"}, {"n_members": 2}], ids=["single", "ensemble"])
def test_hooks_are_called_in_the_order_that_is_documented(params):
    told = []
    net = NNClassifier(callbacks=[Notes(told)], max_epochs=2, batch_size=20, validation_split=2, **params).fit(X, Y)
    text = inspect.getdoc(Callback)
    documented = re.findall(r"`(on_\w+)`", text[text.index("in this order") : text.index("Callbacks are called")])
    *epoch, first, last = documented
    n_steps = told.count("on_step_end") // net.n_iter_
    n_valid = told.count("on_batch_begin") // net.n_iter_ - n_steps
    expected = [epoch[0], *epoch[1:5] * n_steps, epoch[5], *epoch[6:8] * n_valid, epoch[8]]
    assert told == [first, *expected * net.n_iter_, last]
    assert {*documented} == {*HOOKS}


@pytest.mark.parametrize(
    ("callback", "shown"), [(MaxNorm(2.0), "MaxNorm(max_norm=2.0)"), (ClipGradient(), "ClipGradient(max_norm=1.0)")]
)
def test_a_callback_shows_its_parameters(callback, shown):
    assert repr(callback) == shown


def test_a_callback_of_ones_own_shows_its_parameters():
    class Own(Callback):
        def __init__(self, b=1, a="x"):
            self.a, self.b = a, b

    assert repr(Own()) == "Own(a='x', b=1)"
