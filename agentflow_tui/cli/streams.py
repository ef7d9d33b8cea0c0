"""The three standard streams, also where some of them are closed or full."""

import os
import sys
from collections.abc import Iterator

from agentflow_tui.errors import AgentflowError

_closed: set[int] = set()
"""The numbers of the streams that were closed when the program began."""


def reserve_streams() -> None:
    """Open the null device for each standard stream that is closed, so that no connection takes
    its number, and what is said there goes nowhere."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            _closed.add(number)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115  # for as long as the process lives
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8")  # noqa: SIM115


def require_stdout() -> None:
    """For a command whose answer goes to stdout, before it does anything. Raises `AgentflowError`
    where that is closed."""
    if 1 in _closed:
        raise AgentflowError("Nothing was done: stdout is closed, so the answer would be lost.")


def abandon_stdout() -> None:
    """Let what Python still holds for stdout go nowhere: it cannot be written, and would be tried
    again when the process ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def ids_from_stdin() -> Iterator[str]:
    """The first words of the lines on stdin: ids, or lines that begin with one."""
    for line in sys.stdin:
        words = line.split(maxsplit=1)
        if words:
            yield words[0]
