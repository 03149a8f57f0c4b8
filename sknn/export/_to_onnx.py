"""`to_onnx`: a fitted estimator, with its preprocessing, as one ONNX graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from sknn._estimator import BaseNN
from sknn.export._encoders import Declared, convert_encoder
from sknn.export._graph import Graph, Rows, save
from sknn.export._networks import convert_network
from sknn.export._targets import convert_target
from sknn.modules import is_ensemble, n_members_of


def to_onnx(model, path=None, *, X=None, missing_text=""):
    """A fitted estimator as one ONNX graph, from the columns of a raw table to what it predicts.

    Inputs have a first axis "batch" of any number of rows. A model that was fitted to a DataFrame takes a matrix
    (batch, 1) for each column that it uses, by its name; another model one input "X".

    ============================  ==========================  ==================================================
    column of `fit`               type of the input           missing cell
    ============================  ==========================  ==================================================
    number                        double, or that of `X`      NaN
    bool                          bool; double if some were   NaN
                                  missing
    date                          int64: nanoseconds since    the least int64, as pandas and numpy have it (NaT)
                                  1970, in universal time if
                                  the dates have a time zone
    duration                      int64: nanoseconds          the least int64
    category of text              string                      `missing_text`
    category of whole numbers     int64                       the least int64
    category of other numbers     double                      NaN
    array, sparse matrix          double, or that of `X`      NaN
    images, preprocessing=None    float                       not allowed
    ============================  ==========================  ==================================================

    Numbers and dates that are written as text are passed as numbers and dates. A level that was not seen in `fit` is
    encoded as in `predict`.

    Outputs of a classifier are "label" (batch,), of the type of the classes (dates as nanoseconds), and "probabilities"
    (batch, n_classes), float; for a label indicator (batch, n_outputs) both. Outputs of a regressor are "prediction",
    double, (batch,) or (batch, n_outputs); "quantiles" too for `loss="quantile"`, and "std" for `loss="gaussian_nll"`.
    A name that is also that of a column gets a number.

    Parameters
    ----------
    model : NNClassifier or NNRegressor
        Fitted.
    path : str or Path, default=None
        Where to write the file, if anywhere.
    X : {DataFrame, ndarray} of shape (n_samples, n_features), default=None
        A few rows like those of `fit`: an input of numbers then has the type of its column, float, int64 or bool,
        instead of double.
    missing_text : str, default=""
        Text that stands for a missing cell. No level may be equal to it.

    Returns
    -------
    onnx_model : onnx.ModelProto
        Of opset 18, for onnxruntime 1.14 and later.

    Raises
    ------
    ImportError
        If the extra `onnx` is not installed.
    ValueError
        For a column, a layer or a transformer that cannot be exported, naming it.

    Notes
    -----
    Encoded numbers are computed in float64 and in the order of operations of the estimator: they have the same bits.
    Networks are computed in float32; probabilities differ from `predict_proba` by about 1e-6.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknn import NNClassifier, to_onnx
    >>> X = pd.DataFrame({"age": [20.0, 30.0, None, 40.0] * 10, "paid": ["yes", "no", "yes", "yes"] * 10})
    >>> net = NNClassifier(max_epochs=2, random_state=0).fit(X, ["a", "b", "a", "a"] * 10)
    >>> onnx_model = to_onnx(net)
    >>> [column.name for column in onnx_model.graph.input]
    ['age', 'paid']
    >>> [output.name for output in onnx_model.graph.output]
    ['label', 'probabilities']
    """
    check_exportable(model)
    graph = Graph()
    table = None if X is None else model._check_table(X)
    declared = Declared(table, missing_text, model.n_features_in_, model._row_shapes)
    write_outputs(graph, model, convert_encoder(graph, model.encoder_, declared))
    onnx_model = graph.model(type(model).__name__)
    if path is not None:
        save(onnx_model, Path(path))
    return onnx_model


def write_outputs(graph: Graph, model: Any, inputs: dict[str, Rows]) -> None:
    """From encoded rows to what the estimator predicts."""
    module, target = model.module_, model._target
    outputs = convert_network(graph, module, inputs, target.n_outputs)
    convert_target(graph, target, outputs, n_members_of(module) if is_ensemble(module) else None)


def check_exportable(model: Any) -> None:
    """Refuse what is no fitted estimator of ours, and one whose predictions are random.

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(model, BaseNN):
        raise TypeError(
            f"model must be a fitted NNClassifier or NNRegressor. Got {type(model).__name__}; of a Pipeline or a "
            "search pass the estimator that was fitted in it."
        )
    check_is_fitted(model)
    if model._prediction_seed is not None:
        raise ValueError(
            "The model cannot be exported: its module, or its transformer, draws random numbers in predict too, which "
            "a graph would draw otherwise."
        )
