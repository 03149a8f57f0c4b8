"""Pickles of estimators whose networks, tensors and frames are plain data.

So they load under other versions of torch and pandas, and skops stores them with no types but the estimator's own. What
is the user's own is pickled as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn

from sknn.plain._classes import CLASSES
from sknn.plain._read import Reader
from sknn.plain._write import Writer

_VERSION = "_plain_version"


class PlainPickles:
    """For an estimator, whose attributes are written as plain data when it is pickled, and not when it is copied."""

    _more_classes: ClassVar[Mapping[str, type]] = {}  # of attributes, besides `CLASSES`

    def __copy__(self):
        """Shares everything, the network too."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo):
        copied = memo[id(self)] = object.__new__(type(self))
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return copied

    def __getstate__(self) -> dict[str, Any]:
        writer = Writer({**CLASSES, **self._more_classes}, _as_it_is)
        return writer.attributes(self) | {_VERSION: 1}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if _VERSION in state:
            reader = Reader({**CLASSES, **self._more_classes})
            state = {name: reader.read(part) for name, part in state.items() if name != _VERSION}
        vars(self).update(state)


def _as_it_is(value: Any, place: str) -> Any:
    """Weights of one's own modules from the CPU, so that a network trained on a GPU loads where there is none."""
    return on_cpu(value) if isinstance(value, nn.Module) else value


def on_cpu(module: nn.Module) -> nn.Module:
    """A network on the CPU; itself if it is there."""
    is_there = all(value.device.type == "cpu" for value in module.state_dict().values())
    return module if is_there else copy.deepcopy(module).to("cpu")
