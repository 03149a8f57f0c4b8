"""Temperature scaling of a network's, or an ensemble's, logits by predictions of rows that it has not trained on.

Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML 2017,
section 4.2, for one network. For an ensemble whose members each hold out other rows see `ensemble_shrinkage`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar

_LARGEST = 2.0  # of |log temperature|
PRIOR_STD = 0.1  # of log temperature, before any row is seen
WIDE_PRIOR_STD = 1.0  # the same where logits were not trained to be those of probabilities


def best_temperature(log_loss: Callable[[float], float], n_rows: int, prior_std: float = PRIOR_STD) -> float:
    """The temperature of the lowest loss; 1 unless it is lower there than without.

    On few rows without a wrong label the loss falls without end as the temperature goes to 0. So log temperature has a
    normal prior about 0, which weighs as much as some rows do, and is nothing beside many.

    Parameters
    ----------
    log_loss : callable
        From a temperature to the mean loss of the rows.
    n_rows : int
        Their number.
    prior_std : float, default=0.1
        Standard deviation of the prior.
    """

    def objective(log_temperature: float) -> float:
        prior = log_temperature**2 / (2 * prior_std**2)
        return log_loss(float(np.exp(log_temperature))) + prior / n_rows

    found = minimize_scalar(objective, bounds=(-_LARGEST, _LARGEST), method="bounded")
    return float(np.exp(found.x)) if found.fun < objective(0.0) else 1.0


def ensemble_shrinkage(members: np.ndarray, ensemble: np.ndarray) -> float:
    """What a temperature found on single members is multiplied by to be that of the ensemble.

    Model the logits of member k as zₖ = s + εₖ. The temperature that calibrates a score t best is Var(t) / Cov(t, s);
    the noise ε is independent of s, so that Cov(t, s) can be estimated by Cov(t, z̄) without labels. The temperatures of
    a member z, of the mean z̄ and of the ensemble u, whose probabilities are the mean of the members', are then in the
    ratio Var(z) : Var(z̄) : Var(u)·Var(z̄) / Cov(u, z̄).

    Parameters
    ----------
    members : ndarray of shape (K, n, n_outputs)
        Logits of the members on some rows, centred.
    ensemble : ndarray of shape (n, n_outputs)
        Logits of the ensemble on them, centred.
    """
    mean = members.mean(axis=0)
    common = np.mean(ensemble * mean)
    if common <= 0:
        return 1.0
    return float(np.mean(np.square(ensemble)) * np.mean(np.square(mean)) / (np.mean(np.square(members)) * common))
