"""What stands between this process and the server, found out by looking.

A pooler answers in the server's place, may drop what a client asks for at the start, and may lend
a client another server session with each transaction. What it does is seen, not waited for: whether
our settings hold, and whether one server session stays ours while another client is at work. All of
it is asked with the simple protocol, because prepared statements are the first thing to break.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from typing import Any

import asyncpg

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import RefusedError

OLDEST = 13
"""The oldest major version of PostgreSQL that is served."""


PATIENCE = 3.0
"""Seconds to wait for a second session of a pooler."""


class PoolerMode(StrEnum):
    """How server sessions are lent to clients."""

    NONE = "none"
    """There is no pooler: a connection is a session of the server."""
    SESSION = "session"
    """A connection keeps its server session until it ends."""
    TRANSACTION = "transaction"
    """A connection has a server session for one transaction at a time."""


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What one connection says: the server process behind it, the server's version, and whether
    the settings that were asked for at its start hold."""

    pid: int
    version: int
    settings_hold: bool


Connections = Callable[[], AbstractAsyncContextManager[Any]]
"""Gives further connections to the same database."""


async def read_facts(connection: Any, settings: Mapping[str, str]) -> ConnectionFacts:
    """Look at a connection that was asked to start with ``settings``.

    Raises `RefusedError` for a server that is too old.
    """
    version, pid, held = await _ask(
        connection,
        "SELECT current_setting('server_version_num'), pg_backend_pid(), "
        "(SELECT json_object_agg(lower(name), setting) FROM pg_settings"
        f" WHERE lower(name) IN ({', '.join(map(_literal, map(str.lower, settings)))}))",
    )
    major = int(version) // 10_000
    if major < OLDEST:
        raise RefusedError(
            f"This server is PostgreSQL {major}. The oldest that is served is PostgreSQL {OLDEST}."
        )
    found = json.loads(held)
    holds = all(found.get(name.lower()) == value for name, value in settings.items())
    return ConnectionFacts(int(pid), major, holds)


async def mode_of(connection: Any, facts: ConnectionFacts, others: Connections) -> PoolerMode:
    """How server sessions are lent to this connection.

    Without a pooler the server process is the one that greeted us. With one it is another, and an
    idle one of transaction mode is lent to the next transaction of somebody else. Raises
    `RefusedError` for statement mode, in which nothing can be done together.
    """
    if facts.pid == connection.get_server_pid():
        return PoolerMode.NONE
    try:
        async with asyncio.timeout(PATIENCE), others() as other, _transaction(other):
            (theirs,) = await _ask(other, "SELECT pg_backend_pid()")
            (now,) = await _ask(connection, "SELECT pg_backend_pid()")
    except TimeoutError:  # it has no session left for another, and whose ours is remains unknown
        return PoolerMode.TRANSACTION
    is_kept = int(theirs) != facts.pid == int(now)
    return PoolerMode.SESSION if is_kept else PoolerMode.TRANSACTION


@asynccontextmanager
async def _transaction(connection: Any) -> AsyncIterator[None]:
    try:
        await connection.execute("BEGIN")
    except (asyncpg.ProtocolViolationError, asyncpg.ConnectionDoesNotExistError) as error:
        if "statement pooling" not in str(error):
            raise
        raise RefusedError(
            "The pooler before this database is in statement mode, in which no two statements "
            "belong together. Have it pool transactions or sessions, or go round it."
        ) from None
    try:
        yield
    finally:
        await connection.execute("ROLLBACK")


async def _ask(connection: Any, query: str) -> list[str]:
    """The columns of the one row of a query, as texts without tabs or backslashes.

    COPY is the driver's one way to get rows by the simple protocol.
    """
    pieces: list[bytes] = []

    async def collect(data: bytes) -> None:
        pieces.append(data)

    await connection.copy_from_query(query, output=collect)
    return b"".join(pieces).decode().rstrip("\n").split("\t")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
