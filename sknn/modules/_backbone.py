"""A network without its last layer, for the features that it has learned. Torch only."""

from __future__ import annotations

from contextvars import ContextVar

from torch import Tensor, nn

from sknn.modules._build import call_module
from sknn.modules._ensemble import ModuleEnsemble, tensor_of, with_same_tensors
from sknn.modules._head import head_of, replaced
from sknn.modules._tabular import TabularNet


class Backbone(nn.Module):
    """A network without its last layer: it returns the inputs of that layer.

    Parameters
    ----------
    module : nn.Module
        A network that ends in a linear layer. Its weights are shared, not copied.
    layer : str or None, default=None
        Name of another part of the network, whose outputs are taken.

    Shape: inputs of the module to (B, D); features of the members of a :class:`TabularNet` concatenated, (B, K · D).
    """

    def __init__(self, module: nn.Module, layer: str | None = None):
        super().__init__()
        if isinstance(module, ModuleEnsemble):
            raise ValueError("An ensemble of modules has no features of its own. Use n_members=1.")
        if layer is not None and layer not in dict(module.named_modules()):
            names = [name for name, _ in module.named_modules() if name]
            raise ValueError(f"layer must be one of {names}. Got {layer!r}.")
        self.layer = layer
        self.is_built_in = True  # it hands rows on, as `call_module` does
        self.has_rows_last = isinstance(module, TabularNet)  # in its layers
        name = head_of(module) if layer is None else layer
        network = with_same_tensors(module)
        self.module = replaced(network, name, _Tap(network.get_submodule(name), takes_input=layer is None))

    def forward(self, *by_position: Tensor, **inputs: Tensor) -> Tensor:
        inputs = dict(zip(["x_num"], by_position, strict=False)) | inputs
        found: list[Tensor] = []
        token = _tapped.set(found)
        try:
            call_module(self.module, inputs)
        finally:
            _tapped.reset(token)
        features = found[-1].movedim(-1, 0) if self.has_rows_last else found[-1]  # (K, D, B) -> (B, K, D)
        return features.flatten(1)


_tapped: ContextVar[list[Tensor] | None] = ContextVar("tapped", default=None)


class _Tap(nn.Module):
    """A part of a network that tells the running call, and no other thread's, what it is given or gives."""

    def __init__(self, part: nn.Module, takes_input: bool):
        super().__init__()
        self.part, self.takes_input = part, takes_input

    def forward(self, *args, **kwargs):
        found = _tapped.get()
        if found is not None and self.takes_input:
            found.append(args[0].clone())  # this part, or one that follows, may work in place
        output = self.part(*args, **kwargs)
        if found is not None and not self.takes_input:
            found.append(tensor_of(output).clone())
        return output
