"""
A search, in a pipeline and without splits
==========================================

scikit-learn's searches take the networks as they take any estimator. `NNSearchCV` needs one fit for each candidate in
the place of five: the members of a network hold out a fold each, so a candidate is scored on rows that it has not
seen. It ends in a weighted mean of the candidates.
"""

# %%
# In a pipeline, by scikit-learn
# ------------------------------

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PowerTransformer

from sknn import NNClassifier
from sknn.inspection import SearchDisplay
from sknn.model_selection import NNSearchCV, search_space

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

pipeline = Pipeline(
    [("power", PowerTransformer()), ("net", NNClassifier("mlp", max_epochs=20, monitor="roc_auc", random_state=0))]
)
grid = {"net__hidden_layer_sizes": [(16,), (64, 64)], "net__learning_rate": [0.0003, 0.001, 0.003, 0.01]}
search = RandomizedSearchCV(pipeline, grid, n_iter=5, cv=3, scoring="neg_log_loss", random_state=0)
search.fit(X_train, y_train)

# %%
print(search.best_params_, f"log loss {-search.best_score_:.3f}, on new rows {-search.score(X_test, y_test):.3f}")

# %%
# Out of fold
# -----------
# `search_space` has distributions that suit the network. The first candidate is the estimator as it is given.

net = NNClassifier(preset="fast", random_state=0)
space = search_space(net)
found = NNSearchCV(net, space, n_iter=8, scoring="neg_log_loss", random_state=0).fit(X_train, y_train)
print(f"ensemble: out of fold {-found.oof_score_:.3f}, on new rows {-found.score(X_test, y_test):.3f}")
columns = ["param_learning_rate", "param_dropout", "mean_test_score", "weight", "mean_fit_time"]
pd.DataFrame(found.cv_results_)[columns].astype(object).fillna("as given").head(9)

# %%
# Each line is a candidate, the wider the more it weighs in the ensemble:

display = SearchDisplay.from_estimator(found, kind="parallel")

# %%
# And score against the seconds that were spent:

display = SearchDisplay.from_estimator(found, kind="time")
