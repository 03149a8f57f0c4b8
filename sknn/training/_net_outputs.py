"""What callbacks, monitors and calibration see of a net: batches as the user knows them, and outputs for rows.

Predictions of a fitted estimator are in `_inference`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import issparse
from skorch import NeuralNet
from torch import Tensor

from sknn.modules import as_columns, batch_axis_of, call_module, n_members_of, tensor_of
from sknn.training._batches import TensorBatches
from sknn.training._data import Rows
from sknn.training._ensemble_batches import BatchInputs, EnsembleBatches, EnsembleRows, HeldOutInputs, MemberInputs
from sknn.training._scoring import ScoringMethods
from sknn.utils import draws


class NetOutputs(ScoringMethods, NeuralNet):
    """Batches as callbacks see them; outputs for a net's data sets, in evaluation mode."""

    @property
    def n_members(self) -> int:
        """Number of members, 1 for a single network."""
        return n_members_of(self.module)

    @property
    def batch_axis(self) -> int:
        """Axis of the rows in inputs and outputs; that of an ensemble lies behind its members."""
        return batch_axis_of(self.module)

    def get_iterator(self, dataset, training=False):
        if training and dataset is self.train and self.state is not None:
            return self.state.batches
        kwargs = self.get_params_for("iterator_train" if training else "iterator_valid")
        kwargs.setdefault("batch_size", self.batch_size)
        if isinstance(dataset, EnsembleRows):
            return EnsembleBatches(dataset, balanced=training, **kwargs)
        return TensorBatches(dataset, **kwargs)

    def get_dataset(self, X, y=None):
        if isinstance(X, EnsembleRows):
            return X.rows
        if isinstance(X, dict):
            return _Inputs(X, torch.device(self.device))
        if not isinstance(X, Rows):
            raise TypeError(
                "X must be a data set that a callback is given, its X, or a dict of tensors like it. Got "
                f"{type(X).__name__}. For rows of a table use the fitted estimator's predict."
            )
        return X

    def infer(self, x, shared=False, **fit_params):
        return call_module(self.module_, x, shared)

    def evaluation_step(self, batch, training=False):
        inputs = batch[0]
        self._set_training(training)
        with torch.set_grad_enabled(training):
            if isinstance(inputs, BatchInputs):
                return inputs.flattened(self.infer(inputs.of_members))
            return self.infer(inputs, shared=not isinstance(inputs, MemberInputs))

    def forward_iter(self, X, training=False, device="cpu"):
        """Outputs for a data set, its `X`, a batch's inputs or any other dict of tensors; an ensemble's are combined.

        Members predict the rows that they hold out where `X` is the validation rows of an ensemble, and their own
        where it is one of its batches.
        """
        X = X.of if isinstance(X, HeldOutInputs) else X
        if isinstance(X, BatchInputs):
            yield self.evaluation_step((X, None), training).detach().to(device)
        elif isinstance(X, EnsembleRows) and X.held_out:
            of_members = [self.evaluation_step(batch, training) for batch in self.get_iterator(X)]
            yield torch.from_numpy(self._held_out(of_members, X)).to(device)
        else:
            for outputs in super().forward_iter(X, training, device):
                if self.batch_axis:
                    outputs = torch.from_numpy(self.target.combine(outputs.detach().cpu().numpy())).to(device)
                yield outputs

    def outputs_for(self, X) -> np.ndarray:
        return self._joined(list(self.forward_iter(X)))

    def valid_outputs(self) -> np.ndarray:
        """The outputs (n, n_outputs) that the last validation pass left; for an ensemble see `held_out_outputs`."""
        valid, outputs = self.valid, self.state.valid_outputs
        return self._held_out(outputs, valid) if isinstance(valid, EnsembleRows) else self._joined(outputs)

    def outputs_are_finite(self) -> bool:
        """Whether the network as it is now gives finite outputs for some training rows."""
        inputs, _ = next(iter(self.get_iterator(self.train)))
        self._set_training(False)
        with torch.no_grad():
            return bool(self.infer(inputs).isfinite().all())

    def draws_to_predict(self) -> bool:
        """Whether the network draws random numbers in evaluation too; in a block in which generators are restored."""
        rows = self._table_rows()
        inputs, _, _ = rows.take(slice(2))
        return draws(lambda: self.evaluation_step((inputs, None)), rows.device)

    def member_outputs(self, n_rows: int = 2_000) -> np.ndarray:
        """Outputs (K, n, n_outputs) of all members on some of the training rows."""
        rows = self._table_rows()
        inputs, _, _ = rows.take(torch.linspace(0, len(rows) - 1, min(n_rows, len(rows))).long())
        self._set_training(False)
        with torch.no_grad():
            return self.infer(inputs, shared=True).cpu().numpy()

    def shown(self, batch, **step) -> dict:
        """What the hooks of a batch are given: inputs and targets as the user knows them, a step's loss and outputs."""
        inputs, (target, _) = batch
        if isinstance(inputs, MemberInputs):
            inputs = BatchInputs(inputs)
            target = inputs.flattened(target)
            step |= {"y_pred": inputs.flattened(step["y_pred"])} if step else {}
        return {"batch": (inputs, self.train.decoded(target)), **step}

    @staticmethod
    def detached(step: dict) -> dict[str, Tensor]:
        """Copies of a step's loss and outputs, which a callback may write into."""
        return {name: tensor_of(value).detach().clone() for name, value in step.items()}

    def _table_rows(self) -> Rows:
        """The rows that members, if there are any, share."""
        return self.train.rows if isinstance(self.train, EnsembleRows) else self.train

    def _joined(self, outputs: list[Tensor]) -> np.ndarray:
        """Outputs of batches, one below the other."""
        return torch.cat([as_columns(output, self.criterion_.n_outputs) for output in outputs]).detach().cpu().numpy()

    def _held_out(self, outputs: list[Tensor], rows: EnsembleRows) -> np.ndarray:
        """Outputs (n, n_outputs) from batches (K, B, n_outputs) of the members' rows."""
        of_members = torch.cat(outputs, 1).detach().cpu().numpy()
        return held_out_outputs(of_members, [member.numpy() for member in rows.members], self.target.combine)


class _Inputs(Rows):
    """Inputs without targets, for prediction."""

    def __init__(self, inputs: dict, device: torch.device):
        self.inputs, self.weight, self.device = inputs, None, device
        self.target = torch.zeros(next(iter(inputs.values())).shape[0])
        self.is_sparse = any(issparse(value) for value in inputs.values())


def held_out_outputs(
    outputs: np.ndarray, members: list[np.ndarray], combine: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Outputs (K, n, n_outputs) on the members' rows to those of each row, (n_rows, n_outputs).

    A row that several members hold out gets their combined output, one that none holds out NaN.
    """
    n_rows = max(int(rows.max()) for rows in members) + 1
    count = np.bincount(np.concatenate(members), minlength=n_rows)
    found = np.full((n_rows, outputs.shape[2]), np.nan, dtype=np.float32)
    if count.max() == 1:
        for k, rows in enumerate(members):
            found[rows] = outputs[k, : len(rows)]
        return found
    slots = np.full((count.max(), n_rows, outputs.shape[2]), np.nan, dtype=np.float32)
    filled = np.zeros(n_rows, dtype=np.int64)
    for k, rows in enumerate(members):
        slots[filled[rows], rows] = outputs[k, : len(rows)]
        filled[rows] += 1
    for n in np.unique(count[count > 0]):
        found[count == n] = combine(slots[:n, count == n])
    return found
