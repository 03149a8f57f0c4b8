"""A search of hyper-parameters by Optuna, which drops what falls behind.

    python examples/optuna_search.py [--trials 12]

Each trial is one fit: the ensemble's members hold out a fold each, so that the loss of an epoch is out of fold, and so
is the score in the end. A trial whose loss is above the median of the earlier ones is pruned. Needs: pip install
'sknn[optuna]'.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import optuna
import pandas as pd
from sklearn.model_selection import train_test_split

from sknn import NNClassifier
from sknn.callbacks import PruneTrial
from sknn.model_selection import search_space, suggest_params

DATA = Path(__file__).parent / "data" / "adult_census_10k.csv.gz"


def search(X, y, n_trials: int) -> optuna.Study:
    """Trials of the fast network, the first one with parameters as they are by default."""
    space = search_space(NNClassifier())

    def objective(trial: optuna.Trial) -> float:
        params = suggest_params(trial, space) if trial.number else {}
        net = NNClassifier(preset="fast", callbacks=[PruneTrial(trial)], random_state=0, **params).fit(X, y)
        return net.oof_score_

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=2),
    )
    study.optimize(objective, n_trials=n_trials)
    return study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=12)
    n_trials = parser.parse_args().trials

    frame = pd.read_csv(DATA)
    X, y = frame.drop(columns="income"), frame["income"]
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    study = search(X_train, y_train, n_trials)
    states = [trial.state for trial in study.trials]
    print(f"{len(states)} trials, {states.count(optuna.trial.TrialState.PRUNED)} of them pruned")

    best = suggest_params(study.best_trial, search_space(NNClassifier())) if study.best_trial.params else {}
    print(f"best: trial {study.best_trial.number}, out-of-fold accuracy {study.best_value:.3f}, {best or 'default'}")
    net = NNClassifier(preset="fast", random_state=0, **best).fit(X_train, y_train)
    print(f"test accuracy {net.score(X_test, y_test):.3f}")


if __name__ == "__main__":
    main()
