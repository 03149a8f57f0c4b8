"""What is a part of the user's own, by the rule that the module states."""

import random

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.model_selection import KFold, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer, StandardScaler
from skorch.callbacks import EarlyStopping
from torch import nn

from sknn import NNClassifier, NNRegressor
from sknn.augmentation import MixUp
from sknn.callbacks import Callback, WeightAverage
from sknn.modules import MLP
from sknn.parameters import has_own_parts


class Own(BaseEstimator):
    pass


class OwnCallback(Callback):
    pass


class OwnAdam(torch.optim.Adam):
    pass


class OwnDict(dict):
    pass


VALUES = [
    None, True, 0, 1.5, "text", b"text", np.float32(1), np.arange(3), np.array(["a", "b"], dtype=object), range(3),
    np.random.RandomState(0), torch.ones(2), torch.device("cpu"), {"a": 1.0}, [(np.arange(2), np.arange(3))],
]  # fmt: skip
KNOWN = [
    torch.optim.SGD, torch.optim.lr_scheduler.StepLR, KFold(3), PredefinedSplit([0, 1]), StandardScaler(),
    make_pipeline(StandardScaler(), QuantileTransformer()), make_column_transformer((StandardScaler(), [0])),
    MixUp(0.2), WeightAverage(), ("named", WeightAverage()), [WeightAverage], FunctionTransformer(),
]  # fmt: skip
OWN = [
    np.random.rand, random.random, torch.rand, lambda *args: 0, nn.RReLU, nn.RReLU(), Own, Own(), OwnCallback(),
    OwnAdam, EarlyStopping(), random.Random(0), MLP(2, 2), iter([1]), OwnDict(),
    make_pipeline(StandardScaler(), Own()), make_column_transformer((Own(), [0])), FunctionTransformer(np.sort),
]  # fmt: skip
WITHIN = {
    "itself": lambda part: part,
    "in a list": lambda part: [1, part],
    "in a tuple": lambda part: ("name", part),
    "in a dict": lambda part: {"key": part},
    "in a list in a dict": lambda part: {"key": [part]},
    "in an array": lambda part: np.array([None, part, None], dtype=object),
}
PARAMETERS = sorted(NNClassifier().get_params(deep=False).keys() - {"module"})


def names(part):
    return getattr(part, "__name__", type(part).__name__)


@pytest.mark.parametrize("within", WITHIN)
@pytest.mark.parametrize("part", VALUES + KNOWN, ids=names)
def test_values_and_known_classes_are_none(part, within):
    assert not has_own_parts({"module": "mlp", "any": WITHIN[within](part)})


@pytest.mark.parametrize("within", WITHIN)
@pytest.mark.parametrize("part", OWN, ids=names)
def test_functions_and_other_classes_are(part, within):
    assert has_own_parts({"module": "mlp", "any": WITHIN[within](part)})


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_every_parameter_is_looked_at(parameter):
    params = NNClassifier().get_params(deep=False)
    assert has_own_parts(params | {parameter: np.random.rand})


@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
@pytest.mark.parametrize("module", ["tabular", "mlp", "resnet", "cnn", "linear"])
def test_the_defaults_have_none(cls, module):
    assert not has_own_parts(cls(module).get_params(deep=False))


@pytest.mark.parametrize("module", [MLP, MLP(2, 2), nn.Linear(2, 2), nn.Linear])
def test_a_module_that_is_not_named_is_one(module):
    assert has_own_parts({"module": module})
