"""Many plain networks trained as one: of the same shape, batch size and kind of loss, and with all else its own.

A step of a small network is bound by the number of operators; a stack has as many for all its members. Each member is
trained as its own fit would train it: with its rows in its order, its masks, its rates, and early stopping by its own
held-out rows; on many CPUs to the last bit.

Shapes: K members, S sources, n rows of a source, B rows of a batch.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations, groupby, pairwise
from numbers import Real
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sknn.modules import MemberBlocks, StackedDropout, StackedPasses, TabularNet, can_be_stacked, stacked_mlp
from sknn.optim import ScheduleRunner, is_elementwise, needs_closure, takes_weight_decay
from sknn.training._batches import batch_sizes
from sknn.training._data import Rows
from sknn.training._loop import TrainingNet
from sknn.utils import limited_to, usual_settings

_CACHE_BYTES = 8 << 20  # that a stack may take on a CPU: its numbers, moments and activations
_LEAST_WIDTH = 4
_LEAST_ALIVE = 0.75  # of the members; with fewer, those that have stopped leave the stack
_BLOCK_ROWS = 2_048  # predicted at a time
# Parameters of an estimator in which sources of one stack must agree, beside the shapes of their networks.
_SHARED = (
    "activation",
    "optimizer",
    "optimizer_params",
    "lr_schedule",
    "lr_schedule_params",
    "max_epochs",
    "loss",
    "loss_params",
)

Columns = tuple[Tensor, Tensor | None, Tensor, Tensor | None]  # numbers, codes, targets and weights of rows


@dataclass(eq=False)
class Source:
    """A fit up to its training, shared by members that differ in their rates and dropout only.

    Attributes
    ----------
    estimator : estimator instance
        In the middle of its fit.
    net : TrainingNet
        As it would be run.
    """

    estimator: Any
    net: TrainingNet

    def __post_init__(self):
        self.params = self.estimator.resolved_params_
        self.watches = self.net.valid is not None and self.params["early_stopping"]
        self.takes_stack = self._takes_stack()
        self.blocks = MemberBlocks(stacked_mlp([self.net.module])) if self.takes_stack else None

    def _takes_stack(self) -> bool:
        """Whether members may train in a stack what it would train alone."""
        net, params = self.net, self.params
        return (
            isinstance(params["dropout"], Real)
            and isinstance(params["activation"], str)
            and not params["callbacks"]
            and not params["verbose"]
            and not hasattr(self.estimator, "_skl_callbacks")
            and params["monitor"] == "loss"
            and net.augment is None
            and not net.batch_axis
            and net.criterion.is_built_in
            and not net.train.is_sparse
            and is_elementwise(net.optimizer)
            and not needs_closure(net.optimizer)
            and takes_weight_decay(params["optimizer"])
            and "dropout" not in net.schedules
            and "param_groups" not in (params["optimizer_params"] or {})
            and not any(name == "_lr_scheduler" for name, _ in net.callbacks)
            and can_be_stacked(net.module)
        )

    def key(self) -> str:
        """Equal for sources whose members may be in one stack."""
        net = self.net
        shapes = [(name, tuple(parameter.shape)) for name, parameter in net.module.named_parameters()]
        shared = [self.params[name] for name in _SHARED]
        return repr((shapes, len(net.train), net.batch_size, net.device, self.watches, shared))

    def outputs(self, weights: Sequence[Tensor], inputs: Mapping[str, Tensor]) -> Tensor:
        """Outputs (K, n, n_outputs) of members with these weights, blocks (K, P)."""
        assert self.blocks is not None
        x_num, x_cat = inputs["x_num"], inputs.get("x_cat")
        parts = [slice(start, start + _BLOCK_ROWS) for start in range(0, len(x_num), _BLOCK_ROWS)]
        of_parts = [self.blocks.outputs(weights, x_num[part], None if x_cat is None else x_cat[part]) for part in parts]
        return torch.cat(of_parts, 1)


@dataclass(eq=False)
class Member:
    """A network of a stack.

    Attributes
    ----------
    source : Source
    learning_rate, weight_decay, dropout : float
    n_epochs : int
        Trained so far.
    best_loss : float
        The lowest validation loss, of the weights that count.
    misses : int
        Epochs since then.
    is_finite : bool
        Whether all losses and weights are.
    weights : list of Tensor
        Those of the best epoch so far by blocks (P,); without early stopping of the last one.
    """

    source: Source
    learning_rate: float
    weight_decay: float
    dropout: float
    n_epochs: int = 0
    best_loss: float = math.inf
    misses: int = 0
    is_finite: bool = True
    has_stopped: bool = False
    weights: list[Tensor] = field(default_factory=list, repr=False)

    @property
    def rates(self) -> tuple[float, float]:
        return self.learning_rate, self.weight_decay

    def take_epoch(self, is_finite: bool, loss: float | None) -> bool:
        """Note an epoch that has ended. Returns whether its weights are the best so far."""
        if self.has_stopped:
            return False
        self.n_epochs += 1
        self.is_finite = is_finite and (loss is None or math.isfinite(loss))
        is_best = loss is None or loss < self.best_loss
        self.misses = 0 if is_best else self.misses + 1
        if is_best and loss is not None:
            self.best_loss = loss
        is_last = self.n_epochs == self.source.net.max_epochs
        is_late = self.source.watches and self.misses == self.source.params["patience"]
        self.has_stopped = is_last or is_late or not self.is_finite
        return is_best


def in_stacks(members: Sequence[Member]) -> list[Stack]:
    """Stacks of members that may be trained together, narrow enough for a CPU's cache."""
    by_key: dict[str, list[Member]] = {}
    for member in members:
        by_key.setdefault(member.source.key(), []).append(member)
    found = []
    for together in by_key.values():
        together = sorted(together, key=lambda member: member.rates)
        n_stacks = math.ceil(len(together) / _greatest_width(together[0].source.net))
        bounds = [len(together) * k // n_stacks for k in range(n_stacks + 1)]
        found += [Stack(together[start:stop]) for start, stop in pairwise(bounds)]
    return found


def joined(stacks: Sequence[Stack], n_least: int) -> list[Stack]:
    """Fewer stacks, of those that members have left, as long as there are more than `n_least`."""
    stacks = [stack for stack in stacks if stack.members]
    while len(stacks) > n_least:
        stacks.sort(key=lambda stack: len(stack.members))
        pair = next((pair for pair in combinations(stacks, 2) if pair[0].may_join(pair[1])), None)
        if pair is None:
            break
        pair[0].join(pair[1])
        stacks.remove(pair[1])
    return stacks


def _greatest_width(net: TrainingNet) -> int:
    """Members of a stack."""
    is_cpu = torch.device(net.device).type == "cpu"
    return max(_LEAST_WIDTH, _CACHE_BYTES // _bytes_of(net)) if is_cpu else sys.maxsize


def _bytes_of(net: TrainingNet) -> int:
    """Of a member: its numbers with gradients and two moments, and for each row four values of a unit."""
    n_rows = min(net.batch_size, len(net.train))
    n_parameters = sum(parameter.numel() for parameter in net.module.parameters())
    n_units = sum(len(parameter) for name, parameter in net.module.named_parameters() if name.endswith("bias"))
    return 4 * 4 * (n_parameters + n_units * n_rows)


class _Numbers(NamedTuple):
    """Of the members of a stack: blocks (K, P) of their weights and of the best ones, and the optimizer's state."""

    values: list[Tensor]
    best: list[Tensor]
    parts: list[list[nn.Parameter]]
    state: Mapping[Tensor, dict[str, Any]]

    def with_those_of(self, other: _Numbers) -> _Numbers:
        values = [torch.cat(pair) for pair in zip(self.values, other.values, strict=True)]
        best = [torch.cat(pair) for pair in zip(self.best, other.best, strict=True)]
        parts = [mine + others for mine, others in zip(self.parts, other.parts, strict=True)]
        return _Numbers(values, best, parts, {**self.state, **other.state})


class Stack:
    """Trains members.

    Parameters
    ----------
    members : list of Member
        Not trained yet, those with equal rates side by side.
    """

    module: TabularNet
    blocks: MemberBlocks
    best: list[Tensor]  # blocks (K, P) of the weights that count
    parts: list[list[nn.Parameter]]  # that the optimizer steps, see `MemberBlocks.parts`
    optimizer: torch.optim.Optimizer

    def __init__(self, members: list[Member]):
        self.members, self.n_epochs, self.key = members, 0, members[0].source.key()
        self.sources = list(dict.fromkeys(member.source for member in members))
        self.net = self.sources[0].net
        self.device = torch.device(self.net.device)
        self.rows = [_columns(source.net.train) for source in self.sources]
        self.orders = [_generator_of(source.net) for source in self.sources]
        self.masks: dict[tuple[int, float], torch.Generator] = {}
        self.sizes = batch_sizes(len(self.net.train), self.net.batch_size)
        self._lay_out(None)
        self.schedule = None
        if self.net.schedules:
            self.schedule = ScheduleRunner(self.net.schedules, len(self.sizes), self.net.max_epochs)
            self.schedule.begin(self.optimizer, self.module)

    def advance(self, n_epochs: int | None = None) -> None:
        """Train until so many epochs have been trained, by default all, or until no member is left."""
        last = self.net.max_epochs if n_epochs is None else n_epochs
        with usual_settings(), limited_to(1):
            while self.members and self.n_epochs < last:
                self._epoch()
        self._hand_out()

    def keep(self, members: Collection[Member]) -> None:
        """Let the others leave, with their weights."""
        self._hand_out()
        kept = set(members)
        positions = [k for k, member in enumerate(self.members) if member in kept]
        if len(positions) < len(self.members):
            self.members = [self.members[k] for k in positions]
            if self.members:
                self._lay_out(self._numbers(), positions)

    def may_join(self, other: Stack) -> bool:
        """Whether members of both may be one stack."""
        width = len(self.members) + len(other.members)
        alike = self.key == other.key and self.n_epochs == other.n_epochs
        return alike and width <= _greatest_width(self.net)

    def join(self, other: Stack) -> None:
        """Take in the members of another stack."""
        for source, rows, order in zip(other.sources, other.rows, other.orders, strict=True):
            if source not in self.sources:
                self.sources.append(source)
                self.rows.append(rows)
                self.orders.append(order)
        # What a stack does not use any more has not drawn as much as the other's.
        self.masks = {key: masks for stack in (self, other) for key, masks in stack.masks.items() if key in stack.used}
        together = self.members + other.members
        positions = sorted(range(len(together)), key=lambda k: together[k].rates)
        self.members = [together[k] for k in positions]
        self._lay_out(self._numbers().with_those_of(other._numbers()), positions)

    def _hand_out(self) -> None:
        """Give the members their weights, views that the next epoch writes to."""
        for k, member in enumerate(self.members):
            member.weights = [best[k] for best in self.best]

    # -- layout -------------------------------------------------------------------------------

    def _numbers(self) -> _Numbers:
        values = [block.detach() for block in self.blocks.values]
        return _Numbers(values, self.best, self.parts, self.optimizer.state)

    def _lay_out(self, old: _Numbers | None, positions: Sequence[int] = ()) -> None:
        """Give the members new memory; those at `positions` among the members before bring what they have."""
        index = {source: s for s, source in enumerate(self.sources)}
        self.source_of = torch.tensor([index[member.source] for member in self.members], device=self.device)
        module = stacked_mlp([member.source.net.module for member in self.members])
        blocks = MemberBlocks(module)
        groups, of_groups, start = [], [], 0
        for (rate, decay), together in groupby(self.members, key=lambda member: member.rates):
            stop = start + len(list(together))
            of_groups.append(blocks.parts(start, stop))
            groups.append({"params": list(chain(*of_groups[-1])), "lr": rate, "weight_decay": decay})
            start = stop
        parts = [list(chain(*of_each)) for of_each in zip(*of_groups, strict=True)]
        optimizer = self.net.optimizer(groups, **self.net.get_params_for("optimizer"))
        if old is not None:
            taken = torch.tensor(positions, device=self.device)
            for new, value in zip(blocks.values, old.values, strict=True):
                new.detach().copy_(value.index_select(0, taken))
            for before, after in zip(old.parts, parts, strict=True):
                _move_state(old.state, before, optimizer.state, after, taken)
            self.best = [best.index_select(0, taken) for best in old.best]
        else:
            self.best = [block.detach().clone() for block in blocks.values]
        self.module, self.blocks, self.parts, self.optimizer = module, blocks, parts, optimizer
        dropout = self._dropout()
        self.passes = {n_rows: StackedPasses(module, dropout, n_rows) for n_rows in dict.fromkeys(self.sizes)}
        if old is not None and self.schedule is not None:
            self.schedule.begin(optimizer, module)

    def _dropout(self) -> StackedDropout | None:
        keys = [(member.source.net.seed, member.dropout) for member in self.members]
        self.used = set(keys)
        if not any(p for _, p in keys):
            return None
        different = list(dict.fromkeys(keys))
        for key in different:
            self.masks.setdefault(key, torch.Generator(self.device).manual_seed(key[0]))
        index = torch.tensor([different.index(key) for key in keys], device=self.device)
        return StackedDropout([(self.masks[key], key[1]) for key in different], index)

    # -- training -----------------------------------------------------------------------------

    def _epoch(self) -> None:
        self.module.train()
        losses = torch.stack([self._step(*batch) for batch in self._batches()]).sum(0)  # (K,)
        finite = losses.isfinite()
        for block in self.blocks.values:
            finite &= block.detach().isfinite().all(1)
        self.n_epochs += 1
        epochs = zip(self.members, finite.tolist(), self._validation_losses(), strict=True)
        best = [k for k, (member, *epoch) in enumerate(epochs) if member.take_epoch(*epoch)]
        if best:
            which = torch.tensor(best, device=self.device)
            for kept, block in zip(self.best, self.blocks.values, strict=True):
                kept.index_copy_(0, which, block.detach().index_select(0, which))
        alive = [member for member in self.members if not member.has_stopped]
        if len(alive) <= _LEAST_ALIVE * len(self.members):
            self.keep(alive)

    def _batches(self) -> Iterator[list[Any]]:
        """Numbers (K, B, F), codes, targets and weights of each batch, in an order of each source's own."""
        ordered = []
        for columns, generator in zip(self.rows, self.orders, strict=True):
            order = None
            if len(self.net.train) > self.net.batch_size:
                order = torch.randperm(len(columns[2]), generator=generator).to(self.device)
            ordered.append([c if c is None or order is None else c.index_select(0, order) for c in columns])
        stacked = [None if column[0] is None else torch.stack(column) for column in zip(*ordered, strict=True)]
        start = 0
        for size in self.sizes:
            yield [_of_members(values, start, size, self.source_of) for values in stacked]
            start += size

    def _step(self, x_num: Tensor, x_cat: Tensor | None, target: Tensor, weight: Tensor | None) -> Tensor:
        """A step of all members. Returns the loss (K,) of each."""
        if self.schedule is not None:
            self.schedule.take_step()
        passes = self.passes[x_num.shape[1]]
        losses, gradient = self.net.criterion.gradient_of_members(passes.forward(x_num, x_cat), target, weight)
        passes.backward(gradient)
        self.optimizer.step()
        return losses

    def _validation_losses(self) -> list[float | None]:
        """The loss of each member on its held-out rows; None without early stopping."""
        if not self.sources[0].watches:
            return [None] * len(self.members)
        losses = torch.empty(len(self.members), device=self.device)
        for s, source in enumerate(self.sources):
            which = torch.nonzero(self.source_of == s).flatten()
            if len(which):
                valid: Any = source.net.valid
                weights = [block.detach().index_select(0, which) for block in self.blocks.values]
                outputs = source.outputs(weights, valid.inputs)
                weight = None if valid.weight is None else valid.weight.expand(len(which), -1)
                target = valid.target.expand(len(which), *valid.target.shape)
                losses[which] = self.net.criterion.of_members(outputs, target, weight)
        return losses.tolist()


def _columns(rows: Rows) -> Columns:
    return rows.inputs["x_num"], rows.inputs.get("x_cat"), rows.target, rows.weight


def _generator_of(net: TrainingNet) -> torch.Generator:
    """Draws the same orders as the net would."""
    return torch.Generator().manual_seed(net.get_params_for("iterator_train")["generator"].initial_seed())


def _of_members(values: Tensor | None, start: int, size: int, source_of: Tensor) -> Tensor | None:
    return None if values is None else values[:, start : start + size].index_select(0, source_of)


def _move_state(old: Mapping, before: list[nn.Parameter], new: dict, after: list[nn.Parameter], taken: Tensor) -> None:
    """Give parts of parameters the optimizer's state of the members `taken` of the parts that there were before."""
    if any(part not in old for part in before):
        return
    for part in after:
        new[part] = {}
    for name, value in old[before[0]].items():
        values: Sequence = [value.clone() if isinstance(value, Tensor) else value for _ in after]
        if isinstance(value, Tensor) and value.ndim:
            rows = torch.cat([old[part][name] for part in before]).index_select(0, taken)
            values = rows.split([len(part) for part in after])
        for part, of_part in zip(after, values, strict=True):
            new[part][name] = of_part
