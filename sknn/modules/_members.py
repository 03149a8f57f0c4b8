"""Packs of any module: K networks of one kind, called as one. Torch only.

Shapes: K members, B rows of a batch, O outputs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from sknn.modules._mlp import CategoryEmbedding
from sknn.modules._tabular import TabularNet
from sknn.utils import import_quietly

_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag, CategoryEmbedding)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Members(nn.Module):
    """K networks one after the other.

    Parameters
    ----------
    members : list of nn.Module
        Networks of the same architecture.
    call : callable
        Calls a network with a dict of inputs.

    Shape: inputs (K, B, ...), or (B, ...) shared by all, to (K, B, O).
    """

    def __init__(self, members: list[nn.Module], call: Callable[[nn.Module, dict[str, Tensor]], Tensor]):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.call = call

    @property
    def n_members(self) -> int:
        return len(self.members)

    def one_member(self) -> nn.Module:
        """For a summary: a network like each of them."""
        return self.members[0]

    def forward(self, shared: bool = False, /, **inputs: Tensor) -> Tensor:
        outputs = []
        for k, member in enumerate(self.members):
            own = inputs if shared else {name: value[k] for name, value in inputs.items()}
            outputs.append(_first(self.call(member, own)))
        return torch.stack(outputs)


class StackedMembers(nn.Module):
    """K networks whose weights are stacked and whose operators are batched by `torch.func.vmap`.

    Parameters and shape as for `Members`. Each parameter has K as its first axis.
    """

    def __init__(self, members: list[nn.Module], call: Callable[[nn.Module, dict[str, Tensor]], Tensor]):
        super().__init__()
        parameters, _ = stack_module_state(members)
        self.n_members, self.call = len(members), call
        self.names = list(parameters)
        trained = [parameter.requires_grad for parameter in members[0].parameters()]
        weights = zip(parameters.values(), trained, strict=True)
        self.weights = nn.ParameterList([nn.Parameter(value.detach(), requires_grad=train) for value, train in weights])
        # The architecture, outside of the module tree: its own weights are not used.
        self.template: nn.Module
        self.__dict__["template"] = copy.deepcopy(members[0]).to("meta")

    def one_member(self) -> nn.Module:
        """For a summary: a network like each of them. It has the first one's weights."""
        member = copy.deepcopy(self.template).to_empty(device=self.weights[0].device)
        for name, weight in zip(self.names, self.weights, strict=True):
            parameter = member.get_parameter(name)
            parameter.data.copy_(weight[0])
            parameter.requires_grad_(weight.requires_grad)
        return member

    def forward(self, shared: bool = False, /, **inputs: Tensor) -> Tensor:
        # `functional_call` puts weights into the template; calls that may run beside each other need one each.
        template = self.template if self.training else copy.deepcopy(self.template)
        template.train(self.training)

        def one(weights: dict[str, Tensor], own: dict[str, Tensor]) -> Tensor:
            named = {f"module.{name}": weight for name, weight in weights.items()}
            return functional_call(_Caller(template, self.call), named, (own,))

        batched = torch.func.vmap(one, in_dims=(0, None if shared else 0), randomness="different")
        return batched(dict(zip(self.names, self.weights, strict=True)), inputs)


class _Caller(nn.Module):
    """Makes a call with a dict of inputs the `forward` that `functional_call` wants."""

    def __init__(self, module: nn.Module, call):
        super().__init__()
        self.module, self.call = module, call

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        return _first(self.call(self.module, inputs))


def pack(
    members: list[nn.Module], call: Callable[[nn.Module, dict[str, Tensor]], Tensor], inputs: dict[str, Tensor]
) -> nn.Module:
    """Stacked members where the network allows it, else one after the other; tried out with `inputs` (B, ...)."""
    if any(True for _ in members[0].buffers()) or len({_shapes(member) for member in members}) > 1:
        return Members(members, call)  # statistics of batch normalisation are written in place
    import_quietly("sympy")  # which vmap imports
    try:
        stacked = StackedMembers(members, call)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            own = {name: value.expand(len(members), *value.shape) for name, value in inputs.items()}
            stacked.train()(**own)
            expected = Members(members, call).eval()(True, **inputs)
            found = stacked.eval()(**own), stacked(True, **inputs)
            if all(torch.allclose(output, expected, rtol=1e-4, atol=1e-5) for output in found):
                return stacked.train()
    except (RuntimeError, ValueError, TypeError, NotImplementedError):  # what vmap raises depends on the operator
        pass
    return Members(members, call)


def is_stacked(module: nn.Module) -> bool:
    """Whether the first axis of each parameter is that of the members."""
    return isinstance(module, TabularNet | StackedMembers)


def own_names(module: nn.Module) -> dict[str, str]:
    """For each name of a parameter of a network or a pack, the name that it has in a single network."""
    names = [name for name, _ in module.named_parameters()]
    if isinstance(module, StackedMembers):
        return {f"weights.{k}": own for k, own in enumerate(module.names)}
    if isinstance(module, Members):
        return {name: name.split(".", 2)[2] for name in names}
    return {name: name for name in names}


def names_outside_hidden(module: nn.Module) -> set[str]:
    """Names of the parameters, of a network or a pack, of embeddings, the first convolution and the output layer.

    The output layer is the last linear one, or the last convolution where there is none. A linear layer that the
    numbers of a table go into counts as a hidden one: else a network of one hidden layer had none.
    """
    if isinstance(module, TabularNet):
        last = len(module.activations)
        outer = {f"weights.{last}", f"biases.{last}", "shortcut"}
        return {n for n, _ in module.named_parameters() if n in outer or n.startswith(("numeric.", "categories."))}
    if isinstance(module, Members | StackedMembers):
        single = module.template if isinstance(module, StackedMembers) else module.members[0]
        outer = names_outside_hidden(single)
        return {name for name, own in own_names(module).items() if own in outer}
    linear = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    convolutions = [layer for layer in module.modules() if isinstance(layer, _CONVOLUTIONS)]
    embeddings = [layer for layer in module.modules() if isinstance(layer, _EMBEDDINGS)]
    layers = [*embeddings, *convolutions[:1], *(linear or convolutions)[-1:]]
    of_layers = {id(parameter) for layer in layers for parameter in layer.parameters()}
    return {name for name, parameter in module.named_parameters() if id(parameter) in of_layers}


def n_members_of(module: nn.Module) -> int | None:
    """Number of members of a pack, None for a single network."""
    return module.n_members if isinstance(module, TabularNet | Members | StackedMembers) else None


def _shapes(module: nn.Module) -> tuple:
    return tuple((name, tuple(value.shape)) for name, value in module.named_parameters())


def tensor_of(output) -> Tensor:
    """What a module returns: the tensor itself, the first of several, or the `logits` of Hugging Face's outputs."""
    if isinstance(output, Tensor):
        return output
    return output.logits if hasattr(output, "logits") else output[0]


def _first(output) -> Tensor:
    output = tensor_of(output)
    return output.unsqueeze(1) if output.ndim == 1 else output
