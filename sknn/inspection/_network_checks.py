"""Faults of a network and of its inputs, seen when rows of the fit pass through it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from sknn.inspection._findings import Case, Finding
from sknn.modules import ACTIVATIONS, call_module, is_ensemble, is_tabular_net, n_members_of

_MOST_DEAD = 0.5  # fraction of a layer's units; the default network has none on the real tables
_CONSTANT = 1e-6  # standard deviation over rows, relative to the layer's root mean square: float32 rounds there
_LARGE = 30.0  # root mean square of an input; layers are initialised for 1
_BENDING = tuple(kind for name, kind in ACTIVATIONS.items() if name != "identity")


@torch.no_grad()
def find_dead_units(case: Case) -> Finding | None:
    """Layers of which more than half of the units give the same for all rows.

    A ReLU whose input is below 0 for every row gives 0 and has no gradient, so it stays as it is; a saturated sigmoid
    or tanh likewise. Seen are activations that are modules.
    """
    dead: dict[str, list[Tensor]] = {}
    for network in _networks(case.network.module_):
        for name, output in _activations(network, case.inputs):
            units = _by_unit(output, is_tabular_net(network))
            if units is not None:
                spread, size = units.std(1), units.square().mean().sqrt()
                dead.setdefault(name, []).append(spread <= _CONSTANT * size)
    counts = {name: torch.cat(of_members).float() for name, of_members in dead.items()}
    worst = max(counts, key=lambda name: counts[name].mean().item(), default=None)
    if worst is None or counts[worst].mean() <= _MOST_DEAD:
        return None
    return Finding(
        "dead units",
        f"{int(counts[worst].sum())} of the {len(counts[worst])} units after the activation {worst!r} give the same "
        "value for all rows, so they pass on nothing and hardly learn.",
        "a lower learning_rate, scaled numbers in X, another initialisation or bias, or an activation that is nowhere "
        'flat, such as "silu" or "leaky_relu".',
    )


def _networks(module: nn.Module) -> Iterator[nn.Module]:
    """The members of an ensemble one by one, unless they are called as one without vmap."""
    if is_ensemble(module) and not is_tabular_net(module):
        yield from (module.member(k).eval() for k in range(n_members_of(module)))  # type: ignore[operator]
    else:
        yield module


def _activations(network: nn.Module, inputs: dict[str, Tensor]) -> list[tuple[str, Tensor]]:
    """Names and outputs of the activations that a forward pass calls."""
    found: list[tuple[str, Tensor]] = []

    def noting(name: str):
        return lambda module, args, output: found.append((name, output))

    parts = [(name, part) for name, part in network.named_modules() if isinstance(part, _BENDING)]
    hooks = [part.register_forward_hook(noting(name)) for name, part in parts]
    try:
        call_module(network, inputs, shared=True)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _by_unit(output: Tensor, rows_last: bool) -> Tensor | None:
    """Outputs (units, values): of a layer (B, D) its units, of images (B, C, H, W) the channels; else None."""
    if rows_last:
        return output.flatten(0, 1)  # (K, D, B)
    if output.ndim == 4:
        return output.transpose(0, 1).flatten(1)
    return output.T if output.ndim == 2 else None


def find_large_inputs(case: Case) -> Finding | None:
    """Inputs of a network that are far larger than those for which its weights are initialised.

    Weights start so that inputs of variance 1 give units of variance 1 (Glorot and Bengio, AISTATS 2010, eq. 12). A
    network with an `Embedding` is left out, whose inputs may be codes.
    """
    if any(isinstance(part, nn.Embedding | nn.EmbeddingBag) for part in case.network.module_.modules()):
        return None
    found = []
    for name, value in case.inputs.items():
        if value.is_floating_point():
            size = value.double().square().mean(0).sqrt()
            found.append((size.max().item(), name, int((size > _LARGE).sum()), size.numel()))
    largest, name, n_large, n_all = max(found, default=(0.0, "", 0, 0))
    if not np.isfinite(largest) or largest <= _LARGE:
        return None
    return Finding(
        "unscaled inputs",
        f"{n_large} of the {n_all} numbers that the network takes as {name} have a root mean square above {_LARGE:g}, "
        f"up to {largest:.3g}; its weights are initialised for 1.",
        'preprocessing="auto", a StandardScaler as preprocessing, or divide them (images of bytes by 255).',
    )
