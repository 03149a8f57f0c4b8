"""Adam and AdamW whose step is the fused operator and nothing else.

`torch.optim.Adam(fused=True)` spends most of a small network's step on profiler ranges, hooks and
sorting tensors by device. These subclasses call the same operator on the same state, so that
results, `state_dict` and learning-rate schedulers are unchanged. They leave out what the training
loop does not use: step hooks, AMSGrad, capturable and differentiable steps.
"""

from __future__ import annotations

import torch
from torch import Tensor, optim


class DirectAdam(optim.Adam):
    """`torch.optim.Adam(fused=True)` with a direct step."""

    _counts: Tensor | None = None

    def __init__(self, params, **kwargs):
        super().__init__(params, fused=True, **kwargs)

    def zero_grad(self, set_to_none: bool = True) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def load_state_dict(self, state_dict) -> None:
        super().load_state_dict(state_dict)
        self._counts = None

    def step(self, closure=None):
        loss = None if closure is None else closure()
        with torch.no_grad():
            if self._counts is None or self._lacks_gradients():
                super().step()  # torch's own, which also creates the state
                self._tie_counts()
            else:
                self._counts.add_(1)
                for group in self.param_groups:
                    self._step_group(group)
        return loss

    step.hooked = True  # type: ignore[attr-defined] # tells torch not to wrap it in a profiler range

    def _lacks_gradients(self) -> bool:
        """Whether a parameter is frozen; its own step count must then stand still."""
        return any(p.grad is None for group in self.param_groups for p in group["params"])

    def _tie_counts(self) -> None:
        """Make the step counts of all parameters views of one tensor, so that one operator advances them."""
        parameters = [p for group in self.param_groups for p in group["params"]]
        if not all(p in self.state for p in parameters):
            return
        counts = torch.stack([self.state[p]["step"] for p in parameters])
        for p, count in zip(parameters, counts.unbind(), strict=True):
            self.state[p]["step"] = count
        self._counts = counts

    def _step_group(self, group: dict) -> None:
        params = group["params"]
        states = [self.state[p] for p in params]
        beta1, beta2 = group["betas"]
        update = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
        update(
            params,
            [p.grad for p in params],
            [s["exp_avg"] for s in states],
            [s["exp_avg_sq"] for s in states],
            [],
            [s["step"] for s in states],
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=group["maximize"],
        )


class DirectAdamW(DirectAdam):
    """`torch.optim.AdamW(fused=True)` with a direct step."""

    def __init__(self, params, weight_decay: float = 1e-2, **kwargs):
        super().__init__(params, weight_decay=weight_decay, decoupled_weight_decay=True, **kwargs)
