"""A real IMAP server (pymap) on this machine, over TLS, that notes what it is asked."""

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from proxyprotocol.sock import SocketInfoLocal
from pymap.backend.dict import DictBackend
from pymap.context import connection_exit
from pymap.imap import IMAPConnection
from pymap.imap.state import ConnectionState
from pymap.parsing.message import AppendMessage
from pymap.parsing.response import ResponseCode
from pymap.parsing.specials.flag import Flag
from pymap.parsing.specials.sequenceset import SequenceSet

from tests.mail.certificates import Authority

USER, PASSWORD = "reports@dealer.test", 'p@ss "w\\rd'

FIRST = 101
"""The number of the first message."""


class NotedConnection(IMAPConnection):
    """A connection whose commands are noted."""

    noted: list[str]

    async def readline(self) -> memoryview:
        line = await super().readline()
        self.noted.append(bytes(line).decode("utf-8", "replace").rstrip())
        return line


class RefusingState(ConnectionState):
    """What answers commands, a FETCH of some messages by NO after it has given the others."""

    server: "ImapServer"

    async def do_fetch(self, cmd: Any) -> Any:
        asked = cmd.sequence_set.flatten(1_000)
        command = self.server.commands[-1]
        refused = asked & {uid for uid, part in self.server.refused if part in command}
        if refused:
            cmd.sequence_set = SequenceSet(sorted(asked - refused) or [1], uid=True)
        answer, updates = await super().do_fetch(cmd)
        if refused:
            answer.condition, answer.code = b"NO", ResponseCode.of(self.server.code)
        return answer, updates


class ImapServer:
    """The server, and the mailbox ``INBOX`` in it. ``commands`` are all that it was given.

    ``refused`` are messages of which it cannot read a part, ``code`` the code that it then gives.
    """

    def __init__(self, ca: Path) -> None:
        self.commands: list[str] = []
        self.refused: set[tuple[int, str]] = set()
        self.code = b"SERVERBUG"
        self._ca = ca

    async def start(self, authority: Authority) -> asyncio.Server:
        args = Namespace(host="127.0.0.1", port=0, debug=False, cert=None, key=None, tls=False)
        args.passlib_cfg = args.proxy_protocol = None
        args.demo_data, args.demo_user, args.demo_password = False, USER, PASSWORD
        self._backend, self._config = await DictBackend.init(args, invalid_user_sleep=0.0)
        self._config.apply_context()
        server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=authority.server("127.0.0.1")
        )
        self.port = int(server.sockets[0].getsockname()[1])
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        config = self._config
        connection = NotedConnection(
            config.commands, config, reader, writer, SocketInfoLocal(writer)
        )
        connection.noted = self.commands
        async with AsyncExitStack() as stack:
            connection_exit.set(stack)
            stack.enter_context(closing(connection))
            state = RefusingState(self._backend.login, config)
            state.server = self
            await connection.run(state)

    @property
    def url(self) -> str:
        """The mailbox with its password."""
        return self.url_of(f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@")

    def url_of(self, who: str) -> str:
        return f"imaps://{who}127.0.0.1:{self.port}?ca={self._ca}"

    async def _inbox(self) -> Any:
        identity = await self._backend.login.authorize(self._backend.login.demo_user_identity, USER)
        async with identity.new_session() as session:
            return await session.mailbox_set.get_mailbox("INBOX")

    async def add(self, *messages: bytes, days_ago: int = 0, seen: bool = False) -> None:
        """Messages that come in."""
        inbox = await self._inbox()
        when = datetime.now(UTC) - timedelta(days=days_ago)
        flags = frozenset({Flag(b"\\Seen")} if seen else ())
        for message in messages:
            await inbox.append(AppendMessage(message, when, flags))

    async def flags(self) -> list[set[str]]:
        """The flags of each message."""
        inbox = await self._inbox()
        return [
            {str(flag) for flag in message.permanent_flags} async for message in inbox.messages()
        ]

    def bodies_fetched(self) -> int:
        return sum("BODY.PEEK[]" in command for command in self.commands)


@asynccontextmanager
async def imap_server(authority: Authority) -> AsyncIterator[ImapServer]:
    made = ImapServer(authority.ca)
    server = await made.start(authority)
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()
