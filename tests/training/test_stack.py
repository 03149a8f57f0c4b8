"""A stack trains each member as its own fit would, whatever becomes of the others."""

import numpy as np
import pytest
import torch

from helpers import data
from sknn import NNClassifier
from sknn.model_selection._stacked import source_of
from sknn.training import Member, Stack, in_stacks, joined

PARAMS = {"module": "mlp", "hidden_layer_sizes": (8,), "max_epochs": 8, "batch_size": 32, "device": "cpu"}


def source(seed=0, **params):
    X, y = data(NNClassifier, 120)
    return source_of(NNClassifier(**PARAMS | params, random_state=seed), X, y)


def fitted(seed=0, **params):
    X, y = data(NNClassifier, 120)
    return NNClassifier(**PARAMS | params, random_state=seed).fit(X, y)


def assert_weights_are_those_of(member, net):
    blocks = member.source.blocks
    own = blocks.tensors([block.unsqueeze(0) for block in member.weights])
    names = [name for name, _ in blocks.module.named_parameters()]
    for name, parameter in zip(names, net.module_.parameters(), strict=True):
        torch.testing.assert_close(own[name][0], parameter.detach(), rtol=1e-4, atol=1e-5)


RATES = [(0.001, 0.1, 0.0), (0.01, 0.0, 0.2), (0.003, 1.0, 0.2)]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_weights_are_those_of_single_fits(early_stopping):
    stopping = {"early_stopping": early_stopping} | ({"patience": 2} if early_stopping else {})
    sources = [source(seed, **stopping) for seed in (0, 1)]
    members = [Member(one, *rates) for one in sources for rates in RATES]
    (stack,) = in_stacks(members)
    stack.advance()
    for member, (seed, rates) in zip(members, [(seed, rates) for seed in (0, 1) for rates in RATES], strict=True):
        params = dict(zip(("learning_rate", "weight_decay", "dropout"), rates, strict=True))
        net = fitted(seed, **stopping, **params)
        assert_weights_are_those_of(member, net)
        assert member.n_epochs == net.n_iter_


def test_those_that_stay_are_trained_as_if_the_others_had():
    def members():
        one = source(early_stopping=False)
        return [Member(one, *rates) for rates in RATES]

    all_stay, some_leave = members(), members()
    in_stacks(all_stay)[0].advance()
    (stack,) = in_stacks(some_leave)
    stack.advance(3)
    stack.keep(some_leave[1:])
    stack.advance(5)
    stack.keep(some_leave[2:])
    stack.advance()
    assert [member.n_epochs for member in some_leave] == [3, 5, 8]
    for block, of_stack in zip(all_stay[2].weights, some_leave[2].weights, strict=True):
        torch.testing.assert_close(of_stack, block)
    assert not np.allclose(all_stay[0].weights[0], some_leave[0].weights[0])


def test_stacks_that_members_have_left_are_joined_and_train_on_as_before():
    def members():
        sources = [source(seed, early_stopping=False) for seed in (0, 1)]
        return [Member(one, *rates) for rates in RATES for one in sources]

    expected, found = members(), members()
    in_stacks(expected)[0].advance()
    stacks = [Stack(found[:3]), Stack(found[3:])]
    for stack in stacks:
        stack.advance(3)
    stacks[0].keep(found[1:2])
    stacks[1].keep(found[4:])
    (stack,) = joined(stacks, 1)
    assert stack.members == sorted([found[1], *found[4:]], key=lambda member: member.rates)
    assert len(joined([stack], 1)) == 1
    stack.advance()
    for k in (1, 4, 5):
        for block, of_joined in zip(expected[k].weights, found[k].weights, strict=True):
            torch.testing.assert_close(of_joined, block)


def test_sources_that_differ_in_shape_batch_or_rows_make_stacks_of_their_own():
    different = [{}, {"hidden_layer_sizes": (9,)}, {"batch_size": 16}, {"early_stopping": True}, {"max_epochs": 3}]
    members = [Member(source(**params), *RATES[0]) for params in different]
    assert [len(stack.members) for stack in in_stacks(members)] == [1] * 5
    assert [len(stack.members) for stack in in_stacks([Member(source(k), *RATES[0]) for k in range(3)])] == [3]
