"""Lazy imports of torch, without side effects other than the imported modules."""

from __future__ import annotations

import importlib
import os
import sys
import warnings


def import_quietly(name: str) -> None:
    """Import a module that sets environment variables or warning filters, and take these back."""
    if name in sys.modules:
        return
    before, modules = set(os.environ), set(sys.modules)
    try:
        with warnings.catch_warnings():
            importlib.import_module(name)
    except BaseException:
        # Python takes back the module alone: of the parts that are there, a later import would not tell their parent.
        for part in set(sys.modules) - modules:
            if part.startswith(f"{name}."):
                del sys.modules[part]
        raise
    finally:
        for key in set(os.environ) - before:
            del os.environ[key]
