"""
Quantiles: how uncertain is a prediction?
=========================================

With `loss="quantile"` one network predicts several quantiles, which never cross. Between the 0.05 and the 0.95
quantile should lie nine new targets of ten: look whether they do.
"""

# %%
# A curve with noise that grows
# -----------------------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from sknn import NNRegressor

rng = np.random.default_rng(0)
x = rng.uniform(0, 10, (1200, 1))
y = np.sin(x[:, 0]) * x[:, 0] + rng.normal(size=len(x)) * (0.2 + 0.3 * x[:, 0])

levels = [0.05, 0.25, 0.5, 0.75, 0.95]
band = NNRegressor(loss="quantile", loss_params={"quantiles": levels}, random_state=0).fit(x, y)
grid = np.linspace(0, 10, 300)[:, None]
quantiles = band.predict_quantiles(grid)  # (300, 5)

fig, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
ax.scatter(x, y, s=5, color="0.6", linewidth=0)
ax.fill_between(grid[:, 0], quantiles[:, 0], quantiles[:, -1], alpha=0.2, color="C0", label="5 to 95 %", linewidth=0)
ax.fill_between(grid[:, 0], quantiles[:, 1], quantiles[:, -2], alpha=0.35, color="C0", label="25 to 75 %", linewidth=0)
ax.plot(grid, quantiles[:, 2], color="C0", label="median")
ax.plot(grid, np.sin(grid) * grid, color="k", linestyle=":", label="the curve behind it")
ax.set(xlabel="x", ylabel="y", title="Five quantiles of one network")
ax.legend(frameon=False, loc="lower left")
ax.spines[["top", "right"]].set_visible(False)

# %%
# Coverage on real rows
# ---------------------
# The progression of diabetes, from ten measurements of a patient. `loss="gaussian_nll"` gives a mean and a standard
# deviation, which is an interval for normal noise.

X, target = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, target, test_size=0.4, random_state=0)
by_quantile = NNRegressor(loss="quantile", loss_params={"quantiles": levels}, random_state=0).fit(X_train, y_train)
by_normal = NNRegressor(loss="gaussian_nll", random_state=0).fit(X_train, y_train)

low, _, middle, _, high = by_quantile.predict_quantiles(X_test).T
mean, std = by_normal.predict(X_test), by_normal.predict_std(X_test)
inside = ((y_test >= low) & (y_test <= high)).mean(), (abs(y_test - mean) <= 1.645 * std).mean()
print(f"new targets inside the 90 % interval: quantile {inside[0]:.0%}, gaussian_nll {inside[1]:.0%}")

order = np.argsort(middle)
fig, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
hit = ((y_test >= low) & (y_test <= high)).to_numpy()[order]
rank = np.arange(len(order))
ax.vlines(rank, low[order], high[order], color="C0", alpha=0.25, linewidth=3)
ax.plot(rank, middle[order], color="C0", label="median")
ax.scatter(rank[hit], y_test.to_numpy()[order][hit], s=12, color="0.3", label="inside", zorder=3)
ax.scatter(rank[~hit], y_test.to_numpy()[order][~hit], s=20, color="C3", label="outside", zorder=3)
ax.set(xlabel="patients, by predicted median", ylabel="progression", title="90 % intervals of new patients")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
