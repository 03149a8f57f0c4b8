"""
A raw table, against boosting and scikit-learn's MLP
====================================================

Does a person earn more than 50,000 dollars a year? The census table has numbers, categories and empty cells. It goes
into `NNClassifier` as it is; the other models need some preparation, or a parameter that says which columns are
categories.
"""

# %%
# The table
# ---------

from time import perf_counter

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import LogLocator
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknn import NNClassifier

table = pd.read_csv("../data/adult_census_10k.csv.gz")  # where this script is run: examples/gallery
X, y = table.drop(columns="income"), table["income"]
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=4000, stratify=y, random_state=0)
X_train.head()

# %%
# The models
# ----------
# All with their defaults.

numbers = make_pipeline(SimpleImputer(), StandardScaler())
encode = make_column_transformer(
    (numbers, make_column_selector(dtype_include="number")),
    (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_exclude="number")),
)
as_categories = make_column_selector(dtype_exclude="number")(X)
models = {
    "sknn": NNClassifier(random_state=0),
    "sknn, fast": NNClassifier(preset="fast", random_state=0),
    "boosting": HistGradientBoostingClassifier(categorical_features=as_categories, random_state=0),
    "scikit-learn's MLP": make_pipeline(encode, MLPClassifier(random_state=0, max_iter=30, early_stopping=True)),
}
rows = {}
for name, model in models.items():
    start = perf_counter()
    model.fit(X_train, y_train)
    seconds = perf_counter() - start
    proba = model.predict_proba(X_test)
    rows[name] = {
        "seconds": seconds,
        "log loss": log_loss(y_test, proba),
        "accuracy": model.score(X_test, y_test),
        "ROC AUC": roc_auc_score(y_test, proba[:, 1]),
    }
results = pd.DataFrame(rows).T
results.round(3)

# %%
# Loss against time
# -----------------
# Lower left is better. The seconds are those of the machine that has built this page.

fig, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for k, (name, row) in enumerate(results.iterrows()):
    ax.scatter(row["seconds"], row["log loss"], s=110, color=f"C{k}", zorder=3)
    below = name == "boosting"
    ax.annotate(
        name,
        (row["seconds"], row["log loss"]),
        xytext=(9, -14 if below else 7),
        textcoords="offset points",
        color=f"C{k}",
    )
ax.set(xscale="log", xlabel="seconds of fit", ylabel="log loss on 6,000 new rows", title="Census income, 4,000 rows")
ax.margins(x=0.25, y=0.15)
ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
ax.xaxis.set_major_formatter("{x:g}")
ax.minorticks_off()
ax.grid(alpha=0.3)
ax.spines[["top", "right"]].set_visible(False)

# %%
# What the fit itself expected
# ----------------------------
# Each member of the ensemble holds out an eighth of the rows, so every training row has a prediction by a network
# that has not seen it.

net = models["sknn"]
print(f"out of fold {net.oof_score_:.3f}, on new rows {net.score(X_test, y_test):.3f}")
