"""What belongs to the process is as it was before."""

import threading

import numpy as np
import pytest
import torch

from sknn.utils import Seeds, limited_to, threads_for, torch_seeded
from sknn.utils import _threads as threads_module

CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("two_threads")


def test_torch_seeded_repeats_and_restores():
    state = torch.get_rng_state()
    with torch_seeded(3, CPU):
        first = torch.randn(4)
    with torch_seeded(3, CPU):
        assert torch.equal(torch.randn(4), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_torch_seeded_restores_after_an_error():
    state = torch.get_rng_state()
    with pytest.raises(RuntimeError), torch_seeded(3, CPU):
        raise RuntimeError
    assert torch.equal(torch.get_rng_state(), state)


def test_no_random_state_draws_from_the_system_and_not_from_numpys_global():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is looked at
    assert Seeds.drawn_from(None) != Seeds.drawn_from(None)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_random_state_instance_is_used_and_advances():
    given = np.random.RandomState(0)
    first = Seeds.drawn_from(given)
    assert first == Seeds.drawn_from(0)
    assert Seeds.drawn_from(given) != first


def test_small_steps_take_one_thread_and_large_ones_all():
    assert threads_for(2_000, 32) == 1
    assert threads_for(1_000_000, 256) == torch.get_num_threads()


def test_batches_whose_sums_depend_on_the_number_of_threads_take_one():
    assert threads_for(1_000_000, 4_096) == 1


def test_threads_are_limited_and_restored():
    before = torch.get_num_threads()
    with limited_to(1):
        assert torch.get_num_threads() == 1
        with limited_to(before + 5):
            assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


def test_overlapping_fits_in_threads_restore_what_was_there_first():
    before = torch.get_num_threads()
    inside, leave, seen = threading.Barrier(3), threading.Event(), []

    def work():
        with limited_to(1):
            inside.wait()
            leave.wait()
        seen.append(torch.get_num_threads())

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    inside.wait()
    leave.set()
    for worker in workers:
        worker.join()
    assert seen == [before, before]
    assert torch.get_num_threads() == before
    assert threads_module._users == 0
