"""Torch's settings, of the process or a thread, while a network is trained or predicts.

A program may have other defaults, or run everything without gradients: networks are float32, made on the CPU and
trained with gradients all the same. Deterministic algorithms and anomaly detection stay as they are set.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager

import torch

_lock = threading.Lock()
_users = 0
_dtype_before = torch.float32


@contextmanager
def usual_settings():
    """Run a block with float32 and the CPU as defaults, with gradients and without automatic casts."""
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        if _users or torch.get_default_dtype() != torch.float32:
            stack.enter_context(_float32_by_default())
        if torch.empty(0).device.type != "cpu":  # takes a tenth of the time of get_default_device
            stack.enter_context(torch.device("cpu"))
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextmanager
def _float32_by_default():
    """The default is one for the process: blocks that overlap restore what was there before the first of them."""
    global _users, _dtype_before
    with _lock:
        if _users == 0:
            _dtype_before = torch.get_default_dtype()
            torch.set_default_dtype(torch.float32)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                torch.set_default_dtype(_dtype_before)
