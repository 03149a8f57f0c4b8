"""
Images, and more of them by augmentation
========================================

A hundred pictures of digits are few. Turned and moved a little, they are still the same digits: such changes are
drawn anew for each batch, so that the network never sees the same picture twice.
"""

# %%
# What is changed
# ---------------

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknn import NNClassifier
from sknn.augmentation import Augment, HorizontalFlip, Rotate, Translate

X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8)  # "cnn" takes (n, height, width), or (n, channels, height, width)
changes = {
    "as they are": [],
    "rotated": [Rotate(15)],
    "rotated and moved": [Rotate(10), Translate(0.06)],
    "mirrored": [HorizontalFlip()],
}

fig, axes = plt.subplots(len(changes), 10, figsize=(8, 3.6), layout="constrained")
first = torch.as_tensor(X[:10, None] / 16, dtype=torch.float32)  # (10, 1, 8, 8)
for (name, steps), row in zip(changes.items(), axes, strict=True):
    shown = Augment(steps, seed=0)({"x_num": first})[0]["x_num"]
    for ax, image in zip(row, shown, strict=True):
        ax.imshow(image[0].numpy(), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")

# %%
# What it brings
# --------------

errors = {name: [] for name in changes}
for seed in range(3):
    X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=100, stratify=y, random_state=seed)
    for name, steps in changes.items():
        net = NNClassifier(
            "cnn",
            hidden_layer_sizes=(16, 32),
            augmentation=steps or None,
            learning_rate=0.005,
            lr_schedule="one_cycle",
            dropout=0.4,
            batch_size=25,
            max_epochs=40,
            early_stopping=False,
            random_state=seed,
        ).fit(X_train, y_train)
        errors[name].append(100 * (1 - net.score(X_test, y_test)))

fig, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
names = list(errors)
means = [np.mean(errors[name]) for name in names]
ax.barh(names[::-1], means[::-1], color=["C3", "C0", "C0", "0.6"], alpha=0.7)
for k, name in enumerate(names[::-1]):
    ax.plot(errors[name], [k] * 3, "k.", markersize=5)
ax.set(xlabel="errors on new digits, %", title="100 training images, three seeds")
ax.spines[["top", "right"]].set_visible(False)

# %%
# A mirrored 2 is no digit: what keeps the label must be known beforehand. :doc:`Chapter 7
# </how_networks_are_trained/07_augmentation>` measures more.
