"""The training loop: a private subclass of skorch's `NeuralNet` that works on tensors in memory.

It brings skorch's loop, history, callbacks and schedulers. It does not know DataFrames, labels or
scikit-learn parameters; the estimators hand it rows, a module, a loss and callbacks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import ExitStack, suppress

import torch
from skorch.callbacks import Callback, EpochTimer
from skorch.dataset import Dataset
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from sknn.callbacks import StopTraining
from sknn.training._net_outputs import NetOutputs
from sknn.training._optimizer import OptimizerGroups, OptimizerState, restore_optimizer
from sknn.training._state import RunState, make_state, threads_of_run
from sknn.training._step import TrainingStep, batch_loss
from sknn.utils import check_interrupts, is_interrupted, limited_to, noticing_interrupts

# What a net that is pickled within a hook leaves behind: only training needs it, and not all of it can be pickled.
_OF_TRAINING = {"augment", "callbacks", "module", "schedules", "state", "train", "train_step", "valid"}


class TrainingNet(NetOutputs, OptimizerGroups):
    """One run of training of a module on `Rows`.

    Departs from skorch's loop in six ways: batches are slices of tensors, the loss of an epoch is read from the
    device once, hooks of a batch are called only if a callback has them (and two more are: `on_step_end` after each
    step, `on_training_pass_end` before each validation), Ctrl-C leaves `fit`, training batches may be augmented, and
    the module may be an ensemble.

    An ensemble has its batch axis behind that of its `n_members` K networks: it trains on `EnsembleRows` and gives
    outputs (K, B, n_outputs). Its loss is the mean over members; each member's gradient is that of its own loss.
    Callbacks that look at batches see the members' rows flattened along the batch axis, each held-out row once.
    What they predict for the validation rows, or for a batch, is each member's on its own rows.

    Parameters
    ----------
    module : nn.Module
        The network, on its device; trained in place.
    criterion : WeightedLoss
    target : Target
        What makes predictions of outputs, for scoring callbacks, and combines those of members.
    train : Rows or EnsembleRows
    valid : Rows, EnsembleRows or None
    seed : int, default=0
        Of what layers and augmentations draw.
    n_jobs : int or None, default=None
        Threads for training steps: 1, or all for large ones; more, as far as its bits do not depend on them.
    schedules : dict or None
        Functions of progress by what they multiply; see `ScheduleRunner`.
    augment : Augment or None
        Changes training batches.
    lr_factors : dict or None
        Factors on the learning rate by names of parameters.
    **kwargs
        Skorch's parameters.
    """

    state: RunState  # None until the net is initialized

    def __init__(
        self,
        module,
        criterion,
        *,
        target,
        train: Dataset,
        valid: Dataset | None,
        seed: int = 0,
        n_jobs: int | None = None,
        schedules=None,
        augment=None,
        lr_factors=None,
        **kwargs,
    ):
        self.train, self.valid, self.seed, self.n_jobs = train, valid, seed, n_jobs
        self.augment = augment
        self.lr_factors = lr_factors
        self.target = target
        self.schedules = schedules
        self.state = None  # type: ignore[assignment]
        super().__init__(
            module,
            criterion,
            train_split=None,
            verbose=0,
            **kwargs,
        )
        if self.batch_axis:
            self.use_caching = False  # of batches in which each member has rows of its own

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    def initialize_optimizer(self, triggered_directly=None):
        """Make the state of the run, with the parameters as the optimizer is to find them, and then the optimizer."""
        if self.state is None:
            self.state = make_state(self)
            self.train_step = TrainingStep(self)
        return super().initialize_optimizer()

    def run(self, earlier: OptimizerState | None = None) -> TrainingNet:
        """Train until `max_epochs` or until a callback stops it, with the optimizer's state of an earlier run."""
        with limited_to(threads_of_run(self)), noticing_interrupts():
            self.state = None  # type: ignore[assignment] # of an earlier run
            self.initialize()
            with self.state.drawing():
                try:
                    with suppress(StopTraining):
                        self._begin_training(earlier)
                        self.fit_loop(self.train)
                except BaseException:
                    with suppress(Exception):  # it is the first error that tells what is wrong
                        self._end_training()
                    raise
                self._end_training()
        return self

    def _begin_training(self, earlier: OptimizerState | None) -> None:
        state = self.state
        self._set_training(True)
        restore_optimizer(self, earlier)
        state.first_rate = self.optimizer_.param_groups[0]["lr"] if self.optimizer_.param_groups else self.lr
        for _, callback in self.callbacks_:
            state.begun.append(callback)
            _call_hook(callback.on_train_begin, self, X=self.train, y=None)
        if state.schedule is not None:
            state.schedule.begin(self.optimizer_, self.module_)

    def _end_training(self) -> None:
        """Tell each callback that has begun, once and whatever becomes of the others."""
        with ExitStack() as steps:  # the last one first
            steps.callback(self.module_.eval)
            if self.state.flat is not None:
                steps.callback(self.state.flat.release)
            for callback in reversed(self.state.begun):
                steps.callback(self._end_callback, callback)
            if self.state.schedule is not None:
                steps.callback(self.state.schedule.end)

    def _end_callback(self, callback: Callback) -> None:
        with suppress(StopTraining):
            _call_hook(callback.on_train_end, self, X=self.train, y=None)

    def notify(self, method_name, **cb_kwargs):
        _call_hook(super().notify, method_name, **cb_kwargs)

    def call_hooks(self, hooks: list[Callable]) -> None:
        """Call hooks that skorch does not know."""
        for hook in hooks:
            _call_hook(hook, self)

    def get_split_datasets(self, X, y=None, **fit_params):
        return self.train, self.valid

    def get_loss(self, y_pred, y_true, X=None, training=False):
        return batch_loss(self.criterion_, y_pred, y_true, self.batch_axis)

    def validation_step(self, batch, **fit_params):
        if self.module_.training:
            self._set_training(False)
        inputs, target = batch
        with torch.no_grad():
            output = self.infer(inputs)
            return {"loss": self.get_loss(output, target), "y_pred": output}

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        if iterator is None:
            return
        state, batch_axis = self.state, self.batch_axis
        if self.module_.training != training:
            self._set_training(training)
        if training:
            state.begin_epoch()
        losses, sizes, outputs = [], [], []
        hears = state.hears_batches or (training and state.hears_gradients)
        for batch in iterator:
            if hears:
                batch = _copied(batch)  # what a callback writes into it, or into outputs, is for this step alone
            if state.hears_batches:
                self._notify_batch("on_batch_begin", batch, training)
            step = step_fn(batch)
            kept = self.detached(step) if hears else step
            losses.append(kept["loss"].detach())
            sizes.append(batch[1][0].shape[batch_axis])
            if not training:
                outputs.append(kept["y_pred"])
            if state.hears_batches:
                self._record_batch(prefix, step["loss"], sizes[-1])
                self._notify_batch("on_batch_end", batch, training, **step)
        self._record_epoch(prefix, _weighted_mean(losses, sizes), len(sizes))
        if training:
            self.history.record("lr", self._rate())
            self.call_hooks(state.on_training_pass_end)
        else:
            state.valid_outputs = outputs

    def _set_training(self, training=True):
        """Training mode for all that trains.

        Normalisations whose parameters are frozen keep their statistics, and so do those over the batch where
        a batch is a single row, which has none.
        """
        super()._set_training(training)
        if training:
            for part in self.module_.modules():
                own = list(part.parameters(recurse=False))
                is_frozen = own and isinstance(part, _NormBase) and not any(p.requires_grad for p in own)
                if is_frozen or (self.state.has_single_rows and isinstance(part, nn.BatchNorm1d)):
                    part.eval()

    def _rate(self) -> float:
        """The learning rate as it is now, without the factors of single parameters."""
        if not self.optimizer_.param_groups or not self.state.first_rate:
            return self.lr
        return self.lr * self.optimizer_.param_groups[0]["lr"] / self.state.first_rate

    def __getstate__(self):
        """What predicts, with the history; without the rows, callbacks and tools of the training in progress."""
        kept = object.__new__(type(self))
        kept.__dict__.update(vars(self) | dict.fromkeys(vars(self).keys() & _OF_TRAINING) | {"callbacks_": []})
        if self.state is not None and self.state.flat is not None:
            kept.module_ = copy.deepcopy(self.module_)  # each parameter without the others that lie beside it
        return super(TrainingNet, kept).__getstate__()

    def __setstate__(self, state):
        super().__setstate__(state)
        self.module = self.module_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor" if self.target.classes is None else "classifier"
        return tags

    def _notify_batch(self, hook: str, batch, training: bool, **step) -> None:
        if hook == "on_batch_begin":
            self.history.new_batch()
        self.notify(hook, training=training, **self.shown(batch, **step))

    def _record_epoch(self, prefix: str, loss: float, n_batches: int) -> None:
        is_best = loss < self.state.lowest_losses.get(prefix, float("inf"))
        if is_best:
            self.state.lowest_losses[prefix] = loss
        epoch = self.history[-1]
        if not epoch["batches"]:
            self.history.new_batch()  # skorch's Checkpoint looks for the last one
        epoch.update({f"{prefix}_loss": loss, f"{prefix}_loss_best": is_best, f"{prefix}_batch_count": n_batches})

    def _record_batch(self, prefix: str, loss: Tensor, size: int) -> None:
        self.history.record_batch(f"{prefix}_loss", loss.item())
        self.history.record_batch(f"{prefix}_batch_size", size)


def _copied(batch):
    """A batch whose tensors are its own, so that writing into them does not reach the rows."""
    inputs, (target, weight) = batch
    copies = copy.copy(inputs)
    copies.update({name: value.clone() for name, value in inputs.items()})
    return copies, (target.clone(), None if weight is None else weight.clone())


def _call_hook(hook: Callable, *args, **kwargs) -> None:
    """KeyboardInterrupt is how skorch's callbacks ask to stop, unless it comes from Ctrl-C."""
    try:
        hook(*args, **kwargs)
    except KeyboardInterrupt as stop:
        if is_interrupted():
            raise
        raise StopTraining from stop
    check_interrupts()


def _weighted_mean(losses: list[Tensor], sizes: list[int]) -> float:
    """Mean over rows of the batches' means; the one place where the device is waited for."""
    stacked = torch.stack(losses)
    if len(set(sizes)) == 1:
        return stacked.mean().item()
    weight = torch.tensor(sizes, dtype=stacked.dtype, device=stacked.device)
    return ((stacked * weight).sum() / weight.sum()).item()
