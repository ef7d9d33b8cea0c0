"""One line on stderr that is written over and over while something takes its time."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agentflow_tui.cli.output import say

PATIENCE = 0.4
"""Seconds in which nothing is said: what is over by then needs no progress."""


@contextmanager
def progress(words: Callable[[int], str]) -> Iterator[Callable[[int], None]]:
    """Yields what to call with the number of rows done; the line is gone in the end.

    Nothing is written unless stderr is a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    begun = time.monotonic()

    def tell(done: int) -> None:
        if time.monotonic() - begun > PATIENCE:
            _write(words(done))

    try:
        yield tell
    finally:
        _write("")


def _write(line: str) -> None:
    say(f"\r\x1b[K{line}", end="")
