"""
More rows than memory holds: learning from a stream
===================================================

`partial_fit` takes the next rows, any number of them, and forgets them afterwards. New levels of a category may
appear, and what the stream is like may change: the network goes along.
"""

# %%
# A stream that changes
# ---------------------
# Every chunk is predicted first, and learned afterwards, so that each prediction is honest. After chunk 60 the
# meaning of two columns is swapped.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler

from sknn import NNClassifier

rng = np.random.default_rng(0)


def chunks(n_chunks=120, n_rows=100):
    for k in range(n_chunks):
        a, b = rng.normal(size=(2, n_rows))
        city = rng.choice(["Riga", "Lima"] if k < 30 else ["Riga", "Lima", "Oslo"], n_rows)
        first, second = (a, b) if k < 60 else (b, a)
        score = np.sin(2 * first) + 0.5 * second**2 + 0.8 * (city == "Oslo") - 0.5
        y = (score + 0.3 * rng.normal(size=n_rows) > 0).astype(int)
        yield pd.DataFrame({"a": 100 * a, "b": b, "city": city}), y


net, linear, scaler = NNClassifier(random_state=0), SGDClassifier(loss="log_loss", random_state=0), StandardScaler()
scores = {"sknn": [], "linear": []}
for k, (X, y) in enumerate(chunks()):
    numbers = scaler.partial_fit(X[["a", "b"]]).transform(X[["a", "b"]])
    if k:
        scores["sknn"].append(net.score(X, y))
        scores["linear"].append(linear.score(numbers, y))
    net.partial_fit(X, y, classes=[0, 1])
    linear.partial_fit(numbers, y, classes=[0, 1])

# %%
# Accuracy on rows that come next
# -------------------------------

fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for name, values in scores.items():
    ax.plot(np.arange(1, 120), values, ".", alpha=0.25, color={"sknn": "C0", "linear": "C1"}[name])
    mean = pd.Series(values).rolling(8, min_periods=1).mean()
    ax.plot(np.arange(1, 120), mean, color={"sknn": "C0", "linear": "C1"}[name], label=name)
for k, text in ((30, "a new city"), (60, "columns swap")):
    ax.axvline(k, color="grey", linestyle=":")
    ax.annotate(text, (k, 0.42), xytext=(4, 0), textcoords="offset points", color="0.3")
ax.set(xlabel="chunk of 100 rows", ylabel="accuracy", title="Predicted first, learned afterwards", ylim=(0.4, 1))
ax.legend(frameon=False, loc="lower right")
ax.spines[["top", "right"]].set_visible(False)

# %%
# The same network would read a file that does not fit into memory: `for chunk in pd.read_csv(path, chunksize=10_000):
# net.partial_fit(...)`.
