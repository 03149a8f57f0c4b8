"""The state of a run of training, made in one place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
from joblib import effective_n_jobs
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor

from sknn.callbacks import Penalty, hooks_of
from sknn.modules import ManualBackward, drawing_from, has_manual_backward, threads_that_share
from sknn.optim import FlatParameters, ScheduleRunner
from sknn.training._batches import TensorBatches
from sknn.training._ensemble_batches import EnsembleBatches
from sknn.utils import sums_are_whole, threads_for


@dataclass
class RunState:
    """What a run of training needs, and a resumed one would have to know.

    Beside it a net has what skorch keeps: `module_`, `criterion_`, `optimizer_`, `history` and `callbacks_`.

    Attributes
    ----------
    batches : TensorBatches or EnsembleBatches
        Of the training rows. Their generator draws the order of each epoch.
    generator : torch.Generator
        What layers and augmentations draw from.
    flat : FlatParameters or None
        The parameters where they lie side by side.
    manual : ManualBackward or None
        The network's gradient in closed form, in the place of torch's.
    schedule : ScheduleRunner or None
    penalties : list of Penalty
        Those among the callbacks: a part of each step.
    hears_batches, hears_gradients : bool
        Whether a callback looks at batches, or at gradients.
    on_step_end, on_training_pass_end : list of callable
        Hooks to call after each step, and after those of an epoch.
    has_single_rows : bool
        Whether a batch may be a single row, which has no statistics.
    first_rate : float
        The optimizer's learning rate before the first step.
    begun : list of Callback
        Those that have been told that training begins.
    frozen : list of (Parameter, Tensor)
        Frozen parameters that lie beside others, with the values that each step puts back.
    lowest_losses : dict
        The lowest loss of an epoch so far, by "train" and "valid".
    valid_outputs : list of Tensor
        What the last validation pass left, by batches.
    """

    batches: TensorBatches | EnsembleBatches
    generator: torch.Generator
    flat: FlatParameters | None
    manual: ManualBackward | None
    schedule: ScheduleRunner | None
    penalties: list[Penalty]
    hears_batches: bool
    hears_gradients: bool
    on_step_end: list[Callable]
    on_training_pass_end: list[Callable]
    has_single_rows: bool
    first_rate: float = 0.0
    begun: list[Callback] = field(default_factory=list)
    frozen: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    lowest_losses: dict[str, float] = field(default_factory=dict)
    valid_outputs: list[Tensor] = field(default_factory=list)

    def begin_epoch(self) -> None:
        """Look which parameters are frozen now."""
        if self.flat is not None:
            self.frozen = [(p, p.detach().clone()) for p in self.flat.parameters if not p.requires_grad]

    def drawing(self) -> AbstractContextManager[None]:
        """A block in which layers draw from the generator of this run."""
        return drawing_from(self.generator)


def threads_of_run(net: NeuralNet) -> int:
    """Threads for training steps: those that `n_jobs` asks for, or all where the steps are large."""
    n_rows, n_asked = min(net.batch_size, len(net.train)), effective_n_jobs(net.n_jobs)
    if n_asked > 1:
        return threads_that_share(net.module, n_asked) if sums_are_whole(n_rows) else 1
    n_parameters = sum(parameter.numel() for parameter in net.module.parameters())
    return threads_for(n_parameters, n_rows) if net.n_jobs is None else 1


def make_state(net: NeuralNet) -> RunState:
    """The state in which a run begins, of a net that has all its parts but the optimizer."""
    batches = net.get_iterator(net.train, training=True)
    callbacks = [callback for _, callback in net.callbacks_]
    hears_batches = bool(hooks_of(callbacks, "on_batch_begin", "on_batch_end"))
    hears_gradients = bool(hooks_of(callbacks, "on_grad_computed"))
    flat = net.lay_out_parameters()
    is_manual = flat is not None and has_manual_backward(net.module_) and not (hears_batches or hears_gradients)
    return RunState(
        batches=batches,
        generator=torch.Generator(net.device).manual_seed(net.seed),
        flat=flat,
        manual=ManualBackward(net.module_) if is_manual else None,
        schedule=ScheduleRunner(net.schedules, len(batches), net.max_epochs) if net.schedules else None,
        penalties=[callback for callback in callbacks if isinstance(callback, Penalty)],
        hears_batches=hears_batches,
        hears_gradients=hears_gradients,
        on_step_end=hooks_of(callbacks, "on_step_end"),
        on_training_pass_end=hooks_of(callbacks, "on_training_pass_end"),
        has_single_rows=min(batches.sizes) == 1,
    )
