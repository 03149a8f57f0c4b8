"""The optimizer of a run: which parameters lie side by side, the groups that they are stepped in, and its state."""

from __future__ import annotations

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from sknn.modules import names_outside_hidden
from sknn.optim import FlatParameters, Muon, factors_of, is_adaptive, is_elementwise, takes_groups

OptimizerState = tuple[str, dict]  # what it belongs to, and the moments and the like of each parameter


class OptimizerGroups(NeuralNet):
    """Gives each group of parameters its own learning rate and rate of decay, where the module says how they differ."""

    def get_params_for_optimizer(self, prefix, named_parameters):
        flat = self.state.flat
        if flat is not None:
            factors = [((lr, decay), values) for values, lr, decay in flat.segments]
        elif self._may_group():
            factors = factors_of(self.module_, self.lr_factors, is_adaptive(self.optimizer))
        else:
            (groups,), kwargs = super().get_params_for_optimizer(prefix, named_parameters)
            return (self._apart_for_muon(groups),), kwargs | self._muon_arguments()
        kwargs = {"lr": self.lr} | self.get_params_for(prefix) | self._muon_arguments()
        return (self._apart_for_muon(_grouped(factors, kwargs)),), kwargs

    def lay_out_parameters(self) -> FlatParameters | None:
        """The parameters of an ensemble side by side, for an optimizer that treats all numbers alike."""
        if not self.batch_axis or self._has_own_groups() or not is_elementwise(self.optimizer):
            return None
        if not any(True for _ in self.module_.parameters()):
            return None
        return FlatParameters(self.module_, self.lr_factors, is_adaptive(self.optimizer))

    def _may_group(self) -> bool:
        has_own_rates = hasattr(self.module_, "parameter_factors") or bool(self.lr_factors)
        return has_own_rates and not self._has_own_groups() and takes_groups(self.optimizer)

    def _has_own_groups(self) -> bool:
        """Whether the user has set groups by patterns of names."""
        return "optimizer__param_groups" in self.get_params(deep=False)

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

    def _muon_arguments(self) -> dict[str, bool]:
        return {"stacked": bool(self.batch_axis)} if self.optimizer is Muon else {}


def _grouped(factors: list[tuple[tuple[float, float], nn.Parameter]], kwargs: dict) -> list[dict]:
    """A group of parameters for each pair of factors on the learning rate and the weight decay."""
    grouped: dict[tuple[float, float], list[Tensor]] = {}
    for pair, parameter in factors:
        grouped.setdefault(pair, []).append(parameter)
    groups = []
    for (lr_factor, decay_factor), parameters in grouped.items():
        group = {"params": parameters, "lr": kwargs["lr"] * lr_factor}
        if "weight_decay" in kwargs:
            group["weight_decay"] = kwargs["weight_decay"] * decay_factor
        groups.append(group)
    return groups


def optimizer_state(net: NeuralNet) -> OptimizerState:
    """That of the optimizer now."""
    return _kind(net.optimizer_), net.optimizer_.state_dict()["state"]


def restore_optimizer(net: NeuralNet, earlier: OptimizerState | None) -> None:
    """Give an optimizer of the same kind its earlier state; its learning rate and the like are those of today."""
    kind, state = earlier or (None, None)
    if kind == _kind(net.optimizer_):
        groups = net.optimizer_.state_dict()["param_groups"]
        net.optimizer_.load_state_dict({"state": state, "param_groups": groups})


def _kind(optimizer: torch.optim.Optimizer) -> str:
    """An optimizer's name and the shapes of what it steps: its state fits another one of the same kind."""
    shapes = [tuple(parameter.shape) for group in optimizer.param_groups for parameter in group["params"]]
    return f"{type(optimizer).__name__} {shapes}"
