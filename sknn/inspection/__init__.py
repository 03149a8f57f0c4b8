"""Summary of a network, learning curves, and the learning-rate range test."""

from sknn.inspection._learning_rate_finder import LearningRateFinder
from sknn.inspection._search_display import SearchDisplay
from sknn.inspection._summary import Summary, SummaryMixin, summarize
from sknn.inspection._training_curve import TrainingCurveDisplay

__all__ = ["LearningRateFinder", "SearchDisplay", "Summary", "SummaryMixin", "TrainingCurveDisplay", "summarize"]
