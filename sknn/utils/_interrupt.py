"""Ctrl-C during a fit, detected by its signal and not by the exception.

A KeyboardInterrupt may be raised by the signal or by a callback that asks to stop, and one that breaks an import turns
into another error. Nothing here says what a fit keeps when it is interrupted.
"""

from __future__ import annotations

import signal
import threading
from _signal import getsignal  # without signal.getsignal's look-up in an enum, which takes longer than a hook
from contextlib import contextmanager


class _Interrupts:
    """Whether a handler of the signal has raised KeyboardInterrupt since the outermost of the running fits began."""

    def __init__(self) -> None:
        self.n_fits = 0
        self.came = False

    def watch(self) -> None:
        """Stand in front of the handler of now, which a callback may have put there."""
        handler = getsignal(signal.SIGINT)
        if callable(handler) and not isinstance(handler, _Handler):
            signal.signal(signal.SIGINT, _Handler(handler))

    def release(self) -> None:
        handler = getsignal(signal.SIGINT)
        if isinstance(handler, _Handler):
            signal.signal(signal.SIGINT, handler.handler)
        self.came = False


class _Handler:
    """Does what the program's own handler does, and notes whether that is to raise KeyboardInterrupt."""

    def __init__(self, handler):
        self.handler = handler

    def __call__(self, signum, frame):
        try:
            return self.handler(signum, frame)
        except KeyboardInterrupt:
            _interrupts.came = _interrupts.n_fits > 0
            raise


_interrupts = _Interrupts()  # only the main thread, which all signals come to, reads or writes it


@contextmanager
def noticing_interrupts():
    """Raise KeyboardInterrupt at the end of the block at the latest if Ctrl-C was pressed within it.

    Ctrl-C is what the program's SIGINT handler makes KeyboardInterrupt of. In other threads than the main one, which
    signals never reach, nothing is done.
    """
    if not _in_main_thread():
        yield
        return
    _interrupts.n_fits += 1
    try:
        _interrupts.watch()
        yield
        check_interrupts()
    except Exception as error:
        if _interrupts.came:
            raise KeyboardInterrupt from error
        raise
    finally:
        _interrupts.n_fits -= 1
        if not _interrupts.n_fits:
            _interrupts.release()


def is_interrupted() -> bool:
    """Whether Ctrl-C was pressed since the outermost fit of this thread began."""
    return _interrupts.came and _in_main_thread()


def check_interrupts() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was pressed and somebody has swallowed that."""
    if not _in_main_thread() or not _interrupts.n_fits:
        return
    _interrupts.watch()
    if _interrupts.came:
        raise KeyboardInterrupt


def _in_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident
