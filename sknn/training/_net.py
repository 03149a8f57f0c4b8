"""The training loop: a private subclass of skorch's `NeuralNet` that works on tensors in memory.

It brings skorch's loop, history, callbacks and schedulers. It does not know DataFrames, labels or
scikit-learn parameters; the estimators hand it rows, a module, a loss and callbacks.
"""

from __future__ import annotations

import dis
from collections.abc import Callable

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer
from torch import Tensor

from sknn.modules import as_columns, call_module
from sknn.training._data import Rows, TensorBatches
from sknn.training._losses import WeightedLoss

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end")
_GRAD_HOOK = "on_grad_computed"


class StopTrainingError(Exception):
    """A callback asked to stop. Skorch's raise KeyboardInterrupt for it, which would hide the user's Ctrl-C."""


class TrainingNet(NeuralNet):
    """Train a module on `Rows`.

    Departs from skorch's loop in four ways: batches are slices of tensors, the loss of an epoch is
    read from the device once, hooks of a batch are called only if a callback has them, and Ctrl-C
    leaves `fit`.

    Parameters
    ----------
    module : nn.Module
        The network, on its device; trained in place.
    criterion : WeightedLoss
    decode : callable
        From the network's outputs, an ndarray, to what the estimator predicts. Scoring callbacks see it.
    probabilities : callable or None
        From the outputs to class probabilities; None for regression.
    classes : ndarray or None
        The labels of those probabilities.
    **kwargs
        Skorch's parameters.
    """

    def __init__(
        self,
        module,
        criterion: WeightedLoss,
        *,
        decode: Callable[[np.ndarray], np.ndarray],
        probabilities: Callable[[np.ndarray], np.ndarray] | None = None,
        classes: np.ndarray | None = None,
        **kwargs,
    ):
        self.decode = decode
        self.probabilities = probabilities
        self.classes = classes
        super().__init__(
            module,
            criterion,
            iterator_train=TensorBatches,
            iterator_valid=TensorBatches,
            train_split=None,
            verbose=0,
            **kwargs,
        )

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    def run(self, train: Rows, valid: Rows | None) -> TrainingNet:
        """Train until `max_epochs` or until a callback stops it."""
        self._train, self.valid = train, valid
        self._lowest: dict[str, float] = {}
        self._set_training(True)
        self._batch_listeners = any(self._has_hook(cb, hook) for _, cb in self.callbacks_ for hook in _BATCH_HOOKS)
        self._grad_listeners = any(self._has_hook(cb, _GRAD_HOOK) for _, cb in self.callbacks_)
        self.notify("on_train_begin", X=train, y=None)
        try:
            self.fit_loop(train)
        except StopTrainingError:
            pass
        finally:
            self.notify("on_train_end", X=train, y=None)
        return self

    def notify(self, method_name, **cb_kwargs):
        try:
            super().notify(method_name, **cb_kwargs)
        except KeyboardInterrupt as stop:
            if _is_raised_by_code(stop):
                raise StopTrainingError from stop
            raise

    def get_split_datasets(self, X, y=None, **fit_params):
        return self._train, self.valid

    def infer(self, x, **fit_params):
        return call_module(self.module_, x)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        # forward, not the call: what nn.Module adds to it takes longer than the weighting
        return self.criterion_.forward(y_pred, *y_true)

    def train_step(self, batch, **fit_params):
        steps = []

        def closure():
            self._zero_grad_optimizer(set_to_none=True)
            steps.append(self.train_step_single(batch))
            if self._grad_listeners:
                parameters = list(self.get_all_learnable_params())
                self.notify(_GRAD_HOOK, named_parameters=parameters, batch=batch, training=True)
            return steps[-1]["loss"]

        self._step_optimizer(closure)
        return steps[0]

    def train_step_single(self, batch, **fit_params):
        inputs, target = batch
        output = self.infer(inputs)
        loss = self.get_loss(output, target, training=True)
        loss.backward()
        return {"loss": loss, "y_pred": output}

    def validation_step(self, batch, **fit_params):
        inputs, target = batch
        with torch.no_grad():
            output = self.infer(inputs)
            return {"loss": self.get_loss(output, target), "y_pred": output}

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        if iterator is None:
            return
        if self.module_.training != training:
            self._set_training(training)
        losses, sizes, outputs = [], [], []
        for batch in iterator:
            if self._batch_listeners:
                self._notify_batch("on_batch_begin", batch, training)
            step = step_fn(batch)
            losses.append(step["loss"].detach())
            sizes.append(len(batch[1][0]))
            if not training:
                outputs.append(step["y_pred"])
            if self._batch_listeners:
                self._record_batch(prefix, step["loss"], sizes[-1])
                self._notify_batch("on_batch_end", batch, training, **step)
        if not training:
            self._valid_outputs = outputs
        self._record_epoch(prefix, _weighted_mean(losses, sizes), len(sizes))

    def valid_outputs(self) -> np.ndarray:
        """The outputs (n, n_outputs) that the last validation pass left."""
        outputs = [as_columns(output, self.criterion_.n_outputs) for output in self._valid_outputs]
        return torch.cat(outputs).detach().cpu().numpy()

    def predict_proba(self, X):
        return self.probabilities(self._outputs(X))

    def predict(self, X):
        return self.decode(self._outputs(X))

    @property
    def classes_(self):
        return self.classes

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor" if self.probabilities is None else "classifier"
        return tags

    def _outputs(self, X) -> np.ndarray:
        """Outputs for a data set, or for the dict of tensors that skorch's callbacks take out of one."""
        if isinstance(X, dict):
            X = _Inputs(X, self._train)
        outputs = [as_columns(output, self.criterion_.n_outputs) for output in self.forward_iter(X)]
        return torch.cat(outputs).detach().cpu().numpy()

    def evaluation_step(self, batch, training=False):
        self._set_training(training)
        with torch.set_grad_enabled(training):
            return self.infer(batch[0])

    def _notify_batch(self, hook: str, batch, training: bool, **step) -> None:
        if hook == "on_batch_begin":
            self.history.new_batch()
        inputs, (target, _) = batch
        self.notify(hook, batch=(inputs, self._train.decoded(target)), training=training, **step)

    def _record_epoch(self, prefix: str, loss: float, n_batches: int) -> None:
        is_best = loss < self._lowest.get(prefix, float("inf"))
        if is_best:
            self._lowest[prefix] = loss
        epoch = self.history[-1]
        if not epoch["batches"]:
            self.history.new_batch()  # skorch's Checkpoint looks for the last one
        epoch.update({f"{prefix}_loss": loss, f"{prefix}_loss_best": is_best, f"{prefix}_batch_count": n_batches})

    def _record_batch(self, prefix: str, loss: Tensor, size: int) -> None:
        self.history.record_batch(f"{prefix}_loss", loss.item())
        self.history.record_batch(f"{prefix}_batch_size", size)

    @staticmethod
    def _has_hook(callback: Callback, hook: str) -> bool:
        return getattr(type(callback), hook, None) is not getattr(Callback, hook) or hook in vars(callback)


class _Inputs(Rows):
    """Inputs without targets, for prediction."""

    def __init__(self, inputs: dict, like: Rows):
        self.inputs, self.weight = inputs, None
        self.device, self.decode = like.device, like.decode
        self.target = torch.zeros(next(iter(inputs.values())).shape[0])
        self.is_sparse = like.is_sparse


def _is_raised_by_code(interrupt: KeyboardInterrupt) -> bool:
    """Whether a `raise` statement is where it comes from; Ctrl-C arrives at any other instruction."""
    trace = interrupt.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    return dis.opname[trace.tb_frame.f_code.co_code[trace.tb_lasti]] == "RAISE_VARARGS"


def _weighted_mean(losses: list[Tensor], sizes: list[int]) -> float:
    """Mean over rows of the batches' means; the one place where the device is waited for."""
    stacked = torch.stack(losses)
    if len(set(sizes)) == 1:
        return stacked.mean().item()
    weight = torch.tensor(sizes, dtype=stacked.dtype, device=stacked.device)
    return ((stacked * weight).sum() / weight.sum()).item()
