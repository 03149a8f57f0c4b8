"""Lists of augmentations, applied to batches of one network or of an ensemble."""

import numpy as np
import pytest
import torch

from helpers import seeded
from sknn.augmentation import (
    Augment,
    Augmentation,
    Brightness,
    CutMix,
    CutOut,
    FeatureDropout,
    GaussianNoise,
    HorizontalFlip,
    MixUp,
    RandomCrop,
    Rotate,
    Scale,
    Translate,
    VerticalFlip,
)

IMAGE_STEPS = [
    Rotate(),
    Translate(),
    Scale(),
    RandomCrop(),
    HorizontalFlip(),
    VerticalFlip(),
    Brightness(),
    CutOut(),
]
TABLE_STEPS = [GaussianNoise(), FeatureDropout()]
MIXING = [MixUp(1.0), CutMix()]


def images(*before):
    return {"x_num": torch.rand(*before, 2, 6, 8, generator=seeded(9)) + 0.5}


def table(*before):
    codes = torch.randint(2, 9, (*before, 3), generator=seeded(8))
    return {"x_num": torch.rand(*before, 5, generator=seeded(9)) + 0.5, "x_cat": codes}


CASES = [
    *[([step], images) for step in [*IMAGE_STEPS, *TABLE_STEPS, *MIXING, torch.neg]],
    *[([step], table) for step in [*TABLE_STEPS, *MIXING, torch.neg]],
    ([*IMAGE_STEPS, *TABLE_STEPS, MixUp(1.0)], images),
    ([*TABLE_STEPS, CutMix()], table),
]


@pytest.mark.parametrize(("steps", "make"), CASES)
def test_inputs_stay_as_they_are_and_shapes_and_dtypes_are_kept(steps, make):
    given, before = make(20), make(20)
    outputs, _ = Augment(steps, seed=0)(given, seeded())
    assert set(outputs) == set(given)
    changed = False
    for name, value in given.items():
        assert torch.equal(value, before[name])
        assert outputs[name].shape == value.shape
        assert outputs[name].dtype == value.dtype
        changed |= not torch.equal(outputs[name], value)
    assert changed


