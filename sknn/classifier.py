"""`NNClassifier`: its parameters and methods. The steps of a fit are in `_estimator`, labels in `targets`."""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sknn._estimator import BaseNN
from sknn.model_selection import TrainingData
from sknn.parameters import CONSTRAINTS, ResolvedParams
from sknn.targets import (
    CLASSIFICATION_LOSSES,
    ClassTarget,
    LabelIndicatorTarget,
    LabelTarget,
    check_labels,
    find_loss,
)
from sknn.utils import all_or_nothing


class NNClassifier(ClassifierMixin, BaseNN):
    """Neural-network classifier for tables as they are, and for any PyTorch module.

    Takes the raw DataFrame (numbers, categories, dates, missing cells) and works wherever
    scikit-learn takes a classifier. Binary, multiclass and multilabel (indicator `y`).

    Parameters
    ----------
    module : str, nn.Module class, nn.Module instance, callable or Pretrained, default="tabular"
        The network. "tabular" is :class:`sknn.modules.TabularNet`, with embedded numbers and categories and the
        training recipe that goes with it; "mlp" a plain :class:`sknn.modules.MLP`, "resnet" a
        :class:`sknn.modules.ResNet`, "linear" a :class:`sknn.modules.LinearNet`, and "cnn" a
        :class:`sknn.modules.CNN` for images `X` (n_samples, height, width) or (n_samples, channels, height, width). A
        class or a callable that builds a module is called with those of `n_features`, `n_outputs` and
        `cat_cardinalities` that its signature names, and with `module_params`. An instance is copied and trained from
        its present weights, and may be what `torch.compile` returns; :class:`sknn.Pretrained` says more about what it
        starts from. A module returns logits (B, n_outputs), one for each class or label; for two classes a single logit
        of the second class will do. It is called with one float tensor (B, F); if its `forward` names `x_cat`, with
        `x_num` (B, F) and the int64 codes `x_cat` (B, C) of the categories to embed, of which there may be none.
    module_params : dict or None, default=None
        Further arguments of the module. `module__<name>` sets one in `set_params` and in a grid.
        "tabular" takes `numeric_embedding` ("piecewise_linear", "thermometer", "periodic" or None; by default the first
        up to 256 columns), its `n_bins` (16; for "thermometer" 16 up to 1,500 rows, else 32) and the other
        options of :class:`sknn.modules.TabularNet`; "mlp", "resnet", "linear" and "cnn" those of their classes, such as
        `normalization` ("batch"; but for "cnn" also "layer"). All take `weight_init`, the distribution of the first
        weights of linear and convolutional layers (biases start at 0): "glorot_uniform", "glorot_normal", "he_uniform",
        "he_normal", "lecun_normal", "orthogonal", "small_normal", "zero", the data-dependent "unit_variance", or a
        function that fills a weight tensor in place; by default "unit_variance" for "tabular", and what suits the
        activation for others (He for ReLU and its kin, LeCun for SELU, else Glorot). A module of your own brings its
        weights; its constructor may call :func:`sknn.modules.initialize`.
    hidden_layer_sizes : "auto", int or sequence of int, default="auto"
        Widths of the hidden layers of a built-in network: of the blocks of "resnet", channels for "cnn". "auto": (96,
        96) for "tabular", (32, 64) for "cnn" and (128, 128) for others, or what `preset` says.
    activation : "auto", str, nn.Module class, callable or list of those, default="auto"
        Activation of a built-in network: "elu", "gelu", "identity", "leaky_relu", "mish", "relu", "selu",
        "sigmoid", "silu", "softplus", "tanh" (formulas: `docs/menu.md`), or what builds an activation module. A list
        has one for each hidden layer. "auto": "silu" for "tabular", "relu" for others.
    dropout : "auto", float or list of float, default="auto"
        Probability in [0, 1) with which a hidden unit of a built-in network is dropped in training; for "mlp"
        and "resnet" also a list, one for each hidden layer. "auto": 0.15 for "tabular", 0.2 for others; 0 for "lbfgs".
    n_members : "auto" or int, default="auto"
        Number of networks that are trained together as a pack; predictions are their mean. "auto": for
        "tabular" 8, or what `preset` says, 4 from 513 columns and 1 from 1,025, and as many as
        `validation_split` has folds; 1 for other networks and for "lbfgs".
    preprocessing : "auto", transformer or None, default="auto"
        "auto" encodes a raw table by :class:`sknn.preprocessing.TableEncoder`: numbers, flags,
        categories, dates and missing cells; for rows that come in chunks see `partial_fit`. A
        scikit-learn transformer takes its place; missing
        cells, text and dates that it leaves are still encoded, numbers are passed on as they are.
        None passes numbers as float32 straight to the module, also from arrays of more than two
        dimensions. Images for "cnn" are divided by their largest absolute value. Preprocessing is fitted on the
        training rows only.
    augmentation : list or None, default=None
        What is done to training batches, one after the other: objects of :mod:`sknn.augmentation`, such as
        `[Rotate(15), RandomCrop(2)]`, or functions of a batch. `augmentation__rotate__degrees` sets a parameter of one.
    loss : {"cross_entropy", "focal", "hinge"} or callable, default="cross_entropy"
        The loss; for a label indicator its binary kind, the mean over labels.

        ===============  =================================================================  =========================
        name             of the true class' logit z and share p = softmax(z)                `loss_params`
        ===============  =================================================================  =========================
        "cross_entropy"  −log p, the likelihood                                             `label_smoothing` (0)
        "focal"          −(1 − p)^γ log p (Lin et al., ICCV 2017)                           `gamma` (2)
        "hinge"          max(0, m + largest other logit − z) (Crammer and Singer, 2001)     `margin` (1)
        ===============  =================================================================  =========================

        Or an nn.Module class or instance, or a function of (logits, target), that returns one value a row. The
        target holds class codes (B,) int64, or labels (B, n_outputs) float32.
    loss_params : dict or None, default=None
        Further arguments of the loss. `loss__<name>` sets one in `set_params` and in a grid.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, {label: weight}, 1 for a label that is not named; "balanced" makes the
        weight of all classes equal. Multiplied with `sample_weight`. Not for a label indicator.
    weight_decay : "auto" or float, default="auto"
        Weight decay of the optimizer: apart from the gradient (decoupled) for "adamw" and "muon" (Loshchilov and
        Hutter, ICLR 2019), for the others what torch's class does, which is to add it to the gradient. "auto": 0.2
        for "tabular", else 0.0001; 0 for an optimizer without. :class:`sknn.callbacks.Penalty` adds L1 and L2 to the
        loss.
    optimizer : str or torch.optim.Optimizer class, default="adamw"
        "adagrad", "adam", "adamw", "lbfgs", "muon", "nadam", "radam", "rmsprop" or "sgd", with torch's defaults (but
        for "tabular" `betas` of (0.9, 0.95), and for "lbfgs" the strong Wolfe line search); torch's fused step is used
        where it has one. "lbfgs" takes all rows in a batch; "muon" is :class:`sknn.optim.Muon`.
    optimizer_params : dict or None, default=None
        Further arguments of the optimizer, such as `betas` or `momentum`. `optimizer__<name>` sets
        one in `set_params` and in a grid. `param_groups`, a list of (pattern, dict), sets
        arguments by patterns of the module's parameter names.
    learning_rate : "auto" or float, default="auto"
        Learning rate, larger than 0. "auto": 0.004 for "tabular", whose parts learn at multiples of it; for other
        networks 0.003 up to 100 rows, else 0.001; for any 0.05 with "sgd" and "adagrad", 1 with "lbfgs". For
        `partial_fit` see there.
        :class:`sknn.LearningRateFinder` looks for one.
    lr_schedule : "auto", str, class, callable, dict or None, default="auto"
        What the learning rate is multiplied by as training progresses, t from 0 to 1; None: 1 throughout.

        =============  ============================================================  ==========================
        name           factor                                                        `lr_schedule_params`
        =============  ============================================================  ==========================
        "constant"     1
        "step"         γ^⌊epoch / step_size⌋                                         `step_size` (10),
                                                                                     `gamma` (0.1)
        "exponential"  γ^epoch                                                       `gamma` (0.95)
        "linear"       1 − t
        "cosine"       ½(1 + cos πt) (Loshchilov and Hutter, ICLR 2017), restarted   `n_cycles` (1)
        "flat_cosine"  1 for the first half, then a cosine
        "log_cosine"   four waves that get longer (Holzmüller et al., NeurIPS 2024)
        "one_cycle"    up for a tenth, then a cosine (Smith and Topin, 2019)         `warmup` (0.1)
        "plateau"      times `factor` after `patience` epochs without a lower        those of torch's
                       validation loss, or training loss where nothing is held out   `ReduceLROnPlateau`
        =============  ============================================================  ==========================

        Or a class of `torch.optim.lr_scheduler`, which steps each epoch (`step_every="batch"`: each batch), or a
        function of t. A dict sets schedules for any of "learning_rate", "weight_decay" and "dropout". "auto": for
        "tabular" "one_cycle" for the first and "flat_cosine" for the others; None for other networks, and in
        `partial_fit`, which takes no schedule.
    lr_schedule_params : dict or None, default=None
        Parameters of the learning rate's schedule, as above; `warmup`, the share of the steps in which it first rises
        from 0, goes with each that is not torch's. `lr_schedule__<name>` sets one in `set_params` and in a grid.
    batch_size : "auto" or int, default="auto"
        Rows of a member in a training step. "auto": all up to 100 rows and for "lbfgs", 32 up to 2,800, 64 up to
        4,500, 128 up to 6,400, else 256.
    shuffle : bool, default=True
        Whether each epoch takes the rows in another order.
    max_epochs : "auto" or int, default="auto"
        Passes over the training rows, at most. "auto": for "tabular" 32, or what `preset` says, times
        sqrt(16,000 / rows) above 16,000 rows, and at least 4 and 300 steps; for other networks as many as make the
        preset's number of steps (20,000), between 20 and 200.
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out rows, stop after `patience` epochs without progress on them, and keep
        the weights of the best epoch. "auto": from 200 rows on (100 for "tabular"), or with
        `validation_split` or `X_val`. If False, training goes on to `max_epochs` and keeps the last weights; rows are
        held out only with `validation_split` or `X_val`, and only watched.
    validation_split : "auto", float, int, scikit-learn splitter or iterable, default="auto"
        Which rows are held out. "auto": each member of a pack holds out a fold of its own, so that each row trains
        all members but one and its held-out prediction is `oof_prediction_`; for a single network, and where a
        transformer in `preprocessing` learns from y, a tenth of the rows. A float is the share of the rows that is
        held out, the same for all members. An int is a number of folds, of which each member holds out one in turn, and
        a single network the first. All these are stratified by class and keep `groups` whole. Or the splits of a
        splitter, or pairs of positions (training, validation), taken in the same way; positions count the rows as
        passed to `fit`, those of weight 0 included. With fewer members than folds a fit is refused.
    patience : "auto" or int, default="auto"
        Epochs without progress after which training stops. "auto": for "tabular" a third of
        `max_epochs`, at least 4, but only 5 where it watches the loss, and that rises far above its best; for other
        networks 12, or what `preset` says.
    monitor : "loss", str or callable, default="loss"
        What is watched on the validation rows: the loss, the name of a scikit-learn scorer, or a
        callable `(estimator, X, y) -> float` of which higher is better.
    preset : {"fast", "default", "thorough"}, default="default"
        What "auto" aims for: little time, a balance, or accuracy (more members, larger networks, more steps).
    callbacks : list or None, default=None
        Skorch callbacks or those of :mod:`sknn.callbacks`, as instances, classes or (name, callback) pairs, such as
        `[TimeLimit(60)]`, which ends training in time. They are copied. `callbacks__timelimit__seconds` sets a
        parameter of one. For callbacks of scikit-learn's own protocol see `set_callbacks`.
    warm_start : bool, default=False
        Whether a further `fit` goes on from the present weights, preprocessing and optimizer state.
        What shapes the network or its input must not change in between.
    random_state : int, RandomState instance or None, default=None
        Determines the held-out rows, the initial weights, the order of rows and dropout. The same
        int gives the same bits, whatever runs beside it; global random state is left alone.
        Parts of your own (a function, or an object of a class from outside of sknn, scikit-learn and `torch.optim`,
        in any parameter) may draw from the global generators: these are seeded for the fit and restored, and such fits
        run one at a time.
    device : str or torch.device, default="auto"
        Where to train: "cpu", "cuda", "mps" ... "auto": "cuda" if there is one, else "cpu".
    verbose : int, default=0
        1 shows a line with epoch, losses and time.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; for a label indicator the numbers of the labels.
    n_features_in_ : int
        Number of columns of `X` in `fit`; for a dict of inputs the numbers that all of them hold for a row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, when all of them are strings.
    module_ : nn.Module
        The trained network.
    encoder_ : object
        The fitted preprocessing.
    n_outputs_ : int
        Number of labels of an indicator `y`, else 1.
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
        Out-of-fold probabilities of a cross-fitted pack: for each row of `fit` those of the member that
        held it out, in the shape that `predict_proba` gives. NaN for rows of weight 0 and those that no split
        holds out. Only where members hold out folds.
    oof_score_ : float
        Accuracy of those predictions. It is that of single members, so the ensemble is a little better. The epoch is
        chosen by the same rows, which flatters small tables: on pure noise the log loss of `oof_prediction_` is below
        that of the members on new rows by 0.026 for 100 rows, 0.011 for 300 and less than 0.002 for 1,000
        (`docs/guide.md`).
    temperature_ : float
        By what logits are divided before they become probabilities (Guo et al., "On calibration of modern neural
        networks", ICML 2017): what lowers the loss of held-out predictions, near 1 unless they are many; 1 where no
        rows were held out. May be set: `net.temperature_ = 1` gives the network's own probabilities.

    See Also
    --------
    NNRegressor : The same for real targets.

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019 (the default optimizer).
    D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: Strong pre-tuned MLPs and boosted
    trees on tabular data", NeurIPS 2024 (much of the tabular network). Y. Gorishniy, I. Rubachev,
    A. Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from sknn import NNClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    >>> net = NNClassifier(random_state=0).fit(X_train, y_train)
    >>> net.score(X_test, y_test) > 0.9
    True
    """

    _target: LabelTarget
    _parameter_constraints: dict = CONSTRAINTS | {
        "loss": [StrOptions(set(CLASSIFICATION_LOSSES)), callable],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

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
        loss="cross_entropy",
        loss_params=None,
        class_weight=None,
        weight_decay="auto",
        optimizer="adamw",
        optimizer_params=None,
        learning_rate="auto",
        lr_schedule="auto",
        lr_schedule_params=None,
        batch_size="auto",
        shuffle=True,
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
        verbose=0,
    ):
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
        self.class_weight = class_weight
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
        self.learning_rate = learning_rate
        self.lr_schedule = lr_schedule
        self.lr_schedule_params = lr_schedule_params
        self.batch_size = batch_size
        self.shuffle = shuffle
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
        self.verbose = verbose

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on some rows, from where the last call ended.

        Chunks of any size, single rows too, and any order will do.

        With `preprocessing="auto"` the first call's columns fix the layout, and nothing is left out, because what does
        not vary yet may vary later. Numbers, flags and days of dates are standardised by the mean and the standard
        deviation of all rows so far, and a missing cell is marked from the first one on. Levels of a category that come
        later take codes of their own, 254 beyond those of the first call where they are embedded and 62 where they are
        one-hot encoded; further ones count as unseen. Of a
        `TableEncoder` only `embed` and whether it scales count here. Another transformer is fitted to the first call's
        rows, and to those of each further call if it has a `partial_fit` of its own. After a `fit`, the preprocessing
        and "auto" stay as that has set them.

        Nothing is held out, and "auto" does not follow the number of rows in the first call: batches have 32 rows, or
        all of a smaller chunk, the learning rate is 0.002 for "tabular" and 0.003 for other networks (0.05 with "sgd"
        and "adagrad"; "lbfgs" takes a chunk at once), and "tabular" does not embed numbers. The optimizer's state goes
        on from call to call, the learning rate stays. First weights do not depend on the data; a batch of a single row
        takes the running statistics of a batch normalisation and leaves them.

        A call that fails leaves the estimator as it was before, as for `fit`.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come. Needed in the first call, unless that is after a `fit`; not for a label
            indicator.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, one of them larger than 0. They count as multiples of the mean weight of all rows so
            far.

        Returns
        -------
        self : NNClassifier

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.utils import shuffle
        >>> from sknn import NNClassifier
        >>> X, y = shuffle(*load_iris(return_X_y=True), random_state=0)
        >>> net = NNClassifier("mlp", random_state=0)
        >>> for start in range(0, 150, 5):
        ...     net = net.partial_fit(X[start : start + 5], y[start : start + 5], classes=[0, 1, 2])
        >>> net.score(X, y) > 0.8
        True
        """
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not for partial_fit, which does not know how many rows of a class are to "
                "come. Pass a dict {label: weight}, or sample_weight."
            )
        if (
            classes is not None
            and self.__sklearn_is_fitted__()
            and not np.array_equal(np.unique(self._check_y(classes, "classes")), self.classes_)
        ):
            raise ValueError(f"classes must be those of the first partial_fit, {self.classes_}. Got {classes}.")
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The most probable class; for a label indicator, where the probability is above one half, the larger of the
            two values that it holds, else the smaller one.
        """
        outputs = self._outputs(X)
        return self._target.predict(outputs)

    def predict_proba(self, X):
        """Predict probabilities.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_outputs)
            Probability of each class, in the order of `classes_`; for a label indicator of each label.
        """
        outputs = self._outputs(X)
        return self._target.predict_proba(outputs)

    def predict_std(self, X):
        """Predict how far the members of a pack are apart.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        std : ndarray of shape (n_samples, n_classes) or (n_samples, n_outputs)
            Standard deviation of the members' probabilities; 0 for a single network.
        """
        members = self._member_outputs(X)
        return self._target.predict_std(members)

    def predict_log_proba(self, X):
        """Predict logarithms of probabilities, also where the probability itself would be 0.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_outputs)
            As for `predict_proba`.
        """
        outputs = self._outputs(X)
        return self._target.predict_log_proba(outputs)

    def decision_function(self, X):
        """Predict logits.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.

        Returns
        -------
        decision : ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_outputs)
            For two classes the log-odds of the second one; else a logit for each class or label.
        """
        outputs = self._outputs(X)
        return self._target.decision_function(outputs)

    @property
    def temperature_(self) -> float:
        """By what logits are divided before they become probabilities."""
        check_is_fitted(self)
        return self._target.temperature

    @temperature_.setter
    def temperature_(self, temperature: float) -> None:
        check_is_fitted(self)
        self._target = self._target.at_temperature(temperature)

    def _check_y(self, y, name: str = "y"):
        return check_labels(y, name)

    def _class_codes(self, y):
        return np.unique(y, return_inverse=True)[1] if y.ndim == 1 else None

    def _make_target(self, y, train: TrainingData, params: ResolvedParams, classes=None):
        if y.ndim == 1 and classes is None and self._is_stream:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: all labels that will ever come. Got None."
            )
        if y.ndim == 2 and classes is not None:
            raise ValueError(
                f"classes must be None for a label indicator, whose columns are the labels. Got {classes!r}."
            )
        labels = y if classes is None else self._check_y(classes, "classes")
        loss = find_loss(params["loss"], ClassTarget if y.ndim == 1 else LabelIndicatorTarget)
        target = loss.target(loss, params["loss_params"] or {}, labels)
        target.update(train.y, train.weight, params["class_weight"])
        self.classes_ = target.classes
        return target

    def _update_target(self, train: TrainingData, params: ResolvedParams) -> None:
        self._target.set_loss(find_loss(params["loss"], type(self._target)), params["loss_params"] or {})
        self._target.update(train.y, train.weight, params["class_weight"])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
