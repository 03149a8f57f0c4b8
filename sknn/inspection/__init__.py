"""What a fitted network is, how it was trained, what went wrong, and what its predictions depend on."""

from sknn.callbacks import TrainingWarning
from sknn.inspection._diagnose import diagnose
from sknn.inspection._findings import Finding
from sknn.inspection._learning_rate_finder import LearningRateFinder
from sknn.inspection._partial_dependence import member_partial_dependence
from sknn.inspection._partial_dependence_display import MemberPartialDependenceDisplay
from sknn.inspection._permutation_importance import oof_permutation_importance
from sknn.inspection._permutation_importance_display import PermutationImportanceDisplay
from sknn.inspection._search_display import SearchDisplay
from sknn.inspection._summary import Summary, SummaryMixin, summarize
from sknn.inspection._training_curve import TrainingCurveDisplay

__all__ = [
    "Finding",
    "LearningRateFinder",
    "MemberPartialDependenceDisplay",
    "PermutationImportanceDisplay",
    "SearchDisplay",
    "Summary",
    "SummaryMixin",
    "TrainingCurveDisplay",
    "TrainingWarning",
    "diagnose",
    "member_partial_dependence",
    "oof_permutation_importance",
    "summarize",
]
