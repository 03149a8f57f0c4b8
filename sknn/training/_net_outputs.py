"""What callbacks, monitors and calibration see of a net: batches as the user knows them, and outputs for rows.

Predictions of a fitted estimator are in `_inference`.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import issparse
from skorch import NeuralNet
from skorch.dataset import Dataset
from torch import Tensor

from sknn.modules import batch_axis_of, call_module, n_members_of, tensor_of
from sknn.training._data import Rows, joined
from sknn.training._ensemble_batches import BatchInputs, HeldOutInputs, MemberInputs
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
        return dataset.batches(training, **kwargs)

    def get_dataset(self, X, y=None):
        if isinstance(X, dict):
            return _Inputs(X, torch.device(self.device))
        if not isinstance(X, Dataset):
            raise TypeError(
                "X must be a data set that a callback is given, its X, or a dict of tensors like it. Got "
                f"{type(X).__name__}. For rows of a table use the fitted estimator's predict."
            )
        return X.rows

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
        elif isinstance(X, Dataset) and X.held_out:
            outputs = [self.evaluation_step(batch, training) for batch in self.get_iterator(X)]
            yield torch.from_numpy(self._outputs_of(X, outputs)).to(device)
        else:
            for outputs in super().forward_iter(X, training, device):
                if self.batch_axis:
                    outputs = torch.from_numpy(self.target.combine(outputs.detach().cpu().numpy())).to(device)
                yield outputs

    def outputs_for(self, X) -> np.ndarray:
        return joined(list(self.forward_iter(X)), self.criterion_.n_outputs)

    def valid_outputs(self) -> np.ndarray:
        """The outputs (n, n_outputs) that the last validation pass left; for an ensemble see `held_out_outputs`."""
        return self._outputs_of(self.valid, self.state.valid_outputs)

    def outputs_are_finite(self) -> bool:
        """Whether the network as it is now gives finite outputs for some training rows."""
        inputs, _ = next(iter(self.get_iterator(self.train)))
        self._set_training(False)
        with torch.no_grad():
            return bool(self.infer(inputs).isfinite().all())

    def draws_to_predict(self) -> bool:
        """Whether the network draws random numbers in evaluation too; in a block in which generators are restored."""
        rows = self.train.rows
        inputs, _, _ = rows.take(slice(2))
        return draws(lambda: self.evaluation_step((inputs, None)), rows.device)

    def member_outputs(self, n_rows: int = 2_000) -> np.ndarray:
        """Outputs (K, n, n_outputs) of all members on some of the training rows."""
        rows = self.train.rows
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

    def _outputs_of(self, dataset, batches: list[Tensor]) -> np.ndarray:
        return dataset.outputs_of(batches, self.criterion_.n_outputs, self.target)


class _Inputs(Rows):
    """Inputs without targets, for prediction."""

    def __init__(self, inputs: dict, device: torch.device):
        self.inputs, self.weight, self.device = inputs, None, device
        self.target = torch.zeros(next(iter(inputs.values())).shape[0])
        self.is_sparse = any(issparse(value) for value in inputs.values())
