"""Time limit and progress line, on a clock of the test's own."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes

from sknn import LearningRateFinder, NNRegressor
from sknn.callbacks import Callback, StopTraining, TimeLimit
from sknn.callbacks import _time_limit as module


@pytest.mark.parametrize(("limit", "n_epochs"), [(10, 10), (9.5, 9), (1.5, 1), (0.1, 1)])
def test_training_stops_before_the_epoch_that_would_pass_the_limit(monkeypatch, limit, n_epochs):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: clock.now)
    callback, epochs = TimeLimit(limit), []
    net = SimpleNamespace(max_epochs=100, history=epochs, state=SimpleNamespace(schedule=None))

    def train():
        callback.on_train_begin(net)
        while len(epochs) < 100:
            callback.on_epoch_begin(net)
            clock.now += 1.0  # each epoch takes a second
            epochs.append(clock.now)
            callback.on_epoch_end(net)

    with pytest.raises(StopTraining):
        train()
    assert len(epochs) == n_epochs


class Seen(Callback):
    epochs = 0

    def on_epoch_end(self, net, **kwargs):
        Seen.epochs += 1


@pytest.mark.parametrize("limit", [TimeLimit(1e-9), ("limit", TimeLimit(1e-9))])
def test_the_limit_is_called_after_all_other_callbacks_wherever_it_stands(limit):
    Seen.epochs = 0
    net = NNRegressor("mlp", callbacks=[limit, Seen()], early_stopping=False).fit(*load_diabetes(return_X_y=True))
    assert Seen.epochs == net.n_iter_ == 1


def test_a_limit_is_set_in_a_grid_and_does_not_end_a_range_test():
    net = NNRegressor("mlp", callbacks=[TimeLimit(100.0)], max_epochs=50, early_stopping=False, random_state=0)
    short = clone(net).set_params(callbacks__timelimit__seconds=1e-9)
    X, y = load_diabetes(return_X_y=True)
    assert short.fit(X, y).n_iter_ == 1
    assert net.callbacks[0].seconds == 100.0
    assert len(LearningRateFinder(short, n_steps=20).fit(X, y).losses_) > 14  # an epoch


SCRIPT = """
import sys
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_predict
from sknn import NNRegressor

if __name__ == "__main__":
    X, y = load_diabetes(return_X_y=True)
    net = NNRegressor(verbose=1, max_epochs=3, early_stopping=False)
    cross_val_predict(net, X, y, cv=2, n_jobs=2)
    print("now here", file=sys.stderr)
    net.fit(X, y)
"""


def test_a_script_writes_one_line_a_fit_and_none_in_worker_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    of_workers, of_the_script = done.stderr.split("now here")
    assert "epoch" not in of_workers
    assert of_the_script.count("epoch 3/3") == 1
