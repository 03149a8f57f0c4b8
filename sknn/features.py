"""`NNFeatures`: what a network has learned to see, as a scikit-learn transformer."""

from __future__ import annotations

import copy
from functools import cached_property

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sknn._estimator import BaseNN
from sknn.modules import Backbone
from sknn.preprocessing import Inputs, as_table, check_row_shapes, make_encoder, row_shapes
from sknn.training import network_outputs
from sknn.utils import all_or_nothing


class NNFeatures(TransformerMixin, BaseEstimator):
    """The inputs of a network's last layer, or the outputs of another layer, as features for any model.

    Parameters
    ----------
    estimator : estimator or nn.Module
        A :class:`NNClassifier` or :class:`NNRegressor`, which is cloned and fitted in `fit`; a fitted one in
        scikit-learn's `FrozenEstimator`, which is not; or a pretrained module of float32 rows or images, which is not
        trained either.
    layer : str, default=None
        Name of a submodule (shown by `summary()`) whose flattened outputs are the features. None: the inputs of the
        last linear layer; those of ensemble members are concatenated.

    Attributes
    ----------
    estimator_ : estimator or nn.Module
        The fitted estimator, or the module.
    n_features_out_ : int
        Number of features.

    See Also
    --------
    Pretrained : Training that starts from trained weights.

    References
    ----------
    J. Donahue et al., "DeCAF: A deep convolutional activation feature for generic visual recognition", ICML 2014.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sknn import NNClassifier, NNFeatures
    >>> X, y = load_digits(return_X_y=True)
    >>> features = NNFeatures(NNClassifier("mlp", hidden_layer_sizes=(64, 32), max_epochs=10, random_state=0))
    >>> model = make_pipeline(features, LogisticRegression(max_iter=1000)).fit(X[:1000], y[:1000])
    >>> model[0].transform(X).shape
    (1797, 32)
    """

    def __init__(self, estimator, layer=None) -> None:
        self.estimator = estimator
        self.layer = layer

    @all_or_nothing
    def fit(self, X, y=None, **fit_params):
        """Fit the network, unless it is frozen or a module.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Training rows, as for the estimator.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets; a frozen estimator and a module need none.
        **fit_params : dict
            Passed on to the estimator, such as `sample_weight`.

        Returns
        -------
        self : NNFeatures
        """
        frozen = isinstance(self.estimator, FrozenEstimator)
        used = self.estimator.estimator if frozen else self.estimator
        if not isinstance(used, BaseNN | nn.Module):
            raise ValueError(
                "estimator must be an NNClassifier, an NNRegressor, one of them in FrozenEstimator, or an nn.Module. "
                f"Got {self.estimator!r} instead."
            )
        if isinstance(used, nn.Module):
            used = copy.deepcopy(used).eval()
            table = as_table(X, estimator=self, numbers_only=True)
            self.encoder_ = make_encoder(None, embed=False, several=isinstance(table, Inputs), random_state=None)
            self.encoder_.fit_encode(table)
            self._n_columns, self._row_shapes = table.shape[1], row_shapes(table)
        elif frozen:
            check_is_fitted(used)
        else:
            used = clone(used).fit(X, y, **fit_params)
        self.estimator_ = used
        self.__dict__.pop("_backbone", None)
        self.n_features_out_ = self._features(X).shape[1]
        return self

    def transform(self, X) -> np.ndarray:
        """Features of rows.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        features : ndarray of shape (n_samples, `n_features_out_`), float32
        """
        check_is_fitted(self)
        return self._features(X)

    @cached_property
    def _backbone(self) -> Backbone:
        """The network that gives the features, which shares the weights of the fitted one."""
        return Backbone(self._module, self.layer)

    def _features(self, X) -> np.ndarray:
        if isinstance(self.estimator_, nn.Module):
            table, encoder, seed = as_table(X, estimator=self, numbers_only=True), self.encoder_, None
            check_row_shapes(self._row_shapes, table)
        else:
            fitted = self.estimator_
            table, encoder, seed = fitted._check_table(X), fitted.encoder_, fitted._prediction_seed
        return network_outputs(self._backbone, encoder, table, None, np.asarray, seed)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Names of the features: that of the class in lower case, and a number.

        Parameters
        ----------
        input_features : object, default=None
            Ignored.

        Returns
        -------
        names : ndarray of shape (`n_features_out_`,), object
        """
        check_is_fitted(self)
        return np.array([f"nnfeatures{k}" for k in range(self.n_features_out_)], dtype=object)

    @property
    def _module(self) -> nn.Module:
        return self.estimator_ if isinstance(self.estimator_, nn.Module) else self.estimator_.module_

    @property
    def n_features_in_(self):
        """Number of columns in `fit`."""
        check_is_fitted(self)
        return self._n_columns if isinstance(self.estimator_, nn.Module) else self.estimator_.n_features_in_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if not isinstance(self.estimator, nn.Module):
            tags.input_tags = get_tags(self.estimator).input_tags
            tags.target_tags.required = not isinstance(self.estimator, FrozenEstimator)
        return tags
