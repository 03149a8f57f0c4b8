"""One training step: the gradient of a batch, automatic or in closed form, and the optimizer's step.

Which batches there are, and when training ends, is up to the loop.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from skorch import NeuralNet
from torch import Tensor

from sknn.augmentation import Mixture
from sknn.modules import call_module, current_generator, is_built_in, is_of_linear_layers
from sknn.optim import is_full_batch, needs_closure
from sknn.targets import WeightedLoss
from sknn.training._batches import Batch

Evaluated = dict[str, Tensor]  # "loss" and "y_pred" of a batch


class TrainingStep:
    """Called with a batch, trains on it and returns the loss and the outputs from before the step.

    Parameters
    ----------
    net : NeuralNet
        Owns the module, the loss, the optimizer and the augmentation, and the state of the run.
    """

    def __init__(self, net: NeuralNet):
        self.net, self.state = net, net.state
        self.module, self.criterion = net.module_, net.criterion_
        self.augment = net.augment
        self.n_members, self.batch_axis = net.n_members, net.batch_axis
        self.is_full_batch, self.needs_closure = is_full_batch(net.optimizer), needs_closure(net.optimizer)
        self.gradient = self._automatic_gradient if self.state.manual is None else self._manual_gradient
        self.takes_table = is_built_in(self.module) and is_of_linear_layers(self.module)

    def __call__(self, batch: Batch) -> Evaluated:
        if self.state.schedule is not None:
            self.state.schedule.take_step()
        if self.needs_closure:
            evaluated: list[Evaluated] = []
            self.net.optimizer_.step(lambda: self._evaluate(batch, evaluated))
            found = evaluated[0]
        else:
            found = self.gradient(batch)
            self._end_gradient(batch)
            self.net.optimizer_.step()
        for penalty in self.state.penalties:
            penalty.end_step()
        for parameter, value in self.state.frozen:
            parameter.data.copy_(value)
        if self.state.on_step_end:
            self.net.call_hooks(self.state.on_step_end)
        return found

    def _evaluate(self, batch: Batch, evaluated: list[Evaluated]) -> Tensor:
        """The optimizer's closure: the gradient once more, and what it is the gradient of."""
        evaluated.append(self.gradient(batch))
        self._end_gradient(batch)
        loss = evaluated[-1]["loss"]
        if not self.is_full_batch:
            return loss
        total = loss.detach() * self.n_members  # the sum over members, penalised, is what a line search compares
        return sum((penalty.value() for penalty in self.state.penalties), total)

    def _end_gradient(self, batch: Batch) -> None:
        for penalty in self.state.penalties:
            penalty.add_gradient()
        if self.state.hears_gradients:
            parameters = list(self.net.get_all_learnable_params())
            shown = self.net.shown(batch)
            self.net.notify("on_grad_computed", named_parameters=parameters, training=True, **shown)

    def _automatic_gradient(self, batch: Batch) -> Evaluated:
        inputs, target, mixture = self._prepare(batch)
        if self.state.flat is None:
            self.net.optimizer_.zero_grad(set_to_none=True)
        else:
            self.state.flat.zero_grad()
        if self.takes_table and len(inputs) == 1:  # what `call_module` looks at takes as long as a small layer
            output = self.module(inputs["x_num"])
        else:
            output = call_module(self.module, inputs)
        loss = batch_loss(self.criterion, output, target, self.batch_axis, mixture)
        if not loss.requires_grad:
            frozen = [name for name, parameter in self.module.named_parameters() if not parameter.requires_grad]
            raise ValueError(
                "The loss must depend on a parameter that is trained. Of the module's parameters are frozen: "
                f"{', '.join(frozen) or 'none'}. Freeze fewer, or let the module's outputs depend on others."
            )
        self._of_each_member(loss).backward()
        return {"loss": loss, "y_pred": output}

    def _manual_gradient(self, batch: Batch) -> Evaluated:
        inputs, target, mixture = self._prepare(batch)
        passes = self.state.manual.passes(inputs["x_num"].shape[1])
        output = passes.forward(inputs["x_num"], inputs.get("x_cat"))
        gradient_of = self.criterion.gradient if mixture is None else None
        if gradient_of is not None and output.shape[-1] == self.criterion.n_outputs:
            with torch.no_grad():
                loss, gradient = gradient_of(output, *target)
        else:
            output.requires_grad_()
            loss = batch_loss(self.criterion, output, target, self.batch_axis, mixture)
            (gradient,) = torch.autograd.grad(self._of_each_member(loss), output)
        passes.backward(gradient)
        return {"loss": loss, "y_pred": output}

    def _prepare(self, batch: Batch) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor | None], Mixture | None]:
        """Augmented inputs, with targets and weights; and training mode, which a callback that predicts has left."""
        if not self.module.training:
            self.net._set_training(True)
        inputs, target = batch
        if self.augment is None:
            return inputs, target, None
        inputs, mixture = self.augment(inputs, current_generator(), self.batch_axis)
        return inputs, target, mixture

    def _of_each_member(self, loss: Tensor) -> Tensor:
        """The loss is a mean over members; times their number its gradient is that of each one's own loss.

        A gradient that `backward` is given would have the same bits, but torch imports sympy to look at its shape.
        """
        return loss if self.n_members == 1 else loss * self.n_members


def batch_loss(
    criterion: WeightedLoss,
    output: Tensor,
    target: Sequence,
    batch_axis: int = 0,
    mixture: Mixture | None = None,
) -> Tensor:
    """Mean loss of a batch; of an ensemble the mean over its members, of mixed rows that of both their targets.

    `target` is a pair of targets and weights, or None for those.
    """
    y, weight = target
    if mixture is not None:
        partners = [None if value is None else value.index_select(batch_axis, mixture.partner) for value in target]
        other = batch_loss(criterion, output, partners, batch_axis)
        return mixture.fraction * batch_loss(criterion, output, target, batch_axis) + (1 - mixture.fraction) * other
    if batch_axis:  # (K, B, ...) -> (K * B, ...)
        output, y = output.flatten(0, 1), y.flatten(0, 1)
        weight = None if weight is None else weight.flatten()
    # forward, not the call: what nn.Module adds to it takes longer than the weighting
    return criterion.forward(output, y, weight)
