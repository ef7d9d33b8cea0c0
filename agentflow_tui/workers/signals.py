"""SIGTERM and SIGINT: the first asks, the second does not."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from agentflow_tui.errors import UsageError

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def _at_once(number: int, _frame: FrameType | None) -> None:
    sys.stderr.flush()
    os._exit(128 + number)


@contextmanager
def handled(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on the first signal; end the process at once, with 130 or 143, on the next.

    The second one is no business of the event loop's, which may be what hangs.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def first() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, _at_once)
        stop()

    for number in SIGNALS:
        loop.add_signal_handler(number, first)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def until_input_ends(stop: Callable[[], None]) -> None:
    """Call ``stop`` when standard input ends: whoever started this process has gone, however.

    Raises `UsageError` for a standard input that no other process can hold open.
    """
    kind = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) or sys.stdin.isatty()):
        raise UsageError("A leash is a pipe: start this process with one as its standard input.")
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
