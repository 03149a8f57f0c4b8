"""Estimators as plain data and back, with marks in the place of what is the user's own, or scikit-learn's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.base import BaseEstimator
from torch import nn

from sknn._estimator import BaseNN
from sknn.plain import NotPlainError, Reader, Writer
from sknn.saving import _own_parts, _transformers
from sknn.saving._checks import check_estimator
from sknn.saving._kinds import CLASSES, MODELS
from sknn.storage import ArchiveError


class ModelWriter(Writer):
    """Writes estimators, with marks in the place of the user's own parts."""

    def __init__(self) -> None:
        super().__init__(CLASSES, self._stand_in)
        self.own = _own_parts.OwnParts()

    def attributes(self, value: Any, place: str = "") -> dict:
        if isinstance(value, BaseNN):
            self.own.note(value.get_params(deep=False))
        return super().attributes(value, place)

    def _stand_in(self, value: Any, place: str) -> Any:
        if isinstance(value, BaseEstimator) and type(value).__module__.startswith("sklearn."):
            return {"@": _transformers.MARK, "data": _transformers.store(value)}
        stand_in = self.own.stand_in(value)
        if stand_in is None and isinstance(value, nn.Module) and place.endswith("/module_"):
            stored = _own_parts.describe(value)._asdict()
            return {"@": _own_parts.NETWORK_MARK, "state": self.write(stored, place)}
        if stand_in is None:
            raise NotPlainError(value, place)
        return stand_in


class ModelReader(Reader):
    """Reads estimators, with the user's own parts in the place of the marks."""

    def __init__(self, own_parts: Mapping[str, Any]):
        foreign = {
            _own_parts.MARK: lambda plain: _own_parts.put_back(plain, own_parts),
            _own_parts.NETWORK_MARK: lambda plain: _own_parts.StoredNetwork(**self.read(plain["state"])),
            _transformers.MARK: _transformers.restore,
        }
        super().__init__(CLASSES, foreign)
        self._own_parts = own_parts

    def read_model(self, plain: Any) -> Any:
        model = self.read(plain)
        if type(model) not in MODELS:
            raise ArchiveError("It is no estimator.")
        return model

    def _object(self, plain: dict) -> Any:
        value = super()._object(self._without_left_out(plain))
        if isinstance(value, BaseNN):
            stored = vars(value).get("module_")
            if isinstance(stored, _own_parts.StoredNetwork):
                module, params = self._own_parts["module"], dict(value.resolved_params_["module_params"] or {})
                value.module_ = _own_parts.build_own(stored, module, params, value.encoder_, value._target)
            check_estimator(value)
        return value

    def _without_left_out(self, plain: dict) -> dict:
        """None for the parameters that the caller leaves out."""
        left_out = dict.fromkeys(name for name, part in self._own_parts.items() if part is None)
        state = plain["state"]
        if not left_out or not issubclass(CLASSES[plain["class"]], BaseNN):
            return plain
        resolved = {"resolved_params_": state["resolved_params_"] | left_out} if "resolved_params_" in state else {}
        return plain | {"state": state | left_out | resolved}
