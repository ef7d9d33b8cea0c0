"""Stopping the embedded server on purpose, under those who use it."""

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path

from agentflow_tui.embedded.postgres import LOOK_EVERY, is_taken, keeper_pid, postmaster_pid


def stop_now(home: Path, mode: str = "fast") -> None:
    """Stop the server under its users and return when it is gone; they do not revive it.

    ``fast`` ends every session and writes everything, ``immediate`` is a crash that the next
    start recovers from.
    """
    with_keeper, without = {
        "fast": (signal.SIGTERM, signal.SIGINT),
        "immediate": (signal.SIGQUIT, signal.SIGQUIT),
    }[mode]
    home = home.expanduser().resolve()
    lock = os.open(home / "keeper.lock", os.O_RDONLY)
    try:
        # Only while it holds its lock is the process with that id the keeper.
        pid, number = (postmaster_pid, without) if is_taken(lock) else (keeper_pid, with_keeper)
        if (found := pid(home)) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found, number)
        fcntl.flock(lock, fcntl.LOCK_EX)
        while postmaster_pid(home) is not None:
            time.sleep(LOOK_EVERY)
    finally:
        os.close(lock)
