"""All checks of parameters that need more than a type, one after the other."""

from __future__ import annotations

from sknn.parameters._callbacks import check_callbacks
from sknn.parameters._check_functions import check_functions
from sknn.parameters._check_network import check_network
from sknn.parameters._check_optimizer import check_optimizer
from sknn.parameters._check_training import check_training
from sknn.parameters._nested import check_nested_params


def check_params(owner: str, params: dict) -> None:
    """Refuse what `CONSTRAINTS` cannot express. Called in `fit`, before any work.

    Raises
    ------
    InvalidParameterError
    """
    check_functions(owner, params)
    check_nested_params(owner, params)
    check_network(owner, params)
    check_callbacks(owner, params["callbacks"])
    check_optimizer(owner, params)
    check_training(owner, params)
