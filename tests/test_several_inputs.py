"""X as a dict of arrays, for modules whose `forward` takes several inputs; and what is no X at all."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils._param_validation import InvalidParameterError
from skorch.helper import SliceDict
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from sknn import NNClassifier, NNFeatures, NNRegressor

N_ROWS = 60
rng = np.random.default_rng(0)
X = rng.normal(size=(N_ROWS, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
TWO = {"left": X[:, :2], "right": X[:, 2:]}
MIXED = {
    "tokens": rng.integers(0, 10, (N_ROWS, 5)),
    "mask": rng.random((N_ROWS, 5)) > 0.5,
    "image": rng.normal(size=(N_ROWS, 3, 4, 4)),
    "table": pd.DataFrame({"a": X[:, 0], "b": np.arange(N_ROWS) % 3}),
    "column": pd.Series(X[:, 2]),
}


class OneTable(nn.Module):
    """What `Two` computes, from one table."""

    def __init__(self, n_outputs):
        super().__init__()
        self.left, self.right, self.last = nn.Linear(2, 4), nn.Linear(4, 4), nn.Linear(8, n_outputs)

    def forward(self, x):
        return self.last(torch.cat([self.left(x[:, :2]), self.right(x[:, 2:])], dim=1))


class Two(OneTable):
    def forward(self, left, right):
        return super().forward(torch.cat([left, right], dim=1))


class Mixed(nn.Module):
    def __init__(self, n_outputs):
        super().__init__()
        self.embedding, self.convolution = nn.Embedding(10, 4), nn.Conv2d(3, 4, 3)
        self.last = nn.Linear(11, n_outputs)

    def forward(self, *, tokens, mask, image, table, column):
        kinds = [value.dtype for value in (tokens, mask, image, table, column)]
        assert kinds == [torch.int64, torch.bool, torch.float32, torch.float32, torch.float32]
        words = (self.embedding(tokens) * mask.unsqueeze(-1)).mean(1)
        return self.last(torch.cat([words, self.convolution(image).mean((2, 3)), table, column.unsqueeze(1)], dim=1))


class OnlyLeft(nn.Module):
    def __init__(self, n_outputs):
        super().__init__()
        self.last = nn.Linear(2, n_outputs)

    def forward(self, *, left):
        return self.last(left)


def estimator(module=Two, kind=NNClassifier, **params):
    return kind(module, **{"preprocessing": None, "max_epochs": 2, "batch_size": 32, "random_state": 0} | params)


def rows_of(inputs, rows):
    return {name: value.iloc[rows] if hasattr(value, "iloc") else value[rows] for name, value in inputs.items()}


@pytest.fixture(scope="module")
def fitted():
    return estimator().fit(TWO, Y)


@pytest.fixture(scope="module")
def fitted_mixed():
    return estimator(Mixed).fit(MIXED, Y)


@pytest.mark.parametrize(
    "params",
    [{}, {"early_stopping": True}, {"n_members": 3, "early_stopping": True}, {"validation_split": 0.3}],
    ids=["plain", "early stopping", "ensemble", "held out"],
)
def test_several_inputs_train_as_one_table_does(params):
    several, one = (
        estimator(module, **params).fit(table, Y, np.arange(N_ROWS) % 4)
        for module, table in ((Two, TWO), (OneTable, X))
    )
    np.testing.assert_array_equal(several.predict_proba(TWO), one.predict_proba(X))
    assert several.history_["train_loss"].tolist() == one.history_["train_loss"].tolist()


@pytest.mark.parametrize(
    "convert",
    [
        lambda X: SliceDict(**X),
        lambda X: {name: torch.tensor(value) for name, value in X.items()},
        lambda X: {name: pd.DataFrame(value) for name, value in X.items()},
        lambda X: {name: value.tolist() for name, value in X.items()},
        lambda X: {name: sparse.csr_matrix(value) for name, value in X.items()},
        lambda X: dict(reversed(X.items())),
    ],
    ids=["SliceDict", "tensors", "frames", "lists", "sparse", "other order"],
)
def test_containers_of_inputs_are_alike(fitted, convert):
    other = estimator().fit(convert(TWO), Y)
    np.testing.assert_allclose(other.predict_proba(convert(TWO)), fitted.predict_proba(TWO), rtol=1e-6)
    np.testing.assert_allclose(fitted.score(convert(TWO), Y), fitted.score(TWO, Y))


def test_each_input_keeps_its_kind_of_numbers(fitted_mixed):
    expected = fitted_mixed.predict_proba(MIXED)
    np.testing.assert_array_equal(fitted_mixed.predict_proba(rows_of(MIXED, slice(7))), expected[:7])
    as_floats = MIXED | {"tokens": MIXED["tokens"].astype(np.float64), "mask": MIXED["mask"].astype(int)}
    np.testing.assert_array_equal(fitted_mixed.predict_proba(as_floats), expected)
    assert fitted_mixed.n_features_in_ == 5 + 5 + 48 + 2 + 1


@pytest.mark.parametrize("tokens", [MIXED["tokens"] + 0.5, MIXED["tokens"] * np.nan, np.full((N_ROWS, 5), 2.0**70)])
def test_whole_numbers_stay_whole(fitted_mixed, tokens):
    with pytest.raises(ValueError, match=r"X\['tokens'\].* int64"):
        fitted_mixed.predict(MIXED | {"tokens": tokens})


def test_rows_of_weight_zero_are_left_out():
    weight = np.arange(N_ROWS) % 3
    kept = weight > 0
    with_zeros, without = estimator().fit(TWO, Y, weight), estimator().fit(rows_of(TWO, kept), Y[kept], weight[kept])
    np.testing.assert_array_equal(with_zeros.predict_proba(TWO), without.predict_proba(TWO))


def test_rows_of_a_single_batch_may_come_in_any_order():
    order = np.random.default_rng(1).permutation(N_ROWS)
    net, other = (
        estimator(Mixed, batch_size=100).fit(rows_of(MIXED, rows), Y[rows]) for rows in (np.arange(N_ROWS), order)
    )
    np.testing.assert_array_equal(net.predict_proba(MIXED), other.predict_proba(MIXED))


@pytest.mark.parametrize("writes", [False, True])
def test_a_scorer_of_ones_own_finds_inputs_by_name(writes):
    inputs = {name: values.copy() for name, values in TWO.items()}

    def score(net, X, y):
        accuracy = (net.predict({"left": X["left"], "right": X["right"]}) == y).mean()
        assert net.score(X, y) == accuracy
        if writes:
            X["left"][:] = 0
        return accuracy

    params = {"preprocessing": None, "max_epochs": 1, "early_stopping": True, "random_state": 0}
    expected = NNClassifier(Two, monitor="accuracy", **params).fit(inputs, Y)
    found = NNClassifier(Two, monitor=score, **params).fit(inputs, Y)
    assert found.validation_scores_ == expected.validation_scores_
    np.testing.assert_array_equal(inputs["left"], TWO["left"])


@pytest.mark.parametrize("dtype", ["int32", "uint8", "Int64", "UInt8"])
def test_whole_numbers_of_a_frame_stay_whole(dtype):
    tokens = pd.DataFrame(MIXED["tokens"])
    inputs = MIXED | {"tokens": tokens.astype(dtype)}
    net = NNClassifier(Mixed, preprocessing=None, max_epochs=1, random_state=0).fit(inputs, Y)
    np.testing.assert_array_equal(net.predict_proba(inputs), net.predict_proba(MIXED))


def test_validation_rows_are_a_dict_too(fitted):
    net = estimator().fit(TWO, Y, X_val=TWO, y_val=Y, groups=np.arange(N_ROWS))
    assert net.history_["valid_loss"].notna().all()
    with pytest.raises(ValueError, match="'right'"):
        estimator().fit(TWO, Y, X_val={"left": TWO["left"]}, y_val=Y)


def test_training_goes_on():
    net = estimator(warm_start=True, max_epochs=1).fit(TWO, Y)
    assert net.fit(rows_of(TWO, slice(40)), Y[:40]).n_iter_ == 2
    chunks = estimator().partial_fit(TWO, Y, classes=[0, 1]).partial_fit(rows_of(TWO, slice(7)), Y[:7])
    assert chunks.n_iter_ == 2


def test_scikit_learn_cuts_a_slice_dict():
    cut = SliceDict(**TWO)
    scores = cross_val_score(estimator(), cut, Y, cv=2)
    np.testing.assert_array_equal(scores, cross_val_score(estimator(OneTable), X, Y, cv=2))
    search = GridSearchCV(estimator(), {"learning_rate": [0.01, 0.1]}, cv=2).fit(cut, Y)
    assert search.predict(cut).shape == (N_ROWS,)


def test_copies_predict_the_same(fitted_mixed):
    expected = fitted_mixed.predict_proba(MIXED)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted_mixed)).predict_proba(MIXED), expected)
    np.testing.assert_array_equal(clone(fitted_mixed).fit(MIXED, Y).predict_proba(MIXED), expected)
    assert "tokens (B, 5)" in repr(fitted_mixed.summary())


def test_regressor_and_features():
    net = estimator(kind=NNRegressor, early_stopping=True).fit(TWO, X[:, 0])
    assert net.predict(TWO).shape == (N_ROWS,)
    features = NNFeatures(estimator()).fit(TWO, Y)
    module = features.estimator_.module_
    with torch.no_grad():
        left, right = (torch.from_numpy(value) for value in TWO.values())
        expected = torch.cat([module.left(left), module.right(right)], dim=1)
    np.testing.assert_allclose(features.transform(TWO), expected, rtol=1e-5, atol=1e-6)
    of_module = NNFeatures(Two(2)).fit(TWO)
    assert (of_module.transform(TWO).shape, of_module.n_features_in_) == ((N_ROWS, 8), 6)


def test_a_single_input_goes_by_its_name():
    inputs = {"left": TWO["left"]}
    assert estimator(OnlyLeft).fit(inputs, Y).predict(inputs).shape == (N_ROWS,)
    with pytest.raises(ValueError, match=r"'left'.*'lift'"):
        estimator(OnlyLeft).fit({"lift": TWO["left"]}, Y)


@pytest.mark.parametrize("inputs", [{"left": X[:, :2]}, TWO | {"more": X}, {"left": X[:, :2], "rihgt": X[:, 2:]}])
def test_inputs_must_be_those_of_forward(inputs):
    with pytest.raises(ValueError, match=r"forward of the 'module' takes.*'left', 'right'"):
        estimator().fit(inputs, Y)


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"left": X[:, :2]}, "without 'right'"),
        (TWO | {"more": X}, "with 'more'"),
        ({"left": X[:, :2], "rihgt": X[:, 2:]}, "without 'right', with 'rihgt'"),
        (TWO | {"right": X}, "'right' of shape"),
        (TWO | {"right": X[:, 0]}, "'right' of shape"),
        (X, "ndarray"),
    ],
)
def test_inputs_must_be_those_of_fit(fitted, inputs, named):
    with pytest.raises(ValueError, match=rf"'left' \(n_samples, 2\), 'right' \(n_samples, 4\).*{named}"):
        fitted.predict(inputs)


@pytest.mark.parametrize(
    ("right", "error"),
    [
        (np.where(X[:, 2:] > 1, np.nan, X[:, 2:]), ValueError),
        (np.where(X[:, 2:] > 1, np.inf, X[:, 2:]), ValueError),
        (X[:, 2:] * np.float64(1e60), ValueError),
        (X[:, 2:].astype(str), ValueError),
        (X[:, 2:] + 1j, ValueError),
        (X[:, 2:].astype("M8[s]"), ValueError),
        (pd.DataFrame({"a": ["text"] * N_ROWS}), ValueError),
        (pd.Series(["text"] * N_ROWS), ValueError),
        (pd.Series([None, *range(N_ROWS - 1)], dtype="Int64"), ValueError),
        (X[:9, 2:], ValueError),
        (X[:0, 2:], ValueError),
        ([[1.0, 2.0], [3.0]], ValueError),
        (3.0, ValueError),
        (None, ValueError),
        ({"right": X}, TypeError),
    ],
)
def test_a_bad_input_is_named(fitted, right, error):
    for call in (lambda inputs: estimator().fit(inputs, Y), fitted.predict):
        with pytest.raises(error, match="right") as raised:
            call(TWO | {"right": right})
        assert "inhomogeneous" not in str(raised.value)


@pytest.mark.parametrize(("inputs", "error"), [({}, ValueError), ({0: X}, TypeError)])
def test_a_dict_needs_names(inputs, error):
    with pytest.raises(error, match="a dict of arrays"):
        estimator().fit(inputs, Y)


@pytest.mark.parametrize(
    "params",
    [{"preprocessing": "auto"}, {"module": "mlp"}, {"module": "cnn"}, {"module": "cnn", "preprocessing": "auto"}],
)
def test_a_dict_needs_a_module_and_no_preprocessing(params):
    with pytest.raises(TypeError, match="with preprocessing=None and a module of your own, a dict"):
        estimator(**params).fit(TWO, Y)


def test_augmentation_is_of_one_table():
    with pytest.raises(InvalidParameterError, match="'augmentation'"):
        estimator(augmentation=[torch.neg]).fit(TWO, Y)


@pytest.mark.parametrize(("module", "preprocessing"), [(OneTable, None), ("mlp", "auto"), ("mlp", None)])
def test_one_table_is_not_several(module, preprocessing):
    net = estimator(module, preprocessing=preprocessing).fit(X, Y)
    with pytest.raises((TypeError, ValueError), match="dict"):
        net.predict(TWO)


DATASET = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))


@pytest.mark.parametrize("params", [{}, {"module": "mlp", "preprocessing": "auto"}], ids=["own module", "mlp"])
@pytest.mark.parametrize(
    "wrong",
    [
        tuple(TWO.values()),
        list(TWO.values()),
        (X[:, :3], X[:, 3:]),
        [X[:, :3], X[:, 3:]],
        [torch.from_numpy(X), torch.from_numpy(X[:, :1])],
        [pd.DataFrame(X), X[:, 0]],
        [[1.0, 2.0], [3.0]],
        DATASET,
        Subset(DATASET, [0, 1]),
        DataLoader(DATASET),
    ],
    ids=lambda wrong: f"{type(wrong).__name__} {len(wrong)}",
)
def test_what_is_no_table_is_told_what_x_may_be(params, wrong, fitted):
    with pytest.raises((TypeError, ValueError), match=r"X must be an array, .* a dict of arrays"):
        estimator(**params).fit(wrong, Y)
    with pytest.raises((TypeError, ValueError), match="dict"):
        fitted.predict(wrong)


def test_a_dataset_without_y_is_told_what_x_may_be():
    with pytest.raises(TypeError, match=r"a dict of arrays.* torch Dataset"):
        NNClassifier("mlp").fit(DATASET, None)
