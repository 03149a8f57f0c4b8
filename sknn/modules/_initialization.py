"""How the weights of a new network are drawn, for any module. Torch only.

Only linear and convolutional weights are initialised; embeddings, normalisations and trainable activations stay as
their modules made them. Numbers are drawn from torch's global generator, which the caller seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from sknn.modules._build import call_module
from sknn.modules._layers import ACTIVATIONS, EnsembleLinear
from sknn.modules._tabular import TabularNet

INITIALIZERS: dict[str, Callable[[Tensor], object]] = {
    "glorot_uniform": nn.init.xavier_uniform_,
    "glorot_normal": nn.init.xavier_normal_,
    "he_uniform": partial(nn.init.kaiming_uniform_, nonlinearity="relu"),
    "he_normal": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "lecun_normal": partial(nn.init.kaiming_normal_, nonlinearity="linear"),
    "orthogonal": nn.init.orthogonal_,
    "small_normal": partial(nn.init.normal_, std=0.01),
    "zero": nn.init.zeros_,
    "unit_variance": nn.init.orthogonal_,  # its first half; the second is `scale_to_unit_variance`
}

_DEFAULT = "glorot_uniform"
_FOR_ACTIVATION = {
    **dict.fromkeys(["relu", "leaky_relu", "elu", "gelu", "silu", "mish"], "he_uniform"),
    "selu": "lecun_normal",
}
_NAMES = {kind: name for name, kind in ACTIVATIONS.items()}
_WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, EnsembleLinear)
_LEAST_SPREAD = 1e-6  # a standard deviation below it is that of a constant output


@torch.no_grad()
def initialize(module: nn.Module, weight_init: str | Callable[[Tensor], object]) -> None:
    """Draw the weights of all linear and convolutional layers anew, and set their biases to zero.

    ================  =================================================  =====================================
    name              a weight, seen as a matrix (out, fan-in)           source
    ================  =================================================  =====================================
    glorot_uniform    U(−b, b) with b = √(6 / (fan-in + fan-out))        Glorot & Bengio, AISTATS 2010, eq. 16
    glorot_normal     N(0, 2 / (fan-in + fan-out))                       the same, eq. 12
    he_uniform        U(−b, b) with b = √(6 / fan-in)                    He et al., ICCV 2015, eq. 10
    he_normal         N(0, 2 / fan-in)                                   the same
    lecun_normal      N(0, 1 / fan-in)                                   LeCun et al., "Efficient BackProp",
                                                                         1998, eq. 16; Klambauer et al.,
                                                                         NeurIPS 2017, for "selu"
    orthogonal        QᵀQ = 1, or QQᵀ = 1 where out < fan-in             Saxe et al., ICLR 2014
    small_normal      N(0, 0.01²)                                        Krizhevsky et al., NeurIPS 2012,
                                                                         section 5
    zero              0; hidden layers then learn nothing                for linear models
    unit_variance     orthogonal, then `scale_to_unit_variance`          Mishkin & Matas, ICLR 2016
    ================  =================================================  =====================================

    N(mean, variance) is not truncated. The fan-in is the number of inputs of a unit and the fan-out that of
    the units that an input leads to; of a convolution both are times the size of its kernel.

    The estimators call it for built-in networks (`module__weight_init`); a module of your own may call it at the end of
    its constructor.

    Parameters
    ----------
    module : nn.Module
        A network whose layers have their shape. Each member of an `EnsembleLinear` is initialised on its own.
    weight_init : str or callable
        A name of the table, or a function that fills a weight in place, such as those of `torch.nn.init`.

    Raises
    ------
    ValueError
        For an unknown name.

    Examples
    --------
    >>> import torch
    >>> from sknn.modules import MLP, initialize
    >>> _ = torch.manual_seed(0)
    >>> net = MLP(n_features=30, n_outputs=2, hidden_layer_sizes=[20])
    >>> initialize(net, "he_uniform")
    >>> bool(net.layers[0].weight.abs().max() <= (6 / 30) ** 0.5)
    True
    """
    fill = _initializer(weight_init)
    for layer in module.modules():
        if isinstance(layer, _WEIGHTED):
            for weight in layer.weight if isinstance(layer, EnsembleLinear) else [layer.weight]:
                fill(weight)
            if layer.bias is not None:
                layer.bias.zero_()


@torch.no_grad()
def scale_to_unit_variance(module: nn.Module, inputs: dict[str, Tensor]) -> None:
    """Divide the weight of each layer by the standard deviation of what it gives on some training rows.

    Layers follow each other as in the forward pass, so that each one gets what the scaled ones before it
    give. The standard deviation is that of all units and rows (and pixels) together. The biases must be zero, as
    `initialize` leaves them: then one pass is enough. Dropout is off, and normalisation is that of `eval`.
    A layer whose output is constant stays as it is. Each member of an `EnsembleLinear` is scaled on its own.

    Parameters
    ----------
    module : nn.Module
        A network, or one of the members that an ensemble is going to be made of.
    inputs : dict of str to Tensor
        Some training rows (B, ...) as the network is called with; a few hundred are enough.

    References
    ----------
    D. Mishkin, J. Matas, "All you need is a good init", ICLR 2016, algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from sknn.modules import MLP, initialize, scale_to_unit_variance
    >>> net, x = MLP(n_features=3, n_outputs=2), 50 * torch.randn(200, 3)
    >>> initialize(net, "unit_variance")
    >>> scale_to_unit_variance(net, {"x_num": x})
    >>> round(net(x).std(correction=0).item(), 3)
    1.0
    """
    scaled: set[nn.Module] = set()
    given: dict[nn.Module, tuple[list, dict]] = {}

    def keep(layer, args, kwargs):
        if layer not in scaled:  # copies, since a layer of one's own may work in place
            given[layer] = [_copy(value) for value in args], {name: _copy(value) for name, value in kwargs.items()}

    def scale(layer, args, kwargs, output):
        if layer in scaled:  # one that is used twice
            return None
        scaled.add(layer)
        args, kwargs = given.pop(layer)
        layer.weight /= _spread(output, (1, 2)) if isinstance(layer, EnsembleLinear) else _spread(output)
        return layer.forward(*args, **kwargs)

    layers = [layer for layer in module.modules() if isinstance(layer, _WEIGHTED)]
    hooks = [layer.register_forward_pre_hook(keep, with_kwargs=True) for layer in layers]
    hooks += [layer.register_forward_hook(scale, with_kwargs=True) for layer in layers]
    training = module.training
    module.eval()
    try:
        call_module(module, inputs)
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()


def fit_first_weights(module: nn.Module, inputs: dict[str, Tensor], weight: Tensor | None) -> None:
    """Fit those of a `TabularNet` to some training rows, as its `initialize` says; other networks stay as they are."""
    if isinstance(module, TabularNet):
        module.initialize(inputs["x_num"], inputs.get("x_cat"), weight)


def initializer_for(activation) -> str:
    """The name of the initialisation that suits an activation.

    "he_uniform" for "relu" and what is like it ("leaky_relu", "elu", "gelu", "silu", "mish"), "lecun_normal" for
    "selu", else "glorot_uniform".

    Parameters
    ----------
    activation : str, nn.Module class, callable without arguments, or list of these
        As for `MLP`. Of a list the first counts.

    Examples
    --------
    >>> from sknn.modules import initializer_for
    >>> initializer_for(["gelu", "tanh"])
    'he_uniform'
    """
    if isinstance(activation, list | tuple):
        activation = activation[0] if activation else None
    if callable(activation):
        kind = activation if isinstance(activation, type) else type(activation())
        activation = _NAMES.get(kind)
    return _FOR_ACTIVATION.get(activation, _DEFAULT)


def _initializer(weight_init: str | Callable[[Tensor], object]) -> Callable[[Tensor], object]:
    if isinstance(weight_init, str) and weight_init in INITIALIZERS:
        return INITIALIZERS[weight_init]
    if callable(weight_init):
        return weight_init
    raise ValueError(
        f"weight_init must be one of {sorted(INITIALIZERS)}, or a function that fills a tensor in place. "
        f"Got {weight_init!r}."
    )


def _copy(value):
    return value.clone() if isinstance(value, Tensor) else value


def _spread(output: Tensor, over: tuple[int, ...] | None = None) -> Tensor:
    """The standard deviation over all axes, or some, which are kept; 1 where there is none to divide by."""
    spread = output.std(over, correction=0, keepdim=over is not None)
    return torch.where(spread > _LEAST_SPREAD, spread, 1.0)
