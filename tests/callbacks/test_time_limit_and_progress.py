"""Time limit and progress line, on a clock of the test's own."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from sknn.callbacks import StopTraining, TimeLimit
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


SCRIPT = """
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_predict
from sknn import NNRegressor

if __name__ == "__main__":
    X, y = load_diabetes(return_X_y=True)
    net = NNRegressor(verbose=1, max_epochs=3, early_stopping=False)
    {call}
"""


@pytest.mark.parametrize(
    ("call", "n_lines"), [("net.fit(X, y)", 1), ("cross_val_predict(net, X, y, cv=2, n_jobs=2)", 0)]
)
def test_a_script_writes_one_line_a_fit_and_none_in_worker_processes(tmp_path, call, n_lines):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(call=call))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stderr.count("epoch 3/3") == n_lines
