"""
Early stopping and learning curves
==================================

How long should a network be trained, and at which rate? Nobody has to guess the first: training stops when the loss
of held-out rows stops falling, and the best epoch is kept. The second shows in the curves.
"""

# %%
# Too low, right, too high
# ------------------------

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknn import LearningRateFinder, NNClassifier, TrainingCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

nets = {
    f"rate {rate:g}": NNClassifier("mlp", learning_rate=rate, max_epochs=60, random_state=0).fit(X_train, y_train)
    for rate in (0.0001, 0.002, 0.05)
}
display = TrainingCurveDisplay.from_estimator(nets)

# %%
# The lowest rate has not arrived after 60 epochs. The middle one stops by itself. The highest jumps about, and ends
# higher:

for name, net in nets.items():
    print(f"{name:11} best epoch {net.best_epoch_:2} of {net.n_iter_:2}, accuracy {net.score(X_test, y_test):.3f}")

# %%
# A test of the rate
# ------------------
# A range test raises the rate at every step, and shows where the loss falls fastest and where it explodes.

finder = LearningRateFinder(NNClassifier("mlp", random_state=0)).fit(X_train, y_train)
finder.plot()
plt.gcf().set_layout_engine("constrained")
print(f"suggested: {finder.suggestion_:.4f}")

# %%
# Another score, your own rows
# ----------------------------
# What is monitored may be any scorer of scikit-learn, and the rows may be yours: `fit(X, y, X_val=..., y_val=...)`.

X_fit, X_val, y_fit, y_val = train_test_split(X_train, y_train, test_size=300, stratify=y_train, random_state=0)
net = NNClassifier("mlp", monitor="f1_macro", patience=8, random_state=0)
net.fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
net.history_[["epoch", "train_loss", "valid_loss", "valid_f1_macro"]].tail(3)
