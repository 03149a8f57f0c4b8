"""Adam and AdamW whose step is the fused operator and nothing else.

`torch.optim.Adam(fused=True)` spends most of a small network's step on profiler ranges, hooks and
sorting tensors by device. These subclasses call the same operator on the same state, so that
results, `state_dict` and learning-rate schedulers are unchanged. They leave out what the training
loop does not use: step hooks, AMSGrad, capturable and differentiable steps. Nor do they import torch's compiler,
as its own optimizers do when they are built: that takes longer than many a fit.

The operators are private to torch. `has_fused_operators` tells whether this torch has them; where it has not, torch's
own optimizers are the fallback.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, optim


class _Lists(NamedTuple):
    """What the fused operator takes for a parameter group, in the order of its parameters."""

    params: list[Tensor]
    exp_avgs: list[Tensor]
    exp_avg_sqs: list[Tensor]
    counts: list[Tensor]


def _uncompiled(method):
    """A method of torch's optimizers without the wrapper that keeps it out of compiled graphs."""
    return getattr(method, "__wrapped__", method)


def has_fused_operators() -> bool:
    """Whether this version of torch has the private operators of a fused step."""
    return hasattr(torch, "_fused_adam_") and hasattr(torch, "_fused_adamw_")


class FusedAdam(optim.Adam):
    """`torch.optim.Adam(fused=True)` whose step calls the operator directly."""

    _counts: Tensor  # the step counts of all parameters, side by side
    _lists: list[_Lists] | None = None  # for each group; None until there is a state

    state_dict = _uncompiled(optim.Optimizer.state_dict)

    def __init__(self, params, **kwargs):
        super().__init__(params, fused=True, **kwargs)

    def zero_grad(self, set_to_none: bool = True) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def load_state_dict(self, state_dict) -> None:
        _uncompiled(optim.Optimizer.load_state_dict)(self, state_dict)
        self._lists = None

    def add_param_group(self, param_group) -> None:
        _uncompiled(optim.Optimizer.add_param_group)(self, param_group)
        self._lists = None

    def step(self, closure=None):
        loss = None if closure is None else closure()
        if not self._step_directly():
            with torch.no_grad():
                _uncompiled(optim.Adam.step)(self)
            self._collect()
        return loss

    step.hooked = True  # type: ignore[attr-defined] # tells torch not to wrap it in a profiler range

    def _collect(self) -> None:
        """Look the state up once, and make all step counts views of one tensor, which one operator advances."""
        parameters = [p for group in self.param_groups for p in group["params"]]
        if not all(p in self.state for p in parameters):
            return
        self._counts = torch.stack([self.state[p]["step"] for p in parameters])
        for p, count in zip(parameters, self._counts.unbind(), strict=True):
            self.state[p]["step"] = count
        self._lists = []
        for group in self.param_groups:
            states = [self.state[p] for p in group["params"]]
            columns = [[state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step")]
            self._lists.append(_Lists(group["params"], *columns))

    def _step_directly(self) -> bool:
        """Take the step, unless a parameter has no state yet or is frozen: its own count must then stand still."""
        if self._lists is None:
            return False
        if any(p.grad is None for lists in self._lists for p in lists.params):
            return False
        with torch.no_grad():
            self._counts.add_(1)
            for group, lists in zip(self.param_groups, self._lists, strict=True):
                beta1, beta2 = group["betas"]
                update = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
                update(
                    lists.params,
                    [p.grad for p in lists.params if p.grad is not None],
                    lists.exp_avgs,
                    lists.exp_avg_sqs,
                    [],
                    lists.counts,
                    lr=group["lr"],
                    beta1=beta1,
                    beta2=beta2,
                    weight_decay=group["weight_decay"],
                    eps=group["eps"],
                    amsgrad=False,
                    maximize=group["maximize"],
                )
        return True


class FusedAdamW(FusedAdam):
    """`torch.optim.AdamW(fused=True)` whose step calls the operator directly."""

    def __init__(self, params, weight_decay: float = 1e-2, **kwargs):
        super().__init__(params, weight_decay=weight_decay, decoupled_weight_decay=True, **kwargs)
