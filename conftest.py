"""Tests run in several processes at once, so each takes one thread; they press Ctrl-C, also in the background."""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore
