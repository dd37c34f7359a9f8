"""Ends this process soon after the one that started it, however that one died.

The kernel's own signal for this (PR_SET_PDEATHSIG) follows the parent's thread, not its process: a child that was
started by a server's worker thread would die with that thread.
"""

from __future__ import annotations

import os
import signal
import threading
import time

PERIOD_S = 1.0


def die_with(parent: int) -> None:
    """Watch from a thread whether `parent` is still this process's parent, and kill this process when it is not."""
    threading.Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PERIOD_S)
    os.kill(os.getpid(), signal.SIGKILL)
