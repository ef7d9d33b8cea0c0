"""The settings of a command, and its connection to the database in use."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from agentflow_tui import settings_file
from agentflow_tui.errors import AgentflowError
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions


def load_settings(options: argparse.Namespace) -> Settings:
    """The settings with what the options say in front of them. Raises `SettingsError`."""
    return settings_file.load(
        context=options.context, database_url=options.database, read_only=options.read_only
    )


def load_writable(options: argparse.Namespace) -> Settings:
    """The settings, where they allow changes. Raises `AgentflowError` where they do not."""
    chosen = load_settings(options)
    if chosen.context.read_only:
        why = "--read-only" if options.read_only else f"the context {chosen.context.name!r}"
        raise AgentflowError(f"Nothing was changed: {why} opens the database read-only.")
    return chosen


@asynccontextmanager
async def opened(chosen: Settings, *, seconds: float = 60.0) -> AsyncIterator[Database]:
    """The database in use, for one command; the embedded server where none is configured.
    ``seconds`` is the time that one statement may take."""
    server = None
    url = chosen.context.database_url
    if not url:
        from agentflow_tui.embedded import postgres  # a command on a database needs no server

        server = await asyncio.to_thread(postgres.start, chosen.home)
        url = server.url
    options = ConnectionOptions(
        application="agentflow cli",
        connections=2,
        statement_timeout=seconds,
        read_only=chosen.context.read_only,
        because=chosen.read_only_because,
        pooler=chosen.context.pooler,
    )
    database = await Database.open(url, options)
    try:
        yield database
    finally:
        database.close()
        if server is not None:
            server.release()


def connected(
    chosen: Settings, work: Callable[[Database], Awaitable[int]], *, seconds: float = 60.0
) -> int:
    """Do the work of a command on the database in use. Returns the exit code."""

    async def run() -> int:
        async with opened(chosen, seconds=seconds) as database:
            return await work(database)

    return asyncio.run(run())
