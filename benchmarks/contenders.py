"""The models that `quality.py` compares, with defaults: ours on the raw table, the others on what they need.

A contender is a function of (task, seed, X) that gives an estimator for raw tables; its targets, if
numbers, are scaled inside. Those of other packages are there where these are installed: `pip install '.[bench]'`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd
from boosting import TunedCatBoost, bagged_catboost, bagged_lightgbm
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from sknn import NNClassifier, NNRegressor
from sknn.model_selection import NNSearchCV

CATEGORIES = make_column_selector(dtype_include=["category", "object", "string", "bool"])
NUMBERS = make_column_selector(dtype_include="number")


def dates_to_numbers(X: pd.DataFrame) -> pd.DataFrame:
    dates = X.select_dtypes("datetime").columns
    return X.assign(**{name: X[name].astype("int64").astype(float) for name in dates})


def as_text(X: pd.DataFrame) -> pd.DataFrame:
    return X.astype(object).where(X.notna(), "missing").astype(str)


def as_categories(X: pd.DataFrame) -> pd.DataFrame:
    """Numbers as they are, dates as numbers, the rest as pandas categories with missing cells as a level."""
    X = dates_to_numbers(X)
    names = CATEGORIES(X)
    return X.assign(**{name: as_text(X[[name]])[name].astype("category") for name in names})


def matrix() -> object:
    """Imputation with indicators, scaling and one-hot encoding: what a network without sknn is fed."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    encode = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, sparse_output=False)
    return make_pipeline(
        FunctionTransformer(dates_to_numbers),
        make_column_transformer((make_pipeline(FunctionTransformer(as_text), encode), CATEGORIES), (numbers, NUMBERS)),
        FunctionTransformer(partial(np.asarray, dtype=np.float32)),
    )


def scaled(regressor):
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


def linear(task: str, seed: int, X: pd.DataFrame):
    return make_pipeline(matrix(), Ridge() if task == "regression" else LogisticRegression(max_iter=1_000))


def sklearn_mlp(task: str, seed: int, X: pd.DataFrame):
    if task == "regression":
        return scaled(make_pipeline(matrix(), MLPRegressor(early_stopping=True, random_state=seed)))
    return make_pipeline(matrix(), MLPClassifier(early_stopping=True, random_state=seed))


class SkorchNet(BaseEstimator):
    """Two layers of 128, ReLU, Adam, early stopping on a fifth of the rows."""

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, X, y):
        import torch
        from skorch import NeuralNetClassifier, NeuralNetRegressor
        from skorch.callbacks import EarlyStopping
        from skorch.dataset import ValidSplit
        from torch import nn

        torch.manual_seed(self.seed)
        is_classifier = isinstance(self, ClassifierMixin)
        if is_classifier:
            self.classes_, y = np.unique(y, return_inverse=True)
            y, n_outputs, cls, loss = y.astype(np.int64), len(self.classes_), NeuralNetClassifier, nn.CrossEntropyLoss
        else:
            y, n_outputs, cls, loss = np.float32(y).reshape(-1, 1), 1, NeuralNetRegressor, nn.MSELoss
        module = nn.Sequential(
            nn.Linear(X.shape[1], 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, n_outputs)
        )
        self.net_ = cls(
            module,
            criterion=loss,
            optimizer=torch.optim.Adam,
            lr=1e-3,
            batch_size=128,
            max_epochs=100,
            iterator_train__shuffle=True,
            train_split=ValidSplit(0.2, stratified=is_classifier, random_state=self.seed),
            callbacks=[EarlyStopping(patience=10, load_best=True)],
            verbose=0,
        ).fit(X, y)
        return self

    def outputs(self, X):
        import torch

        return torch.from_numpy(self.net_.forward(X).numpy())


class SkorchClassifier(ClassifierMixin, SkorchNet):
    def predict_proba(self, X):
        return self.outputs(X).softmax(1).numpy()


class SkorchRegressor(RegressorMixin, SkorchNet):
    def predict(self, X):
        return self.outputs(X).numpy().ravel()


