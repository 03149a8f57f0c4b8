"""Every augmentation is a small estimator whose parameters are checked."""

import inspect
import math
import re

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sknn import augmentation
from sknn.augmentation import (
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
from sknn.augmentation._base import span, uniform

CLASSES = [
    thing
    for name in augmentation.__all__
    if inspect.isclass(thing := getattr(augmentation, name)) and issubclass(thing, Augmentation)
    if thing is not Augmentation
]


@pytest.mark.parametrize("cls", CLASSES)
def test_defaults_are_good_documented_and_shown_only_when_changed(cls):
    ((name, parameter),) = inspect.signature(cls).parameters.items()
    default = parameter.default
    cls().check()
    assert repr(cls()) == f"{cls.__name__}()"
    documented = re.search(rf"^{name} : .*default=(.+)$", inspect.getdoc(cls), re.MULTILINE).group(1)
    assert documented == repr(default)


@pytest.mark.parametrize("cls", CLASSES)
def test_parameters_are_assigned_set_and_cloned(cls):
    (name,) = inspect.signature(cls).parameters
    value = (0.5, 0.75)
    step = cls(**{name: value})
    assert getattr(step, name) is value
    assert step.get_params() == {name: value}
    twin = clone(step)
    assert type(twin) is cls
    assert twin is not step
    assert twin.get_params() == step.get_params()
    assert repr(twin.set_params(**{name: 7})) == f"{cls.__name__}({name}=7)"
    assert step.get_params() == {name: value}


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Rotate(-3), r"The 'degrees' parameter of Rotate must be a number d ≥ 0 or a pair .*Got -3 instead"),
        (Rotate((10, -10)), r"low <= high\. Got \(10, -10\) instead"),
        (Rotate((1, 2, 3)), "degrees"),
        (Rotate("15"), "Got '15' instead"),
        (Rotate(True), "Got True"),
        (Rotate(math.inf), "Got inf"),
        (Rotate((0, math.nan)), "Got"),
        (Translate(1.5), r"within \[-1, 1\]\. Got 1.5 instead"),
        (Translate((-2, 0)), "fraction"),
        (Scale(2), r"meaning 1 − d to 1 \+ d.*within \[0.01, inf\].*Got 2 instead"),
        (Scale((0, 1)), "factor"),
        (RandomCrop(-1), r"The 'padding' parameter of RandomCrop must be an integer ≥ 0\. Got -1 instead"),
        (RandomCrop(1.5), "padding"),
        (RandomCrop(True), "padding"),
        (HorizontalFlip(1.5), r"The 'p' parameter of HorizontalFlip must be a number in \[0, 1\]\. Got 1.5 instead"),
        (VerticalFlip(None), "Got None"),
        (Brightness("much"), "change"),
        (CutOut(0), "size"),
        (GaussianNoise(-0.1), r"The 'std' parameter of GaussianNoise must be a number ≥ 0\. Got -0.1 instead"),
        (GaussianNoise((0, 1)), "std"),
        (FeatureDropout(-0.1), "p"),
        (MixUp(0), r"The 'alpha' parameter of MixUp must be a number > 0\. Got 0 instead"),
        (CutMix(math.nan), "alpha"),
    ],
    ids=repr,
)
def test_a_bad_value_is_refused_with_what_it_must_be(step, message):
    with pytest.raises(ValueError, match=message):
        step.check()


@pytest.mark.parametrize(
    "step",
    [
        Rotate(0),
        Rotate([-5, 10]),
        Rotate(np.array([0.0, 90.0])),
        Rotate(np.float32(3)),
        Translate(1),
        Scale(0.1),
        RandomCrop(np.int64(3)),
        HorizontalFlip(0),
        FeatureDropout(1),
    ],
    ids=repr,
)
def test_a_good_value_is_accepted(step):
    step.check()


def test_a_number_spans_both_sides_and_a_pair_is_itself():
    assert span(15) == (-15, 15)
    assert span(0.25, centre=1) == (0.75, 1.25)
    assert span([2, 3], centre=1) == (2, 3)
    assert span(np.array([2.0, 3.0])) == (2, 3)


def test_uniform_numbers_fill_their_span():
    drawn = uniform(10_000, -2, 6, torch.zeros(1, dtype=torch.float64), torch.Generator().manual_seed(0))
    assert drawn.dtype == torch.float64
    assert -2 <= drawn.min() < -1.99
    assert 5.99 < drawn.max() <= 6
    assert abs(drawn.mean() - 2) < 0.1


def test_an_augmentation_without_a_call_says_what_it_must_define():
    with pytest.raises(NotImplementedError, match="Augmentation must define __call__"):
        Augmentation()(torch.zeros(1, 2))
