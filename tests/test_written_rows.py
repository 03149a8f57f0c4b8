"""Transformers, callbacks and scorers of the user's that write into what they are given.

The oracle is the same part that does not write: what is trained and predicted, and the user's arrays, are the same.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch.callbacks import Callback

from sknn import NNClassifier

X = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
Y = (X[:, 0] + 0.5 * X[:, 1] > 0).astype(int)


class Watches(Callback):
    def __init__(self, writes=False):
        self.writes = writes

    def on_train_begin(self, net, X=None, **kwargs):
        self._look_at(X.X["x_num"])

    def on_batch_end(self, net, loss=None, y_pred=None, **kwargs):
        self._look_at(loss.detach(), y_pred.detach())

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        for rows in filter(None, (dataset_train, dataset_valid)):
            self._look_at(rows.X["x_num"], rows.y)

    def _look_at(self, *values):
        for value in values if self.writes else []:
            value[...] = 0


def scores(net, X, y, writes=False):
    score = net.score(X, y)
    if writes:
        X[:], y[:] = 0, 0
    return score


def overwrites(net, X, y):
    return scores(net, X, y, writes=True)


PARTS = {
    "scaler": ({"preprocessing": StandardScaler(copy=False)}, {"preprocessing": StandardScaler()}),
    "function": (
        {"preprocessing": FunctionTransformer(lambda x: np.multiply(x, 2, out=x))},
        {"preprocessing": FunctionTransformer(lambda x: 2 * x)},
    ),
    "callback": ({"callbacks": [Watches(writes=True)]}, {"callbacks": [Watches()]}),
    "scorer": ({"monitor": overwrites}, {"monitor": scores}),
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize(
    "network",
    [
        {"module": "mlp", "preprocessing": None},
        {"module": "tabular", "n_members": 2, "max_epochs": 3},
        {"module": "mlp", "n_members": 3, "batch_size": 500, "preprocessing": None},
    ],
    ids=["mlp", "tabular", "ensemble"],
)
def test_what_writes_into_its_rows_gives_what_it_gives_without(network, parts):
    seen = []
    for part in parts:
        mine, labels = X.copy(), Y.copy()
        net = NNClassifier(hidden_layer_sizes=[4], max_epochs=2, early_stopping=True, random_state=0)
        net.set_params(**network | part).fit(mine[:90], labels[:90], X_val=mine[90:], y_val=labels[90:])
        net.fit(mine, labels)
        seen.append((net.history_.drop(columns="dur"), net.predict_proba(mine)))
        np.testing.assert_array_equal(mine, X)
        np.testing.assert_array_equal(labels, Y)
    pd.testing.assert_frame_equal(seen[0][0], seen[1][0])
    np.testing.assert_array_equal(seen[0][1], seen[1][1])
