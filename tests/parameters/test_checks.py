"""What parameters may be: numpy's numbers as Python's, odd values as errors that name the parameter."""

import types

import numpy as np
import pytest
import torch
from scipy.stats import randint
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from sknn import NNClassifier, NNRegressor
from sknn.augmentation import GaussianNoise
from sknn.callbacks import MaxNorm
from sknn.parameters._constraints import python_numbers

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)


def quick(cls=NNClassifier, **params):
    return cls(**{"module": "mlp", "max_epochs": 2, "hidden_layer_sizes": (4, 4), "random_state": 0} | params)


# -- numbers of numpy -------------------------------------------------------------------------

WHOLE = [getattr(np, sign + "int" + bits) for sign in ("", "u") for bits in ("8", "16", "32", "64")]
REAL = [np.float16, np.float32, np.float64, np.longdouble]
COUNTS = {"batch_size": 20, "max_epochs": 2, "hidden_layer_sizes": 5, "n_members": 2, "patience": 1, "random_state": 3,
          "validation_split": 3, "verbose": 0, "module__embedding_dim": 3, "lr_schedule__n_cycles": 2}  # fmt: skip
SHARES = {"learning_rate": 0.0625, "dropout": 0.25, "weight_decay": 0.5,
          "validation_split": 0.25, "loss__label_smoothing": 0.125, "optimizer__eps": 0.125,
          "lr_schedule__warmup": 0.25}  # fmt: skip


def fitted(**params):
    net = quick(early_stopping=True, lr_schedule="cosine").set_params(**params).fit(X, y)
    return net.predict_proba(X)


@pytest.fixture(scope="module")
def of_python():
    return {(name, value): fitted(**{name: value}) for values in (COUNTS, SHARES) for name, value in values.items()}


@pytest.mark.parametrize("name", COUNTS)
def test_whole_numbers_of_numpy_are_those_of_python(of_python, name):
    value = COUNTS[name]
    for kind in (*WHOLE, np.array):
        assert np.array_equal(fitted(**{name: kind(value)}), of_python[name, value]), kind


@pytest.mark.parametrize("name", SHARES)
def test_real_numbers_of_numpy_are_those_of_python(of_python, name):
    value = SHARES[name]  # in all widths without rounding
    for kind in (*REAL, np.array):
        assert np.array_equal(fitted(**{name: kind(value)}), of_python[name, value]), kind


@pytest.mark.parametrize("kind", [np.bool_, np.array])
@pytest.mark.parametrize("params", [{"early_stopping": False}, {"warm_start": True}])
def test_flags_of_numpy_are_those_of_python(kind, params):
    of_numpy = {name: kind(value) for name, value in params.items()}
    assert np.array_equal(fitted(**of_numpy), fitted(**params))


def test_numbers_of_numpy_inside_of_lists_and_dicts():
    own = {"hidden_layer_sizes": [5, 6], "dropout": [0.25, 0.5], "optimizer_params": {"betas": (0.5, 0.75)},
           "class_weight": {0: 1.0, 1: 2.0}}  # fmt: skip
    of_numpy = {"hidden_layer_sizes": np.array([5, 6], dtype=np.uint8), "dropout": list(np.float32([0.25, 0.5])),
                "optimizer_params": {"betas": tuple(np.float16([0.5, 0.75]))},
                "class_weight": dict(zip(np.array([0, 1]), np.float32([1, 2]), strict=True))}  # fmt: skip
    assert np.array_equal(fitted(**of_numpy), fitted(**own))


def test_only_numbers_are_changed():
    rows, transformer, text = np.arange(3), StandardScaler(), np.array("text")
    kept = python_numbers([rows, transformer, text, "text", None, {"rows": rows}])
    assert kept[0] is rows
    assert kept[1] is transformer
    assert kept[2] is text
    assert kept[3:] == ["text", None, {"rows": rows}]
    for number in python_numbers([np.int8(3), np.longdouble(0.5), np.array(True), (np.float16(2),)]):
        assert type(number) in (int, float, bool, tuple)


@pytest.mark.parametrize(
    "search",
    [
        lambda net: GridSearchCV(
            net, {"batch_size": 2 ** np.arange(4, 6), "learning_rate": np.logspace(-3, -2, 2)}, cv=2
        ),
        lambda net: RandomizedSearchCV(
            net, {"batch_size": randint(16, 32), "patience": np.array([1, 2])}, n_iter=2, cv=2
        ),
    ],
)
@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_searches_over_arrays_and_distributions_fit(cls, search):
    assert search(quick(cls)).fit(X, y).best_index_ in (0, 1, 2, 3)


@pytest.mark.parametrize(
    "params", [{"batch_size": np.float64(16)}, {"n_members": np.array([2])}, {"random_state": rng}]
)
def test_what_is_no_number_of_the_kind_is_refused(params):
    with pytest.raises(InvalidParameterError, match=f"The '{next(iter(params))}' parameter"):
        quick(**params).fit(X, y)


