"""What holds for any table, targets, weights and parameters: random ones, against invariants."""

import os
import pickle
import random
import string
import warnings

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from sklearn.base import clone

from sknn import NNClassifier, NNRegressor

ALL = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), print_blob=True
)
pytestmark = pytest.mark.filterwarnings("ignore")  # of constant columns, few rows of a class and the like


def numbers(rng, n):
    return rng.normal(size=n) * 10.0 ** rng.integers(-30, 30)


def text(rng, n):
    return rng.choice([*string.ascii_lowercase[: rng.integers(1, 20)], ""], n).astype(object)


COLUMNS = {
    "number": numbers,
    "float32": lambda rng, n: rng.normal(size=n).astype(np.float32),
    "count": lambda rng, n: rng.integers(0, 5, n),
    "Int64": lambda rng, n: pd.array(np.where(rng.uniform(size=n) < 0.2, None, rng.integers(0, 9, n)), dtype="Int64"),
    "holes": lambda rng, n: np.where(rng.uniform(size=n) < 0.3, np.nan, numbers(rng, n)),
    "flag": lambda rng, n: rng.uniform(size=n) < 0.5,
    "text": text,
    "category": lambda rng, n: pd.Categorical(text(rng, n)),
    "holes in text": lambda rng, n: np.where(rng.uniform(size=n) < 0.3, None, text(rng, n)),
    "date": lambda rng, n: np.datetime64("2026-01-01T00:00") + rng.integers(0, 10**6, n).astype("timedelta64[m]"),
    "duration": lambda rng, n: rng.integers(0, 10**6, n).astype("timedelta64[s]"),
    "constant": lambda rng, n: np.full(n, 3.5),
    "empty": lambda rng, n: np.full(n, np.nan),
    "numbers as objects": lambda rng, n: rng.integers(0, 9, n).astype(object),
}
LABELS = {
    "ints": lambda rng, n: rng.integers(-1, 3, n),
    "text": lambda rng, n: rng.choice(["no", "yes", "perhaps"], n),
    "bools": lambda rng, n: rng.uniform(size=n) < 0.4,
    "one class": lambda rng, n: np.full(n, "x"),
    "indicator": lambda rng, n: rng.choice([-1, 1], (n, 3)),
}
TARGETS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "large": lambda rng, n: rng.normal(size=n) * 1e200,
    "small": lambda rng, n: rng.normal(size=n) * 1e-200,
    "ints": lambda rng, n: rng.integers(0, 10, n),
    "constant": lambda rng, n: np.full(n, -2.0),
    "two": lambda rng, n: rng.normal(size=(n, 2)),
}
WEIGHTS = {
    "none": lambda rng, n: None,
    "ints": lambda rng, n: rng.integers(1, 4, n),
    "zeros": lambda rng, n: rng.integers(0, 2, n) + (np.arange(n) < 2),
    "floats": lambda rng, n: rng.uniform(0.1, 1e6, n),
}
PARAMETERS = st.fixed_dictionaries(
    {
        "module": st.sampled_from(["tabular", "tabular", "mlp", "linear", "resnet"]),
        "early_stopping": st.sampled_from(["auto", False, True]),
        "batch_size": st.sampled_from(["auto", 7, 64]),
        "optimizer": st.sampled_from(["adamw", "adamw", "sgd", "muon"]),
        "validation_split": st.sampled_from(["auto", "auto", 3, 0.25]),
        "activation": st.sampled_from(["auto", "tanh", torch.nn.RReLU]),
    }
)


@st.composite
def fits(draw):
    """An estimator, a table, targets and weights."""
    n = draw(st.integers(4, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=6))
    X = pd.DataFrame({f"{kind} {k}": COLUMNS[kind](rng, n) for k, kind in enumerate(kinds)})
    Kind, targets = draw(st.sampled_from([(NNClassifier, LABELS), (NNRegressor, TARGETS)]))
    y = targets[draw(st.sampled_from(sorted(targets)))](rng, n)
    weight = WEIGHTS[draw(st.sampled_from(sorted(WEIGHTS)))](rng, n)
    return Kind(**draw(PARAMETERS), preset="fast", max_epochs=1, random_state=0), X, y, weight


