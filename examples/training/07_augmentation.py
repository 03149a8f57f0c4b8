"""# 7. Augmentation: more images out of few

A digit that is rotated a little or moved by a pixel is still the same digit. Augmentation draws such changes anew for
each batch, so that the network never sees the same image twice and cannot memorise it. Which changes preserve the label
must be known beforehand: a mirrored animal is still an animal, a mirrored 2 is not a digit.

On digits of 28 × 28 pixels `NNClassifier("cnn", augmentation=[Rotate(15), RandomCrop(2)])`: angles up to 15° and, by
padding and cropping, shifts up to 2 pixels each way. On scikit-learn's digits of 8 × 8, which fill their images,
`[Rotate(10), Translate(0.06)]`, shifts up to half a pixel, and a crop by one pixel instead. The counter-example is
`HorizontalFlip()`, which mirrors each image with probability 0.5, on digits and, if available, silhouettes of animals.

All else is equal with and without augmentation: 100, 250 or 500 training images, balanced over classes, and up to
2,000 others as test set; 16 and 32 channels, dropout 0.4, the schedule "one_cycle" up to a rate of 0.01, batches of
25, and a fixed number of epochs, enough for the training error to be 0 without augmentation. The time of an epoch is
the median of `history_["dur"]` of networks trained alternately.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from lab import Images, figure, images, main, spread
from sklearn.model_selection import train_test_split

from sknn import NNClassifier
from sknn.augmentation import HorizontalFlip, RandomCrop, Rotate, Translate

EPOCHS = {100: 50, 250: 25, 500: 25}  # by training images
FLIPPED, TIMED = 100, 500  # training images
N_TEST = 2000
NONE, FLIPS = "none", "flips"
SETTING = ["images", "training images", "augmentation"]


def network(seed: int, augmentation: list, n_epochs: int) -> NNClassifier:
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
        random_state=seed,
    )


def changes(data: Images) -> dict[str, list]:
    """Augmentations by name: none, the right one, and perhaps one that is too much."""
    if data.X.shape[1] > 8:
        return {NONE: [], "rotation, crop": [Rotate(15), RandomCrop(2)]}
    return {
        NONE: [],
        "rotation, shift": [Rotate(10), Translate(0.06)],
        "rotation, crop": [Rotate(10), RandomCrop(1)],
    }


def measure(seeds, folder) -> pd.DataFrame:
    digits, animals = images(folder), images(folder, "animal_silhouettes_28x28")
    flips = {FLIPS: [HorizontalFlip()]}
    settings = [
        (digits, n, *item) for n in EPOCHS for item in (changes(digits) | (flips if n == FLIPPED else {})).items()
    ]
    if animals.name != digits.name:
        settings += [(animals, FLIPPED, *item) for item in ({NONE: []} | flips).items()]
    rows = []
    for seed in seeds:
        for data, n, name, augmentation in settings:
            X_train, X_test, y_train, y_test = split(data, n, seed)
            net = network(seed, augmentation, EPOCHS[n]).fit(X_train, y_train)
            rows.append(
                {
                    "images": data.name,
                    "training images": n,
                    "augmentation": name,
                    "training error, %": 100 * (1 - net.score(X_train, y_train)),
                    "test error, %": 100 * (1 - net.score(X_test, y_test)),
                }
            )
        seconds = epoch_seconds(digits, seed)
        for row in rows[-len(settings) :]:
            is_timed = (row["images"], row["training images"]) == (digits.name, TIMED)
            row["seconds"] = seconds[row["augmentation"]] if is_timed else np.nan
    results = pd.DataFrame(rows)
    results.attrs["examples"] = examples(digits).tolist()
    return results


def split(data: Images, n_train: int, seed: int):
    n_test = min(N_TEST, len(data.X) - n_train)
    return train_test_split(data.X, data.y, train_size=n_train, test_size=n_test, random_state=seed, stratify=data.y)


def epoch_seconds(data: Images, seed: int, n_epochs: int = 4) -> dict[str, float]:
    """Median time of an epoch. The networks alternate, so that other processes slow all of them."""
    X, _, y, _ = split(data, TIMED, seed)
    nets = {name: network(seed, steps, 1).set_params(lr_schedule=None) for name, steps in changes(data).items()}
    for _ in range(n_epochs):
        for net in nets.values():
            net.partial_fit(X, y, classes=np.unique(y))
    return {name: net.history_["dur"].median() for name, net in nets.items()}


def examples(digits: Images, n_columns: int = 7) -> np.ndarray:
    """A digit, and below it examples of each change, as a single image."""
    rotate, move = list(changes(digits).values())[1]
    generator = torch.Generator().manual_seed(1)
    digit = torch.from_numpy(digits.X[digits.y == 2][:1] / digits.X.max()).repeat(n_columns, 1, 1)
    lines = [
        digit,
        rotate(digit, generator),
        move(digit, generator),
        move(rotate(digit, generator), generator),
        HorizontalFlip(p=1)(digit),
    ]
    framed = np.pad(torch.stack(lines).numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.vstack([np.hstack(line) for line in framed])


def table(results: pd.DataFrame) -> pd.DataFrame:
    shown = spread(results, SETTING, {"training error, %": ".1f", "test error, %": ".1f"})
    seconds = results.groupby(SETTING, sort=False)["seconds"].median()
    shown["against none"] = as_text(against_none(mean_errors(results)))
    shown["epoch"] = ["" if np.isnan(s) else f"{1000 * s:.0f} ms" for s in seconds]
    shown["overhead"] = as_text(against_none(seconds))
    return shown


def mean_errors(results: pd.DataFrame) -> pd.Series:
    """Means over seeds."""
    return results.groupby(SETTING, sort=False)["test error, %"].mean()


def against_none(values: pd.Series) -> pd.Series:
    """Change in % of each setting against the one without augmentation."""
    return 100 * (values / [values[(data, n, NONE)] for data, n, _ in values.index] - 1)


def as_text(change: pd.Series) -> list[str]:
    return ["" if key[2] == NONE or np.isnan(value) else f"{value:+.0f} %" for key, value in change.items()]


def draw(results: pd.DataFrame):
    fig, (left, middle, right) = figure(3)
    digits = results[results["images"] == results["images"].iloc[0]]
    for name in dict.fromkeys(digits["augmentation"]):
        if name != FLIPS:
            errors = digits[digits["augmentation"] == name].groupby("training images")["test error, %"]
            left.errorbar(list(errors.groups), errors.mean(), errors.std(), marker="o", markersize=3, label=name)
    left.set(xlabel="training images", ylabel="test error, %", xticks=list(EPOCHS), ylim=(0, None), title="digits")
    left.legend(frameon=False, fontsize="small")

    flipped = results[results["training images"] == FLIPPED]
    names = list(dict.fromkeys(flipped["images"]))
    for k, (name, color) in enumerate({NONE: "C0", FLIPS: "C3"}.items()):
        errors = flipped[flipped["augmentation"] == name].groupby("images", sort=False)["test error, %"]
        middle.bar(np.arange(len(names)) + 0.36 * k, errors.mean(), 0.34, yerr=errors.std(), color=color, label=name)
    middle.set(title=f"flips, {FLIPPED} training images", ylabel="test error, %")
    middle.set_xlim(-0.5, len(names) - 0.14)
    middle.set_xticks(np.arange(len(names)) + 0.18, ["digits", "animals"][: len(names)])
    middle.set_ylim(0, 1.25 * middle.get_ylim()[1])  # room for the legend
    middle.legend(frameon=False, fontsize="small", loc="upper left", ncols=2)

    shown = np.array(results.attrs["examples"])
    side = len(shown) / 5
    moved = digits["augmentation"].iloc[1].split(", ")[1]
    right.imshow(shown, cmap="gray_r")
    right.set_yticks(side * (np.arange(5) + 0.5) - 0.5, ["as it is", "rotation", moved, "both", "flip"])
    right.set_xticks([])
    right.tick_params(length=0)
    right.spines[:].set_visible(False)
    return fig


def conclusion(results: pd.DataFrame) -> str:
    errors, digits = mean_errors(results), results["images"].iloc[0]
    change = against_none(errors)
    _, right, *too_much = [name for name in dict.fromkeys(results["augmentation"]) if name != FLIPS]
    gains = {n: -change[(digits, n, right)] for n in EPOCHS}
    helps = [n for n, gain in gains.items() if gain > 0]
    if len(helps) == len(EPOCHS):
        verdict = f"lower the test error by {min(gains.values()):.0f} to {max(gains.values()):.0f} %"
    elif helps:
        verdict = f"lower the test error on {' and '.join(map(str, helps))} images only"
    else:
        verdict = "do not lower the test error"
    pairs = [
        f"from {errors[(digits, n, NONE)]:.1f} to {errors[(digits, n, right)]:.1f} % on {n} images" for n in EPOCHS
    ]
    others = "".join(
        f" With {name.replace(', ', ' and ')} it changes by {change[(digits, TIMED, name)]:+.0f} % on {TIMED} images"
        f"{': one pixel of 8 is much' if change[(digits, TIMED, name)] > 0 else ''}."
        for name in too_much
    )
    overhead = against_none(results.groupby(SETTING, sort=False)["seconds"].median())[(digits, TIMED, right)]
    price = f"takes {overhead:.0f} % longer" if overhead >= 1 else "takes no measurably longer time"
    animals = [name for name in dict.fromkeys(results["images"]) if name != digits]
    flips = f"Flips change the error on digits by {change[(digits, FLIPPED, FLIPS)]:+.0f} %"
    flips += "".join(f", that on animals by {change[(name, FLIPPED, FLIPS)]:+.0f} %" for name in animals)
    learned = results.groupby(SETTING)["training error, %"].mean().max()
    return f"""
## What to use

{right.capitalize().replace(", ", " and ")} {verdict}: {", ".join(pairs)}.{others}
With them an epoch {price}.

{flips}.
So ask of each change whether it occurs in new data, and whether it preserves the label. The training error does not
tell: it is at most {learned:.1f} % in the end, whatever the augmentation. Start with small changes, and compare on
held-out rows, which are never augmented. Training may take more epochs, since no image is seen twice.
"""


if __name__ == "__main__":
    main(globals())
