"""Bound the norm of each unit's weights."""

from __future__ import annotations

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch import nn

from sknn.callbacks._base import Callback
from sknn.modules import EnsembleLinear, own_axes

_WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, EnsembleLinear)


class MaxNorm(Callback):
    """After each step, scale the incoming weights of a unit back to a norm of at most c: w ← w·min(1, c / ‖w‖).

    Parameters
    ----------
    max_norm : float, default=3.0
        Largest norm, c, for linear and convolutional layers, of each member of an ensemble; the last layer too.

    References
    ----------
    N. Srivastava et al., "Dropout: A simple way to prevent neural networks from overfitting", JMLR 2014, section 5.1.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.callbacks import MaxNorm
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NNClassifier("mlp", callbacks=[MaxNorm(0.5)], max_epochs=3, random_state=0).fit(X, y)
    >>> all(w.norm(dim=1).max() < 0.501 for w in net.module_.parameters() if w.ndim == 2)
    True
    """

    _parameter_constraints: dict = {"max_norm": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, max_norm=3.0) -> None:
        self.max_norm = max_norm

    def on_train_begin(self, net, **kwargs):
        self.weights_ = list(_incoming(net.module_))

    @torch.no_grad()
    def on_step_end(self, net):
        """After each step of the optimizer."""
        for weight, axes in self.weights_:
            if not weight.requires_grad:
                continue
            norm = weight.square().sum(axes, keepdim=True).sqrt_()
            weight.mul_((self.max_norm / norm.clamp_(min=1e-12)).clamp_(max=1.0))

    def on_train_end(self, net, **kwargs):
        self.weights_ = None


def _incoming(module: nn.Module):
    """Each weight, and the axes along which a unit's incoming weights lie."""
    axes = own_axes(module)
    for part in module.modules():
        weight = part._parameters.get("weight") if isinstance(part, _WEIGHTED) else None
        if weight is not None:
            yield weight, tuple(range(axes[weight] + 1, weight.ndim))
