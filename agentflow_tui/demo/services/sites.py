"""The sites that health checks ask: HTTP on this machine, one status a path."""

import asyncio

from agentflow_tui.demo import data

_SECONDS = 5.0
"""In which a request has to arrive."""


class DemoSites:
    """Answers ``/ID`` with the status that the sample has for that check; 404 for anything else."""

    def __init__(self) -> None:
        self._answers: dict[str, int] = data.read("health_checks")["answers"]
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on this machine only, at any free port."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)

    @property
    def urls(self) -> dict[str, str]:
        """The URL of each site by its check."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return {name: f"http://127.0.0.1:{port}/{name}" for name in self._answers}

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode("ascii", "replace").strip("/")
            status = self._answers.get(path, 404)
            writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: 0\r\n".encode())
            writer.write(b"Connection: close\r\n\r\n")
            await writer.drain()
        except (OSError, EOFError, IndexError, TimeoutError, asyncio.LimitOverrunError):
            pass  # whatever asked has gone, or does not speak HTTP
        finally:
            writer.close()
