"""From the estimators' `module` parameter to an `nn.Module` of the right shape."""

from __future__ import annotations

import copy
import functools
import inspect
import warnings
from collections.abc import Callable
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sknn.modules._cnn import CNN
from sknn.modules._ensemble import ModuleEnsemble, ensemble, tensor_of
from sknn.modules._head import last_linear, renew_head
from sknn.modules._mlp import MLP, LinearNet
from sknn.modules._resnet import ResNet
from sknn.modules._tabular import TabularNet

MODULES: dict[str, type[nn.Module]] = {
    "cnn": CNN,
    "linear": LinearNet,
    "mlp": MLP,
    "resnet": ResNet,
    "tabular": TabularNet,
}


def module_params_of(module) -> list[str] | None:
    """Keyword parameters that `module` accepts, or None if it accepts any (or they are unknown)."""
    if isinstance(module, nn.Module):
        return []
    signature = inspect.signature(MODULES[module] if isinstance(module, str) else module)
    kinds = [p.kind for p in signature.parameters.values()]
    if inspect.Parameter.VAR_KEYWORD in kinds:
        return None
    positional_only, star = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL
    return [n for n, p in signature.parameters.items() if p.kind not in (positional_only, star)]


def embeds_categories(module) -> bool:
    """Whether a module takes categories as codes: its `forward`, or the factory, has the parameter for them."""
    if isinstance(module, str):
        module = MODULES[module]
    forward = getattr(module, "forward", None)  # of a class or an instance; a factory has none
    if forward is not None:
        return "x_cat" in inspect.signature(forward).parameters
    return "cat_cardinalities" in inspect.signature(module).parameters


def build_module(
    module: str | nn.Module | type[nn.Module] | Callable[..., nn.Module],
    module_params: dict,
    *,
    n_features: int,
    n_outputs: int,
    cat_cardinalities: tuple[int, ...],
    **of_built_in,
) -> nn.Module:
    """Build the network: a class or factory is called with those properties of the data that its signature names.

    A module instance is copied, so that the user's own is never trained. `of_built_in` are further
    properties, for built-in networks only.
    """
    if isinstance(module, nn.Module):
        return mark(copy.deepcopy(module), is_built_in=False)
    make = MODULES[module] if isinstance(module, str) else module
    facts = {
        "n_features": n_features,
        "n_outputs": n_outputs,
        "cat_cardinalities": cat_cardinalities,
    } | (of_built_in if isinstance(module, str) else {})
    named = inspect.signature(make).parameters
    arguments = {name: value for name, value in facts.items() if name in named} | module_params
    with _noting(f"The 'module' was built with {arguments}; the data give {facts}."):
        built = make(**arguments)
    if not isinstance(built, nn.Module):
        raise TypeError(f"The 'module' callable must return an nn.Module. Got {type(built).__name__} instead.")
    if isinstance(module, str):
        built.__dict__["built_with"] = module, {name: value for name, value in arguments.items() if name != "bins"}
    return mark(built, is_built_in=isinstance(module, str))


def try_out(
    module: nn.Module,
    inputs: dict[str, Tensor],
    n_outputs: int,
    *,
    may_replace_head: bool,
    allow_single_logit: bool = True,
) -> None:
    """Pass a few rows through a new module, which also gives lazy layers their shape.

    A module instance was built for other data. When it gives another number of outputs than
    `n_outputs`, its last linear layer is replaced by a new one, with a warning. `allow_single_logit` says whether a
    single output will do for two, as it does for classes.

    Raises
    ------
    ValueError
        When the module does not return (n_rows, n_outputs).
    """
    _check_names(module, inputs)
    shapes = ", ".join(
        f"{name} {tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}" for name, value in inputs.items()
    )
    with _noting(f"The 'module' was called with {shapes}, to give {n_outputs} outputs a row."):
        output = _forward(module, inputs)
    if may_replace_head and output.ndim == 2 and not has_columns(output, n_outputs, allow_single_logit):
        _replace_head(module, output.shape[1], n_outputs)
        output = _forward(module, inputs)
    as_columns(output, n_outputs, allow_single_logit)


def _check_names(module: nn.Module, inputs: dict[str, Tensor]) -> None:
    """Refuse inputs whose names differ from those in the module's `forward`."""
    if "x_num" in inputs:
        return
    signature = inspect.signature(module.forward)
    try:
        signature.bind(**inputs)
    except TypeError as error:
        raise ValueError(
            f"The dict X must hold the inputs that the forward of the 'module' takes: {list(signature.parameters)}. "
            f"Got {list(inputs)}: {error}."
        ) from error


