"""Penalties on the size of the weights: L1, L2, and both, the elastic net.

Weight decay is no penalty: it is the optimizer's, and for AdamW apart from the gradient.
"""

from __future__ import annotations

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from sknn.callbacks._base import Callback
from sknn.modules import own_axes


class Penalty(Callback):
    """Add l1·Σ|w| + ½·l2·Σw² to the loss, for an ensemble to that of each member.

    The sums are over all weights and embeddings, not over biases, scales and normalisations. The penalty is part of the
    gradient, before `on_grad_computed`, and of the loss in a line search; recorded losses do not include it. Several
    penalties add up. Adam and similar optimizers rescale the gradient; with these, `weight_decay` is usual.

    The L1 norm has no gradient at 0, and steps of a fixed size would oscillate around it. So, as in OWL-QN (Andrew and
    Gao, ICML 2007), a step that would change the sign of a weight sets it to 0, and a weight leaves 0 only if the loss
    falls faster than the penalty rises: under `l1` weights become exactly 0.

    Parameters
    ----------
    l1 : float, default=0.0
        Strength of the L1 penalty, at least 0. Not for "lbfgs", whose line search needs a smooth loss.
    l2 : float, default=0.0
        Strength of the L2 penalty, at least 0. With `l1` the elastic net.

    References
    ----------
    R. Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B 1996. H. Zou, T. Hastie, "Regularization
    and variable selection via the elastic net", JRSS B 2005.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sknn import NNClassifier
    >>> from sknn.callbacks import Penalty
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> net = NNClassifier("linear", callbacks=[Penalty(l1=0.1)], learning_rate=0.01, random_state=0).fit(X, y)
    >>> bool((net.module_.layers[-1].weight == 0).any())
    True
    >>> net = net.set_params(callbacks__penalty__l1=0.01)  # works in a grid too
    """

    _parameter_constraints: dict = {
        "l1": [Interval(Real, 0, None, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, l1=0.0, l2=0.0) -> None:
        self.l1 = l1
        self.l2 = l2

    def on_train_begin(self, net, **kwargs):
        self.weights_ = penalised(net.module_)
        self.signs_ = []

    @torch.no_grad()
    def value(self) -> Tensor | float:
        """Compute the penalty of the current weights.

        Returns
        -------
        value : Tensor or float
            The sum l1·Σ|w| + ½·l2·Σw² over weights.
        """
        return sum(self.l1 * w.abs().sum() + 0.5 * self.l2 * w.square().sum() for w in self.weights_)

    @torch.no_grad()
    def add_gradient(self) -> None:
        """To the gradients of the loss."""
        l1, l2 = float(self.l1), float(self.l2)
        self.signs_ = []
        for weight in self.weights_:
            grad = weight.grad
            if grad is None:
                continue
            if l2:
                grad.add_(weight, alpha=l2)
            if l1:
                sign = torch.sign(weight)
                at_zero, shrunk = sign == 0, nn.functional.softshrink(grad, l1)
                grad.add_(sign, alpha=l1).copy_(torch.where(at_zero, shrunk, grad))
                self.signs_.append((weight, sign, at_zero & (shrunk == 0)))

    @torch.no_grad()
    def end_step(self) -> None:
        """Stop at 0 those that the step took across it."""
        for weight, sign, stays in self.signs_:
            weight.masked_fill_(stays | (sign * weight < 0), 0.0)
        self.signs_ = []

    def on_train_end(self, net, **kwargs):
        self.weights_ = self.signs_ = None


def penalised(module: nn.Module) -> list[nn.Parameter]:
    """Matrices, kernels and embeddings of a network, or of the members of an ensemble."""
    return [parameter for parameter, axis in own_axes(module).items() if parameter.ndim - axis >= 2]
