"""`LearningRateFinder`: the range test, a short run with an increasing learning rate."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback

from sknn.callbacks import StopTraining, TimeLimit
from sknn.inspection._matplotlib import import_pyplot
from sknn.parameters import is_auto, is_kind_of
from sknn.utils import all_or_nothing

_SMOOTHING = 0.9  # of the moving average of the loss
_DIVERGED = 3.0  # times its fall, above its lowest value
_BELOW_LOWEST = 10.0  # factor below the rate of the lowest loss, if no slope stands out


class LearningRateFinder(BaseEstimator):
    """Learning-rate range test: increase the rate in each step and record the loss.

    The loss is first constant, then falls, then diverges. The suggestion is where the smoothed loss falls fastest over
    the logarithm of the rate. It is a starting point for `learning_rate` with a constant or falling schedule, and is
    rather low for "one_cycle".

    Parameters
    ----------
    estimator : NNClassifier or NNRegressor
        A clone of it is trained; it is not changed.
    min_learning_rate : float, default=1e-5
        Rate of the first step.
    max_learning_rate : float, default=1.0
        Rate of the last step. The test ends earlier if the loss has risen from its minimum by three times as much as
        it had fallen.
    n_steps : int, default=100
        Number of steps, of one batch each.

    Attributes
    ----------
    learning_rates_ : ndarray of shape (n_steps_run,)
        Rate of each step.
    losses_ : ndarray of shape (n_steps_run,)
        Loss of each step's batch before the step.
    smoothed_losses_ : ndarray of shape (n_steps_run,)
        Exponential moving average of `losses_`.
    suggestion_ : float
        A learning rate to start from.

    References
    ----------
    L. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sknn import LearningRateFinder, NNClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> finder = LearningRateFinder(NNClassifier("mlp", random_state=0)).fit(X, y)
    >>> 1e-5 < finder.suggestion_ < 1
    True
    """

    def __init__(self, estimator, *, min_learning_rate=1e-5, max_learning_rate=1.0, n_steps=100) -> None:
        self.estimator = estimator
        self.min_learning_rate = min_learning_rate
        self.max_learning_rate = max_learning_rate
        self.n_steps = n_steps

    @all_or_nothing
    def fit(self, X, y, sample_weight=None) -> Self:
        """Run the test.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : LearningRateFinder
        """
        if not hasattr(self.estimator, "learning_rate"):
            raise ValueError(f"estimator must be an NNClassifier or NNRegressor. Got {self.estimator!r} instead.")
        if not 0 < self.min_learning_rate < self.max_learning_rate:
            raise ValueError(
                "min_learning_rate must be larger than 0 and less than max_learning_rate. Got "
                f"{self.min_learning_rate!r} and {self.max_learning_rate!r}."
            )
        if self.n_steps < 10:
            raise ValueError(f"n_steps must be at least 10. Got {self.n_steps!r}.")
        steps = _Steps(self.n_steps, self.min_learning_rate, self.max_learning_rate)
        callbacks = [item for item in self.estimator.callbacks or [] if not is_kind_of(item, TimeLimit)]
        net = clone(self.estimator).set_params(
            learning_rate=self.min_learning_rate,
            lr_schedule=None,
            lr_schedule_params=None,
            max_epochs=self.n_steps,
            early_stopping=False,
            validation_split="auto",
            patience="auto",
            monitor="loss",
            warm_start=False,
            callbacks=[*callbacks, ("learning_rate_steps", steps)],
        )
        if is_auto(net.batch_size) and len(y) < 2 * self.n_steps:
            net.set_params(batch_size=min(32, len(y)))
        try:
            net.fit(X, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
        except InvalidParameterError:  # no epoch came to its end
            if not steps.is_done:
                raise
        if not steps.losses:
            raise ValueError("The loss was not a finite number from the first step on. Scale X, or change the loss.")
        self.learning_rates_ = np.array(steps.rates)
        self.losses_ = np.array(steps.losses)
        self.smoothed_losses_ = _smoothed(self.losses_)
        self.suggestion_ = _steepest(self.learning_rates_, self.smoothed_losses_)
        return self

    def plot(self, ax=None) -> Any:
        """Draw the loss over the learning rate, and the suggestion.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        ax : matplotlib Axes
        """
        check_is_fitted(self, "suggestion_")
        plt = import_pyplot("LearningRateFinder.plot")
        if ax is None:
            _, ax = plt.subplots(figsize=(5.5, 3.5), layout="constrained")
        ax.plot(self.learning_rates_, self.losses_, color="0.8", linewidth=0.8, label="loss of a batch")
        ax.plot(self.learning_rates_, self.smoothed_losses_, color="C0", label="smoothed")
        ax.axvline(
            self.suggestion_, color="C3", linestyle="--", linewidth=1, label=f"suggestion {self.suggestion_:.2g}"
        )
        low, high = self.smoothed_losses_.min(), self.smoothed_losses_[: max(3, len(self.losses_) // 10)].max()
        ax.set(xscale="log", xlabel="learning rate", ylabel="training loss")
        ax.set_ylim(low - 0.1 * (high - low), high + 0.6 * (high - low))
        ax.legend(frameon=False, fontsize="small")
        return ax


class _Steps(Callback):
    """Raises the learning rate before each batch and records its loss; stops training on divergence."""

    def __init__(self, n_steps: int, lowest: float, highest: float):
        self.n_steps, self.growth = n_steps, math.log(highest / lowest) / (n_steps - 1)
        self.lowest = lowest
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.is_done = False

    def __deepcopy__(self, memo):
        return self  # what a fit's own copy would note would be lost

    def on_train_begin(self, net, **kwargs):
        self.groups_ = [(group, group["lr"]) for group in net.optimizer_.param_groups]

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            factor = math.exp(self.growth * len(self.rates))
            for group, rate in self.groups_:
                group["lr"] = factor * rate
            self.rates.append(self.lowest * factor)

    def on_batch_end(self, net, loss=None, training=False, **kwargs):
        if not training:
            return
        self.losses.append(float(loss.detach()))
        smooth = _smoothed(np.array(self.losses))
        fall = max(smooth[0] - smooth.min(), abs(smooth[0]) / 4)  # at the least a quarter: losses of batches are noisy
        diverged = not math.isfinite(self.losses[-1]) or smooth[-1] - smooth.min() > _DIVERGED * fall
        if diverged and not math.isfinite(self.losses[-1]):
            self.losses.pop()
            self.rates.pop()
        if diverged or len(self.losses) == self.n_steps:
            self.is_done = True
            raise StopTraining

    def on_train_end(self, net, **kwargs):
        self.groups_ = None


def _smoothed(losses: np.ndarray) -> np.ndarray:
    """Exponential moving average, without a bias towards 0 at its start."""
    average, smooth = 0.0, np.empty_like(losses)
    for k, loss in enumerate(losses):
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        smooth[k] = average / (1 - _SMOOTHING ** (k + 1))
    return smooth


def _steepest(rates: np.ndarray, losses: np.ndarray) -> float:
    """The rate at which the loss falls fastest, before its lowest point.

    The slope is that of a line through a tenth of the steps about each, and the first tenth, where the moving average
    still is that of a few batches, is left out.
    """
    lowest, width = int(losses.argmin()), max(3, len(rates) // 10)
    centers = range(width, lowest)
    if not len(centers):  # it never fell
        return float(rates[lowest] / _BELOW_LOWEST)
    half = width // 2
    windows = [slice(center - half, min(center + half, lowest) + 1) for center in centers]
    slopes = [np.polyfit(np.log(rates[window]), losses[window], 1)[0] for window in windows]
    return float(rates[centers[int(np.argmin(slopes))]])