@pytest.mark.parametrize(("steps", "make"), CASES)
def test_generator_and_seed_fix_the_result(steps, make):
    def run(seed, generator):
        augment = Augment(steps, seed)
        pairs = [augment(make(20), generator) for _ in range(2)]
        values = [value for outputs, _ in pairs for value in outputs.values()]
        return values, [None if mixture is None else mixture.fraction for _, mixture in pairs]

    state = torch.get_rng_state()
    first, first_fractions = run(1, seeded())
    again, again_fractions = run(1, seeded())
    assert all(map(torch.equal, first, again))
    assert first_fractions == again_fractions
    assert torch.equal(torch.get_rng_state(), state)
    if steps != [torch.neg]:
        other, _ = run(2, seeded(5))
        assert not all(map(torch.equal, first, other))
        assert not torch.equal(first[0], first[len(first) // 2])  # the second batch differs from the first


def test_without_a_generator_torchs_default_one_draws():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        first = Augment([GaussianNoise()], seed=0)(table(4), None)[0]["x_num"]
        torch.manual_seed(3)
        again = Augment([GaussianNoise()], seed=0)(table(4), None)[0]["x_num"]
    assert torch.equal(first, again)


@pytest.mark.parametrize("step", [*IMAGE_STEPS, *TABLE_STEPS], ids=repr)
def test_rows_of_an_ensemble_are_changed_like_rows_flattened(step):
    ensemble = images(3, 5)
    outputs, mixture = Augment([step], seed=0)(ensemble, seeded(), batch_axis=1)
    below = {"x_num": ensemble["x_num"].flatten(0, 1)}
    expected, _ = Augment([step], seed=0)(below, seeded())
    assert mixture is None
    assert torch.equal(outputs["x_num"], expected["x_num"].view(3, 5, 2, 6, 8))


def test_batches_of_an_ensemble_may_be_cut_from_larger_tensors():
    whole = images(3, 12)["x_num"]
    part = whole.split(4, 1)[1]
    got, _ = Augment([RandomCrop(1), MixUp()], seed=0)({"x_num": part}, seeded(), batch_axis=1)
    expected, _ = Augment([RandomCrop(1), MixUp()], seed=0)({"x_num": part.contiguous()}, seeded(), batch_axis=1)
    assert torch.equal(got["x_num"], expected["x_num"])


def test_a_table_of_an_ensemble_is_no_image():
    with pytest.raises(ValueError, match=r"Rotate needs images.*\(n, 5\)"):
        Augment([Rotate()], seed=0)(table(3, 8), seeded(), batch_axis=1)


def test_steps_come_in_their_order_and_mixing_last():
    inputs = {"x_num": torch.rand(6, 4)}
    outputs, (partner, fraction) = Augment([MixUp(1.0), torch.neg, torch.exp], seed=0)(inputs, seeded())
    x = torch.exp(-inputs["x_num"])
    torch.testing.assert_close(outputs["x_num"], fraction * x + (1 - fraction) * x[partner])


def test_no_steps_change_nothing():
    inputs = table(4)
    outputs, mixture = Augment([], seed=0)(inputs, seeded())
    assert mixture is None
    assert outputs["x_num"] is inputs["x_num"]
    assert outputs["x_cat"] is inputs["x_cat"]


def test_a_class_stands_for_its_defaults_and_a_single_step_for_a_list_of_it():
    inputs = table(4)
    outputs = [Augment(s, seed=0)(inputs, seeded())[0]["x_num"] for s in ([GaussianNoise], GaussianNoise())]
    assert torch.equal(*outputs)


def test_other_inputs_are_handed_on():
    length = torch.ones(4)
    outputs, _ = Augment([GaussianNoise(), MixUp()], seed=0)({**table(4), "length": length}, seeded())
    assert outputs["length"] is length


def test_a_function_that_works_in_place_gets_a_copy():
    inputs, before = table(4), table(4)
    outputs, _ = Augment([lambda x: x.mul_(2)], seed=0)(inputs)
    assert torch.equal(inputs["x_num"], before["x_num"])
    assert torch.equal(outputs["x_num"], 2 * before["x_num"])


def test_a_modules_parameters_get_no_gradient():
    layer = torch.nn.Linear(5, 5)
    outputs, _ = Augment([layer], seed=0)(table(4))
    assert not outputs["x_num"].requires_grad


def test_a_functions_result_keeps_the_dtype_of_the_rows():
    outputs, _ = Augment([torch.Tensor.double], seed=0)(table(4))
    assert outputs["x_num"].dtype == torch.float32


class InPlace(Augmentation):
    def __call__(self, x, generator=None):
        return x.mul_(2)


def test_an_augmentation_of_ones_own_that_works_in_place_gets_a_copy():
    inputs, before = table(4), table(4)
    outputs, _ = Augment([InPlace(), MixUp()], seed=0)(inputs, torch.Generator().manual_seed(0))
    assert torch.equal(inputs["x_num"], before["x_num"])
    assert not torch.equal(outputs["x_num"], before["x_num"])


def test_an_augmentation_of_ones_own_is_checked_and_applied():
    class Shift(Augmentation):
        def __init__(self, by=1.0):
            self.by = by

        def check(self):
            if self.by == 0:
                raise ValueError("by nothing")

        def __call__(self, x, generator=None):
            return x + self.by

    inputs = table(4)
    outputs, _ = Augment([Shift(2.0)], seed=0)(inputs)
    assert torch.equal(outputs["x_num"], inputs["x_num"] + 2)
    assert torch.equal(outputs["x_cat"], inputs["x_cat"])
    with pytest.raises(ValueError, match="by nothing"):
        Augment([Shift(0)], seed=0)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["flip"], "such as Rotate.*Got 'flip' at position 0"),
        ([Rotate(), 3], "Got 3 at position 1"),
        ([None], "Got None at position 0"),
        ("flip", "Got 'flip' at position 0"),
        ([torch.nn.Dropout], r"Got <class .*Dropout'> at position 0; call it: Dropout\(\)"),
        ([MixUp(), CutMix()], r"mix rows at most once.*Got \[MixUp\(\), CutMix\(\)\]: keep one"),
        ([Rotate(-1)], "The 'degrees' parameter of Rotate"),
        ([Scale(), MixUp(-1)], "The 'alpha' parameter of MixUp"),
    ],
    ids=str,
)
def test_a_list_that_cannot_be_applied_is_refused(steps, message):
    with pytest.raises(ValueError, match=message):
        Augment(steps, seed=0)


def mean_of_rows(x):
    return x.mean(0)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (mean_of_rows, r"mean_of_rows must return a tensor of the shape that it is given, \(4, 5\).*shape \(5,\)"),
        (torch.nn.Flatten(0), r"The augmentation Flatten must.*one of shape \(20,\)"),
        (lambda x: np.asarray(x), "Got ndarray instead"),
    ],
)
def test_a_function_must_return_a_tensor_of_the_same_shape(function, message):
    with pytest.raises(ValueError, match=message):
        Augment([function], seed=0)(table(4))
