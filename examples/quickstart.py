"""From a raw DataFrame to a tuned network: fit, cross-validate, search, compare, look at the learning curve.

    python examples/quickstart.py [--output learning_curve.png]

The table is a sample of the Adult census data: does a person earn more than 50,000 dollars a year?
It has numbers, categories and missing cells, and is handed over as it is.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sknn import NNClassifier

mpl.use("Agg")
import matplotlib.pyplot as plt

DATA = Path(__file__).parent / "data" / "adult_census_10k.csv.gz"


def load() -> tuple[pd.DataFrame, pd.Series]:
    frame = pd.read_csv(DATA)
    return frame.drop(columns="income"), frame["income"]


def add_capital(X: pd.DataFrame) -> pd.DataFrame:
    """A step of one's own before the network: gains and losses in one column."""
    return X.assign(capital=X["capital-gain"] - X["capital-loss"])


def make_sklearn_mlp():
    """What scikit-learn's network needs before it can be fitted to this table."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", min_frequency=10)
    )
    prepare = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(prepare, MLPClassifier(early_stopping=True, random_state=0))


def make_boosting():
    as_categories = FunctionTransformer(
        lambda X: X.astype(dict.fromkeys(X.select_dtypes(exclude="number"), "category"))
    )
    return make_pipeline(as_categories, HistGradientBoostingClassifier(random_state=0))


def compare(X_train, X_test, y_train, y_test, tuned: NNClassifier) -> pd.DataFrame:
    """Test scores and seconds of a fit."""
    models = {
        "NNClassifier()": NNClassifier(random_state=0),
        "NNClassifier, searched": tuned,
        "scikit-learn MLP in a pipeline": make_sklearn_mlp(),
        "HistGradientBoosting": make_boosting(),
    }
    rows = {}
    for name, model in models.items():
        start = time.perf_counter()
        model.fit(X_train, y_train)
        seconds = time.perf_counter() - start
        proba = model.predict_proba(X_test)
        rows[name] = {
            "accuracy": model.score(X_test, y_test),
            "ROC AUC": roc_auc_score(y_test, proba[:, 1]),
            "log loss": log_loss(y_test, proba),
            "fit (s)": seconds,
        }
    return pd.DataFrame(rows).T.round(3)


def save_learning_curve(net: NNClassifier, path: Path) -> None:
    history = net.history_
    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    axes.plot(history["epoch"], history["train_loss"], label="training rows")
    axes.plot(history["epoch"], history["valid_loss"], label="held-out rows")
    axes.axvline(net.best_epoch_, color="grey", linestyle=":", label=f"best epoch: {net.best_epoch_}")
    axes.set(xlabel="epoch", ylabel="cross-entropy", title="NNClassifier on 7,500 rows of the Adult census data")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("learning_curve.png"))
    output = parser.parse_args().output

    X, y = load()
    print(f"{len(X):,} rows, {X.shape[1]} columns, {int(X.isna().sum().sum()):,} missing values\n")
    print(X.head(3).T.to_string(), "\n")
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

    net = NNClassifier(random_state=0, verbose=1).fit(X_train, y_train)
    print(f"raw DataFrame: test accuracy {net.score(X_test, y_test):.3f} after {net.n_iter_} epochs;")
    print(f"what the fit itself expected, from its held-out rows: {net.oof_score_:.3f}\n")

    pipeline = make_pipeline(FunctionTransformer(add_capital), NNClassifier(preset="fast", random_state=0))
    scores = cross_validate(pipeline, X_train, y_train, cv=3, scoring="roc_auc")["test_score"]
    print(f"in a Pipeline, 3-fold cross-validation: ROC AUC {scores.mean():.3f} ± {scores.std():.3f}\n")

    grid = {"dropout": [0.1, 0.3], "learning_rate": [0.002, 0.004], "module__n_bins": [16]}
    search = GridSearchCV(
        NNClassifier(preset="fast", random_state=0), grid, cv=3, scoring="roc_auc", n_jobs=2, refit=False
    )
    search.fit(X_train, y_train)
    print(f"grid search: {search.best_params_}, ROC AUC {search.best_score_:.3f}\n")

    tuned = NNClassifier(random_state=0).set_params(**search.best_params_)
    print(compare(X_train, X_test, y_train, y_test, tuned).to_string(), "\n")

    save_learning_curve(net, output)
    print(f"learning curve: {output}")


if __name__ == "__main__":
    main()
