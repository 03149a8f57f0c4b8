"""`diagnose`: what went wrong in a fit, by checks that each know one fault."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sknn.inspection._column_checks import find_identifiers, find_leaks, find_repeated_rows
from sknn.inspection._findings import Case, Findings
from sknn.inspection._network_checks import find_dead_units, find_large_inputs
from sknn.inspection._networks import check_rows_of_fit, network_input, trained_network
from sknn.inspection._training_checks import (
    find_constant_target,
    find_divergence,
    find_flat_loss,
    find_learning_rate,
    find_overfitting,
)
from sknn.preprocessing import as_weights, check_n_rows

_OF_DATA = (find_identifiers, find_leaks, find_repeated_rows)
_OF_TRAINING = (find_divergence, find_overfitting, find_dead_units, find_large_inputs, find_learning_rate)


def diagnose(estimator, X, y, sample_weight=None):
    """Look for what commonly goes wrong in training, in a fitted network and the rows of its fit.

    ===========================  =================================================================================
    name                         found where
    ===========================  =================================================================================
    "constant target"            `y` has one value
    "identifier"                 a column differs in every row, and is a category, or whole numbers spread evenly
                                 over their range
    "leaking column"             one column alone removes 99 % of the errors of a constant prediction, on rows that
                                 it was not learned from
    "repeated rows"              20 % of the held-out rows have a copy among those that their member was trained on
    "diverged"                   the training loss ends at twice that of the first epoch and of a constant, or more
    "overfitted"                 without early stopping, the validation loss has given back half of its fall
    "dead units"                 more than half of the units of a layer give the same for all rows
    "unscaled inputs"            an input of the network has a root mean square above 30
    "learning rate too high",    it is 30 times as high or low as "auto", or nothing was learned, and a fit with
    "learning rate too low"      another one lowers the loss twice as far below that of a constant
    "flat loss"                  the training loss never came 1 % below that of a constant, and nothing of the above
                                 tells why
    ===========================  =================================================================================

    Nothing is found by default fits on 39 real tables (`benchmarks/README.md`). Takes a fraction of the time of the
    fit; where the learning rate is suspicious, also one or two fits of at most 2,000 of the rows.

    Parameters
    ----------
    estimator : NNClassifier or NNRegressor, or a Pipeline or search that holds one
        Fitted.
    X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features), or dict of these
        The rows of `fit`, in the same order.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    sample_weight : array-like of shape (n_samples,), default=None
        Their weights.

    Returns
    -------
    findings : list of Finding
        Each with `name`, `seen` (with numbers) and `advice`; empty where nothing was found. It prints as text.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.inspection import diagnose
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> X["species"] = y.map({0: "setosa", 1: "versicolor", 2: "virginica"})
    >>> net = NNClassifier(preset="fast", random_state=0).fit(X, y)
    >>> diagnose(net, X, y)
    leaking column: Column 'species' alone predicts y all but perfectly, on rows that it was not learned
      from.
    Try: ask whether it is known when a prediction is made. If it is made from y, or recorded after it,
      drop it.
    """
    case = _case(estimator, X, y, sample_weight)
    found = [check(case) for check in _OF_DATA]
    constant = find_constant_target(case)
    if constant is not None:
        found.append(constant)
    else:
        of_training = [check(case) for check in _OF_TRAINING]
        found += of_training if any(of_training) else [find_flat_loss(case)]
    return Findings(finding for finding in found if finding)


def _case(estimator, X, y, sample_weight) -> Case:
    network = trained_network(estimator)
    table = network._check_table(network_input(estimator, X))
    y = network._check_y(y)
    check_n_rows(y, table.shape[0], "y")
    check_rows_of_fit(network, len(y))
    weight = None if sample_weight is None else as_weights(sample_weight, len(y))
    is_raw = estimator is not network and isinstance(X, np.ndarray | pd.DataFrame)
    return Case(network, X if is_raw else table, table, y, weight)
