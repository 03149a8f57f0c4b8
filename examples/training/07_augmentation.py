"""# 7. Augmentation: more pictures out of few

A digit that is turned a little or moved by a pixel or two is still the same digit. Augmentation makes such changes anew for each
batch, so that no picture is ever seen twice in the same way and the network cannot learn single pictures by heart. Which changes
leave the label as it is must be known beforehand: the mirror image of an animal is an animal, that of a 2 is no digit.

`NNClassifier("cnn", augmentation=[Rotate(15), RandomCrop(2)])`: angles up to 15° and, by padding and cropping, shifts up to 2 pixels
each way (10° and 1 pixel for pictures of 8 × 8), on 100, 250 and 500 training images of digits, as many of each class; other images are
the test. The counter-example is `HorizontalFlip()`, which mirrors every second picture, on digits and, where the data are at hand, on
silhouettes of animals.

With and without augmentation all else is equal: a network of 16 and 32 channels with dropout 0.4, a rate of 0.01 with the schedule
"one_cycle", batches of 25, and a fixed number of epochs, after which the training error without augmentation is 0 or close to it.
An epoch's time is the median of `history_["dur"]` of two networks that take epochs in turn.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from lab import figure, images, main, spread
from sklearn.model_selection import train_test_split
from sknn import NNClassifier
from sknn.augmentation import HorizontalFlip, RandomCrop, Rotate

EPOCHS = {100: 50, 250: 30, 500: 20}  # by training images
FLIPPED, TIMED = 100, 500  # training images
N_TEST = 2000
NONE, FLIPS, BOTH = "none", "flips", "rotation, crop"


def network(seed: int, augmentation: list | None, n_epochs: int) -> NNClassifier:
    return NNClassifier(
        "cnn",
        hidden_layer_sizes=(16, 32),
        dropout=0.4,
        augmentation=augmentation,
        learning_rate=0.01,
        lr_schedule="one_cycle",
        batch_size=25,
        max_epochs=n_epochs,
        early_stopping=False,
        calibration=None,
        random_state=seed,
    )


def changes(height: int) -> tuple[Rotate, RandomCrop]:
    return (Rotate(10), RandomCrop(1)) if height < 16 else (Rotate(15), RandomCrop(2))


def split(X, y, n_train: int, seed: int):
    n_test = min(N_TEST, len(X) - n_train)
    return train_test_split(X, y, train_size=n_train, test_size=n_test, random_state=seed, stratify=y)


def measure(seeds, folder) -> pd.DataFrame:
    digits, animals = images(folder), images(folder, "animal_silhouettes_28x28")
    both = list(changes(digits.X.shape[1]))
    settings = [(digits, n, name, steps) for n in EPOCHS for name, steps in {NONE: None, BOTH: both}.items()]
    settings.insert(2, (digits, FLIPPED, FLIPS, [HorizontalFlip()]))
    if animals.name != digits.name:
        settings += [(animals, FLIPPED, NONE, None), (animals, FLIPPED, FLIPS, [HorizontalFlip()])]
    rows = []
    for seed in seeds:
        for data, n, name, steps in settings:
            X_train, X_test, y_train, y_test = split(data.X, data.y, n, seed)
            net = network(seed, steps, EPOCHS[n]).fit(X_train, y_train)
            rows.append(
                {
                    "images": data.name,
                    "training images": n,
                    "augmentation": name,
                    "training error": 100 * (1 - net.score(X_train, y_train)),
                    "test error": 100 * (1 - net.score(X_test, y_test)),
                }
            )
            if (data.name, n) == (digits.name, TIMED):
                rows[-1]["seconds"] = epoch_seconds(X_train, y_train, {NONE: None, BOTH: both})[name]
    results = pd.DataFrame(rows)
    results.attrs["pictures"] = pictures(digits).tolist()
    return results


def epoch_seconds(X, y, augmentations: dict, n_epochs: int = 5) -> dict[str, float]:
    """Median time of an epoch. The networks take turns, so that what else the machine does slows down all of them."""
    nets = {name: network(0, steps, 1) for name, steps in augmentations.items()}
    for _ in range(n_epochs):
        for net in nets.values():
            net.partial_fit(X, y)
    return {name: net.history_["dur"].median() for name, net in nets.items()}


def pictures(digits, n_columns: int = 5) -> np.ndarray:
    """A digit as it is, above what rotation, crop, both and flips make of it: (5 · height, n_columns · width)."""
    rotate, crop = changes(digits.X.shape[1])
    generator = torch.Generator().manual_seed(1)
    digit = torch.from_numpy(digits.X[digits.y == 2][:1] / digits.X.max()).repeat(n_columns, 1, 1)
    lines = [
        digit,
        rotate(digit, generator),
        crop(digit, generator),
        crop(rotate(digit, generator), generator),
        HorizontalFlip(p=1)(digit),
    ]
    return np.vstack([np.hstack(line.numpy()) for line in lines])


def table(results: pd.DataFrame) -> pd.DataFrame:
    by = ["images", "training images", "augmentation"]
    percent = results.rename(columns={"training error": "training error, %", "test error": "test error, %"})
    shown = spread(percent, by, {"training error, %": ".1f", "test error, %": ".1f"})
    mean = results.groupby(by, sort=False)["test error"].mean()
    shown["against none"] = [f"{gain:+.0f} %" if key[2] != NONE else "" for key, gain in against_none(mean).items()]
    seconds = results.groupby(by, sort=False)["seconds"].median()
    shown["epoch"] = ["" if np.isnan(s) else f"{1000 * s:.0f} ms" for s in seconds]
    overhead = against_none(seconds)
    shown["overhead"] = [
        "" if key[2] == NONE or np.isnan(share) else f"{share:+.0f} %" for key, share in overhead.items()
    ]
    return shown


def against_none(values: pd.Series) -> pd.Series:
    """Change in % of each setting against the one without augmentation."""
    base = [values[(data, n, NONE)] for data, n, _ in values.index]
    return 100 * (values / base - 1)


def draw(results: pd.DataFrame):
    fig, (left, middle, right) = figure(3)
    digits = results["images"].iloc[0]
    for name in (NONE, BOTH):
        chosen = results[(results["images"] == digits) & (results["augmentation"] == name)]
        grouped = chosen.groupby("training images")["test error"]
        left.errorbar(list(grouped.groups), grouped.mean(), grouped.std(), marker="o", markersize=3, label=name)
    left.set(xlabel="training images", ylabel="test error, %", xticks=list(EPOCHS), ylim=(0, None), title="digits")
    left.legend(frameon=False, fontsize="small", title="augmentation", title_fontsize="small")

    flipped = results[results["training images"] == FLIPPED]
    names = list(dict.fromkeys(flipped["images"]))
    for k, (name, color) in enumerate({NONE: "C0", FLIPS: "C2"}.items()):
        grouped = flipped[flipped["augmentation"] == name].groupby("images", sort=False)["test error"]
        middle.bar(np.arange(len(names)) + 0.36 * k, grouped.mean(), 0.34, yerr=grouped.std(), color=color, label=name)
    middle.set(title=f"flips, {FLIPPED} training images", ylabel="test error, %")
    middle.set_xticks(np.arange(len(names)) + 0.18, ["digits", "animals"][: len(names)])
    middle.set_ylim(0, 1.3 * middle.get_ylim()[1])  # room for the legend
    middle.legend(frameon=False, fontsize="small", loc="upper left", ncols=2)

    shown = np.array(results.attrs["pictures"])
    right.imshow(shown, cmap="gray_r", aspect="equal")
    side = len(shown) / 5
    right.set_yticks(side * (np.arange(5) + 0.5) - 0.5, ["as it is", "rotation", "crop", "both", "flip"])
    right.set_xticks([])
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    return fig


def conclusion(results: pd.DataFrame) -> str:
    by = ["images", "training images", "augmentation"]
    mean = results.groupby(by, sort=False)["test error"].mean()
    digits = results["images"].iloc[0]
    gains = {n: -against_none(mean)[(digits, n, BOTH)] for n in EPOCHS}
    errors = {n: (mean[(digits, n, NONE)], mean[(digits, n, BOTH)]) for n in EPOCHS}
    listed = "; ".join(f"{a:.1f} % and {b:.1f} % on {n} images" for n, (a, b) in errors.items())
    if min(gains.values()) > 0:
        verdict = f"Rotation and crop lower the test error by {min(gains.values()):.0f} to {max(gains.values()):.0f} %"
    else:
        helped = [n for n, gain in gains.items() if gain > 0]
        verdict = (
            f"Rotation and crop lower the test error on {' and '.join(map(str, helped)) or 'no number of'} images only"
        )
    known, larger = list(EPOCHS)[:-1], list(EPOCHS)[1:]
    worth = [
        f"{small} augmented ones" for small, n in zip(known, larger, strict=True) if errors[small][1] <= errors[n][0]
    ]
    flips = against_none(mean)
    text = f"Flips change the error on digits by {flips[(digits, FLIPPED, FLIPS)]:+.0f} %"
    others = [name for name in dict.fromkeys(results["images"]) if name != digits]
    if others:
        text += f", that on animals by {flips[(others[0], FLIPPED, FLIPS)]:+.0f} %"
    overhead = against_none(results.groupby(by, sort=False)["seconds"].median())[(digits, TIMED, BOTH)]
    price = (
        f"It costs {overhead:.0f} % of an epoch's time"
        if overhead >= 1
        else "An epoch takes no longer that can be told"
    )
    return f"""
## What to use

{verdict} (without and with: {listed}).
{f"The next larger training set without augmentation is no better than {' and '.join(worth)}." if worth else ""}
{price}, since a batch is changed at once and several changes of place cost little beside a convolution.

{text}: a change must be one that the new data show too, and that leaves the label as it is. This is knowledge that the
data themselves do not contain, so ask it of each change before you try it, and compare on rows that are not augmented, as here. Small
pictures bear small changes only. The fewer the images, the more there is to gain; and a network that cannot learn its rows by
heart any more goes on improving, so give it more epochs rather than fewer.
"""


if __name__ == "__main__":
    main(globals())
