"""A small HTTP service on loopback that behaves as told, and remembers what it was sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Service:
    """``requests`` holds method, target, headers and body of each request, in order."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)
    """Raw HTTP responses by path; ``""`` hangs up, a path that is not here echoes the request."""
    pauses: dict[str, float] = field(default_factory=dict)
    """Seconds that the answer takes, by path."""
    closing: set[str] = field(default_factory=set)
    """Paths after whose answer the connection is closed."""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {
            name.lower(): value.strip() for name, _, value in (h.partition(":") for h in head[1:])
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests.append((method, target, headers, body))
        path = target.partition("?")[0]
        if path == "/stall":
            await self.released.wait()
            return False
        await asyncio.sleep(self.pauses.get(path, 0))
        answer = self.answers.get(path)
        if answer is None:
            echo = {"method": method, "target": target, "headers": headers, "body": body.decode()}
            answer = response(200, json.dumps(echo), "application/json")
        writer.write(answer)
        await writer.drain()
        return bool(answer) and path not in self.closing


def response(status: int, body: str = "", kind: str = "text/plain", *headers: str) -> bytes:
    content = body.encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + content


@asynccontextmanager
async def serving() -> AsyncIterator[Service]:
    service = Service()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    service.url = f"http://{host}:{port}"
    try:
        yield service
    finally:
        service.released.set()
        server.close()
