"""A user's script that uses the public names passes `mypy --strict`."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

# sknn is read as an installed package is: its types count, its code is not checked. Torch, which takes mypy a minute,
# is left out.
SETTINGS = """
[mypy]
strict = true
follow_imports = silent

[mypy-torch.*,scipy.*]
follow_imports = skip
"""

SCRIPT = """
from typing import Any

import numpy as np

from sknn import LearningRateFinder, NNClassifier, NNFeatures, NNRegressor, Pretrained, TrainingCurveDisplay
from sknn.augmentation import GaussianNoise, MixUp
from sknn.callbacks import Callback, ClipGradient, MaxNorm, Penalty, StopTraining, TimeLimit, WeightAverage
from sknn.inspection import SearchDisplay
from sknn.model_selection import NNSearchCV, search_space
from sknn.modules import MLP
from sknn.preprocessing import TableEncoder


class Patient(Callback):
    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        if net.history[-1, "valid_loss"] < 0.1:
            raise StopTraining


def classify(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    net = NNClassifier(
        module=MLP,
        max_epochs=3,
        callbacks=[Patient(), TimeLimit(60.0), Penalty(l2=1e-4), MaxNorm(3.0), ClipGradient(), WeightAverage()],
        random_state=0,
    )
    net.fit(X, y, sample_weight=np.ones(len(X)))
    net.set_params(learning_rate=0.1).partial_fit(X, y)
    params: dict[str, object] = net.get_params()
    score: float = net.score(X, y)
    labels: np.ndarray = net.predict(X)
    temperature: float = net.temperature_
    logits: np.ndarray = net.decision_function(X)
    net.temperature_ = 1.0
    print(net.summary(), params, score, labels, temperature, logits, net.predict_log_proba(X), net.predict_std(X))
    print(net.history_.tail(1), net.resolved_params_["max_epochs"])
    probabilities: np.ndarray = net.predict_proba(X)
    return probabilities


def regress(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    net = NNRegressor(loss="quantile", loss_params={"quantiles": [0.1]}, augmentation=[GaussianNoise(0.1), MixUp(0.2)])
    net.fit(X, y, groups=np.arange(len(X)), X_val=X, y_val=y)
    TrainingCurveDisplay.from_estimator(net).plot()
    finder: LearningRateFinder = LearningRateFinder(net).fit(X, y)
    features: np.ndarray = NNFeatures(net).fit(X, y).transform(X)
    print(finder.suggestion_, features, NNRegressor(Pretrained(net, freeze="backbone")).predict_std(X))
    quantiles: np.ndarray = net.predict_quantiles(X, quantiles=[0.5])
    return quantiles


def search(X: np.ndarray, y: np.ndarray) -> float:
    net = NNClassifier("mlp", random_state=0)
    found = NNSearchCV(net, search_space(net), n_iter=3, max_time=60.0)
    found.fit(X, y)
    SearchDisplay.from_estimator(found, kind="time")
    encoder = TableEncoder(max_onehot=20).fit(X)
    names: np.ndarray = encoder.get_feature_names_out()
    print(found.predict(X), found.predict_proba(X), found.oof_score_, encoder.transform(X), names)
    return found.score(X, y)
"""


def test_a_script_of_the_public_names_is_typed(tmp_path):
    script, settings = tmp_path / "script.py", tmp_path / "mypy.ini"
    script.write_text(SCRIPT)
    settings.write_text(SETTINGS)
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), "--cache-dir", str(tmp_path), str(script)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    assert found.returncode == 0, found.stdout + found.stderr
