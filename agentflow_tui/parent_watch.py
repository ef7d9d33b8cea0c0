"""How a child process ends: with its parent, and within a time that both sides know."""

import asyncio
import os
import stat
import sys
from collections.abc import Callable

from agentflow_tui.errors import UsageError

STOPS_WITHIN = 5.0
"""Seconds that workers have to finish or release what they hold when asked to stop."""

GRACE = 0.5
"""Seconds beyond these, after which what is not finished is let go."""


async def watch_parent(stop: Callable[[], None]) -> None:
    """Call ``stop`` when standard input ends: the process that started this one has gone, however.

    Raises `UsageError` for a standard input that no other process can hold open.
    """
    kind = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) or sys.stdin.isatty()):
        raise UsageError(
            "The parent is watched through a pipe. Start this process with one as standard input."
        )
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while await reader.read(4096):
            pass
        stop()
    finally:
        transport.close()
