"""The named steps of which `fit` and `predict` of both estimators are made.

What differs between classification and regression is behind `_make_target`.
"""

from __future__ import annotations

import copy
import math
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, _fit_context, is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import get_tags
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sknn.inspection import SummaryMixin
from sknn.parameters import (
    CONSTRAINTS,
    DataProperties,
    NestedParams,
    ResolvedParams,
    check_held_out,
    check_params,
    check_unchanged,
    has_own_parts,
    is_auto,
    python_numbers,
    resolve_params,
    stream_params,
    stream_rows,
    takes_images,
)
from sknn.preprocessing import WHAT_X_MAY_BE, TableInput, holds_tables
from sknn.splitting import TrainingData, TrainValidationSplit, gives_positions, split_rows, warn_of_shared_groups
from sknn.training import (
    EstimatorPickles,
    MeanWeight,
    OptimizerState,
    TrainingNet,
    begin_task,
    build_network,
    check_takes,
    encode_parts,
    encoder_draws,
    end_task,
    finished_epochs,
    initialize_by_rows,
    learn_from_held_out,
    make_callbacks,
    make_net,
    make_rows,
    monitored_column,
    network_outputs,
    new_encoder,
    optimizer_state,
    preprocessing_source,
    rows_of_members,
)
from sknn.utils import Seeds, all_or_nothing, all_seeded, limited_to, usual_settings

_OF_HELD_OUT_ROWS = ("oof_prediction_", "oof_score_", "_held_out_rows", "_conformal_folds")
_CHANGED_BY_TRAINING = ("module_", "encoder_", "_target", "_optimizer_state", "_mean_weight")


