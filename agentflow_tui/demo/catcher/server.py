"""A mail relay that passes nothing on: takes mail on this machine and records it.

For ``agentflow demo``, where no mail must leave, and for tests, which need a relay that fails when
told to (`faults`). What it accepted stands in its record before it says so.
"""

import asyncio
import ipaddress

from agentflow_tui.demo.catcher.faults import CatcherOptions, FaultHistory
from agentflow_tui.demo.catcher.record import CatcherRecord
from agentflow_tui.demo.catcher.session import CatcherSession


class Catcher:
    """An SMTP server on this machine. ``options`` may be replaced while it runs: they hold for
    later connections."""

    def __init__(
        self, options: CatcherOptions | None = None, *, record: CatcherRecord | None = None
    ):
        self.options = options or CatcherOptions()
        self.record = record or CatcherRecord()
        self.faults = FaultHistory()
        self.sessions: set[CatcherSession] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen on this machine only; port 0 takes a free one. Raises OSError if it is taken."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError("the mail catcher listens on this machine only")
        self.record.open()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, host, port, backlog=256)

    def _session(self) -> CatcherSession:
        session = CatcherSession(self.options, self.faults, self.record, self.sessions.discard)
        self.sessions.add(session)
        return session

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """The URL of this relay, for ``SMTP_URL``."""
        return f"smtp://127.0.0.1:{self.port}"

    async def close(self) -> None:
        """Stop at once, as a relay that crashes would."""
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions):
            session.hang_up()
        if self._server is not None:
            await self._server.wait_closed()
        self.record.close()
