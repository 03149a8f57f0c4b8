"""A network as a table, its training as a plot, and the range test of learning rates."""

from sknn.inspection._learning_rate_finder import LearningRateFinder
from sknn.inspection._summary import Summary, SummaryMixin, summarize
from sknn.inspection._training_curve import TrainingCurveDisplay

__all__ = ["LearningRateFinder", "Summary", "SummaryMixin", "TrainingCurveDisplay", "summarize"]
