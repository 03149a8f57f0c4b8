"""`n_jobs`: the threads of one fit, on which its bits do not depend."""

import joblib
import numpy as np
import pytest
import torch

from helpers import BOTH, data
from sknn import NNClassifier
from sknn.callbacks import Callback
from sknn.modules import MLP, TabularNet, threads_that_share
from sknn.utils import limited_to

pytestmark = pytest.mark.usefixtures("two_threads")


class CountsThreads(Callback):
    def on_epoch_end(self, net, **kwargs):
        type(self).seen = torch.get_num_threads()


def threads_of(net):
    X, y = data(NNClassifier, 120)
    net.set_params(callbacks=[CountsThreads()], max_epochs=1, random_state=0).fit(X, y)
    return CountsThreads.seen


@pytest.mark.parametrize("params", [
    {}, {"activation": "relu", "batch_size": 509}, {"n_members": 5, "batch_size": 131, "hidden_layer_sizes": (77, 53)},
    {"module": "mlp"}, {"module": "resnet"}, {"module__numeric_embedding": "periodic"},
], ids=str)  # fmt: skip
@BOTH
def test_the_number_of_threads_does_not_change_a_bit(cls, params):
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(550, 30)), rng.integers(0, 40, 550)]
    y = X[:, 0] + rng.normal(size=550)
    y = y > 0 if cls is NNClassifier else y
    params = {"batch_size": 128, "max_epochs": 1, "random_state": 0, **params}
    one, two = (cls(n_jobs=n_jobs).set_params(**params).fit(X, y) for n_jobs in (1, 2))
    assert one.loss_curve_ == two.loss_curve_
    assert np.array_equal(one._outputs(X), two._outputs(X))


@pytest.mark.parametrize(("n_jobs", "expected"), [(None, 1), (1, 1), (2, 2), (-1, 2), (50, 2)])
def test_as_many_threads_as_asked_for_and_torch_may_use(n_jobs, expected):
    expected = min(expected, joblib.cpu_count()) if n_jobs == -1 else expected
    assert threads_of(NNClassifier(n_jobs=n_jobs)) == expected


def test_none_follows_the_context_of_joblib():
    with joblib.parallel_config(n_jobs=2):
        assert threads_of(NNClassifier()) == 2
        assert threads_of(NNClassifier(n_jobs=1)) == 1


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_worker_fits_on_one(backend):
    nets = [NNClassifier() for _ in range(2)]
    assert joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(threads_of)(net) for net in nets) == [1, 1]


def test_torchs_own_limit_is_kept():
    with limited_to(1):
        assert threads_of(NNClassifier(n_jobs=2)) == 2  # the limit of an outer fit is not that of this one
    torch.set_num_threads(1)
    assert threads_of(NNClassifier(n_jobs=2)) == 1


@pytest.mark.parametrize(("n_members", "width", "activation", "n_threads"), [
    (8, 96, "silu", 4), (8, 4, "silu", 2), (1, 31, "silu", 1), (1, 31, "relu", 8), (16, 128, "gelu", 2),
])  # fmt: skip
def test_threads_cut_an_inexact_activation_between_whole_vectors(n_members, width, activation, n_threads):
    net = TabularNet(3, 2, n_members=n_members, hidden_layer_sizes=(width,), activation=activation)
    assert threads_that_share(net, 8) == n_threads


def test_a_single_network_takes_one_thread():
    assert threads_that_share(MLP(3, 2), 8) == 1
