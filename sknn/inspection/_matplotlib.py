"""matplotlib, an optional dependency, is imported only for plotting."""

from __future__ import annotations


def import_pyplot(caller: str):
    """The module `matplotlib.pyplot`, or an ImportError that says how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib. Install it with: pip install 'sknn[plot]'") from error
    return plt
