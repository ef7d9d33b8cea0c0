"""Relays to send to: Postfix's smtp-sink, and a proxy that counts round trips on the way there."""

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import postfix_environment

BACKLOG = 256
LONGEST = 1 << 16


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def sink(programs: Path, *, pipelining: bool = True) -> Iterator[int]:
    """The port of an smtp-sink, which takes everything and keeps nothing."""
    port = free_port()
    words = [str(programs / "smtp-sink")]
    words += ["-u", "nobody"] if os.geteuid() == 0 else []
    words += [] if pipelining else ["-p"]
    process = subprocess.Popen(
        [*words, f"127.0.0.1:{port}", str(BACKLOG)], env=dict(postfix_environment(programs))
    )
    try:
        _until_it_listens(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _until_it_listens(port: int) -> None:
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise TimeoutError("smtp-sink does not listen")


@dataclass(slots=True)
class Proxy:
    """Passes on what both sides say, each a little later, and counts how often the client spoke
    after it had been answered."""

    port: int
    delay: float
    trips: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.port)
        answered = True

        async def ask() -> None:
            nonlocal answered
            while said := await reader.read(LONGEST):
                self.trips += answered
                answered = False
                await asyncio.sleep(self.delay)
                ours.write(said)
            ours.close()

        async def answer() -> None:
            nonlocal answered
            while said := await theirs.read(LONGEST):
                await asyncio.sleep(self.delay)
                answered = True
                writer.write(said)
            writer.close()

        with contextlib.suppress(OSError):
            await asyncio.gather(ask(), answer())


@asynccontextmanager
async def counted(port: int, delay: float = 0.002) -> AsyncIterator[tuple[int, Proxy]]:
    """A port in front of ``port``, and its count. ``delay`` in each direction lets what belongs
    together arrive together, as on a real line."""
    proxy = Proxy(port, delay)
    async with await asyncio.start_server(proxy.serve, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1], proxy
