"""The first thing on the terminal: the console's title, while the console is being imported."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ENTER = "\x1b[?1049h\x1b[2J\x1b[H"
_LEAVE = "\x1b[?1049l"


@contextmanager
def first_frame() -> Iterator[None]:
    """Shows the title where the console will draw. If that never begins, because of an error or a
    signal, the terminal is as it was."""
    signal.signal(signal.SIGTERM, _end)  # first: the signal may come as soon as the title stands
    try:
        _write(f"{_ENTER}\x1b[1m agentflow\x1b[0m")
        yield
    except BaseException:  # whatever ends the start, an exit and an interruption as well
        if signal.getsignal(signal.SIGTERM) is _end:  # the console takes signals over
            _write(_LEAVE)
        raise


def _end(number: int, _frame: object) -> None:
    _write(_LEAVE)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _write(text: str) -> None:
    """Write to where Textual draws."""
    print(text, end="", file=sys.stderr, flush=True)
