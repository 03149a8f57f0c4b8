"""The named steps of which `fit` and `predict` of both estimators are made.

What differs between classification and regression is behind `_make_target`.
"""

from __future__ import annotations

import copy
import math
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, _fit_context, clone, is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import get_tags
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from sknn.augmentation import Augment
from sknn.inspection import Summary, summarize
from sknn.model_selection import (
    TrainingData,
    TrainValidationSplit,
    check_groups,
    gives_positions,
    split_rows,
    warn_of_shared_groups,
)
from sknn.modules import TabularNet, embeds_categories, is_ensemble, n_members_of
from sknn.optim import Penalty, is_full_batch, make_optimizer
from sknn.parameters import (
    CONSTRAINTS,
    NESTED,
    RULES,
    STREAM_ROWS,
    DataProperties,
    ResolvedParams,
    architecture_of,
    check_held_out,
    check_nested,
    check_params,
    get_parts,
    has_own_members,
    has_own_parts,
    is_auto,
    is_data_dependent,
    is_tabular,
    pretrained_of,
    python_numbers,
    resolve_params,
    schedule_functions,
    set_parts,
    split_nested,
    takes_images,
)
from sknn.preprocessing import (
    WHAT_X_MAY_BE,
    ChunkEncoder,
    Encoded,
    Inputs,
    Table,
    as_table,
    as_values,
    as_weights,
    check_n_rows,
    check_row_shapes,
    holds_tables,
    make_encoder,
    make_stream_encoder,
    row_shapes,
    take_rows,
    with_names,
)
from sknn.pretrained import Pretrained
from sknn.targets import Target
from sknn.training import (
    EnsembleRows,
    Rows,
    TrainingNet,
    block_rows,
    build_network,
    check_takes_several,
    make_callbacks,
    merge_repeats,
    monitored_column,
    network_outputs,
)
from sknn.utils import (
    all_or_nothing,
    all_seeded,
    draw_seed,
    draws,
    fresh_random_state,
    limited_to,
    seed_unset,
    torch_seeded,
    usual_settings,
)

_MAX_MERGED_CELLS = 1_000_000  # of a table whose equal rows are merged
# Parameters that shape the network or its input.
_SHAPING = (
    "module",
    "module_params",
    "hidden_layer_sizes",
    "activation",
    "dropout",
    "n_members",
    "preprocessing",
)
_CHANGED_BY_TRAINING = ("module_", "encoder_", "_target", "_optimizer_state")
_LISTS = ("augmentation", "callbacks")  # parameters that hold objects with parameters of their own
_INITIAL_ROWS = 1_000  # rows by which a tabular network is initialised


class Seeds(NamedTuple):
    """A seed for each thing that a fit draws, so that none depends on how much another one draws."""

    split: int
    encoder: int
    module: int
    order: int
    dropout: int


