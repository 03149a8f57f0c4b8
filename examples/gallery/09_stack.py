"""
A stack of a network and boosting
=================================

Networks and trees err on different rows, so a mean of both is often better than either. Its weights must come from
predictions of rows that a model has not seen. The network brings these along (`oof_prediction_`); trees need a
cross-validation.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict, train_test_split

from sknn import NNClassifier

table = pd.read_csv("../data/adult_census_10k.csv.gz")  # where this script is run: examples/gallery
X, y = table.drop(columns="income"), (table["income"] == ">50K").astype(int)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=2500, stratify=y, random_state=0)

# %%
# Two models
# ----------

net = NNClassifier(random_state=0).fit(X_train, y_train)
categories = X.columns[X.dtypes == X["workclass"].dtype]
trees = HistGradientBoostingClassifier(
    categorical_features=list(categories), learning_rate=0.05, max_iter=100, random_state=0
)
out_of_fold = {
    "network": net.oof_prediction_[:, 1],
    "boosting": cross_val_predict(trees, X_train, y_train, cv=5, method="predict_proba")[:, 1],
}
on_test = {
    "network": net.predict_proba(X_test)[:, 1],
    "boosting": trees.fit(X_train, y_train).predict_proba(X_test)[:, 1],
}

# %%
# Their mean
# ----------
# On the right, red rows are those that earn more than 50,000 dollars: far from the diagonal one of the two models is
# wrong.

shares = np.linspace(0, 1, 41)


def losses(target, predicted):
    return [log_loss(target, s * predicted["network"] + (1 - s) * predicted["boosting"]) for s in shares]


expected, actual = losses(y_train, out_of_fold), losses(y_test, on_test)
best = int(np.argmin(expected))
print(f"share of the network, chosen out of fold: {shares[best]:.2f}")
pd.Series(
    {"network": actual[-1], "boosting": actual[0], "stack": actual[best]}, name="log loss on new rows"
).to_frame().round(4)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained")
left.plot(shares, expected, label="out of fold")
left.plot(shares, actual, label="new rows")
left.plot(shares[best], actual[best], "k*", markersize=12, label="chosen")
left.set(xlabel="share of the network (0: boosting alone)", ylabel="log loss", title="The mean is better than both")
left.legend(frameon=False)
points = right.scatter(on_test["boosting"], on_test["network"], c=y_test, cmap="coolwarm", s=6, alpha=0.5, linewidth=0)
right.plot([0, 1], [0, 1], color="k", linewidth=0.8)
right.set(xlabel="boosting", ylabel="network", title="Probabilities of new rows")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
