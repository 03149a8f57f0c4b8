"""Tests run in several processes at once, so each takes one thread; they press Ctrl-C, also in the background."""

import os
import signal
from importlib.util import find_spec

os.environ.setdefault("OMP_NUM_THREADS", "1")
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore

# Examples in docstrings that need an extra.
collect_ignore = [] if find_spec("optuna") else ["sknn/callbacks/_prune_trial.py", "sknn/model_selection/_optuna.py"]
