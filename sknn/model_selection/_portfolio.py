"""The candidates that a search tries when it is given none: configurations that are good on many tables.

Of 36 configurations drawn at random those that had the lowest errors on the mean over the 39 tables of the benchmarks,
for the time that they take. `docs/defaults.md` tells how, and what they give on tables that they were not chosen by.

References
----------
M. Feurer et al., "Efficient and robust automated machine learning", NeurIPS 2015 (configurations that were good on
other tables first); D. Salinas and N. Erickson, "TabRepo: a large scale repository of tabular model evaluations",
AutoML 2024 (portfolios).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils.validation import _num_features, _num_samples

from sknn.parameters import DataProperties, numeric_embedding, resolve


class _Candidate(NamedTuple):
    """Factors on what three parameters would be, and values of the others; None leaves an embedding as it is."""

    learning_rate: float
    weight_decay: float
    dropout: float
    hidden_layer_sizes: tuple[int, ...]
    numeric_embedding: str | None = None
    activation: str = "silu"
    max_epochs: float = 1.0
    batch_size: int = 1


_CANDIDATES = (
    _Candidate(1.32, 0.057, 0.018, (64,), None, "mish", 0.5),
    _Candidate(0.55, 0.8, 0.16, (192, 192), "thermometer", "gelu", 0.5),
    _Candidate(1.08, 0.11, 0.42, (256,), None, "mish", 0.5, 2),
    _Candidate(0.58, 0.033, 0.13, (256, 256), "thermometer", "silu", 1.0, 4),
    _Candidate(0.49, 0.1, 0.41, (256, 256), "thermometer", "silu", 0.5),
    _Candidate(0.81, 0.65, 0.1, (192, 192), None, "silu", 1.0, 2),
    _Candidate(0.75, 0.19, 0.14, (256, 256), "thermometer", "relu", 1.0, 2),
    _Candidate(2.69, 0.82, 0.21, (96, 96, 96), "piecewise_linear", "relu", 1.0, 4),
    _Candidate(1.56, 0.16, 0.14, (64, 64), "periodic", "mish"),
    _Candidate(0.89, 0.84, 0.22, (256, 256), "piecewise_linear", "mish", 0.5),
    _Candidate(0.5, 0.12, 0.36, (192, 192), "periodic"),
    _Candidate(1.45, 0.25, 0.31, (256, 256), "piecewise_linear", "mish", 1.0, 2),
)


def portfolio(estimator, X) -> list[dict[str, Any]]:
    """Parameters of candidates for the tabular network on some rows.

    Parameters
    ----------
    estimator : NNClassifier or NNRegressor
    X : table of shape (n_samples, n_features)

    Returns
    -------
    candidates : list of dict
    """
    properties = DataProperties(
        n_rows=_num_samples(X),
        has_validation=True,
        n_columns=_num_features(X),
        tabular=True,
        sparse=sparse.issparse(X),
        classifies=is_classifier(estimator),
    )
    usual = resolve(estimator.get_params(deep=False), properties)
    embeds = numeric_embedding(properties) is not None
    found = []
    for candidate in _CANDIDATES:
        params = candidate._asdict()
        embedding = params.pop("numeric_embedding")
        if embeds and embedding is not None:
            params["module__numeric_embedding"] = embedding
        params["learning_rate"] *= usual["learning_rate"]
        params["batch_size"] *= usual["batch_size"]
        params["max_epochs"] = max(1, round(params["max_epochs"] * usual["max_epochs"]))
        found.append(params)
    return found
