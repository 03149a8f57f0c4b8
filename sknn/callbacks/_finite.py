"""Stop training when the loss or a weight becomes NaN or infinite, and warn where training has gone wrong."""

from __future__ import annotations

import math
import warnings

import torch
from sklearn.exceptions import ConvergenceWarning

from sknn.callbacks._base import Callback
from sknn.callbacks._stop import StopTraining

_CAUSES = (
    "Likely causes: a learning rate that is too high, unscaled numbers in X (with preprocessing=None or a "
    "transformer that does not scale), or a loss that is undefined for some output or target."
)


class TrainingWarning(ConvergenceWarning):
    """Training has gone wrong, beyond doubt. `sknn.inspection.diagnose` looks for what is less certain, and for causes.

    A subclass of scikit-learn's `ConvergenceWarning`.

    Examples
    --------
    >>> import warnings
    >>> from sknn.inspection import TrainingWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", TrainingWarning)  # a fit that goes wrong ends with an error
    """


class StopIfNotFinite(Callback):
    """Stop training after an epoch that left a loss or a weight that is NaN or infinite.

    The first epoch of a fit raises ValueError; later ones warn, for there are good weights to go
    back to.

    Parameters
    ----------
    has_trained : bool, default=False
        Whether the weights that training starts from are those of an earlier fit.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> wild = NNClassifier("mlp", optimizer="sgd", learning_rate=1e30, random_state=0)
    >>> wild.fit(X, y)  # every estimator has this callback
    Traceback (most recent call last):
    ...
    ValueError: ...
    """

    def __init__(self, has_trained=False) -> None:
        self.has_trained = has_trained

    def on_train_begin(self, net, **kwargs):
        self.parameters_ = list(net.module_.parameters())

    def on_train_end(self, net, **kwargs):
        self.parameters_ = None

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        for name in ("train_loss", "valid_loss"):
            if not math.isfinite(epoch.get(name, 0.0)):
                self._stop(f"The {name} became {epoch[name]}", epoch["epoch"])
        if not _all_finite(self.parameters_):
            self._stop("A weight became infinite or NaN", epoch["epoch"])

    def _stop(self, what: str, epoch: int) -> None:
        if epoch == 1 and not self.has_trained:
            raise ValueError(f"{what} in epoch 1, before any epoch could be completed. {_CAUSES}")
        self._warn(f"{what} in epoch {epoch}; training stopped and the best weights so far are kept")
        raise StopTraining

    def _warn(self, what: str) -> None:
        warnings.warn(f"{what}. {_CAUSES} See sknn.inspection.diagnose.", TrainingWarning, stacklevel=3)


@torch.no_grad()
def _all_finite(weights: list[torch.Tensor]) -> bool:
    if not weights:
        return True
    # one operator for all, which is private to torch
    norms = torch._foreach_norm(weights) if hasattr(torch, "_foreach_norm") else [weight.norm() for weight in weights]
    return math.isfinite(torch.stack(norms).sum().item())
