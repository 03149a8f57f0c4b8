"""Training whose validation loss rises far above its minimum is stopped early, and nothing else is."""

from types import SimpleNamespace

import numpy as np
import pytest

from sknn import NNClassifier
from sknn.callbacks import StopOnOverfitting, StopTraining
from sknn.modules import TabularNet


def epochs_until_stop(losses, n_rows=1_000):
    callback, history = StopOnOverfitting("valid_loss", n_rows), []
    net = SimpleNamespace(history=history)
    callback.on_train_begin(net)
    for loss in losses:
        history.append({"valid_loss": loss})
        try:
            callback.on_epoch_end(net)
        except StopTraining:
            break
    return len(history)


@pytest.mark.parametrize(
    ("losses", "n_epochs"),
    [
        ([1.0, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8], 7),  # five after the best
        ([1.0, 0.5, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8], 7),  # the first of equal ones counts
        ([1.0, 0.5, 0.6, 0.7, 0.6, 0.7, 0.6, 0.7, 0.6], 9),  # up and down
        ([1.0, 0.5, 0.6, 0.7, 0.6, 0.62, 0.64, 0.66, 0.7], 8),  # the last four must all rise
        ([1.0, 0.5, 0.6, 0.51, 0.52, 0.53, 0.54, 0.55, 0.56], 9),  # and be far above the best
        ([1.0, 0.5, *np.linspace(0.51, 0.5249, 20)], 22),  # worse by less than 3 % and 0.01
        ([1.0, 0.5, *np.linspace(0.526, 0.53, 20)], 7),
        ([1.0, 0.01, *np.linspace(0.0101, 0.0202, 20)], 22),  # worse by less than 1 % of the first epoch's
        ([1.0, -2.0, *np.linspace(-1.9, -1.8, 20)], 7),  # a likelihood may be below 0
        (list(np.linspace(1, 0.1, 30)), 30),
    ],
)
def test_it_stops_where_four_rising_losses_are_far_above_the_best(losses, n_epochs):
    assert epochs_until_stop(losses) == n_epochs


@pytest.mark.parametrize(("n_rows", "n_epochs"), [(10_000, 22), (39_000, 22), (41_000, 7), (400_000, 7)])
def test_the_margin_shrinks_with_many_rows(n_rows, n_epochs):
    losses = [1.0, 0.5, *np.linspace(0.5125, 0.5126, 20)]  # 0.0125 above the best; 0.025 is far for 10,000 rows
    assert epochs_until_stop(losses, n_rows) == n_epochs


def noisy_classes(n_rows=400):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 20))
    return X, (X[:, 0] + rng.normal(scale=3, size=n_rows) > 0).astype(int)


def test_the_rows_are_those_held_out(monkeypatch):
    X, y = noisy_classes(150)
    seen, begin = [], StopOnOverfitting.on_train_begin
    monkeypatch.setattr(
        StopOnOverfitting,
        "on_train_begin",
        lambda self, net, **kwargs: (seen.append(self.n_rows), begin(self, net, **kwargs)),
    )
    NNClassifier(max_epochs=1, random_state=0).fit(X, y)  # in folds: each row once
    NNClassifier(max_epochs=1, random_state=0).fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:])
    assert seen == [150, 30]


def test_an_ensemble_that_overfits_is_stopped_and_is_the_same_network():
    X, y = noisy_classes()
    auto = NNClassifier(random_state=0).fit(X, y)
    patient = NNClassifier(random_state=0, patience=auto.resolved_params_["patience"]).fit(X, y)
    assert auto.n_iter_ < patient.n_iter_
    assert auto.best_epoch_ == patient.best_epoch_
    np.testing.assert_array_equal(auto.predict_proba(X), patient.predict_proba(X))


@pytest.mark.parametrize(
    "params", [{"monitor": "accuracy"}, {"module": "mlp"}, {"module": TabularNet}, {"early_stopping": False}]
)
def test_only_the_loss_of_the_tabular_network_is_looked_at(params, monkeypatch):
    monkeypatch.setattr(StopOnOverfitting, "on_epoch_end", lambda self, net, **kwargs: pytest.fail("it looked"))
    X, y = noisy_classes(150)
    NNClassifier(max_epochs=3, random_state=0, **params).fit(X, y)
