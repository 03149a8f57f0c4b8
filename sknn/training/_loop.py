"""The training loop: a private subclass of skorch's `NeuralNet` that works on tensors in memory.

It brings skorch's loop, history, callbacks and schedulers. It does not know DataFrames, labels or
scikit-learn parameters; the estimators hand it rows, a module, a loss and callbacks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import numpy as np
import torch
from scipy.sparse import issparse
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from sknn.augmentation import Augment, Mixture
from sknn.callbacks import StopTraining, hooks_of
from sknn.modules import (
    HandGradient,
    as_columns,
    call_module,
    current_generator,
    has_hand_gradient,
    is_stacked,
    n_members_of,
    names_outside_hidden,
    tensor_of,
)
from sknn.optim import (
    ByEpoch,
    Factor,
    FlatParameters,
    Muon,
    Penalty,
    ScheduleRunner,
    is_adaptive,
    is_elementwise,
    is_full_batch,
    settings_of,
    takes_groups,
)
from sknn.targets import Target, WeightedLoss
from sknn.training._batches import TensorBatches
from sknn.training._data import Rows
from sknn.training._packs import BatchInputs, HeldOutInputs, MemberInputs, PackedBatches, PackedRows
from sknn.training._scoring import ScoringMethods
from sknn.utils import check_interrupts, draws, is_interrupted, noticing_interrupts

# What a net that is pickled within a hook leaves behind: only training needs it, and not all of it can be pickled.
_OF_TRAINING = {
    "augment", "callbacks", "module", "penalty", "plan", "schedules", "valid",
    "_begun", "_flat", "_frozen", "_hand", "_members_tensor", "_pass_listeners", "_step_listeners", "_train",
    "_valid_outputs",
}  # fmt: skip


class TrainingNet(ScoringMethods, NeuralNet):
    """Train a module on `Rows`.

    Departs from skorch's loop in six ways: batches are slices of tensors, the loss of an epoch is read from the
    device once, hooks of a batch are called only if a callback has them (and two more are: `on_step_end` after each
    step, `on_training_pass_end` before each validation), Ctrl-C leaves `fit`, training batches may be augmented, and
    the module may be a pack of networks.

    A pack has `n_members` K (None for a single network), trains on `PackedRows`, and gives outputs
    (K, B, n_outputs). Its loss is the mean over members; each member's gradient is that of its own loss.
    Callbacks that look at batches see the members' rows below each other, each row that a member holds out once.
    What they predict for the validation rows, or for a batch, is each member's on its own rows.

    Parameters
    ----------
    module : nn.Module
        The network, on its device; trained in place.
    criterion : WeightedLoss
    target : Target
        What makes predictions of outputs, for scoring callbacks, and combines those of members.
    schedules : dict or None
        Functions of progress by what they multiply; see `ScheduleRunner`.
    penalty : Penalty or None
        Added to the gradient of the loss, not to the losses that are recorded.
    augment : Augment or None
        Changes training batches.
    lr_factors : dict or None
        Factors on the learning rate by names of parameters.
    **kwargs
        Skorch's parameters.
    """

    def __init__(
        self,
        module,
        criterion: WeightedLoss,
        *,
        target: Target,
        schedules: dict[str, Factor | ByEpoch] | None = None,
        penalty: Penalty | None = None,
        augment: Augment | None = None,
        lr_factors: dict[str, float] | None = None,
        **kwargs,
    ):
        self.penalty = penalty
        self.augment = augment
        self.lr_factors = lr_factors
        self.target = target
        self.schedules = schedules
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

    def run(
        self,
        train: Rows | PackedRows,
        valid: Rows | PackedRows | None,
        restore: Callable[[TrainingNet], None] | None = None,
    ) -> TrainingNet:
        """Train until `max_epochs` or until a callback stops it. `restore` may give the optimizer an earlier state."""
        self._train, self.valid = train, valid
        self.n_members = n_members_of(self.module_)
        if self.n_members is not None:
            self.use_caching = False  # of a pack's batches, in which each member has rows of its own
        self._lowest: dict[str, float] = {}
        self._members_tensor: Tensor | None = None
        self._single_rows = min(self.get_iterator(train, training=True).sizes) == 1
        self._set_training(True)
        callbacks = [callback for _, callback in self.callbacks_]
        self._batch_listeners = bool(hooks_of(callbacks, "on_batch_begin", "on_batch_end"))
        self._grad_listeners = bool(hooks_of(callbacks, "on_grad_computed"))
        self._step_listeners = hooks_of(callbacks, "on_step_end")
        self._pass_listeners = hooks_of(callbacks, "on_training_pass_end")
        self._compares_losses = is_full_batch(self.optimizer)
        self._lay_out_parameters()
        if restore is not None:
            restore(self)
        if self.penalty is not None:
            self.penalty.begin(self.module_)
        self._first_rate = self.optimizer_.param_groups[0]["lr"] if self.optimizer_.param_groups else self.lr
        self.plan: ScheduleRunner | None = None
        self._begun: list[Callback] = []
        with noticing_interrupts():
            try:
                with suppress(StopTraining):
                    self._begin_training()
                    self.fit_loop(train)
            except BaseException:
                with suppress(Exception):  # it is the first error that tells what is wrong
                    self._end_training()
                raise
            self._end_training()
        return self

    def _begin_training(self) -> None:
        for _, callback in self.callbacks_:
            self._begun.append(callback)
            with _asking_to_stop():
                callback.on_train_begin(self, X=self._train, y=None)
        if self.schedules:
            n_steps = len(self.get_iterator(self._train, training=True))
            self.plan = ScheduleRunner(self.schedules, n_steps, self.max_epochs)
            self.plan.begin(self.optimizer_, self.module_)

    def _end_training(self) -> None:
        """Tell each callback that has begun, once and whatever becomes of the others."""
        with ExitStack() as steps:  # the last one first
            steps.callback(self._release_parameters)
            for callback in reversed(self._begun):
                steps.callback(self._end_callback, callback)
            if self.plan is not None:
                steps.callback(self.plan.end)

    def _end_callback(self, callback: Callback) -> None:
        with suppress(StopTraining), _asking_to_stop():
            callback.on_train_end(self, X=self._train, y=None)

    def _lay_out_parameters(self) -> None:
        """Flat parameters for an optimizer that treats all numbers alike; the gradient by hand where there is one."""
        self._flat: FlatParameters | None = None
        self._frozen: list[tuple[Tensor, Tensor]] = []
        self._hand: HandGradient | None = None
        own_groups = any(name.startswith("optimizer__param_groups") for name in self.get_params(deep=False))
        parameters = list(self.module_.parameters())
        if self.n_members is None or own_groups or not parameters or not is_elementwise(self.optimizer):
            return
        self._flat = FlatParameters(self.module_, self.lr_factors, is_adaptive(self.optimizer))
        self.initialize_optimizer()
        listens = self._batch_listeners or self._grad_listeners
        if has_hand_gradient(self.module_) and not listens:
            self._hand = HandGradient(self.module_)

    def _release_parameters(self) -> None:
        if self._flat is not None:
            self._flat.release()
        self._flat = self._hand = None

    def get_params_for_optimizer(self, prefix, named_parameters):
        """Each group of parameters with its own learning rate, for a pack that says how its parameters are trained."""
        flat = getattr(self, "_flat", None)
        grouped: dict[tuple[float, float], list[Tensor]] = {}
        if flat is not None:
            for values, *key in flat.segments:
                grouped.setdefault(tuple(key), []).append(values)
        elif self._may_group():
            for key, parameter in settings_of(self.module_, self.lr_factors, is_adaptive(self.optimizer)):
                grouped.setdefault(key, []).append(parameter)
        else:
            (groups,), kwargs = super().get_params_for_optimizer(prefix, named_parameters)
            return (self._apart_for_muon(groups),), kwargs | self._of_muon()
        kwargs = {"lr": self.lr} | self.get_params_for(prefix) | self._of_muon()
        listed = []
        for (lr_factor, decay_factor), parameters in grouped.items():
            group = {"params": parameters, "lr": kwargs["lr"] * lr_factor}
            if "weight_decay" in kwargs:
                group["weight_decay"] = kwargs["weight_decay"] * decay_factor
            listed.append(group)
        return (self._apart_for_muon(listed),), kwargs

    def _apart_for_muon(self, groups: list[dict]) -> list[dict]:
        """Embeddings and the output layer in groups of their own, which Muon leaves to AdamW."""
        if self.optimizer is not Muon:
            return groups
        outer = names_outside_hidden(self.module_)
        outer_ids = {id(parameter) for name, parameter in self.module_.named_parameters() if name in outer}
        apart = []
        for group in groups:
            for orthogonal in (True, False):
                members = [p for p in group["params"] if (id(p) not in outer_ids) == orthogonal]
                if members:
                    apart.append({"orthogonal": orthogonal} | group | {"params": members})
        return apart

    def _of_muon(self) -> dict[str, bool]:
        return {"stacked": is_stacked(self.module_)} if self.optimizer is Muon else {}

    def _may_group(self) -> bool:
        own_groups = "optimizer__param_groups" in self.get_params(deep=False)
        has_own_rates = hasattr(self.module_, "settings") or bool(self.lr_factors)
        return has_own_rates and not own_groups and takes_groups(self.optimizer)

    def get_iterator(self, dataset, training=False):
        if not isinstance(dataset, PackedRows):
            return super().get_iterator(dataset, training=training)
        kwargs = self.get_params_for("iterator_train" if training else "iterator_valid")
        kwargs.setdefault("batch_size", self.batch_size)
        return PackedBatches(dataset, balanced=training, **kwargs)

    def notify(self, method_name, **cb_kwargs):
        with _asking_to_stop():
            super().notify(method_name, **cb_kwargs)

    def get_split_datasets(self, X, y=None, **fit_params):
        return self._train, self.valid

    def infer(self, x, shared=False, **fit_params):
        return call_module(self.module_, x, shared)

    def get_loss(self, y_pred, y_true, X=None, training=False, mixture: Mixture | None = None):
        if mixture is not None:
            other = self.get_loss(y_pred, _of_partners(y_true, mixture.partner, 0 if self.n_members is None else 1))
            return mixture.share * self.get_loss(y_pred, y_true) + (1 - mixture.share) * other
        if self.n_members is not None:
            y_pred, y_true = y_pred.flatten(0, 1), _members_below_each_other(y_true)
        # forward, not the call: what nn.Module adds to it takes longer than the weighting
        return self.criterion_.forward(y_pred, *y_true)

    def train_step(self, batch, **fit_params):
        steps = []

        def closure():
            if self._flat is None:
                self._zero_grad_optimizer(set_to_none=True)
            elif self._hand is None:
                self._flat.zero_grad()
            steps.append(self.train_step_single(batch))
            if self._grad_listeners:
                parameters = list(self.get_all_learnable_params())
                self.notify("on_grad_computed", named_parameters=parameters, batch=self._shown(batch), training=True)
            return self._objective(steps[-1]["loss"]) if self._compares_losses else steps[-1]["loss"]

        if self.plan is not None:
            self.plan.take_step()
        self._step_optimizer(closure)
        if self.penalty is not None:
            self.penalty.end_step()
        for parameter, value in self._frozen:
            parameter.data.copy_(value)
        if self._step_listeners:
            self._call(self._step_listeners)
        return steps[0]

    def train_step_single(self, batch, **fit_params):
        if not self.module_.training:  # a callback has predicted
            self._set_training(True)
        inputs, target = batch
        mixture = None
        if self.augment is not None:
            inputs, mixture = self.augment(inputs, current_generator(), 0 if self.n_members is None else 1)
        if self._hand is not None:
            step = self._step_by_hand(self._hand, inputs, target, mixture)
        else:
            output = self.infer(inputs)
            loss = self.get_loss(output, target, training=True, mixture=mixture)
            if not loss.requires_grad:
                frozen = [name for name, parameter in self.module_.named_parameters() if not parameter.requires_grad]
                raise ValueError(
                    "The loss must depend on a parameter that is trained. Of the module's parameters are frozen: "
                    f"{', '.join(frozen) or 'none'}. Freeze fewer, or let the module's outputs depend on others."
                )
            loss.backward(self._weight_of_members(loss))
            step = {"loss": loss, "y_pred": output}
        if self.penalty is not None:
            self.penalty.add_gradient()
        return step

    def _objective(self, loss: Tensor) -> Tensor:
        """What the gradient is of: the penalised loss, for a pack the sum over its members."""
        total = loss.detach() * (self.n_members or 1)
        return total if self.penalty is None else total + self.penalty.value()

    def _step_by_hand(self, hand: HandGradient, inputs, target, mixture: Mixture | None) -> dict[str, Tensor]:
        output = hand.forward(inputs["x_num"], inputs.get("x_cat"))
        gradient_of = self.criterion_.gradient if mixture is None else None
        if gradient_of is not None and output.shape[-1] == self.criterion_.n_outputs:
            with torch.no_grad():
                loss, gradient = gradient_of(output, *target)
        else:
            output.requires_grad_()
            loss = self.get_loss(output, target, training=True, mixture=mixture)
            (gradient,) = torch.autograd.grad(loss, output, self._weight_of_members(loss))
        hand.backward(gradient)
        return {"loss": loss, "y_pred": output}

    def _weight_of_members(self, loss: Tensor) -> Tensor | None:
        """The loss is a mean over members; its gradient times their number is that of each one's own loss."""
        if self.n_members is None:
            return None
        if self._members_tensor is None:
            self._members_tensor = torch.full_like(loss, self.n_members)
        return self._members_tensor

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
        if self.module_.training != training:
            self._set_training(training)
        if training and self._flat is not None:
            # A callback may freeze a parameter that lies beside others: it is put back after each step.
            self._frozen = [(p, p.detach().clone()) for p in self._flat.parameters if not p.requires_grad]
        losses, sizes, outputs = [], [], []
        row_axis = 0 if self.n_members is None else 1
        listens = self._batch_listeners or (training and self._grad_listeners)
        for batch in iterator:
            if listens:
                batch = _copied(batch)  # what a callback writes into it, or into outputs, is for this step alone
            if self._batch_listeners:
                self._notify_batch("on_batch_begin", batch, training)
            step = step_fn(batch)
            kept = {name: tensor_of(value).detach().clone() for name, value in step.items()} if listens else step
            losses.append(kept["loss"].detach())
            sizes.append(batch[1][0].shape[row_axis])
            if not training:
                outputs.append(kept["y_pred"])
            if self._batch_listeners:
                self._record_batch(prefix, step["loss"], sizes[-1])
                self._notify_batch("on_batch_end", batch, training, **step)
        if not training:
            self._valid_outputs = outputs
        self._record_epoch(prefix, _weighted_mean(losses, sizes), len(sizes))
        if training:
            self.history.record("lr", self._rate())
            self._call(self._pass_listeners)

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
                if is_frozen or (self._single_rows and isinstance(part, nn.BatchNorm1d)):
                    part.eval()

    def _rate(self) -> float:
        """The learning rate as it is now, without the factors of single parameters."""
        if not self.optimizer_.param_groups or not self._first_rate:
            return self.lr
        return self.lr * self.optimizer_.param_groups[0]["lr"] / self._first_rate

    def valid_outputs(self) -> np.ndarray:
        """The outputs (n, n_outputs) that the last validation pass left; for a pack see `held_out_outputs`."""
        if isinstance(self.valid, PackedRows):
            of_members = torch.cat(self._valid_outputs, 1).cpu().numpy()
            return held_out_outputs(of_members, [member.numpy() for member in self.valid.members], self.target.combine)
        outputs = [as_columns(output, self.criterion_.n_outputs) for output in self._valid_outputs]
        return torch.cat(outputs).detach().cpu().numpy()

    def outputs_on_held_out(self) -> np.ndarray:
        """The outputs of the network as it is now on the validation rows."""
        return self.outputs_for(self.valid)

    def outputs_are_finite(self) -> bool:
        """Whether the network as it is now gives finite outputs for some training rows."""
        inputs, _ = next(iter(self.get_iterator(self._train)))
        self._set_training(False)
        with torch.no_grad():
            return bool(self.infer(inputs).isfinite().all())

    def draws_to_predict(self) -> bool:
        """Whether the network draws random numbers in evaluation too; in a block in which generators are restored."""
        rows = self._train.rows if isinstance(self._train, PackedRows) else self._train
        inputs, _, _ = rows.take(slice(2))
        return draws(lambda: self.evaluation_step((inputs, None)), rows.device)

    def member_outputs(self, n_rows: int = 2_000) -> np.ndarray:
        """Outputs (K, n, n_outputs) of all members on some of the training rows."""
        some = torch.linspace(0, len(self._train.rows) - 1, min(n_rows, len(self._train.rows))).long()
        inputs, _, _ = self._train.rows.take(some)
        self._set_training(False)
        with torch.no_grad():
            return self.infer(inputs, shared=True).cpu().numpy()

    def __getstate__(self):
        """What predicts, with the history; without the rows, callbacks and tools of the training in progress."""
        kept = object.__new__(type(self))
        kept.__dict__.update(vars(self) | dict.fromkeys(vars(self).keys() & _OF_TRAINING) | {"callbacks_": []})
        if vars(self).get("_flat") is not None:
            kept.module_ = copy.deepcopy(self.module_)  # each parameter without the others that lie beside it
        return super(TrainingNet, kept).__getstate__()

    def __setstate__(self, state):
        super().__setstate__(state)
        self.module = self.module_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor" if self.target.classes is None else "classifier"
        return tags

    def outputs_for(self, X) -> np.ndarray:
        outputs = [as_columns(output, self.criterion_.n_outputs) for output in self.forward_iter(X)]
        return torch.cat(outputs).detach().cpu().numpy()

    def forward_iter(self, X, training=False, device="cpu"):
        """Outputs for a data set, its `X`, a batch's inputs or any other dict of tensors; a pack's are combined.

        Members predict the rows that they hold out where `X` is the validation rows of a pack, and their own where it
        is one of its batches.
        """
        X = X.of if isinstance(X, HeldOutInputs) else X
        if isinstance(X, BatchInputs):
            yield self.evaluation_step((X, None), training).detach().to(device)
        elif isinstance(X, PackedRows) and X.held_out:
            of_members = [self.evaluation_step(batch, training) for batch in self.get_iterator(X)]
            outputs = torch.cat(of_members, 1).detach().cpu().numpy()
            members = [member.numpy() for member in X.members]
            yield torch.from_numpy(held_out_outputs(outputs, members, self.target.combine)).to(device)
        else:
            for outputs in super().forward_iter(X, training, device):
                if self.n_members is None:
                    yield outputs
                else:
                    yield torch.from_numpy(self.target.combine(outputs.detach().cpu().numpy())).to(device)

    def get_dataset(self, X, y=None):
        if isinstance(X, PackedRows):
            return X.rows
        if isinstance(X, dict):
            return _Inputs(X, torch.device(self.device))
        if not isinstance(X, Rows):
            raise TypeError(
                "X must be a data set that a callback is given, its X, or a dict of tensors like it. Got "
                f"{type(X).__name__}. For rows of a table use the fitted estimator's predict."
            )
        return X

    def evaluation_step(self, batch, training=False):
        inputs = batch[0]
        self._set_training(training)
        with torch.set_grad_enabled(training):
            if isinstance(inputs, BatchInputs):
                return inputs.below_each_other(self.infer(inputs.of_members))
            return self.infer(inputs, shared=not isinstance(inputs, MemberInputs))

    def _notify_batch(self, hook: str, batch, training: bool, **step) -> None:
        if hook == "on_batch_begin":
            self.history.new_batch()
        inputs, y = self._shown(batch)
        if isinstance(inputs, BatchInputs) and step:
            step["y_pred"] = inputs.below_each_other(step["y_pred"])
        self.notify(hook, batch=(inputs, y), training=training, **step)

    def _shown(self, batch):
        """A batch as callbacks see it: inputs, and targets as the user knows them."""
        inputs, (target, _) = batch
        if isinstance(inputs, MemberInputs):
            inputs = BatchInputs(inputs)
            target = inputs.below_each_other(target)
        return inputs, self._train.decoded(target)

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

    def _call(self, hooks: list[Callable]) -> None:
        with _asking_to_stop():
            for hook in hooks:
                hook(self)


