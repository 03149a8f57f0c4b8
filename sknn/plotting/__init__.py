"""Pictures of fitted estimators, with matplotlib (the extra `plot`), which is imported when one is drawn."""

from sknn.plotting._runs import TrainingRun
from sknn.plotting._training_curve import TrainingCurveDisplay

__all__ = ["TrainingCurveDisplay", "TrainingRun"]
