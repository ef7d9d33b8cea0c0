"""A secret, taken from where other users of the machine cannot read it: a prompt without echo, a
file, the standard input."""

import argparse
import getpass
import sys
from pathlib import Path

from agentflow_tui.errors import UsageError

LARGEST = 1_000_000
"""Bytes of a secret that is read."""


def given_secret(options: argparse.Namespace) -> str | None:
    """The secret from a file or the standard input, without the line break at its end; None where
    neither was said.

    Raises `UsageError` for what cannot be read, is empty or no text.
    """
    if options.from_file is not None:
        where = options.from_file
        try:
            with Path(where).expanduser().open("rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            raise UsageError(f"{where} cannot be read: {type(error).__name__}.") from None
    elif options.stdin:
        where, data = "The standard input", sys.stdin.buffer.read(LARGEST + 1)
    else:
        return None
    return _text(data, where)


def _text(data: bytes, where: str) -> str:
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UsageError(f"{where} holds no UTF-8 text.") from None
    if not text.strip():
        raise UsageError(f"{where} is empty.")
    if len(data) > LARGEST or "\0" in text:
        raise UsageError(f"{where} holds no secret: it is too large, or binary.")
    return text


def asked_secret(prompt: str) -> str:
    """A secret that is typed without echo, twice.

    Raises `UsageError` without a terminal, for an empty secret, and when both differ.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "Nobody can be asked for the secret here: say --from-file or --stdin. "
            "It is not taken from an argument, which every user of this machine can read."
        )
    first = getpass.getpass(f"{prompt} (not shown): ")
    if not first:
        raise UsageError("Nothing was typed.")
    if getpass.getpass("Once more: ") != first:
        raise UsageError("That was not the same twice.")
    return first
