"""A fit is all or nothing.

What a fit changes in place, such as the weights that a warm start begins with, is for the fit itself to copy first.
"""

from __future__ import annotations

import functools

from sknn.utils._interrupt import noticing_interrupts


def all_or_nothing(fit):
    """Decorate a fit so that, if it fails, the estimator is left as it was: with its earlier fit whole, or with none.

    Ctrl-C after an epoch is no failure: the estimator tells by a new `history_`, which it sets last, that it holds what
    was trained up to there, and keeps it.
    """

    @functools.wraps(fit)
    def fit_or_roll_back(self, *args, **kwargs):
        before = self.__dict__.copy()
        try:
            with noticing_interrupts():
                return fit(self, *args, **kwargs)
        except BaseException as error:
            if not (isinstance(error, KeyboardInterrupt) and _has_trained(self, before)):
                self.__dict__.clear()
                self.__dict__.update(before)
            raise

    return fit_or_roll_back


def _has_trained(estimator, before: dict) -> bool:
    history = estimator.__dict__.get("history_")
    return history is not None and history is not before.get("history_")
