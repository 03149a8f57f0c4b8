"""`Pretrained`: initial weights, frozen parameters and layer-wise learning rates for transfer learning."""

from __future__ import annotations

import fnmatch
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from sknn.modules import is_of_head, load_weights, n_outputs_of, renew_head


class Pretrained(BaseEstimator):
    """Trained weights to start from, for the `module` parameter.

    Parameters
    ----------
    source : estimator, nn.Module, dict or path
        A fitted :class:`NNClassifier` or :class:`NNRegressor`, whose preprocessing is used too unless `preprocessing`
        is set; a module; its state dict; or a file with one, written by `torch.save` or, with the ending
        `.safetensors`, by that library (extra: `safetensors`).
    module : str, nn.Module class or callable, default=None
        For a state dict or a file: the network of these weights, as for `NNClassifier`, built with the estimator's
        parameters. Those that "auto" derives from the rows, such as `n_bins` of "tabular", must be passed explicitly.
    freeze : str or sequence of str, default=()
        Patterns (`fnmatch`) of names of parameters that are not trained, such as "layers.0*"; "backbone" stands for
        all but the last layer. Frozen batch normalisation keeps its statistics. :class:`sknn.callbacks.Unfreeze`
        unfreezes them during training.
    learning_rates : dict or None, default=None
        Factors on the learning rate by patterns of names, {"layers.0*": 0.1}; "backbone" as above. The first matching
        pattern applies.
    new_head : "auto" or bool, default="auto"
        Whether the last linear layer is newly initialised. "auto": if the number of outputs or the classes of a
        fitted classifier differ.

    See Also
    --------
    NNFeatures : Features that a network has learned, for any other model.

    References
    ----------
    J. Yosinski et al., "How transferable are features in deep neural networks?", NeurIPS 2014 (freezing, fine-tuning).
    J. Howard, S. Ruder, "Universal language model fine-tuning for text classification", ACL 2018, section 3.2
    (layer-wise learning rates, gradual unfreezing).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknn import NNClassifier, Pretrained
    >>> X, y = load_digits(return_X_y=True)
    >>> known = NNClassifier("mlp", max_epochs=5, random_state=0).fit(X[y < 5], y[y < 5])
    >>> tuned = NNClassifier(Pretrained(known, freeze="layers.0*"), max_epochs=5, random_state=0)
    >>> tuned.fit(X[y >= 5][:100], y[y >= 5][:100]).classes_
    array([5, 6, 7, 8, 9])
    """

    def __init__(self, source, module=None, *, freeze=(), learning_rates=None, new_head="auto") -> None:
        self.source = source
        self.module = module
        self.freeze = freeze
        self.learning_rates = learning_rates
        self.new_head = new_head

    def __sklearn_clone__(self):
        """With the same source: a clone of a fitted estimator would have lost what it has learned."""
        return type(self)(**self.get_params(deep=False))

    def get_params(self, deep=True) -> dict[str, Any]:
        """Get the parameters, without those of the source.

        Parameters
        ----------
        deep : bool, default=True
            Ignored.

        Returns
        -------
        params : dict
        """
        return super().get_params(deep=False)

    @property
    def fitted(self):
        """The fitted estimator, or None if the source is something else."""
        return self.source if hasattr(self.source, "get_params") else None

    @property
    def network(self) -> nn.Module | None:
        """The network as it was trained, or None if only weights are there."""
        if self.fitted is not None:
            return self.source.module_
        return self.source if isinstance(self.source, nn.Module) else None

    @property
    def architecture(self):
        """What `module` would be without pretraining."""
        return self.module if self.network is None else self.network

    def check(self) -> None:
        """Refuse what cannot be a source.

        Raises
        ------
        ValueError
            When the source is none of the kinds above, is not fitted, or needs `module`.
        """
        fitted = self.fitted
        if fitted is not None and not hasattr(fitted, "module_"):
            raise ValueError(f"source must be fitted. Got {fitted!r}; call its fit first.")
        if self.network is None:
            if not isinstance(self.source, dict | str | Path):
                raise ValueError(
                    "source must be a fitted estimator, an nn.Module, a state dict or a path to one. Got "
                    f"{type(self.source).__name__} instead."
                )
            if self.module is None:
                raise ValueError(
                    "With weights alone, module must say for which network they are: pass module='mlp', say."
                )
        if any(not isinstance(factor, Real) or factor < 0 for factor in (self.learning_rates or {}).values()):
            raise ValueError(f"learning_rates must hold factors of at least 0. Got {self.learning_rates!r} instead.")
        if self.new_head not in (True, False, "auto"):
            raise ValueError(f"new_head must be 'auto', True or False. Got {self.new_head!r} instead.")

    def start(self, module: nn.Module, n_outputs: int, classes) -> nn.Module:
        """Give a network of the right architecture the weights, a new last layer if need be, and freeze it in part.

        Parameters
        ----------
        module : nn.Module
            A copy of `network`, or a network just built, for weights.
        n_outputs : int
            Outputs that the data ask for.
        classes : ndarray or None
            Their classes.

        Returns
        -------
        module : nn.Module
            The same network.
        """
        left: list[str] = []
        if self.network is None:
            left = load_weights(module, self._weights())
        renews = self.new_head is True or (self.new_head == "auto" and not self._has_classes(classes))
        n_found = n_outputs_of(module)
        fits = n_found == n_outputs or (n_found == 1 and n_outputs == 2 and classes is not None)
        if renews or (self.network is not None and self.new_head == "auto" and not fits):
            module = renew_head(module, n_outputs)
        elif left and self.new_head is False:
            raise ValueError(
                f"new_head=False, but the weights {left} do not fit {n_outputs} outputs. Set new_head='auto'."
            )
        self._check_patterns(module)
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(not self._matches(module, name, self._frozen_patterns()))
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise ValueError(
                f"freeze={self.freeze!r} leaves nothing to train. Leave out the last layer, or use NNFeatures."
            )
        return module

    def lr_factors(self, module: nn.Module) -> dict[str, float]:
        """Look up the factors on the learning rate by names of parameters.

        Parameters
        ----------
        module : nn.Module
            The network with these parameters.

        Returns
        -------
        factors : dict of float
            Of those parameters that a pattern of `learning_rates` fits.
        """
        factors: dict[str, float] = {}
        for name, _ in module.named_parameters():
            fits = [f for pattern, f in (self.learning_rates or {}).items() if self._matches(module, name, [pattern])]
            factors |= {name: float(fits[0])} if fits else {}
        return factors

    def _frozen_patterns(self) -> list[str]:
        return [self.freeze] if isinstance(self.freeze, str) else list(self.freeze)

    @staticmethod
    def _matches(module: nn.Module, name: str, patterns: list[str]) -> bool:
        return any(
            not is_of_head(module, name) if pattern == "backbone" else fnmatch.fnmatchcase(name, pattern)
            for pattern in patterns
        )

    def _check_patterns(self, module: nn.Module) -> None:
        names = [name for name, _ in module.named_parameters()]
        for pattern in [*self._frozen_patterns(), *(self.learning_rates or {})]:
            if not any(self._matches(module, name, [pattern]) for name in names):
                raise ValueError(f"No parameter's name fits the pattern {pattern!r}. The names are {names}.")

    def _has_classes(self, classes) -> bool:
        """Whether the source knew these classes, as far as can be told."""
        known = getattr(self.fitted, "classes_", None)
        return known is None or classes is None or (len(known) == len(classes) and bool((known == classes).all()))

    def _weights(self) -> dict[str, Tensor]:
        if isinstance(self.source, dict):
            return self.source
        path = Path(self.source)
        if path.suffix != ".safetensors":
            return torch.load(path, map_location="cpu", weights_only=True)
        try:
            from safetensors.torch import load_file
        except ImportError as error:
            raise ImportError(
                "Reading a .safetensors file needs the extra: pip install 'sknn[safetensors]'."
            ) from error
        return load_file(path)
