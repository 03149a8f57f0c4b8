"""The fitted network inside a search or a Pipeline, and the rows as it is given them."""

from __future__ import annotations

import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def trained_network(estimator):
    """The fitted NNClassifier or NNRegressor that an estimator is, or holds.

    Raises
    ------
    NotFittedError
        For an estimator that is not fitted.
    ValueError
        For one that is no network, or keeps none.
    """
    if isinstance(estimator, Pipeline):
        return trained_network(estimator.steps[-1][1])
    if hasattr(estimator, "best_estimator_"):
        return trained_network(estimator.best_estimator_)
    kind = type(estimator).__name__
    if hasattr(estimator, "refit"):
        if not estimator.refit:
            raise ValueError(
                f"{kind} was given refit=False and so keeps no fitted network. Set refit=True, or fit an estimator "
                "with its best_params_."
            )
        check_is_fitted(estimator, "best_estimator_")  # raises
    history = getattr(estimator, "history_", None)
    if isinstance(history, pd.DataFrame) and {"epoch", "train_loss"} <= set(history):
        return estimator
    if history is None and hasattr(estimator, "max_epochs") and hasattr(estimator, "fit"):
        check_is_fitted(estimator, "history_")  # raises
    raise ValueError(
        "estimator must be a fitted NNClassifier or NNRegressor, a search over one or a Pipeline that ends in one, or "
        f"a list or dict of these. Got {kind}, which keeps no table history_ of its epochs."
    )


def network_input(estimator, X):
    """X after the steps of a Pipeline that go before its network."""
    if hasattr(estimator, "best_estimator_"):
        return network_input(estimator.best_estimator_, X)
    if isinstance(estimator, Pipeline):
        return network_input(estimator.steps[-1][1], estimator[:-1].transform(X) if len(estimator) > 1 else X)
    return X


def check_rows_of_fit(network, n_rows: int) -> None:
    """Refuse a number of rows that `fit` cannot have had, as far as the network knows it."""
    oof, held_out = getattr(network, "oof_prediction_", None), getattr(network, "_held_out_rows", None)
    least = 0 if held_out is None else 1 + max(int(rows.max()) for rows in held_out)
    if n_rows < least or (oof is not None and n_rows != len(oof)):
        known = f"at least {least}" if oof is None else len(oof)
        raise ValueError(f"X and y must hold the rows of fit, {known}. Got {n_rows}.")