def skorch(task: str, seed: int, X: pd.DataFrame):
    if task == "regression":
        return scaled(make_pipeline(matrix(), SkorchRegressor(seed)))
    return make_pipeline(matrix(), SkorchClassifier(seed))


def hist_gradient_boosting(task: str, seed: int, X: pd.DataFrame):
    """Categories as categories, the rarest of more than 254 levels together: it takes no more."""
    categories = CATEGORIES(X)
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=254)
    prepare = make_column_transformer(
        (make_pipeline(FunctionTransformer(as_text, feature_names_out="one-to-one"), encode), categories),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    cls = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    boosting = cls(categorical_features=categories or None, random_state=seed)
    return make_pipeline(FunctionTransformer(dates_to_numbers), prepare.set_output(transform="pandas"), boosting)


class OnCategories(BaseEstimator):
    """A boosting library on pandas categories, the same levels in `predict` as in `fit`; labels as codes."""

    def __init__(self, make: Callable, as_strings=False):
        self.make = make
        self.as_strings = as_strings

    def fit(self, X, y):
        X = as_categories(X)
        self.levels_ = {name: X[name].cat.categories for name in X.select_dtypes("category")}
        if isinstance(self, ClassifierMixin):
            self.classes_, y = np.unique(y, return_inverse=True)
        self.model_ = self.make(list(self.levels_)).fit(self._prepared(X), y)
        return self

    def _prepared(self, X):
        if self.as_strings:
            return X.astype(dict.fromkeys(self.levels_, str))
        return X.assign(**{name: X[name].cat.set_categories(levels) for name, levels in self.levels_.items()})


class CategoryClassifier(ClassifierMixin, OnCategories):
    def predict_proba(self, X):
        return np.asarray(self.model_.predict_proba(self._prepared(as_categories(X))))


class CategoryRegressor(RegressorMixin, OnCategories):
    def predict(self, X):
        return np.asarray(self.model_.predict(self._prepared(as_categories(X))))


def on_categories(task: str, make: Callable, **options):
    return (CategoryRegressor if task == "regression" else CategoryClassifier)(make, **options)


def lightgbm(task: str, seed: int, X: pd.DataFrame):
    import lightgbm as package

    cls = package.LGBMRegressor if task == "regression" else package.LGBMClassifier
    return on_categories(task, lambda categories: cls(random_state=seed, n_jobs=1, verbosity=-1))


def xgboost(task: str, seed: int, X: pd.DataFrame):
    import xgboost as package

    cls = package.XGBRegressor if task == "regression" else package.XGBClassifier
    return on_categories(task, lambda categories: cls(random_state=seed, n_jobs=1, enable_categorical=True))


def catboost(task: str, seed: int, X: pd.DataFrame):
    import catboost as package

    cls = package.CatBoostRegressor if task == "regression" else package.CatBoostClassifier
    options = {"random_seed": seed, "thread_count": 1, "verbose": False, "allow_writing_files": False}
    return on_categories(task, lambda categories: cls(cat_features=categories, **options), as_strings=True)


def text_columns(X: pd.DataFrame) -> list[str]:
    """Columns of which most cells differ, and most have at least two words."""
    names = [name for name in CATEGORIES(X) if X[name].nunique() > len(X) / 2]
    return [name for name in names if as_text(X[[name]])[name].str.split().str.len().median() >= 2]


def catboost_with_text(task: str, seed: int, X: pd.DataFrame):
    """CatBoost that is told which columns are text, for which it counts words and pairs of words."""
    import catboost as package

    texts = text_columns(X)
    cls = package.CatBoostRegressor if task == "regression" else package.CatBoostClassifier
    options = {"random_seed": seed, "thread_count": 1, "verbose": False, "allow_writing_files": False}

    def make(categories):
        rest = [name for name in categories if name not in texts]
        return cls(cat_features=rest, text_features=texts or None, **options)

    return on_categories(task, make, as_strings=True)


def bagged(make: Callable, as_strings: bool, task: str, seed: int, X: pd.DataFrame):
    return on_categories(task, partial(make, task, seed), as_strings=as_strings)


def tuned_catboost(seconds: float, task: str, seed: int, X: pd.DataFrame):
    return on_categories(task, lambda names: TunedCatBoost(task, seed, names, seconds), as_strings=True)


class RealMLP(BaseEstimator):
    """RealMLP-TD of pytabkit on imputed numbers and pandas categories, its validation metric that of the benchmark."""

    def __init__(self, task, seed):
        self.task = task
        self.seed = seed

    def fit(self, X, y):
        from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

        X = as_categories(X)
        numbers = X.columns[~X.dtypes.eq("category")]
        self.impute_ = SimpleImputer(strategy="median", add_indicator=True).set_output(transform="pandas")
        self.numbers_ = numbers
        if len(numbers):
            self.impute_.fit(X[numbers])
        metric = {"binary": "1-auc_ovr", "multiclass": "cross_entropy", "regression": "rmse"}[self.task]
        cls = RealMLP_TD_Regressor if self.task == "regression" else RealMLP_TD_Classifier
        options = {} if self.task == "regression" else {"use_ls": False}
        self.model_ = cls(random_state=self.seed, n_threads=1, device="cpu", val_metric_name=metric, **options)
        self.model_.fit(self._prepared(X), np.asarray(y))
        if self.task != "regression":
            self.classes_ = np.unique(y)
        return self

    def _prepared(self, X):
        rest = X.drop(columns=self.numbers_)
        if not len(self.numbers_):
            return rest
        return pd.concat([self.impute_.transform(X[self.numbers_]).astype(float), rest], axis=1)

    def predict_proba(self, X):
        return self.model_.predict_proba(self._prepared(as_categories(X)))

    def predict(self, X):
        return np.asarray(self.model_.predict(self._prepared(as_categories(X)))).ravel()


def realmlp(task: str, seed: int, X: pd.DataFrame):
    return RealMLP(task, seed)


def ours(preset: str, task: str, seed: int, X: pd.DataFrame):
    return (NNRegressor if task == "regression" else NNClassifier)(preset=preset, random_state=seed)


class SearchWithin(BaseEstimator):
    """`NNSearchCV` with its own candidates, in so many times the seconds of a default fit; `fit` takes one fit more."""

    def __init__(self, net, times=10):
        self.net = net
        self.times = times

    def fit(self, X, y):
        begun = time.perf_counter()
        clone(self.net).fit(X, y)
        seconds = time.perf_counter() - begun
        self.search_ = NNSearchCV(self.net, n_iter=None, max_time=self.times * seconds, random_state=0).fit(X, y)
        return self

    def predict(self, X):
        return self.search_.predict(X)

    def predict_proba(self, X):
        return self.search_.predict_proba(X)


def search(task: str, seed: int, X: pd.DataFrame):
    return SearchWithin(ours("default", task, seed, X))


OURS: dict[str, Callable] = {
    "sknn": partial(ours, "default"),
    "sknn fast": partial(ours, "fast"),
    "sknn thorough": partial(ours, "thorough"),
    "sknn search": search,
}
PEERS: dict[str, tuple[Callable, str]] = {  # with the package that each needs
    "linear": (linear, "sklearn"),
    "skmlp": (sklearn_mlp, "sklearn"),
    "skorch": (skorch, "skorch"),
    "hgb": (hist_gradient_boosting, "sklearn"),
    "lightgbm": (lightgbm, "lightgbm"),
    "xgboost": (xgboost, "xgboost"),
    "catboost": (catboost, "catboost"),
    "catboost text": (catboost_with_text, "catboost"),
    "lightgbm bagged": (partial(bagged, bagged_lightgbm, False), "lightgbm"),
    "catboost bagged": (partial(bagged, bagged_catboost, True), "catboost"),
    "realmlp": (realmlp, "pytabkit"),
}


def available(tuning_seconds: float = 300) -> dict[str, Callable]:
    """All that can be run here; the tuned one searches for `tuning_seconds`."""
    peers = {name: make for name, (make, package) in PEERS.items() if find_spec(package) is not None}
    if find_spec("catboost") and find_spec("optuna"):
        peers["catboost tuned"] = partial(tuned_catboost, tuning_seconds)
    return OURS | peers
