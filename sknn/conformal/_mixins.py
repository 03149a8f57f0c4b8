"""`predict_interval` and `predict_set`, from the held-out rows of a fit or from rows that are given."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknn.conformal._quantiles import Fold, SortedScores, check_levels, check_n_scores, needed_weight, upper_bounds


class _Conformal:
    """For an estimator whose target gives conformity scores."""

    _target: Any
    _outputs: Any
    _member_outputs: Any
    _check_y: Any
    __sklearn_is_fitted__: Any

    def _folds(self, X, X_cal, y_cal, method: str) -> tuple[list[Fold], bool]:
        """Outputs for `X` with the scores that go with them, and whether they are those of single folds' members."""
        outputs = self._outputs(X)  # raises where it is not fitted
        target, name = self._target, type(self).__name__
        if (X_cal is None) != (y_cal is None):
            raise ValueError(f"{method} must be given both X_cal and y_cal, or none. Got one of them.")
        if X_cal is not None:
            y, of_rows = self._check_y(y_cal, "y_cal"), self._outputs(X_cal)
            if len(y) != len(of_rows):
                raise ValueError(f"X_cal and y_cal must have as many rows. Got {len(of_rows)} and {len(y)}.")
            return [Fold(outputs, self._checked(target.conformity(of_rows, y, of_members=False), method), None)], False
        stored = getattr(self, "_conformal_folds", None)
        if stored is None:
            raise ValueError(
                f"{method} needs rows that the fit has held out, and this {name} has none. Fit it with "
                "early_stopping=True (the default from 100 rows on), or pass X_cal and y_cal, rows that it was not "
                "trained on."
            )
        members = self._member_outputs(X)
        is_single = len(members) == 1
        return [
            Fold(
                outputs if is_single or fold["members"] is None else target.combine(members[fold["members"]]),
                self._checked(fold["scores"], method),
                fold["weight"],
            )
            for fold in stored
        ], not is_single and stored[0]["members"] is not None

    def _checked(self, scores: np.ndarray | None, method: str) -> np.ndarray:
        if scores is None:
            raise ValueError(f"{method} is for one label a row. Got a fit with several labels a row.")
        return scores


class IntervalMixin(_Conformal):
    """Intervals of real targets."""

    def predict_interval(self, X, confidence_level=0.9, *, X_cal=None, y_cal=None):
        """Predict intervals that hold the target with a given probability.

        Without `X_cal` it is CV+ (Barber et al. 2021) with signed residuals: each row that a member held out in `fit`
        says where the target would be, had the member erred on the new row as it did on that one; the interval lies
        between quantiles of all of these. No model is fitted. If rows are exchangeable, coverage is at least 2 ·
        `confidence_level` − 1, and about `confidence_level` in practice. The theory does not allow for one thing: the
        number of epochs, common to all members, was chosen on all held-out rows. With `X_cal` it is the split conformal
        interval (Papadopoulos et al. 2002): coverage, on the mean over rows, is at least `confidence_level`.

        Where the loss models a distribution the interval follows it: with "quantile" it begins at the lowest and ends
        at the highest of the quantiles (conformalised quantile regression, Romano et al. 2019, and CV+), with
        "gaussian_nll" residuals are divided by the predicted standard deviation, with "poisson" and "gamma" by that
        which the loss implies.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.
        confidence_level : float or list of float, default=0.9
            In (0, 1).
        X_cal : like X, default=None
            Rows that played no part in the fit, in place of those that it held out.
        y_cal : array-like of shape (n_cal,) or (n_cal, n_outputs), default=None
            Their targets.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2) or (n_samples, 2, n_levels)
            Lower and upper ends in the unit of `y`; for several targets (n_samples, n_outputs, 2), or with n_levels as
            the last axis.

        Raises
        ------
        ValueError
            If no rows were held out, or too few for the level.

        References
        ----------
        R. F. Barber, E. J. Candès, A. Ramdas, R. J. Tibshirani, "Predictive inference with the jackknife+", Annals of
        Statistics 49 (2021), section 3 and appendix. Y. Romano, E. Patterson, E. J. Candès, "Conformalized quantile
        regression", NeurIPS 2019. H. Papadopoulos et al., "Inductive confidence machines for regression", ECML 2002.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sknn import NNRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> net = NNRegressor(max_epochs=5, random_state=0).fit(X[:400], y[:400])
        >>> net.predict_interval(X[400:]).shape
        (42, 2)
        >>> net.predict_interval(X[400:], [0.5, 0.9]).shape
        (42, 2, 2)
        """
        levels = check_levels(confidence_level)
        folds, _ = self._folds(X, X_cal, y_cal, "predict_interval")
        for level in levels:
            check_n_scores(sum(len(fold.scores) for fold in folds), level, n_sides=2)
        bounds = [self._target.bounds(fold.outputs) for fold in folds]
        ends = np.stack([self._ends(bounds, folds, level) for level in levels], axis=-1)  # (n, T, 2, n_levels)
        ends = ends[:, 0] if self._target.ndim == 1 else ends
        return ends[..., 0] if np.ndim(confidence_level) == 0 else ends

    def _ends(self, bounds, folds: list[Fold], level: float) -> np.ndarray:
        """Lower and upper ends (n, T, 2)."""
        tail = (1 + level) / 2
        ends = np.empty((*bounds[0][0].shape, 2))
        for t in range(ends.shape[1]):
            for side, sign in enumerate((-1, 1)):
                scores = [SortedScores(sign * fold.scores[:, t, side], fold.weight) for fold in folds]
                locations = [sign * each[side][:, t] for each in bounds]
                ends[:, t, side] = sign * upper_bounds(locations, [each[2][:, t] for each in bounds], scores, tail)
        return np.sort(ends, axis=-1)  # quantiles of the two sides may cross


