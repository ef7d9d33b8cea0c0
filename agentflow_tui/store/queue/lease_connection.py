"""The one connection of a worker process that proves to others that the process lives."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from agentflow_tui.errors import RefusedError, UnreachableError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.driver_errors import translated
from agentflow_tui.store.connection.notifications import CHANNEL
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.views.checks import LOCK_KEY

RowT = TypeVar("RowT")

ANSWERS_WITHIN = 5.0
"""Seconds after which a connection that does not answer counts as lost."""

SERVER_NOTICES = 60
"""Seconds of silence after which the server ends the connection, and the lock with it. Until then a
network that drops everything costs nothing; after that a host that is lost holds nothing."""

BACKEND = Statement(int, "SELECT pg_backend_pid()")

_KEEP_ALIVE = f"""
SET tcp_keepalives_idle = {SERVER_NOTICES // 2};
SET tcp_keepalives_interval = {SERVER_NOTICES // 6}; SET tcp_keepalives_count = 3;
SET tcp_user_timeout = {SERVER_NOTICES * 1000}
"""

_END_FORMER = f"""
SELECT pg_terminate_backend(pid) FROM pg_locks
 WHERE pid = $2 AND locktype = 'advisory' AND objsubid = 1 AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (classid::int8 << 32) | objid::int8 = {LOCK_KEY.format(id="$1::text")}
"""
"""End the server process ``$2`` if it holds the lock of the process ``$1``."""


class LeaseConnection:
    """The connection whose advisory lock says that its process lives; it listens and sends the
    heartbeats, too.

    ``holds_session`` is false behind a transaction pooler, where a session keeps nothing; then
    there is no such connection, and heartbeats go through the pool like everything else.
    """

    def __init__(
        self, database: Database, identity: str, answers_within: float = ANSWERS_WITHIN
    ) -> None:
        self.holds_session = not database.pooled
        self._database = database
        self._identity = identity
        self._answers_within = answers_within
        self._connection: Any = None
        self._former: Any = None
        self._former_backend: int | None = None
        self._locked = False
        self._in_turn = asyncio.Lock()

    @property
    def has_lock(self) -> bool:
        """Whether the lock is held on a connection that is not known to be lost."""
        return self._locked and self.connected

    @property
    def connected(self) -> bool:
        if not self.holds_session:
            return True
        return self._connection is not None and not self._connection.is_closed()

    async def connect(self, on_wake: Callable[[], None], on_loss: Callable[[], None]) -> None:
        """Connect and listen; the lock is to be taken. ``on_wake`` is called for notifications by
        others, ``on_loss`` as soon as the connection is lost. Raises `UnreachableError`."""
        self._give_up()
        if not self.holds_session:
            return
        connection = await self._database.dedicated(self._answers_within)

        def heard(_: Any, pid: int, *_payload: object) -> None:
            if pid != connection.get_server_pid():
                on_wake()

        with translated():
            try:
                async with asyncio.timeout(self._answers_within):
                    await connection.execute(_KEEP_ALIVE)
                    await connection.add_listener(CHANNEL, heard)
            except BaseException:  # when cut off, too: nobody else knows of it
                connection.terminate()
                raise
        self._connection = connection
        connection.add_termination_listener(
            lambda ended: on_loss() if self._connection is ended else None
        )

    async def take_lock(self) -> bool:
        """Take the lock, if it is not held. False while another connection has it: a former one of
        this process, whose loss the server has not noticed and which is told to end, or that of a
        process that takes this one for dead and is giving back what it held."""
        if not self.holds_session:
            return True
        if not self._locked:
            ask = f"SELECT pg_try_advisory_lock({LOCK_KEY.format(id='$1::text')})"
            self._locked = bool(await self.fetch(Statement(bool, ask), self._identity) == [True])
            if self._locked:
                self._drop_former()
                [self._former_backend] = await self.fetch(BACKEND)
            else:
                await self._end_former()
        return self._locked

    def _give_up(self) -> None:
        """Use this connection no more. If it has the lock it is not closed yet: then the server,
        which may have noticed nothing, keeps the lock until there is a connection to take it on."""
        connection, self._connection = self._connection, None
        if connection is not None and self._locked and not connection.is_closed():
            self._former = connection
        elif connection is not None:
            connection.terminate()
        self._locked = False

    def _drop_former(self) -> None:
        if self._former is not None:
            self._former.terminate()
            self._former = None

    async def _end_former(self) -> None:
        if self._former_backend is not None:
            with contextlib.suppress(RefusedError):  # then the server has to notice by itself
                ended = Statement(bool, _END_FORMER)
                await self.fetch(ended, self._identity, self._former_backend)

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
                    async with asyncio.timeout(self._answers_within):
                        return await Session(connection, self._database.binding).fetch(
                            statement, *values
                        )
            except UnreachableError:
                if self._connection is connection:
                    self._give_up()
                raise

    async def execute(self, template: str, *values: object) -> None:
        await self.fetch(Statement(str, template), *values)

    def close(self) -> None:
        """Close the connection, which frees its lock."""
        self._locked = False
        self._give_up()
        self._drop_former()
