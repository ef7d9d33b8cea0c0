"""The one connection of a worker process that proves to others that the process lives."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from agentflow_tui.errors import UnreachableError
from agentflow_tui.store.connection.database import Database, Session
from agentflow_tui.store.connection.driver_errors import translated
from agentflow_tui.store.connection.notifications import CHANNEL
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue.leases import LOCK_KEY

RowT = TypeVar("RowT")

ANSWERS_WITHIN = 5.0
"""Seconds after which a connection that does not answer counts as lost."""


class LeaseConnection:
    """The connection whose advisory lock says that its process lives; it listens and sends the
    heartbeats, too.

    ``holds_session`` is false behind a transaction pooler, where a session keeps nothing; then
    there is no such connection, and heartbeats go through the pool like everything else.
    """

    def __init__(self, database: Database, identity: str) -> None:
        self.holds_session = not database.pooled
        self._database = database
        self._identity = identity
        self._connection: Any = None
        self._locked = False
        self._in_turn = asyncio.Lock()

    @property
    def connected(self) -> bool:
        if not self.holds_session:
            return True
        return self._connection is not None and not self._connection.is_closed()

    async def connect(self, on_wake: Callable[[], None], on_loss: Callable[[], None]) -> None:
        """Connect, take the lock and listen. ``on_wake`` is called for notifications by others,
        ``on_loss`` as soon as the connection is lost. Raises `UnreachableError`."""
        self.close()
        if not self.holds_session:
            return
        connection = await self._database.dedicated()
        self._locked = False

        def heard(_: Any, pid: int, *_payload: object) -> None:
            if pid != connection.get_server_pid():
                on_wake()

        with translated():
            try:
                async with asyncio.timeout(ANSWERS_WITHIN):
                    self.holds_session = await self._has_a_backend(connection)
                    if self.holds_session:
                        await connection.add_listener(CHANNEL, heard)
            except BaseException:  # when cut off, too: nobody else knows of it
                connection.terminate()
                raise
        if not self.holds_session:
            connection.terminate()
            return
        connection.add_termination_listener(lambda _: on_loss())
        self._connection = connection
        await self.take_lock()

    async def _has_a_backend(self, connection: Any) -> bool:
        """Whether this session has one backend to itself.

        Without a pooler it is the one that greeted us. With one, its idle backend would be lent
        to the next transaction of somebody else.
        """
        ask = "SELECT pg_backend_pid()"
        before = await connection.fetchval(ask)
        if before == connection.get_server_pid():
            return True
        async with self._database.transaction() as other:
            theirs = await other.fetch_one(Statement(int, ask))
            return bool(theirs != before == await connection.fetchval(ask))

    async def take_lock(self) -> bool:
        """Take the lock, if it is not held. False while a connection that was lost still has it:
        the server has not noticed yet, so it is tried again with each heartbeat."""
        if self.holds_session and not self._locked:
            ask = f"SELECT pg_try_advisory_lock({LOCK_KEY.format(id='$1::text')})"
            self._locked = bool(await self.fetch(Statement(bool, ask), self._identity) == [True])
        return self._locked

    async def fetch(self, statement: Statement[RowT], *values: object) -> list[RowT]:
        """Like `Session.fetch`; a connection that does not answer in time is given up."""
        if not self.holds_session:
            return await self._database.fetch(statement, *values)
        self._database.statements += 1
        async with self._in_turn:
            connection = self._connection
            if connection is None:
                raise UnreachableError("The connection that proves this process alive is lost.")
            try:
                with translated():
                    async with asyncio.timeout(ANSWERS_WITHIN):
                        return await Session(connection, self._database.binding).fetch(
                            statement, *values
                        )
            except UnreachableError:
                connection.terminate()
                raise

    async def execute(self, template: str, *values: object) -> None:
        await self.fetch(Statement(str, template), *values)

    def close(self) -> None:
        """Close the connection, which frees its lock."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
