"""Pruning of Optuna's trials: a fit that does worse than earlier ones ends. Optuna decides which."""

from __future__ import annotations

from sklearn.utils._param_validation import HasMethods

from sknn.callbacks._base import Callback


class PruneTrial(Callback):
    """Report the validation loss of each epoch to a trial of Optuna, and end the fit if the trial is to be pruned.

    The fit then raises `optuna.TrialPruned`, for Optuna to see, and leaves the estimator as it was before. The loss of
    a cross-fitted ensemble is out of fold: one fit tells what a cross-validation would. Of several fits in a trial only
    the first is compared, for Optuna keeps the first report of each epoch.

    Parameters
    ----------
    trial : optuna.Trial
        The trial that is running. To a study that maximizes, the negative loss is reported.

    Raises
    ------
    ValueError
        In a fit without validation rows.

    See Also
    --------
    sknn.model_selection.suggest_params : Hyper-parameters of a trial.

    Examples
    --------
    >>> import optuna
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.callbacks import PruneTrial
    >>> X, y = load_iris(return_X_y=True)
    >>> def objective(trial):
    ...     rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    ...     net = NNClassifier(learning_rate=rate, max_epochs=8, callbacks=[PruneTrial(trial)], random_state=0)
    ...     return net.fit(X, y).oof_score_
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    >>> study.optimize(objective, n_trials=4)
    >>> study.best_value > 0.8
    True
    """

    _parameter_constraints: dict = {"trial": [HasMethods(["report", "should_prune"])]}

    def __init__(self, trial) -> None:
        self.trial = trial

    def on_epoch_end(self, net, **kwargs):
        from optuna import TrialPruned

        epoch = net.history[-1]
        if "valid_loss" not in epoch:
            raise ValueError("PruneTrial needs validation rows. Pass early_stopping=True or a validation_split.")
        sign = -1 if self.trial.study.direction.name == "MAXIMIZE" else 1
        self.trial.report(sign * epoch["valid_loss"], len(net.history) - 1)  # pruners count steps from 0
        if self.trial.should_prune():
            raise TrialPruned(f"The trial was pruned after epoch {len(net.history)}.")

    # Copies report to the same trial: one of a copied study would tell nobody.

    def __deepcopy__(self, memo):
        return type(self)(self.trial)

    def __sklearn_clone__(self):
        return type(self)(self.trial)
