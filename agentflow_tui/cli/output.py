"""What a command prints: data to stdout, everything said about it to stderr."""

import sys
from contextlib import suppress


class StdoutError(Exception):
    """Data could not be written to stdout. ``is_left`` where its reader has gone, as ``head``
    does, which is no trouble; else the message says why."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.is_left = isinstance(error, BrokenPipeError)


class _Stdout:
    """Writes to stdout; raises `StdoutError`."""

    def write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
        except OSError as error:
            raise StdoutError(error) from None

    def flush(self) -> None:
        try:
            sys.stdout.flush()
        except OSError as error:
            raise StdoutError(error) from None


STDOUT = _Stdout()


def put(line: str) -> None:
    """Data: to stdout. Raises `StdoutError`."""
    STDOUT.write(f"{line}\n")


def say(line: str, *, end: str = "\n") -> None:
    """Something about the data: to stderr. What cannot be said there stops no command."""
    with suppress(OSError):
        print(line, end=end, file=sys.stderr, flush=True)
