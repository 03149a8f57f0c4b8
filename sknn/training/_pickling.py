"""The pickles of estimators that are fitted here."""

from __future__ import annotations

from sknn.plain import PlainPickles
from sknn.training._fit_rows import MeanWeight


class EstimatorPickles(PlainPickles):
    """Plain data in the place of fitted parts."""

    _more_classes = {"MeanWeight": MeanWeight}
