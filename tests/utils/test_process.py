"""What a fit finds in its process, and leaves there: threads, forks, torch's settings, environment and imports."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import threading
import warnings

import joblib
import numpy as np
import pytest
import torch
from torch import nn

from sknn import NNClassifier, NNRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
y = (X[:, 0] > 0).astype(int)


def fit_and_predict(module="tabular") -> np.ndarray:
    return NNClassifier(module, max_epochs=1, random_state=0).fit(X, y).predict_proba(X)


class OwnNetwork(nn.Module):
    """Makes tensors of the default type, on the default device, in its forward pass."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.linear = nn.Linear(n_features, n_outputs)

    def forward(self, x):
        return self.linear(x) + torch.zeros(1)


@contextlib.contextmanager
def default_dtype(dtype):
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextlib.contextmanager
def anomaly_detection():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that it is slow
        with torch.autograd.detect_anomaly():
            yield


SETTINGS = {
    "float64": lambda: default_dtype(torch.float64),
    "float16": lambda: default_dtype(torch.float16),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "meta": lambda: torch.device("meta"),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "deterministic": deterministic,
    "anomaly detection": anomaly_detection,
}


@pytest.mark.parametrize("module", ["tabular", "mlp", "resnet", OwnNetwork])
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_model_does_not_depend_on_what_torch_is_set_to(setting, module):
    usual = fit_and_predict(module)
    with SETTINGS[setting]():
        dtype, device = torch.get_default_dtype(), torch.get_default_device()
        found = fit_and_predict(module)
        assert torch.get_default_dtype() == dtype
        assert torch.get_default_device() == device
    np.testing.assert_array_equal(found, usual)


@pytest.mark.parametrize("setting", ["float64", "meta", "inference_mode"])
@pytest.mark.parametrize("params", [{"module": "mlp", "n_members": 2}, {"optimizer": "sgd"}, {"loss": "quantile"}])
def test_regression_does_not_depend_on_what_torch_is_set_to(setting, params):
    model = NNRegressor(**params, max_epochs=1, random_state=0)
    usual = model.fit(X, X[:, 1]).predict(X)
    with SETTINGS[setting]():
        np.testing.assert_array_equal(model.fit(X, X[:, 1]).predict(X), usual)


def test_fits_that_overlap_in_threads_restore_the_default_dtype():
    found = []
    with default_dtype(torch.float64):
        threads = [threading.Thread(target=lambda: found.append(fit_and_predict("mlp"))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert torch.get_default_dtype() == torch.float64
    usual = fit_and_predict("mlp")
    assert len(found) == 3
    for one in found:
        np.testing.assert_array_equal(one, usual)


def _into_queue(queue, module):
    queue.put(fit_and_predict(module))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_a_forked_process_fits_after_its_parent_has_used_several_threads(module):
    """Threads of torch's do not survive a fork, so a parallel region in the child would never end."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        usual = fit_and_predict(module)
        torch.randn(600, 600) @ torch.randn(600, 600)  # a parallel region of the program's own
        torch.ones(10**6).sum()
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        child = context.Process(target=_into_queue, args=(queue, module))
        child.start()
        found = queue.get(timeout=60)
        child.join()
        np.testing.assert_array_equal(found, usual)
        np.testing.assert_array_equal(fit_and_predict(module), usual)
    finally:
        torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("backend", ["threading", "multiprocessing", "loky"])
def test_each_backend_of_joblib_gives_the_model_of_the_parent(backend):
    usual = fit_and_predict()
    for found in joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(fit_and_predict)() for _ in range(2)):
        np.testing.assert_array_equal(found, usual)


COLD_START = """
import os, sys, warnings
import numpy as np, torch, skorch, sklearn, pandas
from sknn import NNClassifier
X = np.random.default_rng(0).normal(size=(60, 3))
environ, filters, threads = dict(os.environ), list(warnings.filters), torch.get_num_threads()
for compiles, params in {fits}:
    NNClassifier(max_epochs=1, random_state=0, **params).fit(X, X[:, 0] > 0).predict_proba(X)
    assert dict(os.environ) == environ, (params, set(os.environ) ^ set(environ))
    assert warnings.filters == filters, (params, warnings.filters)
    assert torch.get_num_threads() == threads, params
    assert compiles or "torch._dynamo" not in sys.modules, params
"""


def test_the_first_fit_of_a_process_leaves_it_as_it_was_and_imports_no_compiler():
    of_ensemble = {"module": "mlp", "n_members": 2, "optimizer": "adam"}
    compiling = {"module": "mlp", "optimizer": "sgd", "lr_schedule": "plateau"}
    script = COLD_START.replace("{fits}", repr([(False, {}), (False, of_ensemble), (True, compiling)]))
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
