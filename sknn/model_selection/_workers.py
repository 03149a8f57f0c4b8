"""Calls in the workers of joblib's backend: threads, processes, or those of a cluster. A worker may be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

_ATTEMPTS = 4  # as often as Dask runs a task whose workers die


def in_workers(function: Callable, arguments: Sequence[tuple], n_jobs: int | None) -> Iterator[Any]:
    """The results of calls in their order, as they come where the backend allows it.

    What was in a worker that is lost (killed, or gone with its machine) is called again. An error of the function's own
    is raised at once.
    """
    done = 0
    if not arguments:  # nor are workers started
        return
    for attempt in range(_ATTEMPTS):
        backend, _ = get_active_backend()
        way = "generator" if backend.supports_return_generator else "list"
        try:
            for result, error in Parallel(n_jobs=n_jobs, return_as=way)(
                delayed(_outcome)(function, own) for own in arguments[done:]
            ):
                if error is not None:
                    break
                done += 1
                yield result
            else:
                return
        except Exception:  # of a backend: each has its own
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        raise error


def _outcome(function: Callable, arguments: tuple) -> tuple[Any, Exception | None]:
    try:
        return function(*arguments), None
    except Exception as error:
        return None, error
