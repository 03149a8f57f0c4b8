"""Fixtures that several files ask for by `pytest.mark.usefixtures`."""

import pytest
import torch

from sknn._estimator import BaseNN


@pytest.fixture
def two_threads():
    """So that a limit of one shows."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def quiet_optuna():
    optuna = pytest.importorskip("optuna")
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(level)


@pytest.fixture
def few_epochs(monkeypatch):
    """Fits of two epochs at most: what an example finds takes more, but not whether it runs."""
    resolve = BaseNN._resolve

    def resolve_to_few(self, *args, **kwargs):
        params = resolve(self, *args, **kwargs)
        return params | {"max_epochs": min(params["max_epochs"], 2)}

    monkeypatch.setattr(BaseNN, "_resolve", resolve_to_few)