def fitted_or_refused(estimator, X, y, weight):
    """The fitted estimator, or None where the fit is refused by an error that names what is wrong."""
    try:
        return estimator.fit(X, y, weight)
    except (ValueError, TypeError) as error:
        text = " ".join([str(error), *getattr(error, "__notes__", [])])
        named = ["X", "y", "sample_weight", *X.columns, *estimator.get_params(deep=False)]
        assert any(name in text for name in named), text
        return None


def predictions(net, X) -> list[np.ndarray]:
    names = ["predict", "predict_std", *(["predict_proba"] if isinstance(net, NNClassifier) else [])]
    return [getattr(net, name)(X) for name in names]


def assert_same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@ALL
@given(fits())
def test_predictions_are_finite_and_in_range_or_an_error_names_the_argument(case):
    net, X, y, _ = case
    if fitted_or_refused(*case) is None:
        return
    predicted, std, *proba = predictions(net, X)
    assert np.isfinite(std).all()
    assert (std >= 0).all()
    if proba:
        assert set(np.unique(predicted)) <= set(np.unique(y))
        assert ((proba[0] >= 0) & (proba[0] <= 1)).all()
        if np.ndim(y) == 1:
            np.testing.assert_allclose(proba[0].sum(axis=1), 1)
    else:
        assert predicted.shape == np.shape(y)
        assert (predicted >= y.min(axis=0)).all()
        assert (predicted <= y.max(axis=0)).all()


@ALL
@given(fits(), st.integers(0, 2**32))
def test_a_row_is_predicted_alike_alone_and_in_any_order(case, seed):
    net, X, _, _ = case
    if fitted_or_refused(*case) is None:
        return
    whole, order = predictions(net, X), np.random.default_rng(seed).permutation(len(X))
    assert_same(predictions(net, X.iloc[order]), [values[order] for values in whole])
    assert_same(predictions(net, X.iloc[order[:1]]), [values[order[:1]] for values in whole])


@ALL
@given(fits())
def test_a_pickled_model_and_a_clone_fitted_anew_are_the_same_bits(case):
    net, X, y, weight = case
    if fitted_or_refused(*case) is None:
        return
    expected = predictions(net, X)
    assert_same(predictions(pickle.loads(pickle.dumps(net)), X), expected)
    assert_same(predictions(clone(net).fit(X, y, weight), X), expected)


def state_of_process() -> tuple:
    numpys = np.random.get_state()[1].tobytes()  # noqa: NPY002 - the global generator is what is looked at
    generators = random.getstate(), numpys, torch.get_rng_state().numpy().tobytes()
    settings = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    return generators, settings, dict(os.environ), list(warnings.filters)


@ALL
@given(fits())
def test_data_and_process_are_left_as_they_are(case):
    net, X, y, weight = case
    data = pickle.dumps((X, y, weight))
    kept, before = pickle.loads(data), state_of_process()
    if fitted_or_refused(*case) is not None:
        predictions(net, X)
    assert state_of_process() == before
    pd.testing.assert_frame_equal(X, kept[0])
    np.testing.assert_array_equal(y, kept[1])
    np.testing.assert_array_equal(weight, kept[2])


@ALL
@given(fits(), fits())
def test_a_refit_that_is_refused_leaves_the_earlier_fit_whole(first, second):
    net, X, _, _ = first
    _, other, y, weight = second
    if fitted_or_refused(*first) is None:
        return
    expected = predictions(net, X)
    broken = y.astype(object)
    broken[:1] = None
    with pytest.raises(ValueError, match="y"):
        net.fit(other, broken, weight)
    assert_same(predictions(net, X), expected)