class BaseNN(
    EstimatorPickles, CallbackSupportMixin, NestedParams, TableInput, SummaryMixin, BaseEstimator, metaclass=ABCMeta
):
    """What `NNClassifier` and `NNRegressor` share."""

    _parameter_constraints: dict = CONSTRAINTS
    encoder_: Any  # what has encoded the rows
    module_: nn.Module
    history_: pd.DataFrame
    resolved_params_: dict[str, Any]
    _target: Any  # a `Target`, made by the classifier or the regressor
    _optimizer_state: OptimizerState | None
    _prediction_seed: int | None = None  # of a network that draws random numbers in evaluation too

    # Passed on by default: else `groups` for a splitter outside would be refused here.
    __metadata_request__fit = {"groups": True, "X_val": True, "y_val": True}

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None, X_val=None, y_val=None):
        """Fit the network.

        If a fit fails, the estimator is unchanged. Ctrl-C after the first epoch raises KeyboardInterrupt and keeps the
        weights of the best epoch so far.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features), or dict of these
            Training rows: a pandas or polars frame with columns of any kind, an array, a SciPy sparse matrix or a torch
            tensor. With `preprocessing=None` also an array (n_samples, ...) of any number of dimensions; or, for a
            module with several inputs, a dict of arrays (n_samples, ...) by the names of its `forward`: floats become
            float32, integers int64, booleans bool. scikit-learn can split them as skorch's `SliceDict`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels (integers, text, booleans or dates), a label indicator matrix (of two numbers, the larger one
            for labels that apply), or real targets, in any container. No missing values.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows in the training loss, the statistics of preprocessing, and the validation
            loss and score. Rows of weight 0 are left out.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are held out together for validation; splits that separate them are refused. Rows of
            weight 0 do not count.
        X_val : like X, default=None
            Validation rows, in place of a part of `X`; `validation_split` must then be "auto". With `groups`, a warning
            is given if equal rows, or a column that holds the groups, show that `X` and `X_val` have groups in common.
        y_val : like y, default=None
            Targets of `X_val`.

        Returns
        -------
        self : estimator

        Raises
        ------
        InvalidParameterError
            For an invalid parameter, before any work is done.
        ValueError
            For data that cannot be used, or a loss that is not finite in the first epoch.
        """
        with self._until_training(X, y, sample_weight, groups, X_val, y_val) as net:
            net.run(self._optimizer_state)
        return self

    @contextmanager
    def _until_training(self, X, y, sample_weight=None, groups=None, X_val=None, y_val=None):
        """All steps of `fit` around a block that trains the net that it is given."""
        params = self._check_params()
        check_held_out(type(self).__name__, params, X_val, y_val)
        resume = params["warm_start"] and self.__sklearn_is_fitted__()
        self._is_stream = resume and self._is_stream
        data = self._check_data(X, y, sample_weight, groups, params, resume=resume)
        held_out = self._check_held_out(X_val, y_val, data)
        params = self._resolve(params, data, len(data.y), has_validation=held_out is not None, resume=resume)
        with self._training(data, held_out, params, resume=resume) as net:
            yield net

    def _partial_fit(self, X, y, sample_weight, classes=None):
        """One epoch on the given rows, from where the last one ended. A first call begins a stream."""
        resume = self.__sklearn_is_fitted__()
        self._is_stream = not resume or self._is_stream
        params = stream_params(type(self).__name__, self._check_params(), self.resolved_params_ if resume else None)
        data = self._check_data(X, y, sample_weight, None, params, resume=resume)
        params = self._resolve(params, data, stream_rows(params, len(data.y)), has_validation=False, resume=resume)
        with self._training(data, None, params, resume=resume, classes=classes, keep_optimizer=True) as net:
            net.run(self._optimizer_state)
        return self

    @abstractmethod
    def _check_y(self, y, name: str = "y"):
        """Targets as an ndarray, or the error that says what is wrong with them."""

    @abstractmethod
    def _make_target(self, y, train: TrainingData, params: ResolvedParams, classes=None):
        """The `Target` that stands between the user's targets and the network's outputs."""

    @abstractmethod
    def _update_target(self, train: TrainingData, params: ResolvedParams) -> None:
        """Take in further training rows, or refuse a loss that predicts something else than before."""

    def _class_codes(self, y) -> np.ndarray | None:
        """Codes of the classes by which a held-out part is stratified."""
        return None

    # -- check and resolve --------------------------------------------------------------------

    def _validate_params(self):
        """Nothing: `_check_params` does what scikit-learn's method does, and also between calls of `partial_fit`."""

    def _check_params(self) -> dict[str, Any]:
        """The parameters with Python's numbers in the place of numpy's, once they are found to be valid."""
        owner, params = type(self).__name__, python_numbers(self.get_params(deep=False))
        validate_parameter_constraints(self._parameter_constraints, params, owner)
        with self._own_parts_seeded(params, 0, torch.device("cpu")):  # some are tried out
            check_params(owner, params)
        return params

    def _check_data(self, X, y, sample_weight, groups, params: dict, *, resume: bool) -> TrainingData:
        if resume:
            table = self._check_table(X)
        else:
            numbers_only = params["preprocessing"] is None or takes_images(params["module"])
            table = self._check_first_table(X, numbers_only=numbers_only)
            source = preprocessing_source(params)
            if source is not None:
                source._check_table(X)
        check_takes(type(self).__name__, params, table)
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        y = self._check_y(y)
        if len(y) != table.shape[0] and holds_tables(X):  # no images, then
            raise TypeError(f"{WHAT_X_MAY_BE} Got a list of {table.shape[0]} arrays for {len(y)} targets.")
        data = TrainingData.checked(table, y, sample_weight, groups)
        # The positions that a splitter gives are those of the rows as the user passed them.
        return data if gives_positions(params["validation_split"]) else data.without_zero_weights()

    def _check_held_out(self, X_val, y_val, data: TrainingData) -> TrainingData | None:
        if X_val is None:
            return None
        table = self._check_table(X_val)
        held_out = TrainingData.checked(table, self._check_y(y_val, "y_val"), name="y_val")
        if data.groups is not None:
            warn_of_shared_groups(data.table, data.groups, table)
        return held_out

    def _resolve(self, given: dict, data: TrainingData, n_rows: int, *, has_validation: bool, resume: bool):
        properties = DataProperties(
            n_rows=n_rows,
            stream=self._is_stream,
            has_validation=has_validation or not is_auto(given["validation_split"]),
            n_columns=math.prod(data.table.shape[1:]),
            sparse=sparse.issparse(data.table),
            classifies=is_classifier(self),
        )
        return resolve_params(type(self).__name__, given, properties, self.resolved_params_ if resume else None)

    # -- split, encode, build, train, record --------------------------------------------------

    @contextmanager
    def _training(self, data, held_out, params: ResolvedParams, *, resume: bool, classes=None, keep_optimizer=False):
        """All steps of a fit after the data have been checked; the block runs the net that it is given."""
        with usual_settings(), limited_to(1):
            self._begin(params, resume=resume)
            with self._own_parts_seeded(params, self._seeds.encoder, params["device"]):
                strata = self._class_codes(data.y)
                parts = split_rows(type(self).__name__, data, held_out, params, strata, self._seeds.split)
                params = params | parts.resolved(params)
                rows = self._prepare(data, parts, params, resume=resume, classes=classes)
            task = begin_task(self, parts.train, params)
            earlier = self.history_ if resume else pd.DataFrame()
            seeds = self._seeds.after(len(earlier))
            with self._own_parts_seeded(params, seeds.dropout, params["device"]):
                callbacks = make_callbacks(self, params, parts.valid, task, has_trained=len(earlier) > 0)
                net = make_net(self.module_, self._target, rows, params, callbacks, self.encoder_, seeds)
                try:
                    yield net
                except KeyboardInterrupt:
                    with suppress(InvalidParameterError):  # where no epoch has ended, there is nothing to keep
                        self._record(net, params, earlier, keep_optimizer=False)
                    raise
                self._record(net, params, earlier, keep_optimizer=keep_optimizer or params["warm_start"])
                self.__dict__.update(learn_from_held_out(net, parts, data.n_passed))
            end_task(self, task)

    def _begin(self, params: ResolvedParams, *, resume: bool) -> None:
        """Draw the seeds of a new fit; of a resumed one change copies, so that the earlier fit is there if it fails."""
        if resume:
            self.__dict__.update(copy.deepcopy({name: self.__dict__[name] for name in _CHANGED_BY_TRAINING}))
        else:
            self._seeds = Seeds.drawn_from(params["random_state"])
            self._optimizer_state, self._mean_weight = None, MeanWeight()
        for name in (*_OF_HELD_OUT_ROWS, *(() if resume else ("module_", "history_"))):
            self.__dict__.pop(name, None)

    def _own_parts_seeded(self, params: Mapping[str, Any], seed: int, device: torch.device) -> AbstractContextManager:
        """A block in which what the user's own parts draw from the generators of the process follows `seed`."""
        return all_seeded(seed, device) if has_own_parts(params) or hasattr(self, "_skl_callbacks") else nullcontext()

    def _prepare(self, data: TrainingData, parts: TrainValidationSplit, params, *, resume: bool, classes):
        """From rows to tensors, and to a network of their shape."""
        train, seed = parts.train, self._seeds.module
        if resume:
            check_unchanged(type(self).__name__, self.resolved_params_, params)
            self._update_target(train, params)
        else:
            self._target = self._make_target(data.y, train, params, classes)
            self.encoder_ = new_encoder(params, data.table, is_stream=self._is_stream, seed=self._seeds.encoder)
        encoded = encode_parts(self.encoder_, parts, is_fitted=resume or preprocessing_source(params) is not None)
        self._encoder_draws = has_own_parts(params) and encoder_draws(self.encoder_, train.table, params["device"])
        if not resume:
            self.module_ = build_network(params, encoded[0], train.weight, self.encoder_, self._target, seed)
        rows = make_rows(encoded, parts, params, self._target, self.module_, self._mean_weight)
        if not resume:
            initialize_by_rows(self.module_, rows[0], params, self.encoder_, seed)
        self._input_kinds = rows[0].input_kinds
        self.resolved_params_ = {name: params[name] for name in sorted(params)}
        self.n_outputs_ = self._target.n_targets
        return rows_of_members(rows, parts, self.module_)

    def _record(self, net: TrainingNet, params: ResolvedParams, earlier: pd.DataFrame, *, keep_optimizer: bool) -> None:
        """Set the attributes that tell how training went."""
        epochs, best_epoch = finished_epochs(type(self).__name__, net, is_resumed=len(earlier) > 0)
        if not epochs:
            return
        history = pd.DataFrame(epochs)
        if len(earlier):
            history["epoch"] += len(earlier)
            history = pd.concat([earlier, history], ignore_index=True)
        self.n_iter_ = len(history)
        self.best_epoch_ = self.n_iter_ if best_epoch is None else len(earlier) + best_epoch
        self.loss_curve_ = history["train_loss"].tolist()
        monitor, _ = monitored_column(params, net.valid is not None)
        self.validation_scores_ = None if monitor is None else history[monitor].tolist()
        draws_to_predict = has_own_parts(params) and (self._encoder_draws or net.draws_to_predict())
        self._prediction_seed = self._seeds.dropout if draws_to_predict else None
        self._optimizer_state = optimizer_state(net) if keep_optimizer else None
        self.history_ = history  # last: it tells that training is kept if Ctrl-C is pressed from here on

    def _snapshot(self) -> dict:
        """Fitted attributes as of now, for callbacks; the weights are copies."""
        return {"module_": copy.deepcopy(self.module_).eval()}

    # -- predict, and what scikit-learn asks for ----------------------------------------------

    def _outputs(self, X, combine=None) -> np.ndarray:
        """The network's outputs (n_samples, n_outputs) as float32, computed in blocks of rows."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # raises
        rows, target = self._check_rows(X), self._target
        combine = combine or target.combine
        return network_outputs(self.module_, self.encoder_, rows, target.n_outputs, combine, self._prediction_seed)

    def _member_outputs(self, X) -> np.ndarray:
        """The outputs (n_members, n_samples, n_outputs) of each member."""
        outputs = self._outputs(X, combine=lambda members: members)
        return outputs if outputs.ndim == 3 else outputs[None]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "module_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        own, encodes = tags.input_tags, isinstance(self.preprocessing, str)
        own.sparse, own.string, own.allow_nan = True, encodes, encodes
        if not isinstance(self.preprocessing, str | None):
            inner = get_tags(self.preprocessing).input_tags
            own.sparse, own.string, own.allow_nan = inner.sparse, inner.string, inner.allow_nan
        return tags
