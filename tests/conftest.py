"""Fixtures that several files ask for by `pytest.mark.usefixtures`."""

import pytest
import torch


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