class BaseNN(CallbackSupportMixin, BaseEstimator, metaclass=ABCMeta):
    """What `NNClassifier` and `NNRegressor` share."""

    _parameter_constraints: dict = CONSTRAINTS
    _target: Target
    _prediction_seed: int | None = None  # of a network that draws random numbers in evaluation too

    # Passed on by default: `groups` for a splitter outside would otherwise be refused here.
    __metadata_request__fit = {"groups": True, "X_val": True, "y_val": True}

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None, X_val=None, y_val=None):
        """Fit the network.

        A fit is all or nothing. If it fails, whether for its parameters, its data or an error in the midst of training,
        the estimator is as it was before: the earlier fit is whole, or there is none. Only Ctrl-C after the first epoch
        raises KeyboardInterrupt and keeps the weights of the best epoch so far; before that, it too leaves everything
        as it was.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features), or dict of these
            Training rows: a pandas or polars frame with columns of any kind, an array, a SciPy
            sparse matrix or a torch tensor. With `preprocessing=None` also an array (n_samples, ...)
            of any number of dimensions; or, for a module of your own with several inputs, a dict of arrays
            (n_samples, ...), which its `forward` gets by their names: floats as float32, whole numbers as int64, flags
            as bool. In skorch's `SliceDict` scikit-learn can cut them into folds.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels (whole numbers, text, flags or dates), an indicator matrix of labels (two numbers, of which
            the larger one says that a label applies), or real targets. Of any container: lists, arrays, tensors, series
            and frames of pandas and polars. None may be missing.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. They count in the training loss, in the statistics of
            preprocessing, and in the validation loss and score. A row of weight 0 is left out.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are held out together when a part is held out for validation: by "auto", a share and a
            number of folds; a splitter or splits that take them apart are refused. Rows of weight 0 do not count.
        X_val : like X, default=None
            Validation rows, in place of a part of `X`; `validation_split` must then be "auto". Where `groups` are given
            and it can be told that they share some (by equal rows, or a column that holds the groups), there is a
            warning.
        y_val : like y, default=None
            Their targets.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        InvalidParameterError
            For a parameter that is not valid, before any work is done.
        ValueError
            For data that cannot be used, or a loss that is not finite in the first epoch.
        """
        params = self._check_params()
        check_held_out(type(self).__name__, params, has_validation_rows=X_val is not None)
        resume = params["warm_start"] and self.__sklearn_is_fitted__()
        self._is_stream = resume and self._is_stream
        sample = self._check_sample(X, y, sample_weight, groups, params, reset=not resume)
        held_out = self._check_held_out(X_val, y_val)
        if held_out is not None and sample.groups is not None:
            warn_of_shared_groups(sample.table, sample.groups, held_out.table)
        params = self._resolve(params, sample, len(sample.y), has_validation=held_out is not None, resume=resume)
        return self._train(sample, held_out, params, resume=resume)

    def _partial_fit(self, X, y, sample_weight, classes=None):
        """One epoch on the given rows, from where the last one ended. A first call begins a stream."""
        resume = self.__sklearn_is_fitted__()
        self._is_stream = not resume or self._is_stream
        params = self._check_params() | {"early_stopping": False, "validation_split": "auto", "max_epochs": 1}
        if params["lr_schedule"] is not None and not is_auto(params["lr_schedule"]):
            raise InvalidParameterError(
                f"The 'lr_schedule' parameter of {type(self).__name__} must be 'auto' or None in partial_fit, which "
                f"does not know when training ends. Got {params['lr_schedule']!r} instead; set learning_rate between "
                "calls."
            )
        params["lr_schedule"] = None
        all_at_once = is_full_batch(params["optimizer"])
        if resume:  # the rules have been applied
            for name in RULES.keys() - ({"batch_size"} if all_at_once else set()):
                params[name] = self.resolved_params_[name] if is_auto(params[name]) else params[name]
        sample = self._check_sample(X, y, sample_weight, None, params, reset=not resume)
        n_rows = len(sample.y) if all_at_once else STREAM_ROWS
        params = self._resolve(params, sample, n_rows, has_validation=False, resume=resume)
        return self._train(sample, None, params, resume=resume, classes=classes, keep_optimizer=True)

    @abstractmethod
    def _check_y(self, y, name: str = "y"):
        """Targets as an ndarray, or the error that says what is wrong with them."""

    @abstractmethod
    def _make_target(self, y, train: TrainingData, params: ResolvedParams, classes=None) -> Target:
        """What stands between the user's targets and the network's outputs."""

    @abstractmethod
    def _update_target(self, train: TrainingData, params: ResolvedParams) -> None:
        """Take in further training rows, or refuse a loss that predicts something else than before."""

    def _class_codes(self, y) -> np.ndarray | None:
        """Codes of the classes by which a held-out part is stratified."""
        return None

    # -- parameters ---------------------------------------------------------------------------

    def get_params(self, deep=True):
        """Get the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include `module__...`, `loss__...`, `optimizer__...` and `lr_schedule__...`, the entries of
            `module_params` and so on, the parameters of the objects in `augmentation` and `callbacks`, as in
            `augmentation__rotate__degrees`, and those of a transformer in `preprocessing`.

        Returns
        -------
        params : dict
        """
        params = super().get_params(deep=deep)
        if deep:
            for prefix, name in NESTED.items():
                entries = params[name] if isinstance(params[name], dict) else {}
                params |= {f"{prefix}__{key}": value for key, value in entries.items()}
            for name in _LISTS:
                params |= {f"{name}__{key}": value for key, value in get_parts(params[name]).items()}
        return params

    def set_params(self, **params):
        """Set parameters.

        `module__<name>`, `loss__<name>`, `optimizer__<name>` and `lr_schedule__<name>` set an entry in a copy of
        `module_params` and so on, and `augmentation__<part>__<name>` and `callbacks__<part>__<name>` a parameter of
        a copy of that object, so that they can be searched like any other parameter.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self : estimator
        """
        own, nested = split_nested(params, [*NESTED, *_LISTS])
        super().set_params(**own)
        for prefix, entries in nested.items():
            if prefix in _LISTS:
                setattr(self, prefix, set_parts(type(self).__name__, prefix, getattr(self, prefix), entries))
            else:
                if prefix == "module" and isinstance(self.module, Pretrained):
                    of_source = {key: entries.pop(key) for key in self.module.get_params() if key in entries}
                    self.module = clone(self.module).set_params(**of_source)
                check_nested(type(self).__name__, self.get_params(deep=False), prefix, entries)
                setattr(self, NESTED[prefix], (getattr(self, NESTED[prefix]) or {}) | entries)
        return self

    def _validate_params(self):
        """Nothing: `_check_params` does what scikit-learn's method does, and also between calls of `partial_fit`."""

    def _check_params(self) -> dict[str, Any]:
        """The parameters with Python's numbers in the place of numpy's, once they are found to be valid."""
        owner, params = type(self).__name__, python_numbers(self.get_params(deep=False))
        validate_parameter_constraints(self._parameter_constraints, params, owner)
        with self._own_parts_seeded(params, 0, torch.device("cpu")):  # some are tried out
            check_params(owner, params)
        return params

    def _resolve(self, given: dict, data: TrainingData, n_rows: int, *, has_validation: bool, resume: bool):
        properties = DataProperties(
            n_rows=n_rows,
            stream=self._is_stream,
            has_validation=has_validation or not is_auto(given["validation_split"]),
            n_columns=math.prod(data.table.shape[1:]),
            sparse=sparse.issparse(data.table),
            classifies=is_classifier(self),
        )
        earlier = self.resolved_params_ if resume else None
        return resolve_params(type(self).__name__, given, properties, earlier)

    # -- checks of the data -------------------------------------------------------------------

    def _check_sample(self, X, y, sample_weight, groups, params: dict, *, reset: bool) -> TrainingData:
        if reset:
            self._takes_numbers_only = params["preprocessing"] is None or takes_images(params["module"])
        table = self._check_table(X, reset=reset)
        if isinstance(table, Inputs):
            check_takes_several(type(self).__name__, params)
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        y, n_rows = self._check_y(y), table.shape[0]
        if len(y) != n_rows and holds_tables(X):  # no images, then
            raise TypeError(f"{WHAT_X_MAY_BE} Got a list of {n_rows} arrays for {len(y)} targets.")
        check_n_rows(y, n_rows, "y")
        weight = None if sample_weight is None else as_weights(sample_weight, n_rows)
        if groups is not None:
            groups = check_groups(as_values(groups, "groups"), n_rows)
        sample = TrainingData(table, y, weight, groups)
        # The positions that a splitter gives are those of the rows as the user passed them.
        return sample if gives_positions(params["validation_split"]) else sample.without_zero_weights()

    def _check_table(self, X, reset: bool) -> Table:
        table = as_table(X, estimator=self, numbers_only=self._takes_numbers_only)
        pretrained = pretrained_of(self.module)
        if reset and pretrained is not None and pretrained.fitted is not None and is_auto(self.preprocessing):
            pretrained.fitted._check_table(X, reset=False)  # its preprocessing is used
        if reset:
            self._row_shapes = row_shapes(table)
        else:
            check_row_shapes(self._row_shapes, table)
        unnamed = type(table) is np.ndarray and not hasattr(self, "feature_names_in_")
        if reset or not unnamed or table.shape[1] != self.n_features_in_:
            validate_data(self, with_names(table), reset=reset, skip_check_array=True)
        return table

    def _check_held_out(self, X_val, y_val) -> TrainingData | None:
        if (X_val is None) != (y_val is None):
            given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
            raise ValueError(f"X_val and y_val must be given together. Got {given} without {missing}.")
        if X_val is None:
            return None
        table, y = self._check_table(X_val, reset=False), self._check_y(y_val, "y_val")
        check_n_rows(y, table.shape[0], "y_val")
        return TrainingData(table, y, None)

    # -- training -----------------------------------------------------------------------------

    @usual_settings()
    @limited_to(1)
    def _train(
        self,
        sample: TrainingData,
        held_out: TrainingData | None,
        params: ResolvedParams,
        *,
        resume: bool,
        classes=None,
        keep_optimizer: bool = False,
    ):
        """All steps of a fit after the data have been checked."""
        if resume:  # training changes copies, so that the earlier fit is there if this one fails
            self.__dict__.update(copy.deepcopy({name: self.__dict__[name] for name in _CHANGED_BY_TRAINING}))
        else:
            self._forget()
            random_state = fresh_random_state(params["random_state"])
            self._seeds = Seeds(*(draw_seed(random_state) for _ in Seeds._fields))
        for name in ("oof_prediction_", "oof_score_"):  # of other rows
            self.__dict__.pop(name, None)
        with self._own_parts_seeded(params, self._seeds.encoder, params["device"]):
            parts = split_rows(
                sample,
                held_out,
                owner=type(self).__name__,
                validation_split=params["validation_split"],
                early_stopping=params["early_stopping"],
                n_members=params["n_members"],
                follows_folds=params.was_auto("n_members") and not has_own_members(params["module"]),
                preprocessing=params["preprocessing"],
                classes=self._class_codes(sample.y),
                seed=self._seeds.split,
            )
            params = params | parts.resolved(params)
            rows = self._prepare(sample, parts, params, resume=resume, classes=classes)
        task = self._begin_task(parts.train, params)
        earlier = self.history_ if resume else pd.DataFrame()
        seed = self._seeds.dropout + len(earlier)
        with self._own_parts_seeded(params, seed, params["device"]):
            net = self._make_net(rows, task, parts.valid, params, n_before=len(earlier))
            try:
                net.run(restore=self._restore_optimizer)
            except KeyboardInterrupt:
                self._finish(net, params, earlier, keep_optimizer=False)
                raise
            self._finish(net, params, earlier, keep_optimizer=keep_optimizer or params["warm_start"])
            if not hasattr(self, "history_"):
                raise InvalidParameterError(
                    f"The 'callbacks' parameter of {type(self).__name__} must let one epoch come to its end. Got one "
                    "that stopped training before; let it stop later."
                )
            self._look_at_held_out(net, parts, n_rows=sample.n_passed)
        self._callback_fit_ctx.call_on_fit_task_end(estimator=self, reconstruction_attributes=self._snapshot, **task)
        return self

    def _own_parts_seeded(self, params: Mapping[str, Any], seed: int, device: torch.device):
        """A block in which what the user's own parts draw from the generators of the process follows `seed`."""
        own = has_own_parts(params) or hasattr(self, "_skl_callbacks")
        return all_seeded(seed, device) if own else nullcontext()

    def _forget(self) -> None:
        """Remove what makes the estimator a fitted one."""
        for name in ("module_", "history_", "oof_prediction_", "oof_score_"):
            self.__dict__.pop(name, None)

    def _prepare(
        self, sample: TrainingData, parts: TrainValidationSplit, params: ResolvedParams, *, resume: bool, classes
    ):
        """From rows to tensors, and to a network of their shape."""
        if resume:
            self._check_unchanged(params)
            self._update_target(parts.train, params)
        else:
            self._target = self._make_target(sample.y, parts.train, params, classes)
            self.encoder_ = self._make_encoder(params, isinstance(sample.table, Inputs), self._seeds.encoder)
        encoded = self._encode(parts, resume=resume)
        self._encoder_draws = has_own_parts(params) and draws(
            lambda: self.encoder_.encode(take_rows(parts.train.table, slice(2))), params["device"]
        )
        if not resume:
            shaping = self._shaping_rows(encoded[0])
            weight = parts.train.weight if shaping is encoded[0] else None
            self.module_ = build_network(
                params, encoded[0], shaping, weight, self.encoder_, self._target, self._seeds.module
            )
            self._optimizer_state: tuple[str, dict] | None = None
            self._seen_rows, self._seen_weight = 0, 0.0
        rows = self._make_rows(encoded, parts, params)
        if not resume and isinstance(self.module_, TabularNet) and is_data_dependent(params):
            shaping_rows = rows[0] if shaping is encoded[0] else self._unlabelled_rows(shaping, params["device"])
            self._initialize(self.module_, shaping_rows, params, self._seeds.module)
        self._input_kinds = {
            name: (tuple(value.shape[1:]), torch.float32 if sparse.issparse(value) else value.dtype)
            for name, value in rows[0].inputs.items()
        }
        self.resolved_params_ = {name: params[name] for name in sorted(params)}
        self.n_outputs_ = self._target.n_targets
        return self._packed(rows, parts)

    def _check_unchanged(self, params: ResolvedParams) -> None:
        """A fit that goes on cannot change the network or its input."""
        for name in _SHAPING:
            before, now = self.resolved_params_[name], params[name]
            if before is not now and before != now:
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} must not change when training goes on "
                    f"(warm_start, partial_fit). It was {before!r} and is {now!r} now; set warm_start=False."
                )

    def _make_encoder(self, params: ResolvedParams, several: bool, seed: int):
        preprocessing, module = params["preprocessing"], params["module"]
        if isinstance(module, Pretrained) and module.fitted is not None and is_auto(preprocessing):
            return copy.deepcopy(module.fitted.encoder_)
        if hasattr(preprocessing, "get_params"):
            preprocessing = seed_unset(clone(preprocessing), seed)
        network = architecture_of(module)
        make = make_stream_encoder if self._is_stream else make_encoder
        embed, images = embeds_categories(network), takes_images(network)
        return make(preprocessing, embed=embed, images=images, several=several, random_state=seed)

    def _encode(self, parts: TrainValidationSplit, *, resume: bool) -> tuple[Encoded | Inputs, Encoded | Inputs | None]:
        """Both parts as the network takes them. Only the training rows shape the encoder."""
        train, valid = parts.train, parts.valid
        pretrained = pretrained_of(self.module)
        if resume or (pretrained is not None and pretrained.fitted is not None and is_auto(self.preprocessing)):
            encoded = self.encoder_.update_encode(train.table, train.y, train.weight)
        else:
            y = (
                None if parts.is_cross_fitted else train.y
            )  # rows that a member holds out shape the encoder, but not by y
            encoded = self.encoder_.fit_encode(train.table, y, train.weight)
        if valid is None or valid is train:
            return encoded, None
        return encoded, self.encoder_.encode(valid.table)

    def _shaping_rows(self, encoded: Encoded | Inputs) -> Encoded | Inputs:
        """Rows that bins of numbers and first weights are fitted to: those of a fit, or such as a stream may hold."""
        if isinstance(self.encoder_, ChunkEncoder):
            return self.encoder_.expected_rows(_INITIAL_ROWS, self._seeds.module)
        return encoded

    def _unlabelled_rows(self, encoded: Encoded | Inputs, device: torch.device) -> Rows:
        return Rows(encoded, np.zeros(encoded.shape[0], dtype=np.float32), None, device, np.asarray)

    def _make_rows(self, encoded, parts: TrainValidationSplit, params: ResolvedParams) -> tuple[Rows, Rows | None]:
        """Both parts as tensors with targets and weights."""
        encoded_train, encoded_valid = encoded
        train, valid = parts.train, parts.valid
        columns = encoded_train, self._target.encode(train.y), self._target.row_weight(train.y, train.weight)
        if valid is None and self._is_one_small_batch(encoded_train, params):
            columns = merge_repeats(*columns)
        mean_weight = self._update_mean_weight(columns[2], len(train.y), len(columns[1]))
        rows = self._to_rows(*columns, params["device"], mean_weight)
        if valid is None or valid is train:
            return rows, None if valid is None else rows
        weight = self._target.row_weight(valid.y, valid.weight)
        mean_weight = 1.0 if weight is None else weight.mean()
        return rows, self._to_rows(encoded_valid, self._target.encode(valid.y), weight, params["device"], mean_weight)

    def _update_mean_weight(self, weight: np.ndarray | None, n_rows: int, n_merged: int) -> float:
        """Mean weight of the training rows so far, by which a further part counts, as that of `n_merged` rows."""
        self._seen_rows += n_rows
        self._seen_weight += n_rows if weight is None else weight.sum()
        return self._seen_weight / (self._seen_rows * n_merged / n_rows)

    def _packed(self, rows: tuple[Rows, Rows | None], parts: TrainValidationSplit):
        """For an ensemble the rows of each member."""
        if not is_ensemble(self.module_):
            return rows
        n_members = n_members_of(self.module_)
        packed = []
        for part, members, held_out in zip(rows, (parts.train_rows, parts.valid_rows), (False, True), strict=True):
            if part is not None:
                part = EnsembleRows(part, members or [np.arange(len(part))] * n_members, held_out)
            packed.append(part)
        return tuple(packed)

    def _is_one_small_batch(self, encoded: Encoded | Inputs, params: ResolvedParams) -> bool:
        """Whether equal rows can be merged: each step sees all rows, and only the loss knows how many there are."""
        shape = encoded.shape
        normalises = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.module_.modules())
        plain = isinstance(params["loss"], str) and not normalises and not params["augmentation"]
        return plain and shape[0] <= params["batch_size"] and math.prod(shape) <= _MAX_MERGED_CELLS

    def _to_rows(self, encoded: Encoded | Inputs, target, weight, device: torch.device, mean_weight: float) -> Rows:
        if weight is None and mean_weight != 1:
            weight = np.ones(len(target))
        if weight is not None:
            weight = weight / mean_weight
            weight = None if (weight == 1).all() else weight
        return Rows(encoded, target, weight, device, self._target.decode)

    def _initialize(self, module: TabularNet, rows: Rows, params: ResolvedParams, seed: int) -> None:
        """Fit the scale of a tabular network's weights to some training rows."""
        order = torch.from_numpy(np.random.RandomState(seed).permutation(len(rows))[:_INITIAL_ROWS])
        inputs, _, weight = rows.take(order)
        with torch_seeded(seed + 1, params["device"]):
            module.initialize(inputs["x_num"], inputs.get("x_cat"), weight)

    def _make_net(
        self, rows, task: dict, valid: TrainingData | None, params: ResolvedParams, n_before: int
    ) -> TrainingNet:
        pretrained = pretrained_of(params["module"])
        optimizer, optimizer_params = make_optimizer(
            params["optimizer"],
            self._optimizer_defaults(params) | (params["optimizer_params"] or {}),
            weight_decay=params["weight_decay"],
            device=params["device"],
        )
        return TrainingNet(
            self.module_,
            self._target.make_criterion(),
            target=self._target,
            train=rows[0],
            valid=rows[1],
            seed=self._seeds.dropout + n_before,
            schedules=schedule_functions(params),
            penalty=Penalty(params["l1"], params["l2"]) if params["l1"] or params["l2"] else None,
            augment=Augment(params["augmentation"], self._seeds.order + n_before) if params["augmentation"] else None,
            lr_factors=None if pretrained is None else pretrained.lr_factors(self.module_),
            optimizer=optimizer,
            lr=params["learning_rate"],
            max_epochs=params["max_epochs"],
            batch_size=params["batch_size"],
            device=str(params["device"]),
            callbacks=make_callbacks(
                self,
                params,
                valid,
                task,
                has_trained=n_before > 0,
                stops_on_overfitting=params.was_auto("patience") and is_tabular(params["module"]),
            ),
            iterator_train__shuffle=params["shuffle"],
            # another order in each further fit
            iterator_train__generator=torch.Generator().manual_seed(self._seeds.order + n_before),
            iterator_valid__batch_size=block_rows(self.encoder_, n_members_of(self.module_)),
            **{f"optimizer__{name}": value for name, value in optimizer_params.items()},
        )

    def _optimizer_defaults(self, params: ResolvedParams) -> dict:
        """Moments with a shorter memory suit few steps (Holzmüller et al., NeurIPS 2024, appendix A)."""
        is_adam = params["optimizer"] in ("adam", "adamw")
        return {"betas": (0.9, 0.95)} if is_adam and is_tabular(params["module"]) else {}

    def _begin_task(self, train: TrainingData, params: ResolvedParams) -> dict:
        """Tell scikit-learn's callbacks that a fit begins. Returns what they are told about its data."""
        task: dict[str, Any] = {}
        if hasattr(self, "_skl_callbacks"):
            metadata = {} if train.weight is None else {"sample_weight": train.weight}
            task = {"X": train.table, "y": train.y, "metadata": metadata}
        context = self._init_callback_context(max_subtasks=params["max_epochs"])
        context.call_on_fit_task_begin(estimator=self, **task)
        return task

    def _restore_optimizer(self, net: TrainingNet) -> None:
        """The state of an optimizer of the same kind; its learning rate and the like are those of today."""
        kind, state = self._optimizer_state or (None, None)
        if kind == _kind(net.optimizer_):
            groups = net.optimizer_.state_dict()["param_groups"]
            net.optimizer_.load_state_dict({"state": state, "param_groups": groups})

    def _finish(self, net: TrainingNet, params: ResolvedParams, earlier: pd.DataFrame, *, keep_optimizer: bool) -> None:
        """Set the attributes that tell how training went, and drop what only training needs."""
        best = dict(net.callbacks_)["_best_weights"]
        history = _as_frame(net.history[: best.n_epochs_])
        if not len(history):
            return
        is_loaded = len(history) < best.n_epochs_  # a callback has gone back to a checkpoint
        if len(earlier):
            history["epoch"] += len(earlier)
            history = pd.concat([earlier, history], ignore_index=True)
        self.n_iter_ = len(history)
        self.best_epoch_ = self.n_iter_ if is_loaded else len(earlier) + best.best_epoch_
        self.loss_curve_ = history["train_loss"].tolist()
        monitor, _ = monitored_column(params, net.valid is not None)
        self.validation_scores_ = None if monitor is None else history[monitor].tolist()
        draws_to_predict = has_own_parts(params) and (self._encoder_draws or net.draws_to_predict())
        self._prediction_seed = self._seeds.dropout if draws_to_predict else None
        self._optimizer_state = None
        if keep_optimizer:
            self._optimizer_state = _kind(net.optimizer_), net.optimizer_.state_dict()["state"]
        self.history_ = history  # last: it tells that training is kept if Ctrl-C is pressed from here on

    def _look_at_held_out(self, net: TrainingNet, parts: TrainValidationSplit, n_rows: int) -> None:
        """Calibrate on the predictions of held-out rows, and keep them where every row was held out by some member."""
        if parts.valid is None or not hasattr(self, "history_"):
            return
        valid = parts.valid
        outputs = net.outputs_for(net.valid)
        members = net.member_outputs() if parts.is_cross_fitted else None
        predicted = self._target.calibrate(outputs, valid.y, valid.weight, members)
        if not parts.is_cross_fitted:
            return
        rows = np.arange(n_rows) if valid.positions is None else valid.positions
        of_rows = np.full((n_rows, *predicted.shape[1:]), np.nan)
        of_rows[rows] = predicted
        self.oof_prediction_, self.oof_score_ = of_rows, self._target.score(outputs, valid.y, valid.weight)

    def _snapshot(self) -> dict:
        """Fitted attributes as of now, for callbacks; the weights are copies."""
        return {"module_": copy.deepcopy(self.module_).eval()}

    # -- prediction ---------------------------------------------------------------------------

    def _outputs(self, X) -> np.ndarray:
        """The network's outputs (n_samples, n_outputs) as float32, computed in blocks of rows."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # raises
        table = self._check_table(X, reset=False)
        return self._network_outputs(table, self._target.combine)

    def _network_outputs(self, table: Table, combine) -> np.ndarray:
        n_outputs, seed = self._target.n_outputs, self._prediction_seed
        return network_outputs(self.module_, self.encoder_, table, n_outputs, combine, seed)

    def _member_outputs(self, X) -> np.ndarray:
        """The outputs (n_members, n_samples, n_outputs) of each member."""
        check_is_fitted(self)
        table = self._check_table(X, reset=False)
        outputs = self._network_outputs(table, lambda members: members)
        return outputs if outputs.ndim == 3 else outputs[None]

    @limited_to(1)
    def summary(self) -> Summary:
        """The network's layers, the shapes of their outputs and their parameters.

        Returns
        -------
        summary : Summary
            Prints as a table, with totals; its `frame` is a DataFrame with a row for each layer.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sknn import NNClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> net = NNClassifier("mlp", hidden_layer_sizes=8, max_epochs=1, random_state=0).fit(X, y)
        >>> int(net.summary().frame["parameters"].sum())
        67
        """
        check_is_fitted(self)
        inputs = {name: torch.zeros((2, *shape), dtype=dtype) for name, (shape, dtype) in self._input_kinds.items()}
        return summarize(self.module_, inputs, self._target.n_outputs)

    # -- state and tags -----------------------------------------------------------------------

    def __sklearn_is_fitted__(self):
        return hasattr(self, "module_")

    def __copy__(self):
        """Shares everything, the network too; the default would go through `__getstate__`."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __getstate__(self):
        """Weights are pickled from the CPU, so that a network trained on a GPU loads where there is none."""
        state = super().__getstate__()
        module = state.get("module_")
        if module is not None and any(value.device.type != "cpu" for value in module.state_dict().values()):
            state = state | {"module_": copy.deepcopy(module).to("cpu")}
            state["_optimizer_state"] = _to_cpu(state.get("_optimizer_state"))
        return state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        raw = isinstance(self.preprocessing, str)
        tags.input_tags.string = tags.input_tags.allow_nan = raw
        if not raw and self.preprocessing is not None:
            inner = get_tags(self.preprocessing).input_tags
            tags.input_tags.string, tags.input_tags.allow_nan = inner.string, inner.allow_nan
            tags.input_tags.sparse = inner.sparse
        return tags


def _kind(optimizer: torch.optim.Optimizer) -> str:
    """An optimizer's name and the shapes of what it steps: its state fits another one of the same kind."""
    shapes = [tuple(parameter.shape) for group in optimizer.param_groups for parameter in group["params"]]
    return f"{type(optimizer).__name__} {shapes}"


def _as_frame(history: list[dict]) -> pd.DataFrame:
    """Epochs of skorch's history as a frame, without what it records for each batch."""
    names = dict.fromkeys(name for row in history for name in row if name != "batches")
    return pd.DataFrame({name: [row.get(name) for row in history] for name in names})


def _to_cpu(state):
    """An optimiser's state with its tensors on the CPU."""
    if isinstance(state, torch.Tensor):
        return state.cpu()
    if isinstance(state, dict):
        return {key: _to_cpu(value) for key, value in state.items()}
    return tuple(_to_cpu(value) for value in state) if isinstance(state, tuple) else state
