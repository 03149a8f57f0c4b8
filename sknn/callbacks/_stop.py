"""The exception by which a callback stops training."""

from __future__ import annotations


class StopTraining(Exception):  # noqa: N818 - no error
    """Raised by a callback, in any of its hooks, to end training; the fit is then complete.

    Skorch's callbacks raise KeyboardInterrupt for it, which is understood too.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.callbacks import Callback, StopTraining
    >>> class StopAtLoss(Callback):
    ...     def on_epoch_end(self, net, **kwargs):
    ...         if net.history[-1]["train_loss"] < 0.5:
    ...             raise StopTraining
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NNClassifier("mlp", callbacks=[StopAtLoss()], early_stopping=False, random_state=0).fit(X, y)
    >>> net.loss_curve_[-1] < 0.5 <= net.loss_curve_[-2]
    True
    """
