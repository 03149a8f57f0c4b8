"""`NNRegressor`: targets are standardised for the network and returned in the user's unit."""

from __future__ import annotations

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions

from sknn._base import BaseNN
from sknn._params import CONSTRAINTS
from sknn._sample import Sample
from sknn.training import REGRESSION_LOSSES


class NNRegressor(RegressorMixin, BaseNN):
    """Neural-network regressor for tables as they are, and for any PyTorch module.

    Takes the raw DataFrame (numbers, categories, dates, missing cells) and works wherever
    scikit-learn takes a regressor. One target or several. Targets are standardised inside, and
    predictions come in the unit of `y`.

    Parameters
    ----------
    module : {"tabular", "mlp"}, nn.Module class, nn.Module instance or callable, default="tabular"
        The network. "tabular" is :class:`sknn.modules.TabularNet`, with embedded numbers and categories
        and the training recipe that goes with it; "mlp" a plain :class:`sknn.modules.MLP`. A class
        or a callable that builds a module is called with those of `n_features`, `n_outputs` and
        `cat_cardinalities` that its signature names, and with `module_params`. An instance is copied
        and trained from its present weights. A module returns means (B, n_outputs) of the
        standardised targets. It is called with one float tensor (B, F); if its `forward` names
        `x_cat`, with `x_num` (B, F) and the int64 codes `x_cat` (B, C) of the categories to embed,
        of which there may be none.
    module_params : dict or None, default=None
        Further arguments of the module. `module__<name>` sets one in `set_params` and in a grid.
        "tabular" takes `n_bins` (default 16) and the options of :class:`sknn.modules.TabularNet`, "mlp"
        `embedding_dim` (default 8).
    hidden_layer_sizes : "auto", int or sequence of int, default="auto"
        Widths of the hidden layers of a built-in network. "auto": (96, 96) for "tabular" and (128, 128)
        for "mlp", or what `preset` says.
    activation : "auto", str, nn.Module class or callable, default="auto"
        Activation of a built-in network: "elu", "gelu", "identity", "leaky_relu", "mish", "relu", "selu",
        "sigmoid", "silu", "softplus", "tanh", or what builds an activation module. "auto": "silu" for "tabular",
        "relu" for "mlp".
    dropout : "auto" or float, default="auto"
        Probability in [0, 1) with which a hidden unit of a built-in network is dropped in training.
        "auto": 0.15 for "tabular", 0.2 for "mlp".
    numeric_embedding : {"auto", "piecewise_linear", "periodic"} or None, default="auto"
        How "tabular" embeds numbers; see :class:`sknn.modules.TabularNet`. "auto": "piecewise_linear" up to
        256 columns, else None.
    n_members : "auto" or int, default="auto"
        Number of networks that are trained together as a pack; predictions are their mean. "auto": for
        "tabular" 8, or what `preset` says, 4 from 513 columns and 1 from 1,025, and as many as
        `validation_split` has folds; 1 for other networks.
    member_validation : {"cross", "shared"}, default="cross"
        Which rows the members of a pack hold out. "cross": member k holds out fold k, so that each row
        trains all members but one and its held-out prediction is `oof_prediction_`. Folds are
        stratified, and keep `groups` together. "shared": one part for all, as with `X_val`, and where
        a transformer in `preprocessing` learns from y.
    preprocessing : "auto", transformer or None, default="auto"
        "auto" encodes a raw table by :class:`sknn.preprocessing.TableEncoder`: numbers, flags,
        categories, dates and missing cells. A scikit-learn transformer takes its place; missing
        cells, text and dates that it leaves are still encoded, numbers are passed on as they are.
        None passes numbers as float32 straight to the module, also from arrays of more than two
        dimensions. Preprocessing is fitted on the training rows only.
    loss : {"mean_squared_error", "mean_absolute_error", "huber"} or callable, default="mean_squared_error"
        The loss on standardised targets; or an nn.Module class or instance, or a function of
        (prediction, target), both (B, n_outputs), that returns one value a row (or one an output).
    weight_decay : "auto" or float, default="auto"
        Weight decay of the optimizer: decoupled for "adamw" (Loshchilov and Hutter, ICLR 2019),
        an L2 penalty for the others. "auto": 0.2 for "tabular", else 0.0001; 0 for an optimizer without.
    optimizer : {"adam", "adamw", "nadam", "rmsprop", "sgd"} or torch.optim.Optimizer class, default="adamw"
        The optimizer, with torch's defaults (but for "tabular" `betas` of (0.9, 0.95)); torch's fused step
        is used where it has one.
    optimizer_params : dict or None, default=None
        Further arguments of the optimizer, such as `betas` or `momentum`. `optimizer__<name>` sets
        one in `set_params` and in a grid. `param_groups`, a list of (pattern, dict), sets
        arguments by patterns of the module's parameter names.
    learning_rate : "auto" or float, default="auto"
        Learning rate, larger than 0. "auto": 0.01 for "tabular", whose parts learn at multiples of it;
        for other networks 0.003 up to 100 rows, else 0.001.
    lr_schedule : "auto", str, callable, dict or None, default="auto"
        What the learning rate is multiplied by as training progresses: "cosine", "flat_cosine", "linear",
        "log_cosine", "one_cycle", or a function of progress from 0 to 1. A dict sets schedules for any of
        "learning_rate", "weight_decay" and "dropout". "auto": for "tabular" "one_cycle" for the first and
        "flat_cosine" for the others, except in `partial_fit`; None for other networks. For torch's
        schedulers, put skorch's `LRScheduler` into `callbacks`.
    batch_size : "auto" or int, default="auto"
        Rows of a member in a training step. "auto": all up to 100 rows, 32 up to 2,800, 64 up to 4,500, 128 up to
        6,400, else 256.
    max_epochs : "auto" or int, default="auto"
        Passes over the training rows, at most. "auto": for "tabular" 32, or what `preset` says, and at
        least 300 steps; for other networks as many as make the preset's number of steps (20,000),
        between 20 and 200.
    shuffle : bool, default=True
        Whether rows are shuffled before each epoch.
    max_time : float or None, default=None
        Seconds after which training stops, at the end of an epoch. Schedules are shortened as soon as it is
        seen that they would take longer, so that they come to their end in time.
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out rows, stop after `patience` epochs without progress on them, and keep
        the weights of the best epoch. "auto": from 200 rows on (100 for "tabular"), or with
        `validation_split` or `X_val`. If False and `X_val` is given, the validation loss is only recorded.
    validation_fraction : float, default=0.1
        Share of the rows that is held out, at random; whole groups with `groups`. The folds of
        `member_validation="cross"` have their own size.
    validation_split : int, scikit-learn splitter, iterable or None, default=None
        Splits the rows instead: one split a member of a cross-fitted pack, else its first split is
        used. Positions count the rows as passed to `fit`, those of weight 0 included.
    patience : "auto" or int, default="auto"
        Epochs without progress after which training stops. "auto": for "tabular" 3/8 of
        `max_epochs`, at least 6; for other networks 12, or what `preset` says.
    min_delta : float, default=0.0
        Least change of the monitored value that counts as progress.
    monitor : "loss", str or callable, default="loss"
        What is watched on the validation rows: the loss, the name of a scikit-learn scorer, or a
        callable `(estimator, X, y) -> float` of which higher is better.
    preset : {"fast", "default", "thorough"}, default="default"
        What "auto" aims for: little time, a balance, or accuracy (more members, larger networks, more steps).
    callbacks : list or None, default=None
        Skorch callbacks, as instances, classes or (name, callback) pairs. They are copied. For
        callbacks of scikit-learn's own protocol see `set_callbacks`.
    warm_start : bool, default=False
        Whether a further `fit` goes on from the present weights, preprocessing and optimizer state.
        What shapes the network or its input must not change in between.
    random_state : int, RandomState instance or None, default=None
        Determines the held-out rows, the initial weights, the order of rows and dropout. The same
        int gives the same bits, whatever runs beside it; global random state is left alone.
    device : str or torch.device, default="auto"
        Where to train: "cpu", "cuda", "mps" ... "auto": "cuda" if there is one, else "cpu".
    verbose : int, default=0
        1 shows a line with epoch, losses and time.
    net_params : dict or None, default=None
        Further parameters of skorch's `NeuralNet`, such as `{"compile": True}`.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns of `X` in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, when all of them are strings.
    module_ : nn.Module
        The trained network.
    encoder_ : object
        The fitted preprocessing.
    n_outputs_ : int
        Number of targets.
    n_iter_ : int
        Number of epochs run.
    best_epoch_ : int
        Epoch, counted from 1, whose weights were kept.
    history_ : DataFrame of n_iter_ rows
        Losses, validation score, seconds (`dur`) and what callbacks recorded, a row an epoch.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_scores_ : list of float or None
        Validation loss, or the monitored score, of each epoch.
    resolved_params_ : dict
        The parameters with each "auto" replaced.
    oof_prediction_ : ndarray of shape (n_samples, ...)
        Out-of-fold predictions of a cross-fitted pack: for each row of `fit` that of the member that held
        it out, in the shape that `predict` gives. NaN for rows of weight 0. Only where members hold out
        folds.
    oof_score_ : float
        R² of those predictions. It is that of single members, so the ensemble is a little better.

    See Also
    --------
    NNClassifier : The same for class labels.

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019 (the default optimizer).
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: Strong pre-tuned MLPs and boosted
    trees on tabular data", NeurIPS 2024 (much of the tabular network). Y. Gorishniy, I. Rubachev,
    A. Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from sknn import NNRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> net = NNRegressor(random_state=0).fit(X_train, y_train)
    >>> net.score(X_test, y_test) > 0.2
    True
    """

    _parameter_constraints: dict = CONSTRAINTS | {"loss": [StrOptions(set(REGRESSION_LOSSES)), callable]}

    def __init__(
        self,
        module="tabular",
        module_params=None,
        *,
        hidden_layer_sizes="auto",
        activation="auto",
        dropout="auto",
        numeric_embedding="auto",
        n_members="auto",
        member_validation="cross",
        preprocessing="auto",
        loss="mean_squared_error",
        weight_decay="auto",
        optimizer="adamw",
        optimizer_params=None,
        learning_rate="auto",
        lr_schedule="auto",
        batch_size="auto",
        max_epochs="auto",
        shuffle=True,
        max_time=None,
        early_stopping="auto",
        validation_fraction=0.1,
        validation_split=None,
        patience="auto",
        min_delta=0.0,
        monitor="loss",
        preset="default",
        callbacks=None,
        warm_start=False,
        random_state=None,
        device="auto",
        verbose=0,
        net_params=None,
    ):
        self.module = module
        self.module_params = module_params
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.numeric_embedding = numeric_embedding
        self.n_members = n_members
        self.member_validation = member_validation
        self.preprocessing = preprocessing
        self.loss = loss
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.learning_rate = learning_rate
        self.lr_schedule = lr_schedule
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.shuffle = shuffle
        self.max_time = max_time
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.patience = patience
        self.min_delta = min_delta
        self.monitor = monitor
        self.preset = preset
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.device = device
        self.verbose = verbose
        self.net_params = net_params

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on some rows, from where the last call ended.

        The first call fits the preprocessing and the scale of the targets on its rows, and decides
        what "auto" becomes. Nothing is held out.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : NNRegressor
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X):
        """Predict targets.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the unit, and with the number of dimensions, of `y` in `fit`.
        """
        outputs = self._outputs(X)
        return self._target.predict(outputs)

    def predict_std(self, X):
        """Predict how far the members of a pack are apart.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Standard deviation of the members' predictions in the unit of `y`; 0 for a single network. It
            tells how sure the network is of the mean, not how far targets lie from it.
        """
        members = self._member_outputs(X)
        return np.stack([self._target.predict(outputs) for outputs in members]).std(axis=0)

    @property
    def _losses(self) -> dict:
        return REGRESSION_LOSSES

    def _check_y(self, y):
        if hasattr(y, "detach"):
            y = y.detach().cpu().numpy()
        return check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self)

    def _make_target(self, y, train: Sample, classes=None):
        return StandardizedTargets(train.y, train.weight)

    def _decode_outputs(self, outputs):
        return self._target.predict(outputs)

    @property
    def _score_function(self):
        return r2_score

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class StandardizedTargets:
    """Targets to mean 0 and standard deviation 1 over the (weighted) training rows, and back."""

    def __init__(self, y: np.ndarray, weight: np.ndarray | None):
        self.ndim = y.ndim
        y = _as_columns(y)
        self.n_outputs = self.n_user_outputs = y.shape[1]
        self.mean = np.average(y, axis=0, weights=weight)
        scale = np.sqrt(np.average(np.square(y - self.mean), axis=0, weights=weight))
        self.scale = np.where(scale > 0, scale, 1.0)
        self.range = y.min(axis=0), y.max(axis=0)

    def encode(self, y: np.ndarray) -> np.ndarray:
        if y.ndim != self.ndim or _as_columns(y).shape[1] != self.n_outputs:
            raise ValueError(
                f"y must have {self.n_outputs} target(s) in {self.ndim} dimension(s), as in the first fit. "
                f"Got shape {y.shape}."
            )
        return ((_as_columns(y) - self.mean) / self.scale).astype(np.float32)

    def decode(self, target: np.ndarray) -> np.ndarray:
        return self.predict(target)

    def combine(self, members: np.ndarray) -> np.ndarray:
        """Means of an ensemble from those of its members, (K, n, n_outputs)."""
        return members.mean(axis=0)

    def predict(self, outputs: np.ndarray) -> np.ndarray:
        y = np.clip(outputs.astype(np.float64) * self.scale + self.mean, *self.range)
        return y[:, 0] if self.ndim == 1 else y


def _as_columns(y: np.ndarray) -> np.ndarray:
    return y.reshape(-1, 1) if y.ndim == 1 else y
