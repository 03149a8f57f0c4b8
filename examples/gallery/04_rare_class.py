"""
A rare class: weights, thresholds and costs
===========================================

One row in twelve is of the class that matters, and to miss one costs ten times as much as a false alarm. Three ways
to deal with it: weigh the class in training, or train as usual and move the threshold of the decision, by rule or by
out-of-fold predictions.
"""

# %%
# The data
# --------
# Census rows, of which most that earn more than 50,000 dollars were taken away.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

from sknn import NNClassifier

table = pd.read_csv("../data/adult_census_10k.csv.gz")  # where this script is run: examples/gallery
is_rich = table["income"] == ">50K"
rare = pd.concat([table[~is_rich], table[is_rich].sample(700, random_state=0)]).sample(frac=1, random_state=0)
X, y = rare.drop(columns="income"), (rare["income"] == ">50K").to_numpy()
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=4500, stratify=y, random_state=0)
print(f"{y_train.mean():.1%} of {len(y_train):,} training rows")

MISS, ALARM = 10, 1


def cost(y_true, decision):
    """Mean cost of a row."""
    return (MISS * (y_true & ~decision) + ALARM * (~y_true & decision)).mean()


# %%
# As usual, and with weights
# --------------------------

usual = NNClassifier(preset="fast", random_state=0).fit(X_train, y_train)
weighted = NNClassifier(preset="fast", class_weight="balanced", random_state=0).fit(X_train, y_train)

# %%
# The threshold
# -------------
# With probabilities that are right the best threshold follows from the costs: say yes above 1 / (1 + 10). Whether
# they are right shows on the training rows themselves, since `oof_prediction_` has a prediction for each row by
# networks that did not train on it.

thresholds = np.linspace(0.01, 0.9, 90)
out_of_fold = usual.oof_prediction_[:, 1]
expected = [cost(y_train, out_of_fold > t) for t in thresholds]
proba = usual.predict_proba(X_test)[:, 1]
on_new_rows = [cost(y_test, proba > t) for t in thresholds]
chosen, by_rule = thresholds[np.argmin(expected)], ALARM / (ALARM + MISS)

decisions = {
    "usual, threshold 0.5": proba > 0.5,
    "class_weight='balanced'": weighted.predict(X_test),
    f"usual, by rule: {by_rule:.2f}": proba > by_rule,
    f"usual, out of fold: {chosen:.2f}": proba > chosen,
}
rows = {}
for name, decision in decisions.items():
    (_, alarms), (misses, hits) = confusion_matrix(y_test, decision)
    rows[name] = {"cost of a row": cost(y_test, decision), "hits": hits, "misses": misses, "false alarms": alarms}
pd.DataFrame(rows).T.round(3)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(thresholds, expected, label="out of fold")
left.plot(thresholds, on_new_rows, label="new rows")
left.axvline(by_rule, color="grey", linestyle=":", label="1 / (1 + 10)")
left.set(xlabel="threshold", ylabel="cost of a row", title="What a threshold costs")
left.legend(frameon=False)

edges = np.quantile(proba, np.linspace(0, 1, 11))
bins = np.clip(np.searchsorted(edges, proba) - 1, 0, 9)
balanced = weighted.predict_proba(X_test)[:, 1]
for name, p in {"usual": proba, "class_weight='balanced'": balanced}.items():
    edges = np.quantile(p, np.linspace(0, 1, 11))
    part = np.clip(np.searchsorted(edges, p) - 1, 0, 9)
    right.plot(
        *zip(*[(p[part == k].mean(), y_test[part == k].mean()) for k in range(10)], strict=True), "o-", label=name
    )
right.plot([0, 1], [0, 1], color="grey", linestyle=":")
right.set(xlabel="predicted probability", ylabel="share of the rare class", title="Are probabilities right?")
right.legend(frameon=False)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)

# %%
# Weights shift the decision, but the probabilities no longer mean what they say. Usual training keeps them, and the
# threshold can move with the costs, without another fit.
