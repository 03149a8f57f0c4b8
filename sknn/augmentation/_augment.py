"""The augmentations of a list, applied to a batch one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from sknn.augmentation._base import Augmentation
from sknn.augmentation._images import AffineAugmentation, AffineChain
from sknn.augmentation._mix import Mixing, Mixture


class Augment:
    """Apply augmentations to batches.

    Consecutive affine steps are merged into one. Mixing is applied last, whatever its position in the list, since the
    other steps change single rows.

    Parameters
    ----------
    steps : list of Augmentation or callable, or a single one
        A class stands for an instance with its defaults. A callable takes numbers (N, ...) of the batch's rows and
        returns a tensor of the same shape; like user-defined augmentations, it may work in place, and draw from the
        global generators of torch, numpy and Python.
    seed : int
        For the numbers that are drawn on the host, a few per batch: λ and boxes of mixing.

    Attributes
    ----------
    rng : numpy.random.Generator
        Draws those numbers; its state is the only state.

    Raises
    ------
    ValueError
        If a step is not an augmentation, has an invalid parameter, or if several steps mix rows.

    Examples
    --------
    >>> import torch
    >>> from sknn.augmentation import Augment, HorizontalFlip
    >>> augment = Augment([HorizontalFlip(p=1), torch.neg], seed=0)
    >>> inputs, mixture = augment({"x_num": torch.tensor([[[1.0, 2.0]]])})
    >>> inputs["x_num"]
    tensor([[[-2., -1.]]])
    """

    def __init__(self, steps: Sequence | Augmentation | Callable, seed: int):
        steps = steps if isinstance(steps, list | tuple) else [steps]
        ready = [_as_step(step, position) for position, step in enumerate(steps)]
        mixing = [step for step in ready if isinstance(step, Mixing)]
        if len(mixing) > 1:
            raise ValueError(
                f"The augmentations must mix rows at most once, since a target is mixed of two. Got {mixing}: keep one."
            )
        self.rng = np.random.default_rng(seed)
        self._copies = not all(_is_built_in(step) for step in ready)
        self._mixing = mixing[0] if mixing else None
        self._steps = list(_merged([step for step in ready if not isinstance(step, Mixing)]))

    @torch.no_grad()
    def __call__(
        self, inputs: dict[str, Tensor], generator: torch.Generator | None = None, batch_axis: int = 0
    ) -> tuple[dict[str, Tensor], Mixture | None]:
        """New inputs, and what they are mixed from or None.

        Parameters
        ----------
        inputs : dict
            "x_num" (B, ...), and "x_cat" (B, C) if there are categories; (K, B, ...) and (K, B, C) for an ensemble. Not
            changed; what no step changes is handed on as it is.
        generator : torch.Generator or None
            On the device of the inputs; None for torch's default one.
        batch_axis : {0, 1}
            Axis of the rows: 1 for an ensemble, whose members' rows are never mixed with each other's.
        """
        outputs = dict(inputs)
        if self._copies:  # a step of one's own may work in place, and rows may be the training data itself
            inputs = outputs = {name: value.clone() for name, value in inputs.items()}
        if self._steps:
            outputs["x_num"] = self._changed(inputs["x_num"], generator, batch_axis)
            if "x_cat" in inputs:
                outputs["x_cat"] = self._changed(inputs["x_cat"], generator, batch_axis, codes=True)
        if self._mixing is None:
            return outputs, None
        return self._mixing.mix(outputs, generator, self.rng, batch_axis)

    def _changed(
        self, value: Tensor, generator: torch.Generator | None, batch_axis: int, codes: bool = False
    ) -> Tensor:
        rows = value.flatten(0, batch_axis)  # (K·B, ...): each row is changed on its own
        for step in self._steps:
            rows = step.change_codes(rows, generator) if codes else step(rows, generator)
        return rows.reshape(value.shape)


class _Callable(Augmentation):
    """A user's function as a step."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        self.function = function

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        result = self.function(x)
        if not isinstance(result, Tensor) or result.shape != x.shape:
            got = f"one of shape {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
            name = getattr(self.function, "__name__", type(self.function).__name__)
            raise ValueError(
                f"The augmentation {name} must return a tensor of the shape that it is given, {tuple(x.shape)}. "
                f"Got {got} instead."
            )
        return result.to(x)


def _is_built_in(step: Augmentation) -> bool:
    return type(step).__module__.startswith("sknn.") and not isinstance(step, _Callable)


def _as_step(step, position: int) -> Augmentation:
    if isinstance(step, type) and issubclass(step, Augmentation):
        step = step()
    if isinstance(step, Augmentation):
        step.check()
        return step
    if not callable(step) or isinstance(step, type):
        hint = f"; call it: {step.__name__}()" if isinstance(step, type) else ""
        raise ValueError(
            "An augmentation must be one of those in sknn.augmentation, such as Rotate(15), or a function from a "
            f"tensor of rows to one of the same shape. Got {step!r} at position {position}{hint}."
        )
    return _Callable(step)


def _merged(steps: Sequence[Augmentation]) -> Iterator[Augmentation]:
    for is_affine, group in groupby(steps, lambda step: isinstance(step, AffineAugmentation)):
        run = list(group)
        if is_affine and len(run) > 1:
            yield AffineChain([step for step in run if isinstance(step, AffineAugmentation)])
        else:
            yield from run
