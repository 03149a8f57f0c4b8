"""
Groups, and time: which rows validate?
======================================

If rows belong together (visits of one patient, days of one machine), those that are held out must be of other
patients. Else the network learns the patients by heart, early stopping sees no harm in it, and the score of the fit
is a promise that new patients break.
"""

# %%
# Patients with several visits
# ----------------------------

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import TimeSeriesSplit

from sknn import NNClassifier, NNRegressor

rng = np.random.default_rng(0)


def visits(n_patients, per_patient=10):
    """Measurements of each patient are alike; one of them tells whether the patient is ill, more or less."""
    patient = np.repeat(np.arange(n_patients), per_patient)
    typical = rng.normal(size=(n_patients, 8))
    ill = rng.random(n_patients) < 1 / (1 + np.exp(-3 * typical[:, 0]))
    return typical[patient] + 0.15 * rng.normal(size=(len(patient), 8)), ill[patient].astype(int), patient


X, y, patient = visits(200)
X_new, y_new, _ = visits(400)
mixed = NNClassifier(random_state=0).fit(X, y)
apart = NNClassifier(random_state=0).fit(X, y, groups=patient)
rows = {
    name: {"promised (oof_score_)": net.oof_score_, "new patients": net.score(X_new, y_new), "epoch": net.best_epoch_}
    for name, net in {"rows at random": mixed, "groups=patient": apart}.items()
}
pd.DataFrame(rows).T.round(3)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
places = np.arange(2)
for k, column in enumerate(("promised (oof_score_)", "new patients")):
    bars = left.bar(places + 0.36 * k, [row[column] for row in rows.values()], 0.34, label=column)
    left.bar_label(bars, fmt="%.2f")
left.set_xticks(places + 0.18, list(rows))
left.set(ylabel="accuracy", ylim=(0, 1.25), title="A promise, and what came of it")
left.legend(frameon=False, ncols=2)
for name, net in {"rows at random": mixed, "groups=patient": apart}.items():
    right.plot(net.history_["epoch"], net.history_["valid_loss"], label=name)
    right.plot(net.best_epoch_, net.history_["valid_loss"][net.best_epoch_ - 1], "k*", markersize=10)
right.set(xlabel="epoch", ylabel="loss of held-out rows", title="Where training stops")
right.legend(frameon=False)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)

# %%
# Time
# ----
# Later rows validate, by any splitter of scikit-learn: the last fold of `TimeSeriesSplit`, or an explicit split. What
# is learned is the change since today: the series grows, but its changes stay in the range that is known.

days = np.arange(800)
series = 0.01 * days + np.sin(days / 20) + 0.3 * rng.normal(size=800)
lags = np.column_stack([series[k : 760 + k] for k in range(20)])  # (760, 20): the last 20 days
target = series[40:]  # in 20 days
past, last = list(TimeSeriesSplit(4).split(lags[:600]))[-1]
today = lags[:, -1]
net = NNRegressor(n_members=4, validation_split=[(past, last)], random_state=0)
net.fit((lags - today[:, None])[:600], (target - today)[:600])

fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.plot(days[40:], target, color="0.7", label="as it was")
ax.plot(days[40:], today + net.predict(lags - today[:, None]), color="C0", label="said 20 days before")
ax.axvspan(40 + last[0], 40 + last[-1], color="C2", alpha=0.12, label="validation rows")
ax.axvspan(640, 800, color="C1", alpha=0.12, label="new days")
ax.set(xlabel="day", title="Trained on the past, stopped on what came after it")
ax.legend(frameon=False, loc="upper left")
ax.spines[["top", "right"]].set_visible(False)
