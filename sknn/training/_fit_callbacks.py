"""The callbacks of a fit: the estimators' own around the user's.

What each callback does is in `callbacks`; here is which of them a fit needs, and in which order.
"""

from __future__ import annotations

from typing import Any

from sklearn.utils._param_validation import InvalidParameterError
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping, LRScheduler

from sknn.callbacks import (
    BestWeights,
    MonitorScore,
    ProgressLine,
    SklearnTasks,
    StopIfNotFinite,
    StopOnOverfitting,
    TimeLimit,
)
from sknn.optim import is_torch_scheduler, torch_scheduler
from sknn.parameters import ResolvedParams, is_kind_of, is_tabular, own_copy, sets_learning_rate
from sknn.splitting import TrainingData
from sknn.training._scoring import scorer_of_outputs
from sknn.utils import import_quietly


def make_callbacks(
    estimator, params: ResolvedParams, valid: TrainingData | None, task: dict, *, has_trained: bool
) -> list:
    """Callbacks in the order in which they are called at the end of an epoch.

    Checks of the loss, best weights, progress, the user's callbacks, early stopping, time limits.

    One that stops training raises `StopTraining`; those after it are not called for that epoch.

    Parameters
    ----------
    estimator : estimator instance
        The estimator being fitted.
    params : ResolvedParams
    valid : TrainingData or None
        The validation rows.
    task : dict
        What scikit-learn's callbacks are told about the data.
    has_trained : bool
        Whether an earlier fit is resumed.
    """
    monitor, lower_is_better = monitored_column(params, valid is not None)
    callbacks: list = [("_stop_if_not_finite", StopIfNotFinite(has_trained))]
    if monitor is not None and monitor != "valid_loss":
        score = scorer_of_outputs(estimator, params["monitor"], valid)
        callbacks.append(("_monitor", MonitorScore(score, monitor)))
    watched = monitor if params["early_stopping"] else None
    callbacks.append(("_best_weights", BestWeights(watched, lower_is_better)))
    if params["verbose"]:
        callbacks.append(("_progress_line", ProgressLine(params["max_epochs"], monitor)))
    if hasattr(estimator, "_skl_callbacks"):
        tasks = SklearnTasks(estimator._callback_fit_ctx, estimator, task, estimator._snapshot)
        callbacks.append(("_sklearn_tasks", tasks))
    if is_torch_scheduler(params["lr_schedule"]):
        loss = "train_loss" if valid is None else "valid_loss"
        policy, options = torch_scheduler(params["lr_schedule"]), params["lr_schedule_params"] or {}
        callbacks.append(("_lr_scheduler", LRScheduler(policy, monitor=loss, **options)))
    callbacks += [own_copy(callback) for callback in params["callbacks"] or []]
    if sets_learning_rate(callbacks):
        import_quietly("torch._dynamo")  # torch's compiler, which its schedulers' optimizers import
    if valid is not None and watched is not None:
        stop = EarlyStopping(
            monitor=watched,
            patience=params["patience"],
            threshold=0.0,
            threshold_mode="abs",
            lower_is_better=lower_is_better,
        )
        callbacks.append(("_early_stopping", stop))
        if params.was_auto("patience") and is_tabular(params["module"]) and watched == "valid_loss":
            callbacks.append(("_stop_on_overfitting", StopOnOverfitting(watched, len(valid.y))))
    return sorted(callbacks, key=lambda item: is_kind_of(item, TimeLimit))  # at the end, where it measures all others


def begin_task(estimator, train: TrainingData, params: ResolvedParams) -> dict[str, Any]:
    """Tell scikit-learn's callbacks that a fit begins. Returns what they are told about its data."""
    task: dict[str, Any] = {}
    if hasattr(estimator, "_skl_callbacks"):
        metadata = {} if train.weight is None else {"sample_weight": train.weight}
        task = {"X": train.table, "y": train.y, "metadata": metadata}
    context = estimator._init_callback_context(max_subtasks=params["max_epochs"])
    context.call_on_fit_task_begin(estimator=estimator, **task)
    return task


def end_task(estimator, task: dict[str, Any]) -> None:
    """Tell scikit-learn's callbacks that a fit has ended."""
    context, snapshot = estimator._callback_fit_ctx, estimator._snapshot
    context.call_on_fit_task_end(estimator=estimator, reconstruction_attributes=snapshot, **task)


def finished_epochs(owner: str, net: NeuralNet, *, is_resumed: bool) -> tuple[dict[str, list], int | None]:
    """Columns of the history, of the epochs that came to their end, and the best of these.

    The best is None where a callback has gone back to a checkpoint. What skorch records of single batches is left out.

    Raises
    ------
    InvalidParameterError
        When there are none, because a callback has stopped training before. A resumed fit may have none.
    """
    best: BestWeights = dict(net.callbacks_)["_best_weights"]
    rows = net.history[: best.n_epochs_]
    if not rows and not is_resumed:
        raise InvalidParameterError(
            f"The 'callbacks' parameter of {owner} must let one epoch come to its end. Got one that stopped training "
            "before; let it stop later."
        )
    names = dict.fromkeys(name for row in rows for name in row if name != "batches")
    columns = {name: [row.get(name) for row in rows] for name in names}
    return columns, best.best_epoch_ if len(rows) == best.n_epochs_ else None


def monitored_column(params: ResolvedParams, has_validation: bool) -> tuple[str | None, bool]:
    """The column of the history to watch, and whether lower is better there."""
    if not has_validation:
        return None, True
    monitor = params["monitor"]
    if isinstance(monitor, str) and monitor == "loss":
        return "valid_loss", True
    return f"valid_{monitor}" if isinstance(monitor, str) else "valid_score", False
