"""`NNRegressor`: its parameters and methods. The steps of a fit are in `_estimator`, real targets in `targets`."""

from __future__ import annotations

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import StrOptions

from sknn._estimator import BaseNN
from sknn.conformal import IntervalMixin
from sknn.parameters import CONSTRAINTS, ResolvedParams
from sknn.splitting import TrainingData
from sknn.targets import REGRESSION_LOSSES, RealTarget, check_numbers, find_loss
from sknn.utils import all_or_nothing


class NNRegressor(RegressorMixin, IntervalMixin, BaseNN):
    """Neural-network regressor for tables and for any PyTorch module.

    Takes a raw DataFrame (numbers, categories, dates, missing values) and works wherever scikit-learn takes a
    regressor. One or several targets, which are standardised for training; predictions are in the unit of `y`. What
    each "auto" becomes is listed in `docs/defaults.md`, and held by `resolved_params_` after `fit`.

    Parameters
    ----------
    module : str, nn.Module class, nn.Module instance, callable or Pretrained, default="tabular"
        The network. By name: "tabular" (:class:`sknn.modules.TabularNet`, an ensemble for tables with a training recipe
        of its own), "mlp" (:class:`sknn.modules.MLP`), "resnet" (:class:`sknn.modules.ResNet`), "linear"
        (:class:`sknn.modules.LinearNet`) or "cnn" (:class:`sknn.modules.CNN`, for images `X` of shape
        (n_samples, height, width) or (n_samples, channels, height, width)).
        A class or function that builds a module is called with `module_params` and those of `n_features`, `n_outputs`
        and `cat_cardinalities` that its signature names. An instance, also one of `torch.compile`, is copied and
        trained from its current weights; see :class:`sknn.Pretrained` for transfer learning.
        A module maps one float tensor (B, F), or, if its `forward` names `x_cat`, `x_num` (B, F) and the category codes
        `x_cat` (B, C), int64, to means (B, n_outputs) of the standardised targets, or what `loss` says.
    module_params : dict or None, default=None
        Further arguments of the module; those of a built-in network are documented with its class. "tabular" takes
        `numeric_embedding` ("piecewise_linear", "thermometer", "periodic" or None) and its `n_bins`. All built-in
        networks take `weight_init`, the name of an initialiser (`docs/menu.md`) or a function that fills a tensor in
        place. `module__<name>` sets one argument in `set_params` and in a grid.
    hidden_layer_sizes : "auto", int or sequence of int, default="auto"
        Widths of the hidden layers of a built-in network: of the blocks of "resnet", channels for "cnn".
    activation : "auto", str, nn.Module class, callable or list of those, default="auto"
        Activation of a built-in network, or a list with one for each hidden layer: "elu", "gelu", "identity",
        "leaky_relu", "mish", "relu", "selu", "sigmoid", "silu", "softplus", "tanh" (formulas: `docs/menu.md`), or a
        class or function that builds an activation module.
    dropout : "auto", float or list of float, default="auto"
        Dropout probability in [0, 1) of the hidden units of a built-in network; for "mlp" and "resnet" also a list
        with one for each hidden layer.
    n_members : "auto" or int, default="auto"
        Number of networks in the ensemble, which are trained together; predictions are their mean.
    preprocessing : "auto", transformer or None, default="auto"
        "auto" encodes a table by :class:`sknn.preprocessing.TableEncoder`. A scikit-learn transformer takes its place;
        missing values, text and dates that remain in its output are still encoded, numbers are passed on unscaled.
        None passes numbers as float32 to the module, also from arrays of more than two dimensions. Images for "cnn" are
        divided by their largest absolute value. Fitted on the training rows only.
    augmentation : list or None, default=None
        Random changes of the training batches, applied in order: objects of :mod:`sknn.augmentation`, such as
        `[Rotate(15), RandomCrop(2)]`, or functions of a batch. `augmentation__rotate__degrees` sets a parameter of one.
    loss : str or callable, default="mean_squared_error"
        Loss of standardised targets y, with the residual r = y − output:

        =====================  ==========================================================  ==========================
        name                   formula                                                     `loss_params`
        =====================  ==========================================================  ==========================
        "mean_squared_error"   r²; predicts means
        "mean_absolute_error"  abs(r); predicts medians
        "huber"                r²/2 up to δ, then δ·(abs(r) − δ/2) (Huber, 1964)           `delta` (1)
        "log_cosh"             log cosh r
        "quantile"             max(τr, (τ − 1)r) (Koenker and Bassett, 1978); see          `quantiles` ((0.5,))
                               `predict_quantiles`
        "gaussian_nll"         (log σ² + (y − μ)²/σ²)/2 (Nix and Weigend, 1994); predicts
                               means and variances; see `predict_quantiles`
        "poisson"              μ − y log μ, for counts y ≥ 0; the output is log μ
        "gamma"                log μ + y/μ, for y > 0; the output is log μ
        =====================  ==========================================================  ==========================

        For the last two, targets are only divided by their mean. Or an nn.Module class or instance, or a function of
        (prediction, target), both (B, n_outputs), that returns one value per row (or per output).
    loss_params : dict or None, default=None
        Further arguments of the loss; `delta` is in standard deviations of y, which outliers inflate.
        `loss__<name>` sets one in `set_params` and in a grid.
    weight_decay : "auto" or float, default="auto"
        Weight decay of the optimizer: decoupled from the gradient for "adamw" and "muon", added to it for the others.
        :class:`sknn.callbacks.Penalty` adds L1 and L2 penalties to the loss.
    optimizer : str or torch.optim.Optimizer class, default="adamw"
        "adagrad", "adam", "adamw", "lbfgs", "muon", "nadam", "radam", "rmsprop" or "sgd", with torch's defaults except
        `betas` for "tabular" and the strong Wolfe line search for "lbfgs", which takes all rows as one batch. "muon" is
        :class:`sknn.optim.Muon`.
    optimizer_params : dict or None, default=None
        Further arguments of the optimizer, such as `betas` or `momentum`. `optimizer__<name>` sets one in `set_params`
        and in a grid. `param_groups`, a list of (pattern, dict), sets arguments by patterns of parameter names.
    learning_rate : "auto" or float, default="auto"
        Learning rate, larger than 0, before the schedule; parts of "tabular" learn at multiples of it.
        :class:`sknn.LearningRateFinder` suggests one.
    lr_schedule : "auto", str, class, callable, dict or None, default="auto"
        How the learning rate changes during training: "constant", "step", "exponential", "linear", "cosine",
        "flat_cosine", "log_cosine", "one_cycle" or "plateau" (formulas and parameters: `docs/menu.md`); a class of
        `torch.optim.lr_scheduler`, stepped each epoch; a function of training progress t, from 0 to 1, to a factor; or
        None, constant. A dict sets schedules of "learning_rate", "weight_decay" or "dropout".
    lr_schedule_params : dict or None, default=None
        Parameters of the learning rate's schedule. Every named one except "plateau" takes `warmup`, the fraction of the
        steps with a linear warm-up from 0; a torch class takes `step_every="batch"` to be stepped each batch.
        `lr_schedule__<name>` sets one in `set_params` and in a grid.
    batch_size : "auto" or int, default="auto"
        Rows in a training step, of each member.
    max_epochs : "auto" or int, default="auto"
        Maximum number of epochs.
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out validation rows, stop after `patience` epochs without improvement on them and keep the
        weights of the best epoch. If False, the last weights are kept, and the rows of `validation_split` or `X_val`
        are only monitored.
    validation_split : "auto", float, int, scikit-learn splitter or iterable, default="auto"
        Which rows are held out: a fraction (float), the same for all members; a number of folds (int), of which each
        member holds out one in turn, a single network the first; or, likewise, the folds of a splitter or an iterable
        of (training, validation) positions, which count all rows passed to `fit`. "auto" has one fold for each member,
        so that every row gets an out-of-fold prediction (`oof_prediction_`). Fractions and folds keep `groups` whole.
        There must be at least as many members as folds.
    patience : "auto" or int, default="auto"
        Epochs without improvement after which training stops.
    monitor : "loss", str or callable, default="loss"
        What is monitored on the validation rows: the loss, the name of a scikit-learn scorer, or a
        callable `(estimator, X, y) -> float` of which higher is better.
    preset : {"fast", "default", "thorough"}, default="default"
        What "auto" aims for: short training, a balance, or accuracy (more members, larger networks, more steps).
    callbacks : list or None, default=None
        Callbacks of skorch or :mod:`sknn.callbacks`, as instances, classes or (name, callback) pairs, such as
        `[TimeLimit(60)]`. They are copied. `callbacks__timelimit__seconds` sets a parameter of one. `set_callbacks`
        takes scikit-learn's own.
    warm_start : bool, default=False
        Whether `fit` continues training with the weights, preprocessing and optimizer state of the previous fit.
        Parameters that determine the network or its input must stay the same.
    random_state : int, RandomState instance or None, default=None
        Determines the held-out rows, the initial weights, the order of rows and dropout. An int gives bit-identical
        results, and global random state is left unchanged. User-defined parts (functions, and objects of classes
        outside sknn, scikit-learn and `torch.optim`) may draw from the global generators: these are seeded for the fit
        and restored, and such fits run one at a time.
    device : str or torch.device, default="auto"
        Device to train on: "auto", "cpu", "cuda", "mps" ...
    n_jobs : int or None, default=None
        CPU threads for training the network "tabular", -1 for all; at most those that torch may use. The results do
        not depend on them. None: those of :func:`joblib.parallel_config`, else 1. Large networks take all.
    verbose : int, default=0
        1 prints a line with epoch, losses and time.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns of `X` in `fit`; for a dict of inputs, the number of values per sample.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
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
    history_ : DataFrame of `n_iter_` rows
        Losses, validation score, seconds (`dur`) and what callbacks recorded, one row per epoch.
    loss_curve_ : list of float
        Training loss of each epoch.
    validation_scores_ : list of float or None
        Validation loss, or the monitored score, of each epoch.
    resolved_params_ : dict
        The parameters with each "auto" replaced.
    oof_prediction_ : ndarray of shape (n_samples, ...)
        Out-of-fold predictions of the rows of `fit`, each by the member that held the row out, with the shape of
        `predict`. NaN for rows of weight 0 and rows that no fold holds out. Only if members hold out folds.
    oof_score_ : float
        R² of `oof_prediction_`. Single members predict there, so the ensemble is slightly better. The best epoch
        is chosen on the same rows, which is optimistic below 1,000 rows (figures: `docs/guide.md`).

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

    _target: RealTarget
    _parameter_constraints: dict = CONSTRAINTS | {"loss": [StrOptions(set(REGRESSION_LOSSES)), callable]}

    def __init__(
        self,
        module="tabular",
        module_params=None,
        *,
        hidden_layer_sizes="auto",
        activation="auto",
        dropout="auto",
        n_members="auto",
        preprocessing="auto",
        augmentation=None,
        loss="mean_squared_error",
        loss_params=None,
        weight_decay="auto",
        optimizer="adamw",
        optimizer_params=None,
        learning_rate="auto",
        lr_schedule="auto",
        lr_schedule_params=None,
        batch_size="auto",
        max_epochs="auto",
        early_stopping="auto",
        validation_split="auto",
        patience="auto",
        monitor="loss",
        preset="default",
        callbacks=None,
        warm_start=False,
        random_state=None,
        device="auto",
        n_jobs=None,
        verbose=0,
    ) -> None:
        self.module = module
        self.module_params = module_params
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.n_members = n_members
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.loss = loss
        self.loss_params = loss_params
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.learning_rate = learning_rate
        self.lr_schedule = lr_schedule
        self.lr_schedule_params = lr_schedule_params
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_split = validation_split
        self.patience = patience
        self.monitor = monitor
        self.preset = preset
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on a chunk of rows, continuing from the last call.

        Chunks may have any size, also a single row. Targets are standardised by their running mean and standard
        deviation (for "poisson" and "gamma" divided by the mean), and predictions are clipped to the range of the
        targets so far.

        With `preprocessing="auto"`, the first call determines the columns; constant ones are kept. Numbers, flags and
        days of dates are standardised by the running mean and standard deviation, and missing values get an indicator
        column. Up to 254 new levels of an embedded category, or 62 of a one-hot encoded one, get codes of their own in
        later calls; further ones count as unseen. A `TableEncoder` sets only `embed` and `scale` here. Another
        transformer is fitted in the first call, and updated if it has a `partial_fit`. After a `fit`, its preprocessing
        is kept.

        No rows are held out, and "auto" does not depend on the number of rows (`docs/defaults.md`). The optimizer's
        state is kept between calls; the learning rate is constant. Initial weights do not depend on the data. A batch
        of one row uses the running statistics of batch normalisation without updating them.

        A call that fails leaves the estimator unchanged.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows, not all 0, relative to the mean weight of all rows so far.

        Returns
        -------
        self : NNRegressor
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X) -> np.ndarray:
        """Predict targets.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`; after a fit on a frame also a dict, one row with a cell for each column, or a list
            of dicts.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the unit of `y`, clipped to the range of the training targets. For "quantile" the median, linearly
            interpolated between the nearest levels, or the level nearest to it.
        """
        outputs = self._outputs(X)
        return self._target.predict(outputs)

    def predict_quantiles(self, X, quantiles=None) -> np.ndarray:
        """Predict quantiles of the target, for `loss="quantile"` and `loss="gaussian_nll"`.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.
        quantiles : array-like of shape (n_quantiles,), default=None
            Levels between 0 and 1. For "quantile" those of `loss_params`; for "gaussian_nll" any, by default 0.05,
            0.5 and 0.95.

        Returns
        -------
        values : ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            In the unit of `y`, non-decreasing along the last axis. Coverage is not guaranteed: on eight real tables of
            1,000 to 10,000 rows it was 87 to 96 % between levels 0.05 and 0.95.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sknn import NNRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> net = NNRegressor(loss="quantile", loss_params={"quantiles": [0.05, 0.95]}, max_epochs=3, random_state=0)
        >>> net.fit(X, y).predict_quantiles(X).shape
        (442, 2)
        """
        outputs = self._outputs(X)
        return self._target.predict_quantiles(outputs, quantiles)

    def predict_std(self, X) -> np.ndarray:
        """Predict a standard deviation.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the unit of `y`. For "gaussian_nll" the predicted standard deviation of the target. For other losses that
            of the members' predictions, 0 for a single network: the uncertainty of the mean, not the spread of targets
            around it.
        """
        members = self._member_outputs(X)
        return self._target.predict_std(members)

    def _check_y(self, y, name: str = "y"):
        return check_numbers(y, name)

    def _make_target(self, y, train: TrainingData, params: ResolvedParams, classes=None):
        loss = find_loss(params["loss"], RealTarget)
        return loss.target(loss, params["loss_params"] or {}, train.y, train.weight, running=self._is_stream)

    def _update_target(self, train: TrainingData, params: ResolvedParams) -> None:
        self._target.set_loss(find_loss(params["loss"], RealTarget), params["loss_params"] or {})
        self._target.update(train.y, train.weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
