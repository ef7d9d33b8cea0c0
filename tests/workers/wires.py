"""A wire between a process and its database that can be cut when it hurts most, or fall silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit


class Wire:
    """Passes everything on, until it is told not to. ``url`` is the database at its other end."""

    def __init__(self, database_url: str):
        parts = urlsplit(database_url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._socket = f"{query['host']}/.s.PGSQL.{query['port']}"
        self._who, self._name = parts.username, parts.path
        self._forgotten: list[asyncio.Event] = []
        self._ends: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None] | None] = set()
        self._marker: bytes | None = None
        self._silencer: bytes | None = None
        self._answers = asyncio.Event()
        self._answers.set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1")

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return f"postgresql://{self._who}@127.0.0.1:{port}{self._name}"

    def hold_answers(self, marker: bytes | None = None) -> None:
        """What is asked still arrives; what is answered does not, from the first question on that
        has ``marker`` in it."""
        self._marker = marker
        if marker is None:
            self._answers.clear()

    @property
    def holds_answers(self) -> bool:
        return not self._answers.is_set()

    def fall_silent(self, marker: bytes | None = None) -> None:
        """Nothing passes any more, and neither end hears of it: a partition. What is sent, and that
        an end has hung up, is kept until it is over. It begins with the first question that has
        ``marker`` in it."""
        self._silencer = marker
        if marker is None:
            self._passes.clear()

    @property
    def is_silent(self) -> bool:
        return not self._passes.is_set()

    def heal(self, *, forget: bool = False) -> None:
        """The partition is over. ``forget``: connections from before pass nothing for good, and
        neither end hears of that, as behind a NAT that has forgotten them."""
        before, self._passes = self._passes, asyncio.Event()
        self._passes.set()
        if not forget:
            before.set()
        else:
            self._forgotten.append(before)

    def remember(self) -> None:
        """What was sent in forgotten connections arrives after all, late."""
        for each in self._forgotten:
            each.set()

    def cut(self) -> None:
        """Every connection breaks, and answers that were held are lost. New ones work."""
        for end in self._ends:
            end.transport.abort()
        self._answers.set()
        self._passes.set()
        self.remember()

    async def close(self) -> None:
        self.cut()
        assert self._server is not None
        self._server.close()
        await asyncio.gather(*filter(None, self._passing))
        await self._server.wait_closed()

    async def _connect(self, asks: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._passing.add(asyncio.current_task())
        passes = self._passes
        await passes.wait()
        answers, server = await asyncio.open_unix_connection(self._socket)
        ends = {client, server}
        self._ends |= ends
        try:
            await asyncio.gather(
                self._pass(asks, server, passes), self._pass(answers, client, passes, held=True)
            )
        except OSError:
            pass
        finally:
            self._passing.discard(asyncio.current_task())
            self._ends -= ends
            for end in ends:
                end.transport.abort()

    async def _pass(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        passes: asyncio.Event,
        *,
        held: bool = False,
    ) -> None:
        while piece := await source.read(65_536):
            if not held and self._silencer and self._silencer in piece:
                self.fall_silent()
            await passes.wait()
            if held:
                await self._answers.wait()
            elif self._marker and self._marker in piece:
                self.hold_answers()
            target.write(piece)
            await target.drain()
        await passes.wait()
        target.transport.abort()


@asynccontextmanager
async def wired(database_url: str) -> AsyncIterator[Wire]:
    wire = Wire(database_url)
    await wire.start()
    try:
        yield wire
    finally:
        await wire.close()
