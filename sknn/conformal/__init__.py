"""Intervals and sets with a coverage that is promised, from the errors on rows that a network has not trained on."""

from sknn.conformal._mixins import IntervalMixin, SetMixin

__all__ = ["IntervalMixin", "SetMixin"]
