"""One label a row: what y may be, weights of classes, codes for the loss and logits back to labels."""

from __future__ import annotations

import sys
from numbers import Real

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.utils import column_or_1d, compute_class_weight
from sklearn.utils.multiclass import type_of_target

from sknn.preprocessing import as_values, check_one_type
from sknn.targets._labels import LabelTarget
from sknn.targets._logarithms import log_mean_exp, log_softmax
from sknn.targets._losses import Loss


class ClassTarget(LabelTarget):
    """One label a row, a logit a class."""

    n_targets = 1
    allow_single_logit = True  # of the second of two classes

    def __init__(self, loss: Loss, loss_params: dict, labels: np.ndarray):
        """`labels` are all there will be; for weights of classes call `update`."""
        super().__init__(loss, loss_params)
        self.classes = np.unique(labels)
        self.n_outputs = len(self.classes)
        self.class_weight: np.ndarray | None = None

    def update(self, y: np.ndarray, weight: np.ndarray | None, class_weight=None) -> None:
        super().update(y, weight, class_weight)
        self.class_weight = None
        if class_weight == "balanced":
            self.class_weight = self._balancing_weight(self.encode(y), weight)
        elif class_weight is not None:
            self.class_weight = self._given_weight(class_weight)

    def _balancing_weight(self, codes: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
        present = np.unique(codes)
        of_class = np.ones(self.n_outputs)
        of_class[present] = compute_class_weight("balanced", classes=present, y=codes, sample_weight=weight)
        return of_class

    def _given_weight(self, class_weight: dict) -> np.ndarray:
        """From {label: weight}; a class that is not named has weight 1."""
        for label, value in class_weight.items():
            is_number = isinstance(value, Real)
            if not is_number or not 0 <= value <= sys.float_info.max:
                raise ValueError(
                    f"The weights of class_weight must be finite numbers of at least 0. Got {value!r} for {label!r}."
                )
        labels = self.classes.tolist()
        unknown = class_weight.keys() - set(labels)
        if unknown and not class_weight.keys() >= set(labels):
            raise ValueError(
                f"class_weight must be {{label: weight}} for the labels of y. Got {list(unknown)}, but the classes are "
                f"{labels}, of the type {type(labels[0]).__name__}."
            )
        of_class = np.array([class_weight.get(label, 1) for label in labels], dtype=np.float64)
        if not of_class.any():
            raise ValueError(f"class_weight must be larger than 0 for some class of y. Got {class_weight}.")
        return of_class

    def encode(self, y: np.ndarray) -> np.ndarray:
        if y.ndim != 1:
            raise ValueError(f"y must hold one label a row, as in the first fit. Got shape {y.shape}.")
        if _sort(y) != _sort(self.classes):
            codes, unknown = np.zeros(len(y), dtype=int), np.ones(len(y), dtype=bool)
        else:
            codes = np.searchsorted(self.classes, y).clip(max=len(self.classes) - 1)
            unknown = self.classes[codes] != y
        if unknown.any():
            raise ValueError(
                f"y or y_val contains labels that were not among the classes: {np.unique(y[unknown])}. The classes are "
                f"{self.classes}. Pass all of them in the first fit, or as 'classes' in the first partial_fit."
            )
        return codes.astype(np.int64)

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        return self.classes[encoded]

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        return self.classes[outputs.argmax(axis=1)]

    def combine(self, members: np.ndarray) -> np.ndarray:
        """Logits whose probabilities are the mean of those of the members."""
        return log_mean_exp(log_softmax(members))

    def decision_function(self, outputs: np.ndarray) -> np.ndarray:
        """Logits; for two classes the log-odds of the second one."""
        logits = super().decision_function(outputs)
        return logits[:, 1] - logits[:, 0] if self.n_outputs == 2 else logits

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        return softmax(logits, axis=-1)

    def _log_probabilities(self, logits: np.ndarray) -> np.ndarray:
        return log_softmax(logits)

    def _log_loss(self, logits: np.ndarray, encoded: np.ndarray, weight: np.ndarray | None) -> float:
        of_class = np.take_along_axis(logits, encoded[:, None], axis=1)[:, 0]
        return float(np.average(logsumexp(logits, axis=1) - of_class, weights=weight))

    def _centred(self, outputs: np.ndarray) -> np.ndarray:
        """A constant added to all logits of a row means nothing."""
        return outputs - outputs.mean(axis=-1, keepdims=True)

    def nonconformity(self, outputs: np.ndarray, *, of_members: bool) -> np.ndarray:
        """1 − p for each class, (n, O)."""
        temperature = self.member_temperature if of_members else self.temperature
        return 1 - self._probabilities(self._scaled(outputs, temperature))

    def conformity(self, outputs: np.ndarray, y: np.ndarray, *, of_members: bool) -> np.ndarray:
        """1 − p of the true class, (n,)."""
        return np.take_along_axis(self.nonconformity(outputs, of_members=of_members), self.encode(y)[:, None], 1)[:, 0]

    def row_weight(self, y: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """Each row's weight: that of its class times its own."""
        if self.class_weight is None:
            return weight
        of_row = self.class_weight[self.encode(y)]
        if weight is not None:
            with np.errstate(over="ignore"):
                of_row = of_row * weight
        with np.errstate(over="ignore"):
            total = of_row.sum()
        if not 0 < total < np.inf:
            raise ValueError(
                f"class_weight must leave rows a weight, and one that float64 can hold. The sum is {total}, of "
                f"{len(of_row)} rows."
            )
        return of_row


def check_labels(y, name: str) -> np.ndarray:
    """y of a classifier as an array of labels, or an indicator; or the error that says what is wrong with it."""
    y = as_values(y, name, accept_sparse=True)
    check_one_type(y, name)
    kind = type_of_target(y, input_name=name)
    if kind == "unknown":
        found = sorted({type(label).__name__ for label in y.flat})
        raise ValueError(
            f"Unknown label type: {name} must hold whole numbers, text, flags or dates. Got {found}; convert them."
        )
    if kind.startswith("continuous"):
        raise ValueError(
            f"Unknown label type: continuous. {name} must hold labels of classes; for targets use NNRegressor."
        )
    if kind == "multiclass-multioutput":
        raise ValueError(
            f"{name} must hold one label a row, or be an indicator matrix of labels, with the same two numbers in "
            "all columns. Got several columns with more values, or text (multiclass-multioutput); use "
            "sklearn.multioutput.MultiOutputClassifier."
        )
    return y if kind == "multilabel-indicator" else column_or_1d(y, warn=True)


def _sort(labels: np.ndarray) -> str:
    """Labels of one sort can be compared: text, dates, durations, and numbers with flags among them."""
    return {"O": "text", "U": "text", "M": "dates", "m": "durations"}.get(labels.dtype.kind, "numbers")
