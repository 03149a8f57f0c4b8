"""Labels of any kind, probabilities, class weights."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_multilabel_classification
from sklearn.ensemble import StackingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_sample_weight
from torch import nn

from sknn import NNClassifier

X, y = load_iris(return_X_y=True)


def quick(**params):
    return NNClassifier(**{"module": "mlp", "max_epochs": 30, "learning_rate": 0.01, "random_state": 0} | params)


LABELS = {
    "ints": y,
    "negative ints": y - 5,
    "floats": y.astype(float),
    "strings": np.array(["setosa", "versicolor", "virginica"])[y],
    "objects": np.array(["setosa", "versicolor", "virginica"], dtype=object)[y],
    "ints as objects": y.astype(object),
    "bools": y > 0,
    "bools as objects": (y > 0).astype(object),
    "Series": pd.Series(y, index=np.arange(150) + 7),
    "categorical": pd.Series(pd.Categorical.from_codes(y, ["c", "a", "b"])),
    "list": y.tolist(),
    "tensor": torch.from_numpy(y),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_any_kind_come_back_as_they_were(name):
    labels = LABELS[name]
    net = quick().fit(X, labels)
    assert set(net.predict(X)) <= set(np.asarray(labels).tolist())
    assert net.score(X, np.asarray(labels).tolist()) > 0.9
    assert net.classes_.tolist() == sorted(set(np.asarray(labels).tolist()))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_logits_and_labels_agree(n_classes):
    rows = y < n_classes
    net = quick().fit(X[rows], y[rows])
    proba, decision = net.predict_proba(X), net.decision_function(X)
    np.testing.assert_allclose(proba.sum(1), 1)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(np.log(proba), net.predict_log_proba(X), rtol=1e-9, atol=1e-12)
    if n_classes == 2:
        np.testing.assert_allclose(proba[:, 1], 1 / (1 + np.exp(-decision)))
        assert np.array_equal(net.predict(X), (decision > 0).astype(int))
    else:
        np.testing.assert_allclose(proba, np.exp(decision) / np.exp(decision).sum(1, keepdims=True))
        assert np.array_equal(net.predict(X), decision.argmax(1))


def test_log_probabilities_stay_finite():
    net = quick(module=lambda n_features, n_outputs: nn.Linear(n_features, n_outputs)).fit(X, y)
    net.module_.weight.data *= 1e6
    assert np.isfinite(net.predict_log_proba(X)).all()
    assert (net.predict_proba(X) == 0).any()


def test_labels_are_learned_as_well_as_logistic_regression_does():
    images, digits = load_digits(return_X_y=True)
    parts = train_test_split(images, digits, stratify=digits, random_state=0)
    net = NNClassifier(preset="fast", random_state=0).fit(parts[0], parts[2])
    logistic = LogisticRegression(max_iter=5000).fit(parts[0], parts[2])
    assert log_loss(parts[3], net.predict_proba(parts[1])) < log_loss(parts[3], logistic.predict_proba(parts[1]))


@pytest.mark.parametrize("as_frame", [False, True])
def test_several_labels_a_row(as_frame):
    X, labels = make_multilabel_classification(400, n_features=10, n_classes=4, random_state=0)
    net = quick(validation_split=0.2).fit(X, pd.DataFrame(labels) if as_frame else labels)
    proba = net.predict_proba(X)
    assert proba.shape == (400, 4)
    assert np.array_equal(net.predict(X), (proba > 0.5).astype(int))
    assert np.array_equal(net.decision_function(X) > 0, net.predict(X) == 1)
    assert net.predict(X).dtype == labels.dtype
    assert net.n_outputs_ == 4
    most_frequent = np.maximum(labels.mean(0), 1 - labels.mean(0)).mean()
    assert (net.predict(X) == labels).mean() > most_frequent + 0.1
    np.testing.assert_allclose(np.log(proba), net.predict_log_proba(X), rtol=1e-9, atol=1e-12)


def test_single_logit_module_for_two_classes():
    rows = y < 2
    net = quick(module=lambda n_features: nn.Linear(n_features, 1), max_epochs=200).fit(X[rows], y[rows])
    assert net.score(X[rows], y[rows]) == 1
    with torch.no_grad():
        logit = net.module_(torch.from_numpy(net.encoder_.encode(X[rows]).x_num)).numpy()[:, 0]
    np.testing.assert_allclose(net.decision_function(X[rows]), logit, rtol=1e-5)


def test_one_class_is_always_predicted():
    net = quick().fit(X, np.full(150, "only"))
    assert set(net.predict(X)) == {"only"}
    assert net.predict_proba(X).tolist() == [[1.0]] * 150


@pytest.mark.parametrize("weight", ["balanced", {0: 1.0, 1: 5.0, 2: 0.2}])
def test_class_weight_equals_sample_weight(weight):
    rows = np.r_[0:50, 50:70, 100:140]
    net = quick(preprocessing=None)  # whose statistics are weighted by sample_weight but not by class_weight
    by_class = clone(net).set_params(class_weight=weight).fit(X[rows], y[rows]).predict_proba(X)
    by_row = clone(net).fit(X[rows], y[rows], sample_weight=compute_sample_weight(weight, y[rows])).predict_proba(X)
    np.testing.assert_allclose(by_class, by_row, rtol=1e-4)
    assert not np.allclose(by_class, clone(net).fit(X[rows], y[rows]).predict_proba(X), atol=1e-3)


def test_class_weight_and_sample_weight_multiply():
    own = np.random.RandomState(0).uniform(1, 2, 150)
    weight = {0: 1.0, 1: 3.0, 2: 2.0}
    both = quick(class_weight=weight, preprocessing=None).fit(X, y, sample_weight=own)
    product = quick(preprocessing=None).fit(X, y, sample_weight=own * compute_sample_weight(weight, y))
    np.testing.assert_allclose(both.predict_proba(X), product.predict_proba(X), rtol=1e-4)


def test_class_weights_of_text_digits():
    text, own = y.astype(str), {0: 1.0, 1: 3.0, 2: 2.0}
    ints = quick(class_weight=own, max_epochs=2).fit(X, y).predict_proba(X)
    of_text = quick(class_weight={str(label): weight for label, weight in own.items()}, max_epochs=2)
    np.testing.assert_array_equal(of_text.fit(X, text).predict_proba(X), ints)


@pytest.mark.parametrize(
    "weight", [{0: 2}, {0: 2, 1: 1, 2: 1, 7: 5}, {np.int64(0): np.float32(2)}, {0.0: 2, True: 1}, {0: 2, 1: True}]
)
def test_class_weights_are_matched_by_equality(weight):
    found = quick(class_weight=weight, max_epochs=2).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(
        found, quick(class_weight={0: 2, 1: 1, 2: 1}, max_epochs=2).fit(X, y).predict_proba(X)
    )


@pytest.mark.parametrize(
    "weight",
    [{0: -1}, {0: np.nan}, {0: np.inf}, {0: "2"}, {0: None}, {0: [1]}, {0: 0, 1: 0, 2: 0}, {"0": 1, "1": 2, "2": 1},
     {7: 1}, {0: 1, 7: 1}, {0: 10**400}, [1, 2, 3], pd.Series([1, 2, 3]), "equal", 2.0],
)  # fmt: skip
def test_impossible_class_weights_are_refused_by_name(weight):
    with pytest.raises(ValueError, match="class_weight"):
        quick(class_weight=weight).fit(X, y)
    with pytest.raises(ValueError, match="class_weight"):
        quick(class_weight=weight).partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.parametrize("weight", ["balanced", {0: 1.0, 1: 5.0, 2: 0}])
def test_class_weights_ignore_rows_of_weight_0(weight):
    own = (np.arange(150) % 3 > 0).astype(float)
    net = quick(class_weight=weight, max_epochs=2, early_stopping=False)
    found = clone(net).fit(X, y, sample_weight=own).predict_proba(X)
    np.testing.assert_array_equal(found, clone(net).fit(X[own > 0], y[own > 0]).predict_proba(X))


CODINGS = {
    "-1/1": (-1, 1),
    "1/2": (1, 2),
    "0/255": (0, 255),
    "-1/0": (-1, 0),
    "floats": (-1.0, 1.0),
    "bools": (False, True),
}
INDICATOR = np.c_[y == 0, y == 2]


@pytest.mark.parametrize("module", ["tabular", "mlp"])
@pytest.mark.parametrize("name", CODINGS)
def test_a_label_indicator_of_any_coding_is_that_of_0_and_1(module, name):
    codes = np.array(CODINGS[name], dtype=np.uint8 if name == "0/255" else None)
    net = quick(module=module, max_epochs=2)
    plain, coded = clone(net).fit(X, INDICATOR.astype(int)), clone(net).fit(X, codes[INDICATOR.astype(int)])
    np.testing.assert_array_equal(coded.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(coded.predict(X), codes[plain.predict(X)])
    assert coded.predict(X).dtype == codes.dtype


@pytest.mark.parametrize("value", [0, 1, -1, 255])
def test_a_label_indicator_of_one_value_is_learned(value):
    net = quick(max_epochs=60).fit(X, np.full((150, 2), value))
    assert (net.predict(X) == value).all()


@pytest.mark.parametrize("y_val", [INDICATOR, 2 * INDICATOR, np.c_[INDICATOR, y > 0], y])
def test_validation_labels_of_another_coding_are_refused(y_val):
    with pytest.raises(ValueError, match=r"\by\b"):
        quick().fit(X, 2 * INDICATOR - 1, X_val=X, y_val=y_val)


@pytest.mark.parametrize(("labels", "other"), [(y, y.astype(str)), (y.astype(str), y), (y, y + 1), (y > 0, y),
                                               (y.astype("m8[s]"), y)])  # fmt: skip
def test_validation_labels_that_are_no_classes_are_refused(labels, other):
    with pytest.raises(ValueError, match="y or y_val contains labels that were not among the classes"):
        quick().fit(X, labels, X_val=X, y_val=other)


def test_class_weight_for_label_indicators_is_refused():
    X, labels = make_multilabel_classification(60, random_state=0)
    with pytest.raises(ValueError, match="weight rows by sample_weight"):
        quick(class_weight="balanced").fit(X, labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.linspace(0, 1, 150), "Unknown label type: continuous"),
        (np.array([None, *y[1:]], dtype=object), "are missing"),
        (pd.Series([pd.NA, *y[1:]]), "are missing"),
        (np.r_[np.nan, y[1:]], "NaN"),
        (np.array(["a", 1] * 75, dtype=object), "a mix of \\['int', 'str'\\]"),
        (np.c_[y, y], "multiclass-multioutput"),
        (None, "requires y to be passed"),
        (y[:-1], "inconsistent numbers of samples"),
    ],
)
def test_impossible_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(X, labels)


def test_partial_fit_takes_classes_in_advance_and_refuses_others():
    net = quick().partial_fit(X[:60], y[:60], classes=[0, 1, 2])
    assert net.predict_proba(X).shape == (150, 3)
    net.partial_fit(X[100:], y[100:])
    with pytest.raises(ValueError, match="were not among the classes: \\[7\\]"):
        net.partial_fit(X[:3], [7, 0, 1])


@pytest.mark.parametrize("classes", [["a", None], [0, np.nan], 3, [[0, 1, 2]], ["0", "1", "2"], {0, 1, 2}])
def test_partial_fit_refuses_impossible_classes_by_name(classes):
    net = quick()
    for _ in range(2):  # in the first call, and in later ones
        with pytest.raises(ValueError, match="classes"):
            net.partial_fit(X, y, classes=classes)
        net.partial_fit(X, y, classes=[0, 1, 2])


def test_warm_start_refuses_new_classes():
    net = quick(warm_start=True).fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="were not among the classes: \\[2\\]"):
        net.fit(X, y)


def test_meta_estimators_take_it():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    net = quick(max_epochs=5)
    calibrated = CalibratedClassifierCV(net, cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.9
    stacked = StackingClassifier([("net", net), ("linear", LogisticRegression(max_iter=10_000))], cv=2).fit(X, y)
    assert stacked.score(X, y) > 0.9
    importance = permutation_importance(net.fit(X, y), X, y, n_repeats=1, random_state=0)
    assert importance.importances_mean.max() > 0
