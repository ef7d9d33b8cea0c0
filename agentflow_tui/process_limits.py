"""A child process that deals with what strangers sent: its limits, and its end."""

import asyncio
import os
import resource
import sys
import threading
from asyncio.subprocess import Process
from contextlib import suppress

LEAVES_WITHIN = 1.0
"""Seconds in which a child is expected to have noticed that its standard input has ended."""


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


async def end_child(process: Process) -> None:
    """End a child that is `bound`: it leaves with its standard input, or is killed.

    One that has just ended must not be killed: asyncio would find it reaped already and say so.
    """
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(LEAVES_WITHIN):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
