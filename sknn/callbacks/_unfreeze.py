"""Unfreeze parameters during training."""

from __future__ import annotations

import fnmatch
from numbers import Integral

from sklearn.utils._param_validation import Interval

from sknn.callbacks._base import Callback


class Unfreeze(Callback):
    """Train frozen parameters from an epoch on; several of these unfreeze layer by layer.

    Parameters
    ----------
    epoch : int, default=5
        First epoch, counted from 1, that trains them.
    patterns : str or sequence of str, default="*"
        Patterns (`fnmatch`) of their names.

    References
    ----------
    J. Howard, S. Ruder, "Universal language model fine-tuning for text classification", ACL 2018, section 3.3.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknn import NNClassifier, Pretrained
    >>> from sknn.callbacks import Unfreeze
    >>> X, y = load_digits(return_X_y=True)
    >>> known = NNClassifier("mlp", max_epochs=5, random_state=0).fit(X[y < 5], y[y < 5])
    >>> start = Pretrained(known, freeze="backbone")
    >>> tuned = NNClassifier(start, callbacks=[Unfreeze(3)], max_epochs=6, random_state=0).fit(X[:200], y[:200])
    """

    _parameter_constraints: dict = {
        "epoch": [Interval(Integral, 1, None, closed="left")],
        "patterns": [str, "array-like"],
    }

    def __init__(self, epoch=5, patterns="*") -> None:
        self.epoch = epoch
        self.patterns = patterns

    def on_train_begin(self, net, **kwargs):
        patterns = [self.patterns] if isinstance(self.patterns, str) else list(self.patterns)
        names = [name for name, _ in net.module_.named_parameters()]
        fits = {name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)}
        if not fits:
            raise ValueError(f"No parameter's name fits patterns={self.patterns!r}. The names are {names}.")
        self.names_ = fits

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == self.epoch:
            for name, parameter in net.module_.named_parameters():
                if name in self.names_:
                    parameter.requires_grad_(True)
            net._set_training(True)  # normalisations that were frozen train again
