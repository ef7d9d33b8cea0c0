"""What the mail catcher has seen, and the file in which it writes down what it took."""

import json
import os
from collections import deque
from dataclasses import asdict
from pathlib import Path

from agentflow_tui.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One message that was accepted. ``at`` is in seconds since 1970, ``size`` in bytes."""

    at: float
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    size: int
    connection: int


class CatcherRecord:
    """The last messages that a catcher took, the commands it got, and its counts.

    ``contents`` holds the bytes of up to a thousand messages. ``round_trips`` counts how often it
    answered something, which its clients have waited for. With a ``path``, each message is a line
    of JSON in that file, from `open` on.
    """

    def __init__(self, path: Path | None = None, *, keep: int = 10_000):
        self.caught: deque[CaughtMail] = deque(maxlen=keep)
        self.contents: deque[bytes] = deque(maxlen=min(keep, 1000))
        self.commands: deque[str] = deque(maxlen=1000)
        self.connections = 0
        self.round_trips = 0
        self._path = path
        self._file: int | None = None

    def open(self) -> None:
        """Open the file for appending. Raises OSError where that is not possible."""
        if self._path is not None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def add(self, caught: CaughtMail, content: bytes) -> None:
        """Record a message: one line, in one write, before its sender hears of it."""
        self.caught.append(caught)
        self.contents.append(content)
        if self._file is not None:
            os.write(self._file, json.dumps(asdict(caught)).encode() + b"\n")
