"""Report each epoch to the callbacks of scikit-learn's own protocol (`sklearn.callback`)."""

from __future__ import annotations

from collections.abc import Callable

from sknn.callbacks._base import Callback
from sknn.callbacks._stop import StopTraining


class SklearnTasks(Callback):
    """One fit task an epoch, below the task of the whole fit.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        The context of the whole fit.
    estimator : estimator instance
        The estimator being fitted.
    data : dict
        `X`, `y` and `metadata` of the fit, as the protocol names them.
    snapshot : callable
        Gives the fitted attributes of the estimator as of this epoch, without sharing its weights.
    """

    def __init__(self, context, estimator, data: dict, snapshot: Callable[[], dict]):
        self.context = context
        self.estimator = estimator
        self.data = data
        self.snapshot = snapshot

    def initialize(self):
        self.task_ = None
        return self

    def on_epoch_begin(self, net, **kwargs):
        self.task_ = self.context.subcontext(task_name="epoch")
        self.task_.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_end(self, net, **kwargs):
        if self._end_task():
            raise StopTraining

    def on_train_end(self, net, **kwargs):
        if self.task_ is not None:  # of an epoch that did not come to its end
            self._end_task()

    def _end_task(self) -> bool:
        task, self.task_ = self.task_, None
        return task.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes=self.snapshot, **self.data)
