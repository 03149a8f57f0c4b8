"""What every kind of target is: the protocol between a user's y and the outputs of a network.

The kinds are in files of their own, the losses that go with each in `_registry`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from sknn.targets._losses import Loss
from sknn.targets._weighted_loss import WeightedLoss


class Target(ABC):
    """One kind of target: how y becomes what a loss compares, and how outputs become predictions.

    n rows, T columns of y, O outputs of the network, K members of an ensemble. `combine` gives outputs again, so that
    an ensemble's are read as a network's are. A new kind implements the abstract methods and is named in the registry
    by the losses that are for it.

    Parameters
    ----------
    loss : Loss
    loss_params : dict
        Its further arguments.

    Attributes
    ----------
    n_targets : int
        Number T of columns of y.
    n_outputs : int
        Number O of outputs that the network must have.
    classes : ndarray or None
        The labels, in the order of the outputs; None for numbers.
    allow_single_logit : bool
        Whether a network may also give one output where there are two.
    """

    n_targets: int
    n_outputs: int
    classes: np.ndarray | None = None
    allow_single_logit = False

    def __init__(self, loss: Loss, loss_params: dict):
        self.loss = loss
        self.loss_params = loss_params

    # -- in training --------------------------------------------------------------------------

    @abstractmethod
    def encode(self, y: np.ndarray) -> np.ndarray:
        """What the loss compares outputs with; refuses a y that does not fit the one of the first fit."""

    @abstractmethod
    def decode(self, encoded: np.ndarray) -> np.ndarray:
        """The way back, as callbacks see targets."""

    @abstractmethod
    def update(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        """Take in training rows, when training is resumed."""

    def set_loss(self, loss: Loss, loss_params: dict) -> None:
        """Train with another loss from here on. It must be for the same kind of target."""
        if loss.target is not type(self) or not self._predicts_the_same(loss_params):
            raise InvalidParameterError(
                "The 'loss' parameter must not change what is predicted when training is resumed (warm_start, "
                f"partial_fit). It was {self.loss.name!r} with {self.loss_params} and is {loss.name!r} with "
                f"{loss_params} now; set warm_start=False."
            )
        self.loss, self.loss_params = loss, loss_params

    def _predicts_the_same(self, loss_params: dict) -> bool:
        """Whether outputs mean the same with other parameters of the loss."""
        return True

    def make_criterion(self) -> WeightedLoss:
        """The loss as a module, for weighted rows."""
        return WeightedLoss(
            self.loss.with_params(self.loss_params),
            self.n_outputs,
            gradient=None if self.loss_params else self.loss.gradient,
            is_built_in=self.loss.is_built_in,
        )

    def row_weight(self, y: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """Weights (n,) of rows in the loss."""
        return weight

    # -- in prediction ------------------------------------------------------------------------

    @abstractmethod
    def combine(self, members: np.ndarray) -> np.ndarray:
        """Outputs (n, O) of an ensemble from those of its members, (K, n, O)."""

    @abstractmethod
    def predict(self, outputs: np.ndarray) -> np.ndarray:
        """What the estimator's `predict` returns for outputs (n, O)."""

    @abstractmethod
    def predict_std(self, members: np.ndarray) -> np.ndarray:
        """Standard deviations, in the unit of what is predicted, from the members' outputs (K, n, O)."""

    def predict_proba(self, outputs: np.ndarray) -> np.ndarray:
        """Probabilities (n, O), of labels only."""
        raise NotImplementedError(f"{type(self).__name__} has no probabilities.")

    def predict_quantiles(self, outputs: np.ndarray, quantiles) -> np.ndarray:
        """Quantiles (n, L), or (n, T, L), for L levels; the default for a loss that has none."""
        raise ValueError(
            f"predict_quantiles needs loss='quantile' or loss='gaussian_nll'. Got loss={self.loss.name!r}."
        )

    # -- on held-out rows ---------------------------------------------------------------------

    def calibrate(
        self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray | None, members: np.ndarray | None
    ) -> np.ndarray:
        """Learn from rows that were held out, if there is something to learn, and predict them.

        `outputs` (n, O) are for rows `y`, NaN where no member held a row out; `members` (K, m, O) are those of all
        members for some rows, or None where the same network gives all outputs.
        """
        return self.predict(outputs)

    def conformity(self, outputs: np.ndarray, y: np.ndarray, *, of_members: bool) -> np.ndarray | None:
        """How y lies to what was predicted, for intervals and sets; None for a kind that has none.

        `of_members` says whether outputs are those of members that hold rows out, or of the whole network.
        """
        return None

    @abstractmethod
    def score(self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> float:
        """The metric of the estimator's `score`."""