class SetMixin(_Conformal):
    """Sets of labels."""

    def predict_set(self, X, confidence_level=0.9, *, X_cal=None, y_cal=None):
        """Predict sets of labels that hold the true one with a given probability.

        A label is in the set unless its probability is unusually low among those of the true labels of held-out rows,
        by the members that held these out (cross-conformal prediction, Vovk 2015). If rows are exchangeable, coverage
        is at least 2 · `confidence_level` − 1, and about `confidence_level` in practice. The theory does not allow for
        two things: the number of epochs and the temperature were chosen on all held-out rows. With `X_cal` (least
        ambiguous sets, Sadinle et al. 2019) coverage, on the mean over rows, is at least `confidence_level`. The most
        likely label is in each set.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix, tensor} of shape (n_samples, n_features)
            Rows like those of `fit`.
        confidence_level : float or list of float, default=0.9
            In (0, 1).
        X_cal : like X, default=None
            Rows that played no part in the fit, in place of those that it held out.
        y_cal : array-like of shape (n_cal,), default=None
            Their labels.

        Returns
        -------
        sets : ndarray of bool, of shape (n_samples, n_classes) or (n_samples, n_classes, n_levels)
            Columns in the order of `classes_`.

        Raises
        ------
        ValueError
            If no rows were held out, or too few for the level; for several labels a row.

        References
        ----------
        V. Vovk, "Cross-conformal predictors", Annals of Mathematics and Artificial Intelligence 74 (2015). M. Sadinle,
        J. Lei, L. Wasserman, "Least ambiguous set-valued classifiers with bounded error levels", JASA 114 (2019).

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sknn import NNClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> net = NNClassifier(max_epochs=5, random_state=0).fit(X, y)
        >>> net.predict_set(X[:3]).shape
        (3, 3)
        """
        levels = check_levels(confidence_level)
        folds, of_members = self._folds(X, X_cal, y_cal, "predict_set")
        for level in levels:
            check_n_scores(sum(len(fold.scores) for fold in folds), level, n_sides=1)
        scores = [SortedScores(fold.scores, fold.weight) for fold in folds]
        own = [self._target.nonconformity(fold.outputs, of_members=of_members) for fold in folds]
        above = sum(each.weight_from(values) for each, values in zip(scores, own, strict=True))  # (n, n_classes)
        total = sum(each.cumulated[-1] for each in scores)
        likeliest = np.eye(above.shape[1], dtype=bool)[np.mean(own, axis=0).argmin(1)]
        sets = [(total - above < needed_weight(scores, level)) | likeliest for level in levels]
        return sets[0] if np.ndim(confidence_level) == 0 else np.stack(sets, axis=-1)
