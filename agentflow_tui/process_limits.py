"""Limits of a process that deals with what strangers sent."""

import os
import resource
import sys
import threading
from contextlib import suppress


def bound(memory: int, seconds: int) -> None:
    """Limit this process to bytes of address space and seconds of processor time, where the system
    knows such limits, and end it with its parent: standard input is a pipe that stays open."""
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CPU, seconds)


def _limit(what: int, most: int) -> None:
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(
            what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )


def _leave_with_the_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(1)
