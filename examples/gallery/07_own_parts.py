"""
Own module, own loss, own callback
==================================

A forecast of demand: too little in stock costs three times as much as too much. The network, what it minimises and
what is watched in training are written here, in plain PyTorch; all else (encoding, batches, early stopping,
ensembles, grids) stays.
"""

# %%
# A module
# --------
# It is called with `n_features` and `n_outputs`, which are found from the data, and with what `module_params` says:
# here a network of which a part sees only pairs of inputs.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import make_friedman1
from sklearn.model_selection import GridSearchCV, train_test_split
from torch import nn

from sknn import NNRegressor
from sknn.callbacks import Callback


class FactorizationMachine(nn.Module):
    """A linear model, and a product of factors for each pair of inputs (Rendle, ICDM 2010), of hidden units."""

    def __init__(self, n_features, n_outputs, width=32, n_factors=8):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(n_features, width), nn.SiLU())
        self.linear = nn.Linear(width, n_outputs)
        self.factors = nn.Parameter(0.1 * torch.randn(n_factors, width))

    def forward(self, x):  # (B, n_features)
        h = self.hidden(x)
        pairs = (h @ self.factors.T) ** 2 - h**2 @ self.factors.T**2  # (B, n_factors)
        return self.linear(h) + 0.5 * pairs.sum(dim=1, keepdim=True)


# %%
# A loss
# ------
# A function of predictions and targets, both (B, n_outputs) and standardised, that returns one value for each row.


def cost_of_stock(prediction, target):
    missing = target - prediction
    return torch.where(missing > 0, 3 * missing, -missing).mean(dim=1)


# %%
# A callback
# ----------
# It has the hooks of skorch. What it records in `net.history` is in `history_` after the fit.


class Overestimates(Callback):
    """Record the share of held-out rows that are predicted too high."""

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        predicted = net.predict(dataset_valid)
        net.history.record("too_high", float((predicted.ravel() > np.ravel(dataset_valid.y)).mean()))


X, y = make_friedman1(1500, noise=2.0, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
net = NNRegressor(
    FactorizationMachine,
    loss=cost_of_stock,
    learning_rate=0.005,
    max_epochs=60,
    callbacks=[Overestimates()],
    random_state=0,
).fit(X_train, y_train)
usual = NNRegressor(FactorizationMachine, learning_rate=0.005, max_epochs=60, random_state=0).fit(X_train, y_train)


def cost(predicted):
    missing = y_test - predicted
    return np.where(missing > 0, 3 * missing, -missing).mean()


print(f"cost: own loss {cost(net.predict(X_test)):.2f}, squared error {cost(usual.predict(X_test)):.2f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
bins = np.linspace(-8, 8, 41)
left.hist(usual.predict(X_test) - y_test, bins, alpha=0.6, label="squared error")
left.hist(net.predict(X_test) - y_test, bins, alpha=0.6, label="own loss")
left.axvline(0, color="k", linewidth=1)
left.set(xlabel="predicted − actual", ylabel="new rows", title="The own loss errs on the safe side")
left.legend(frameon=False)
right.plot(net.history_["epoch"], net.history_["too_high"], color="C1")
right.axhline(0.75, color="grey", linestyle=":", label="3 of 4, the best for these costs")
right.set(xlabel="epoch", ylabel="share predicted too high", title="What the callback has recorded", ylim=(0, 1))
right.legend(frameon=False)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)

# %%
# In a grid
# ---------
# Arguments of the module are parameters of the estimator.

base = NNRegressor(FactorizationMachine, loss=cost_of_stock, learning_rate=0.005, max_epochs=20, random_state=0)
grid = {"module__n_factors": [2, 8], "module__width": [16, 32]}
search = GridSearchCV(base, grid, cv=3).fit(X_train, y_train)
print(search.best_params_)
