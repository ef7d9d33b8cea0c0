"""Connections that only write finished steps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agentflow_tui.errors import MissingError, RefusedError, UnreachableError
from agentflow_tui.store import workflow_runs as runs
from agentflow_tui.store.database import Database, Session


class Lines:
    """Connections kept for one statement, so that the server plans it once and not each time: a
    third of what a write of fifty steps costs it. Behind a pooler they are ordinary sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[Any] = []

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A session for one write. Raises `UnreachableError`, also when there is no answer."""
        self._database.statements += 1
        if self._database.pooled:
            async with self._database.session() as session:
                yield session
            return
        connection = self._idle.pop() if self._idle else await self._connect()
        sound = False
        try:
            async with asyncio.timeout(self._database.manners.statement_timeout):
                yield Session(connection, self._database.binding)
            sound = True
        except (RefusedError, MissingError):
            sound = True
            raise
        except TimeoutError:
            raise UnreachableError("The database does not answer.") from None
        finally:
            if sound:
                self._idle.append(connection)
            else:
                connection.terminate()

    async def _connect(self) -> Any:
        connection = await self._database.dedicated()
        session = Session(connection, self._database.binding)
        await session.execute(runs.LINE_SETTINGS)
        return connection

    def close(self) -> None:
        while self._idle:
            self._idle.pop().terminate()
