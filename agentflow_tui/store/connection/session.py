"""One connection while it is in use: statements, and transactions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self, TypeVar

import asyncpg

from agentflow_tui import profiling
from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import UnreachableError
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.driver_errors import translated
from agentflow_tui.store.connection.statements import Statement

RowT = TypeVar("RowT")

ROLLBACK_TIMEOUT = 5.0
"""Seconds for taking a transaction back; after that its connection is given up, which does it."""

RELEASE_TIMEOUT = 1.0
"""Seconds in which a connection that is given back has to be ready for the next use."""


class UnresetConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """A connection that the pool does not reset: no state is left on it, so that a reset would be a
    round trip for nothing."""

    def get_reset_query(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Session:
    """One connection of the pool while it is in use, with the binding of its database."""

    connection: Any
    binding: Binding

    async def fetch(self, statement: Statement[RowT], *values: object) -> list[RowT]:
        """All rows. Raises `UnreachableError`, `RefusedError`, `MissingError`."""
        sql = self.binding.render(statement.text)
        with translated():
            return statement.rows(await self.connection.fetch(sql, *values))

    async def fetch_one(self, statement: Statement[RowT], *values: object) -> RowT | None:
        rows = await self.fetch(statement, *values)
        return rows[0] if rows else None

    async def execute(self, template: str, *values: object) -> int:
        """Run a statement that yields no rows. Returns how many it touched."""
        sql = self.binding.render(template)
        with translated():
            tag: str = await self.connection.execute(sql, *values)
        last = tag.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    @asynccontextmanager
    async def transaction(self, *, isolation: str | None = None) -> AsyncIterator[Self]:
        """Everything inside commits together or not at all."""
        with translated():
            transaction = self.connection.transaction(isolation=isolation)
            await transaction.start()
        try:
            yield self
        except BaseException:  # when cut off, too: nothing of it may stay
            # A connection that broke has been taken from us, and its server has rolled back.
            with suppress(UnreachableError, asyncpg.InterfaceError):
                if not self.connection.is_closed():
                    with translated():
                        async with asyncio.timeout(ROLLBACK_TIMEOUT):
                            await transaction.rollback()
            raise
        with translated():
            await transaction.commit()


def profile_queries(connection: Any) -> None:
    """Have the statements of a connection noted, where a profile is taken."""
    profile = profiling.running()
    if profile is not None:
        note = profile.note_query
        connection.add_query_logger(lambda query: note(query.query, query.elapsed))


async def release(pool: Any, connection: Any) -> None:
    """Give a connection back to the pool. One that does not answer is ended by the driver, which is
    no matter: what was asked on it has been answered, or has failed already."""
    with suppress(UnreachableError), translated():
        await pool.release(connection, timeout=RELEASE_TIMEOUT)
