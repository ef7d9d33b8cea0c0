"""A mail relay that keeps everything to itself: takes mail on this machine and records it.

For ``agentflow demo``, where no mail must leave, and for tests, which need a relay that behaves
badly when told to (`mischief`). What it accepted stands in its record before it says so.
"""

import asyncio
import ipaddress
import json
import os
from collections import deque
from dataclasses import asdict
from pathlib import Path

from agentflow_tui.demo.catcher.faults import Memory, Mischief
from agentflow_tui.demo.catcher.session import Caught, Session


class Catcher:
    """The server. ``caught`` holds the last messages, ``contents`` their bytes if ``keep`` is set.

    ``turns`` counts how often it answered something: the round trips its clients have waited for.
    """

    def __init__(
        self, mischief: Mischief | None = None, *, record: Path | None = None, keep: int = 10_000
    ):
        self.mischief = mischief or Mischief()
        self.memory = Memory(self.mischief)
        self.caught: deque[Caught] = deque(maxlen=keep)
        self.contents: deque[bytes] = deque(maxlen=min(keep, 1000))
        self.commands: deque[str] = deque(maxlen=1000)
        self.turns = 0
        self.connections = 0
        self.sessions: set[Session] = set()
        self._record_path = record
        self._record: int | None = None
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen on this machine only; port 0 takes a free one. Raises OSError if it is taken."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError("the mail catcher listens on this machine only")
        if self._record_path is not None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._record = os.open(self._record_path, flags, 0o600)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Session(self), host, port, backlog=256)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """For ``SMTP_URL``."""
        assert self._server is not None
        return f"smtp://127.0.0.1:{self.port}"

    async def close(self) -> None:
        """Stop at once, as a relay that crashes would."""
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions):
            session.hang_up()
        if self._server is not None:
            await self._server.wait_closed()
        if self._record is not None:
            os.close(self._record)
            self._record = None

    def take(self, caught: Caught, content: bytes) -> None:
        """Record a message: one line, in one write, before its sender hears of it."""
        self.caught.append(caught)
        self.contents.append(content)
        if self._record is not None:
            os.write(self._record, json.dumps(asdict(caught)).encode() + b"\n")