def test_parameters_are_checked_between_calls_of_partial_fit_too():
    net = quick().partial_fit(X, y, classes=np.unique(y))
    with pytest.raises(InvalidParameterError, match="The 'learning_rate' parameter"):
        net.set_params(learning_rate=-1).partial_fit(X, y)


# -- odd values -------------------------------------------------------------------------------


class Thing:
    """Of no kind that a parameter takes."""


ODD = [{}, {"a": 1}, "Auto", "0.5", "", float("nan"), float("inf"), -1, 0, 1.5, [], (), [1, "a"], [None], [[1]], [{}],
       None, True, object, int, Thing(), np.array([1, 2]), np.array("relu"), {1}, b"auto", 1j, KFold,
       lambda a, b, c, d: 3]  # fmt: skip
# What of these may be given: by their kind or value.
ALLOWED = {
    "module_params": (dict, None), "hidden_layer_sizes": ([], (), "array"), "dropout": (0,),
    "activation": ([], ()), "preprocessing": (None,), "augmentation": ([], (), None), "loss_params": (dict, None),
    "class_weight": (dict, None),
    "weight_decay": (0, 1.5), "optimizer_params": (dict, None), "learning_rate": (1.5,),
    "lr_schedule": ({}, None), "lr_schedule_params": (dict, None), "early_stopping": (True,),
    "callbacks": ([], (), None), "warm_start": (True,), "random_state": (0, True, None),
    "verbose": (0, True), "n_jobs": (-1, None), "validation_split": ([1, "a"], [None], [[1]], [{}]),
}  # fmt: skip


def is_allowed(name, value):
    if isinstance(value, dict) and value and name != "class_weight":
        return False  # 'a' is no parameter of anything
    for one in ALLOWED.get(name, ()):
        if one is dict and isinstance(value, dict):
            return True
        if isinstance(one, str) and isinstance(value, np.ndarray) and value.ndim == 1:
            return True
        if not isinstance(one, str) and type(one) is type(value) and one == value:
            return True
    return False


@pytest.mark.parametrize("name", NNClassifier().get_params(deep=False))
@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_odd_values_are_refused_by_name(cls, name):
    if name not in cls().get_params(deep=False):
        return
    for value in ODD:
        net = cls(**{name: value})
        if name == "module" and isinstance(value, types.FunctionType):
            continue  # it may have parameters of any name
        if is_allowed(name, value):
            net._check_params()
            continue
        with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of {cls.__name__}"):
            net.fit(X, y)
        assert not hasattr(net, "n_features_in_")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"activation": ["relu"]}, r"'activation' parameter .* a list of 2, .* hidden_layer_sizes. Got \['relu'\]"),
        ({"activation": []}, "'activation' parameter .* a list of 2"),
        ({"activation": ["relu"] * 2, "hidden_layer_sizes": 4}, "'activation' parameter .* a list of 1"),
        ({"module": "resnet", "activation": ["relu"] * 3}, "'activation' parameter .* a list of 2"),
        ({"dropout": [0.1]}, "'dropout' parameter .* a list of 2"),
        ({"dropout": (0.1, 0.2, 0.3)}, "'dropout' parameter .* a list of 2"),
        ({"dropout": [0.1, float("nan")]}, "'dropout' parameter"),
        ({"hidden_layer_sizes": [True]}, "'hidden_layer_sizes' parameter"),
        ({"hidden_layer_sizes": [[3]]}, "'hidden_layer_sizes' parameter"),
        ({"module_params": {"normalization": 5}}, "'module_params' parameter .* normalization must be"),
        ({"module": max}, "'module' parameter"),
        ({"optimizer": lambda parameters: None}, "'optimizer' parameter .* take 'lr'"),
        ({"optimizer_params": {"betas": 5}}, "'optimizer_params' parameter"),
        ({"optimizer_params": {"betas": (2, 2)}}, "'optimizer_params' parameter .* Invalid beta"),
        ({"optimizer_params": {"eps": "a"}}, "'optimizer_params' parameter"),
        ({"optimizer_params": {"param_groups": [3]}}, "'optimizer_params' parameter .* 'param_groups'"),
        ({"optimizer": "sgd", "optimizer_params": {"momentum": -1.0}}, "'optimizer_params' parameter"),
        ({"loss": lambda output: output}, r"'loss' parameter .* \(output, target\)"),
        ({"loss": "focal", "loss_params": {"gamma": -1}}, "'gamma' in 'loss_params'"),
        ({"lr_schedule": "plateau", "loss_params": {"label_smoothing": 5}}, "'label_smoothing' in 'loss_params'"),
        ({"lr_schedule": lambda: 1.0}, r"'lr_schedule' parameter .* \(progress\)"),
        ({"lr_schedule": {"learning_rate": []}}, "'lr_schedule' parameter"),
        ({"lr_schedule": "plateau", "lr_schedule_params": {"factor": 2.0}}, "'lr_schedule_params' parameter"),
        ({"lr_schedule": torch.optim.lr_scheduler.StepLR}, "'lr_schedule_params' parameter .*step_size"),
        ({"lr_schedule": "step", "lr_schedule_params": {"gamma": "a"}}, "'gamma' in 'lr_schedule_params'"),
        *(
            ({"module_params": {"weight_init": value}}, r"'weight_init' in 'module_params' .* \(weight\). Got")
            for value in ("he", None, 1, ["zero"], object, torch.nn.Linear, lambda: None, lambda weight, more: None)
        ),
        (
            {"module": torch.nn.Linear(3, 2), "hidden_layer_sizes": "auto", "module_params": {"weight_init": "zero"}},
            r"'module_params' parameter .* \['weight_init'\]",
        ),
        ({"monitor": lambda y, z: 0.0}, r"'monitor' parameter .* \(estimator, X, y\)"),
        ({"validation_split": [1, 2]}, "'validation_split' parameter.* pairs"),
        ({"validation_split": [([0], [99])]}, "'validation_split' parameter.* from 0 to 59"),
        ({"validation_split": 61}, "'validation_split' parameter.* at most the number of rows, 60"),
    ],
)
def test_what_an_entry_cannot_be_is_refused_by_name(params, message):
    net = quick(**params)
    with pytest.raises(InvalidParameterError, match=message):
        net.fit(X, y)
    assert not hasattr(net, "n_features_in_")


