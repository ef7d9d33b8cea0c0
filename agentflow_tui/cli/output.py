"""What a command prints: data to stdout, everything said about it to stderr."""

import sys
from contextlib import suppress


def say(line: str) -> None:
    """Something about the data: to stderr. What cannot be said there stops no command."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def put(line: str) -> None:
    """Data: to stdout."""
    print(line)