def build_ensemble(members: list[nn.Module], inputs: dict[str, Tensor], n_outputs: int) -> nn.Module:
    """One module of several tested networks; inputs (B, ...) are a few rows."""
    with _noting(f"The networks were to be members of an ensemble, n_members={len(members)}."):
        return ensemble(members, outputs_of(n_outputs), inputs)


def outputs_of(n_outputs: int) -> Callable[[nn.Module, dict[str, Tensor]], Tensor]:
    """How an ensemble calls each of its networks."""
    return functools.partial(_outputs_of, n_outputs)


def _outputs_of(n_outputs: int, module: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    return as_columns(call_module(module, inputs), n_outputs)


def as_columns(output: Tensor, n_outputs: int, allow_single_logit: bool = True) -> Tensor:
    """A module's output as (B, n_outputs); the single logit of two classes becomes a pair with 0.

    Raises
    ------
    ValueError
        When the output has another shape.
    """
    output = tensor_of(output)
    if output.ndim == 1:
        output = output.unsqueeze(1)
    if output.ndim != 2 or not has_columns(output, n_outputs, allow_single_logit):
        raise ValueError(
            f"The 'module' must return one row of {n_outputs} outputs for each row of the batch: shape "
            f"(n_rows, {n_outputs}). Got {tuple(output.shape)} instead. Give its last layer n_outputs units."
        )
    return output if output.shape[1] == n_outputs else nn.functional.pad(output, (1, 0))


def mark(module: nn.Module, is_built_in: bool) -> nn.Module:
    """With `is_built_in`, and `needs_codes`: whether `forward` wants codes also where nothing is embedded.

    Found out once, not at each step.
    """
    module.__dict__["is_built_in"] = is_built_in
    parameter = inspect.signature(module.forward).parameters.get("x_cat")
    module.__dict__["needs_codes"] = parameter is not None and parameter.default is inspect.Parameter.empty
    return module


@contextmanager
def _noting(note: str):
    """Add the shapes of the data to an error of the user's module."""
    try:
        yield
    except Exception as error:
        error.add_note(note)
        raise


def has_columns(output: Tensor, n_outputs: int, allow_single_logit: bool = True) -> bool:
    return output.shape[1] == n_outputs or (allow_single_logit and output.shape[1] == 1 and n_outputs == 2)


def is_of_linear_layers(module: nn.Module) -> bool:
    """Whether it is a built-in network of linear layers only, which do not gain from a second thread."""
    return isinstance(module, TabularNet | MLP | ResNet)


def is_built_in(module: nn.Module) -> bool:
    """Whether it was built by name, so that it neither works in place nor needs other inputs."""
    return module.__dict__.get("is_built_in", False)


def call_module(module: nn.Module, inputs: dict[str, Tensor], shared: bool = False):
    """A single table is passed by position; inputs with names, and several inputs, are passed by name.

    A module that is not built in gets copies, since it may work in place and the rows are used again: in the next
    epoch, by other members, or by the user, who owns the memory. `shared` tells an ensemble that all members get the
    same rows.
    """
    if isinstance(module, ModuleEnsemble):
        return module(shared, **inputs)
    if not is_built_in(module):
        inputs = {name: value.clone() for name, value in inputs.items()}
    if module.__dict__.get("needs_codes", False) and inputs.keys() == {"x_num"}:
        x = inputs["x_num"]
        inputs = {"x_num": x, "x_cat": torch.empty((len(x), 0), dtype=torch.int64, device=x.device)}
    try:
        return module(**inputs) if len(inputs) > 1 or "x_num" not in inputs else module(inputs["x_num"])
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):  # torch's words
            raise
        raise ValueError(
            "The 'module' normalises over the rows of a batch, which must be two or more. Got a batch of one row: pass "
            "more rows, set batch_size to 2 or more, or normalise otherwise."
        ) from error


def _forward(module: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    module.eval()
    with torch.no_grad():
        output = call_module(module, inputs)
    module.train()
    return tensor_of(output)


def _replace_head(module: nn.Module, n_found: int, n_outputs: int) -> None:
    """Replace the last linear layer, if it gives the outputs."""
    name, old = last_linear(module)
    if not name or old.out_features != n_found:
        return
    renew_head(module, n_outputs)
    warnings.warn(
        f"The 'module' instance gives {n_found} outputs, but y needs {n_outputs}. Its last layer {name!r} was "
        f"replaced by a new one, nn.Linear({old.in_features}, {n_outputs}).",
        UserWarning,
        stacklevel=2,
    )
