"""Ensembles of any module: K networks of one kind as one module. Torch only.

An ensemble has the module tree of one of its networks, with the same names; K is the first axis of each parameter and
buffer. So state dicts, patterns of names and penalties work as for one network.

Shapes: K members, B rows of a batch, O outputs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sknn.modules._layers import EnsembleDropout, EnsembleLinear
from sknn.modules._tabular import TabularNet
from sknn.utils import import_quietly

Call = Callable[[nn.Module, dict[str, Tensor]], Tensor]


class ModuleEnsemble(nn.Module):
    """The tree of a network with stacked parameters and buffers; subclasses define the call."""

    network: nn.Module

    def __init__(self, members: Sequence[nn.Module], call: Call):
        super().__init__()
        self.n_members, self.call = len(members), call
        network = self.__dict__["network"] = _widened(members)  # not as a submodule, whose name would lead all others
        for tree in ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"):
            self.__dict__[tree] = network.__dict__[tree]
        self._prepare_calls()

    def _prepare_calls(self) -> None:
        self._own = _Tensors(self.network)
        self._idle: list[_Tensors] = []  # copies of the network, one for each concurrent call

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name not in ("_own", "_idle")}

    def __setstate__(self, state):
        super().__setstate__(state)
        self._prepare_calls()

    def named_modules(self, *args, **kwargs):
        """The parts of the network."""
        return self.network.named_modules(*args, **kwargs)

    def train(self, mode: bool = True):
        self.training = mode
        self.network.train(mode)
        return self

    def member(self, k: int) -> nn.Module:
        """A copy of one of the networks."""
        own = {id(wide): _like(wide, wide.detach()[k].clone()) for wide in self._own.get()}
        return copy.deepcopy(self.network, own)

    @contextmanager
    def _to_call(self) -> Iterator[_Tensors]:
        """The network, which training may change; in evaluation a copy that no other call has."""
        if self.training:
            self._idle.clear()
            yield self._own
            return
        try:
            copied = self._idle.pop()
        except IndexError:
            copied = _Tensors(with_same_tensors(self.network))
        try:
            yield copied
        finally:
            self._idle.append(copied)

    def extra_repr(self) -> str:
        return f"n_members={self.n_members}"


class SequentialEnsemble(ModuleEnsemble):
    """K networks that are called one after the other.

    Attributes of a network other than parameters and buffers are common to all members.

    Parameters
    ----------
    members : sequence of nn.Module
        Networks of the same architecture. They are copied.
    call : callable
        Calls a network with a dict of inputs.

    Raises
    ------
    ValueError
        When members differ in the names or shapes of their parameters and buffers.

    Shape: inputs (K, B, ...), or (B, ...) shared by all, to (K, B, O).
    """

    def forward(self, shared: bool = False, /, **inputs: Tensor) -> Tensor:
        columns = [_by_member(wide) for wide in self._own.get()]
        outputs = []
        with self._to_call() as network:
            for k in range(self.n_members):
                own = inputs if shared else {name: value[k] for name, value in inputs.items()}
                outputs.append(network.call(self.call, [column[k] for column in columns], own))
        return torch.stack(outputs)


class VmapEnsemble(ModuleEnsemble):
    """K networks without buffers whose operators are batched by `torch.func.vmap`.

    Parameters, errors and shape as for `SequentialEnsemble`.

    Examples
    --------
    >>> import torch
    >>> from sknn.modules import VmapEnsemble
    >>> networks = [torch.nn.Sequential(torch.nn.Linear(3, 2)) for _ in range(5)]
    >>> ensemble = VmapEnsemble(networks, lambda network, inputs: network(inputs["x_num"]))
    >>> {name: tuple(value.shape) for name, value in ensemble.state_dict().items()}
    {'0.weight': (5, 2, 3), '0.bias': (5, 2)}
    >>> ensemble(x_num=torch.zeros(5, 7, 3)).shape
    torch.Size([5, 7, 2])
    """

    def forward(self, shared: bool = False, /, **inputs: Tensor) -> Tensor:
        with self._to_call() as network:

            def one(tensors: list[Tensor], own: dict[str, Tensor]) -> Tensor:
                return network.call(self.call, tensors, own)

            batched = torch.func.vmap(one, in_dims=(0, None if shared else 0), randomness="different")
            return batched(self._own.get(), inputs)


class _Tensors:
    """The parameters and buffers of a network's tree, each once, even if it occurs in several places."""

    def __init__(self, network: nn.Module):
        self.network = network
        places: dict[int, list[tuple[dict, str]]] = {}
        for part in network.modules():
            for tensors in (part._parameters, part._buffers):
                for name, value in tensors.items():
                    if value is not None:
                        places.setdefault(id(value), []).append((tensors, name))
        self._places = list(places.values())
        self._first = [of_one[0] for of_one in self._places]

    def get(self) -> list[Tensor]:
        return [tensors[name] for tensors, name in self._first]

    def put(self, values: Sequence[Tensor]) -> None:
        for of_one, value in zip(self._places, values, strict=True):
            for tensors, name in of_one:
                tensors[name] = value

    def call(self, call: Call, values: Sequence[Tensor], inputs: dict[str, Tensor]) -> Tensor:
        """Call the network with other values of its parameters and buffers."""
        before = self.get()
        self.put(values)
        try:
            return _first(call(self.network, inputs))
        finally:
            for value, now in zip(values, self.get(), strict=True):
                if now is not value and now.shape == value.shape:
                    value.copy_(now.detach())  # the network has put a new buffer in the place of an old one
            self.put(before)


