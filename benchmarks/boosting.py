"""Boosting as it is used where scores matter: bags over folds with early stopping, and a search of settings.

Models here take tables as their library wants them, and the names of the categorical columns; `contenders.py` prepares
both.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold


class Bag:
    """The mean of one model a fold, each stopped early on the rows of its fold.

    `fit_one(X, y, X_held, y_held)` gives a fitted model. Held rows of classes that the rows to train on lack are left
    out.
    """

    def __init__(self, fit_one: Callable, is_classifier: bool, n_folds: int, seed: int):
        self.fit_one = fit_one
        self.is_classifier = is_classifier
        self.folds = (StratifiedKFold if is_classifier else KFold)(n_folds, shuffle=True, random_state=seed)

    def fit(self, X: pd.DataFrame, y) -> Bag:
        y = np.asarray(y)
        self.n_classes_ = len(np.unique(y))
        self.models_ = []
        for train, held in self.folds.split(X, y):
            if self.is_classifier:
                held = held[np.isin(y[held], y[train])]
            self.models_.append(self.fit_one(X.iloc[train], y[train], X.iloc[held], y[held]))
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.mean([model.predict(X) for model in self.models_], axis=0)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        total = np.zeros((len(X), self.n_classes_))
        for model in self.models_:
            total[:, np.asarray(model.classes_, dtype=int)] += model.predict_proba(X)
        return total / len(self.models_)


def catboost_member(task: str, seed: int, categories: list[str], **options) -> Callable:
    """One CatBoost on rows, stopped when 50 rounds have not improved its loss on others."""
    import catboost

    cls = catboost.CatBoostRegressor if task == "regression" else catboost.CatBoostClassifier
    options = {"random_seed": seed, "thread_count": 1, "verbose": False, "allow_writing_files": False} | options

    def fit_one(X, y, X_held, y_held):
        model = cls(cat_features=categories, early_stopping_rounds=50, **options)
        return model.fit(X, y, eval_set=(X_held, y_held), use_best_model=True)

    return fit_one


def bagged_catboost(task: str, seed: int, categories: list[str]) -> Bag:
    return Bag(catboost_member(task, seed, categories), task != "regression", 8, seed)


def bagged_lightgbm(task: str, seed: int, categories: list[str]) -> Bag:
    """At most 2,000 rounds, stopped as CatBoost's."""
    import lightgbm

    cls = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier

    def fit_one(X, y, X_held, y_held):
        model = cls(n_estimators=2000, random_state=seed, n_jobs=1, verbosity=-1)
        return model.fit(X, y, eval_set=[(X_held, y_held)], callbacks=[lightgbm.early_stopping(50, verbose=False)])

    return Bag(fit_one, task != "regression", 8, seed)


class TunedCatBoost:
    """Settings of CatBoost found by Optuna's default sampler in so many seconds; the first trial has the defaults.

    A trial is a bag over four folds, judged by the mean loss on the rows held out; the best bag predicts. No trial
    begins after `seconds`, and the one that runs then is finished.
    """

    def __init__(self, task: str, seed: int, categories: list[str], seconds: float):
        self.task = task
        self.seed = seed
        self.categories = categories
        self.seconds = seconds

    def fit(self, X: pd.DataFrame, y) -> TunedCatBoost:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.loss_ = np.inf

        def objective(trial) -> float:
            options = {
                "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
                "depth": trial.suggest_int("depth", 3, 9),
                "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 0.1, 30, log=True),
                "random_strength": trial.suggest_float("random_strength", 0.1, 10, log=True),
                "bagging_temperature": trial.suggest_float("bagging_temperature", 0, 1),
                "one_hot_max_size": trial.suggest_int("one_hot_max_size", 2, 25),
                "iterations": 1000,
            }
            return self._try(X, y, {} if trial.number == 0 else options)

        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=self.seed))
        study.optimize(objective, timeout=self.seconds)
        self.n_trials_ = len(study.trials)
        return self

    def _try(self, X, y, options: dict) -> float:
        member = catboost_member(self.task, self.seed, self.categories, **options)
        bag = Bag(member, self.task != "regression", 4, self.seed).fit(X, y)
        loss = float(np.mean([min(model.best_score_["validation"].values()) for model in bag.models_]))
        if loss < self.loss_:
            self.loss_, self.bag_ = loss, bag
        return loss

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.bag_.predict(X)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.bag_.predict_proba(X)
