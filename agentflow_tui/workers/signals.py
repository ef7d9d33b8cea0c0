"""SIGTERM and SIGINT: the first asks, the second does not."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

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