def _widened(members: Sequence[nn.Module]) -> nn.Module:
    """A copy of the first network, with the stacked tensors of all networks."""
    shapes = [_shapes(member) for member in members]
    if any(other != shapes[0] for other in shapes):
        raise ValueError(
            "The members of an ensemble must have parameters and buffers of the same names and shapes. Got "
            f"{' and '.join(str(each) for each in dict.fromkeys(map(str, shapes)))}. Build all members alike."
        )
    network = copy.deepcopy(members[0])
    own = _Tensors(network)
    of_members = zip(*(_Tensors(member).get() for member in members), strict=True)
    own.put([_like(values[0], torch.stack([value.detach() for value in values])) for values in of_members])
    return network


def _like(tensor: Tensor, values: Tensor) -> Tensor:
    """Values as a parameter if the tensor is one, else as a buffer."""
    return nn.Parameter(values, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else values


def _by_member(wide: Tensor) -> Sequence[Tensor]:
    """Of a parameter one operator for the gradients of all members; of a buffer what may be written to."""
    return wide.unbind(0) if isinstance(wide, nn.Parameter) else [wide[k] for k in range(len(wide))]


def with_same_tensors(network: nn.Module) -> nn.Module:
    """A copy of a network's tree that shares its parameters and buffers, other tensors that it keeps, and hooks."""
    attributes = [item for part in network.modules() for item in vars(part).items()]
    kept = [value for name, value in attributes if isinstance(value, Tensor) or "_hooks" in name]
    return copy.deepcopy(network, {id(value): value for value in (*network.parameters(), *network.buffers(), *kept)})


def ensemble(members: Sequence[nn.Module], call: Call, inputs: dict[str, Tensor]) -> nn.Module:
    """An ensemble by vmap if the networks allow it, else a sequential one; tested on `inputs` (B, ...)."""
    sequential = SequentialEnsemble(members, call)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        expected = sequential.eval()(True, **inputs)
        sequential.train()
        if any(True for _ in members[0].buffers()):
            return sequential  # statistics of batch normalisation are written in place
        import_quietly("sympy")  # which vmap imports
        try:
            batched = VmapEnsemble(members, call)
            own = {name: value.expand(len(members), *value.shape) for name, value in inputs.items()}
            batched.train()(**own)
            found = batched.eval()(**own), batched(True, **inputs)
        except (RuntimeError, ValueError, TypeError, NotImplementedError):  # what vmap raises depends on the operator
            return sequential
    is_same = all(torch.allclose(output, expected, rtol=1e-4, atol=1e-5) for output in found)
    return batched.train() if is_same else sequential


def n_members_of(module: nn.Module) -> int:
    """Number of members; 1 for a network that is not an ensemble."""
    return module.n_members if isinstance(module, TabularNet | ModuleEnsemble) else 1


def batch_axis_of(module: nn.Module) -> int:
    """The batch axis of inputs and outputs: 1 for an ensemble, whose first axis is its members, else 0."""
    return int(is_ensemble(module))


def is_ensemble(module: nn.Module) -> bool:
    return isinstance(module, TabularNet | ModuleEnsemble)


def own_axes(module: nn.Module) -> dict[nn.Parameter, int]:
    """For each parameter the first axis of a single network's: 1 after the axis of members, else 0.

    Parameters of a `TabularNet`'s activations are common to its members.
    """
    axes = dict.fromkeys(module.parameters(), batch_axis_of(module))
    if isinstance(module, TabularNet):
        common = [layer for layer in module.layers if not isinstance(layer, EnsembleLinear | EnsembleDropout)]
        axes |= dict.fromkeys((p for layer in common for p in layer.parameters()), 0)
    return axes


def single_network(module: nn.Module) -> nn.Module:
    """The first network of an ensemble; another module unchanged."""
    return module.member(0) if isinstance(module, ModuleEnsemble) else module


def tensor_of(output) -> Tensor:
    """The output tensor of a module: the first of several, or the `logits` of Hugging Face's outputs."""
    if isinstance(output, Tensor):
        return output
    return output.logits if hasattr(output, "logits") else output[0]


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in (*module.named_parameters(), *module.named_buffers())}


def _first(output) -> Tensor:
    output = tensor_of(output)
    return output.unsqueeze(1) if output.ndim == 1 else output