@pytest.mark.parametrize(
    ("params", "message"), [({"activation": lambda: 3}, "'activation'"), ({"loss": lambda o, t: 3}, "'loss'")]
)
def test_functions_that_give_something_else_are_named(params, message):
    with pytest.raises(TypeError, match=f"The {message}.* must return .* Got int"):
        quick(**params).fit(X, y)


# -- predictions ------------------------------------------------------------------------------

OTHER_VALUES = {
    "module": "cnn", "module_params": {"weight_init": "zero"}, "hidden_layer_sizes": (3,), "activation": "elu",
    "dropout": 0.9,
    "n_members": 3, "preprocessing": None, "augmentation": [GaussianNoise(5.0)],
    "loss_params": {"a": 1},
    "weight_decay": 1.0, "optimizer": "sgd", "optimizer_params": {"eps": 1.0},
    "learning_rate": 1.0, "lr_schedule": "step", "lr_schedule_params": {"gamma": 0.5}, "batch_size": 1, "max_epochs": 7,
    "early_stopping": False, "validation_split": 9, "patience": 1, "monitor": "r2", "preset": "fast",
    "callbacks": [MaxNorm()], "warm_start": True, "random_state": 5, "device": "meta", "verbose": 1,
    "n_jobs": 2, "loss": "focal", "class_weight": {0: 9.0, 1: 1.0},
}  # fmt: skip


@pytest.mark.parametrize("module", ["mlp", "tabular"])
@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_predictions_depend_on_the_fit_alone(cls, module):
    table = X.astype(object)
    table[::7, 0] = "unknown"
    net = cls(module, max_epochs=2, preset="fast", early_stopping=True, random_state=0).fit(table, y)
    methods = ["predict", "predict_std", *(["predict_proba", "decision_function"] if cls is NNClassifier else [])]
    expected = [getattr(net, method)(table) for method in methods]
    for name in net.get_params(deep=False):
        before = getattr(net, name)
        net.set_params(**{name: OTHER_VALUES[name]})
        found = [getattr(net, method)(table) for method in methods]
        assert all(map(np.array_equal, found, expected)), name
        net.set_params(**{name: before})


# -- what cannot act ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"early_stopping": False, "patience": 3}, "'patience' parameter .* early_stopping=False"),
        ({"early_stopping": False, "monitor": "accuracy"}, "'monitor' parameter .* no rows validate"),
        ({"early_stopping": False, "monitor": lambda net, X, y: 0.0}, "'monitor' parameter .* no rows validate"),
        (
            {"module": torch.nn.Linear(2, 2), "hidden_layer_sizes": (4,)},
            "'hidden_layer_sizes' .* of your own",
        ),
        (
            {"module": torch.nn.Linear(2, 2), "hidden_layer_sizes": "auto", "dropout": 0.5},
            "'dropout' .* your own",
        ),
        (
            {"module": torch.nn.Linear, "hidden_layer_sizes": "auto", "activation": "elu"},
            "'activation' parameter .* your own",
        ),
    ],
)
def test_a_parameter_that_cannot_act_is_refused(params, message):
    with pytest.raises(InvalidParameterError, match=message):
        quick(**params).fit(X, y)


def test_validation_rows_of_ones_own_take_the_place_of_a_split():
    with pytest.raises(InvalidParameterError, match=r"'validation_split' parameter .* X_val"):
        quick(validation_split=0.2).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    watched = quick(early_stopping=False, monitor="accuracy").fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert "valid_accuracy" in watched.history_