class _Inputs(Rows):
    """Inputs without targets, for prediction."""

    def __init__(self, inputs: dict, device: torch.device):
        self.inputs, self.weight, self.device = inputs, None, device
        self.target = torch.zeros(next(iter(inputs.values())).shape[0])
        self.is_sparse = any(issparse(value) for value in inputs.values())


def held_out_outputs(
    outputs: np.ndarray, members: list[np.ndarray], combine: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Outputs (K, n, n_outputs) on the members' rows to those of each row, (n_rows, n_outputs).

    A row that several members hold out gets their combined output, one that none holds out NaN.
    """
    n_rows = max(int(rows.max()) for rows in members) + 1
    count = np.bincount(np.concatenate(members), minlength=n_rows)
    found = np.full((n_rows, outputs.shape[2]), np.nan, dtype=np.float32)
    if count.max() == 1:
        for k, rows in enumerate(members):
            found[rows] = outputs[k, : len(rows)]
        return found
    slots = np.full((count.max(), n_rows, outputs.shape[2]), np.nan, dtype=np.float32)
    filled = np.zeros(n_rows, dtype=np.int64)
    for k, rows in enumerate(members):
        slots[filled[rows], rows] = outputs[k, : len(rows)]
        filled[rows] += 1
    for n in np.unique(count[count > 0]):
        found[count == n] = combine(slots[:n, count == n])
    return found


def _copied(batch):
    """A batch whose tensors are its own, so that writing into them does not reach the rows."""
    inputs, (target, weight) = batch
    copies = copy.copy(inputs)
    copies.update({name: value.clone() for name, value in inputs.items()})
    return copies, (target.clone(), None if weight is None else weight.clone())


def _of_partners(y_true, partner: Tensor, row_axis: int):
    """Targets and weights of the rows that a mixing augmentation has put in."""
    target, weight = y_true
    return target.index_select(row_axis, partner), None if weight is None else weight.index_select(row_axis, partner)


def _members_below_each_other(y_true):
    target, weight = y_true
    return target.flatten(0, 1), None if weight is None else weight.flatten()


@contextmanager
def _asking_to_stop() -> Iterator[None]:
    """Around a hook: KeyboardInterrupt is how skorch's callbacks ask to stop, unless it comes from Ctrl-C."""
    try:
        yield
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
