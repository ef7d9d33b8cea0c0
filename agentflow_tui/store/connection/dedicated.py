"""Dedicated connections for a stream of statements, and pooled sessions for single writes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Any, TypeVar

import asyncpg

from agentflow_tui.errors import (
    MissingError,
    NoConnectionLeftError,
    NotAcceptedError,
    UnreachableError,
)
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.driver_errors import first_line, translated
from agentflow_tui.store.connection.options import set_session, set_transaction
from agentflow_tui.store.connection.pool_gate import WIDENS_AFTER
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement

RowT = TypeVar("RowT")

PLANNED_ONCE = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "lock_timeout": "2s",
}
"""For a connection that writes many rows by key, again and again: plan once, and reach each row by
its key, whatever size the table had when the plan was made. A locked row is not waited for for
long, because all other rows of the statement wait with it."""

PLANNED_EACH_TIME = {"plan_cache_mode": "force_custom_plan", "jit": "off"}
"""For a connection that claims: which index serves best is known by what is in the table now."""


@asynccontextmanager
async def pooled_session(
    database: Database, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Session]:
    """A session of the pool for a write, which is never sent twice. Raises `UnreachableError`."""
    database.statements += 1
    with _lost_while_idle():
        async with database.session(settings) as session:
            yield session


@contextmanager
def _lost_while_idle() -> Iterator[None]:
    """Raises `UnreachableError` for a connection that its server is ending.

    Between the server's last word on an idle connection and its end the driver takes it for busy,
    and says so in a class that otherwise means a bug of the driver.
    """
    try:
        yield
    except asyncpg.InternalClientError as error:
        raise UnreachableError(f"The database connection was lost: {first_line(error)}.") from None


class DedicatedConnections:
    """Connections kept for one kind of statement, with ``settings`` of their own.

    Planning once is a third of what a write of fifty steps costs the server, and a session of the
    pool a third of what it takes to begin a claim. Behind a transaction pooler, and where the
    server has no further connection, they are sessions of the pool. There are ``limit`` at most,
    for users that come at the same time. They are closed with the database, if not before.
    """

    def __init__(self, database: Database, settings: Mapping[str, str], limit: int = 1) -> None:
        self.limit = limit
        self._database = database
        self._settings = settings
        self._idle: list[Any] = []
        self._turns = asyncio.Semaphore(limit)
        self._connects_from = float("-inf")
        database.on_close(self.close)

    async def fetch(
        self,
        statement: Statement[RowT],
        *values: object,
        asked: Callable[[int], None] = lambda _: None,
    ) -> list[RowT]:
        """All rows of one statement, which is never sent twice. ``asked`` hears which server
        process is about to be asked.

        Raises `UnreachableError`, also when there is no answer; `RefusedError`, `MissingError`:
        then nothing has happened.
        """
        database = self._database
        if database.pooled or not database.options.dedicated:
            return await self._fetch_pooled(statement, values, asked)
        database.binding.render(
            statement.text
        )  # what it lacks is said before a connection is taken
        async with self._turns:
            connection = self._unused() or await self._connect_if_possible()
            if connection is None:
                return await self._fetch_pooled(statement, values, asked)
            return await self._fetch(connection, statement, values, asked)

    async def _fetch(
        self,
        connection: Any,
        statement: Statement[RowT],
        values: tuple[object, ...],
        asked: Callable[[int], None],
    ) -> list[RowT]:
        database = self._database
        database.statements += 1
        sql = database.binding.render(statement.text)
        asked(connection.get_server_pid())
        limit = database.options.answer_timeout
        try:
            records = await connection.fetch(sql, *values, timeout=limit)
        except BaseException:  # when cancelled, too: its answer is still to come
            with self._translated(connection):
                raise
        self._idle.append(connection)
        return statement.rows(records)

    async def _fetch_pooled(
        self,
        statement: Statement[RowT],
        values: tuple[object, ...],
        asked: Callable[[int], None],
    ) -> list[RowT]:
        """The same in a transaction of the pool, with the settings that these connections have."""
        database = self._database
        async with pooled_session(database, self._settings) as session:
            asked(session.connection.get_server_pid())
            if database.pooled:
                return await session.fetch(statement, *values)
            try:
                async with session.transaction():
                    await session.execute(set_transaction(self._settings))
                    return await session.fetch(statement, *values)
            except UnreachableError:
                session.connection.terminate()  # what was asked on it may still be under way
                raise

    async def _connect_if_possible(self) -> Any:
        """A new connection; None while the server has none to give."""
        if monotonic() < self._connects_from:
            return None
        try:
            return await self._connect()
        except NoConnectionLeftError:
            self._connects_from = monotonic() + WIDENS_AFTER
            self._database.on_shortage()
            return None

    @contextmanager
    def _translated(self, connection: Any) -> Iterator[None]:
        """Translates an error, and keeps the connection where only the values were not accepted.

        Another refusal may be that of a standby, which was the server to write to before. Entered
        when something did go wrong: around each statement it would take longer than whatever else
        is done before a claim.
        """
        sound = False
        try:
            with translated():
                yield
        except (NotAcceptedError, MissingError):
            sound = True
            raise
        finally:
            if sound:
                self._idle.append(connection)
            else:
                connection.terminate()

    def _unused(self) -> Any:
        """An idle connection that is not known to be broken; None without one."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _connect(self) -> Any:
        connection = await self._database.dedicated()
        session = Session(connection, self._database.binding)
        limit = f"{round(1000 * self._database.options.statement_timeout)}"
        settings = {"timezone": "UTC", "statement_timeout": limit, **self._settings}
        try:
            await session.execute(set_session(settings))
        except BaseException:  # when cancelled, too: nothing else would close it
            connection.terminate()
            raise
        return connection

    def close(self) -> None:
        while self._idle:
            self._idle.pop().terminate()
