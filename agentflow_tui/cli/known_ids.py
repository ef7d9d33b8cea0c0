"""Ids that are there, for completion: a few, soon, or none."""

import asyncio
from collections.abc import Sequence

from agentflow_tui import clock, settings_file
from agentflow_tui.cli.connection import opened
from agentflow_tui.cli.tables import ERRORS
from agentflow_tui.errors import AgentflowError
from agentflow_tui.schema import find_table
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.views.by_id import public_id
from agentflow_tui.store.views.by_table import LISTINGS

PATIENCE = 2.0
"""Seconds that the database may take, for which the operator waits who has pressed tab."""

MOST = 40


def known_ids(
    command: str, table: str, word: str, *, context: str | None, database: str | None
) -> Sequence[str]:
    """Ids that begin like ``word``, newest first where the table is listed so; none of a database
    that does not answer. Never starts the embedded server. Raises `SettingsError`."""
    chosen = settings_file.load(context=context, database_url=database, read_only=True)
    if not chosen.context.database_url and not _is_running(chosen):
        return ()

    async def look() -> Sequence[str]:
        async with asyncio.timeout(PATIENCE), opened(chosen, seconds=PATIENCE) as database:
            return await _look(database, command, table, word)

    try:
        return asyncio.run(look())
    except (AgentflowError, TimeoutError):
        return ()


def _is_running(chosen: Settings) -> bool:
    from agentflow_tui.embedded import postgres

    return postgres.postmaster_pid(chosen.home) is not None


async def _look(database: Database, command: str, name: str, word: str) -> Sequence[str]:
    if command == "undo":
        from agentflow_tui.store.changes import records

        return [record.id for record in await records.latest(database, MOST)]
    if name == ERRORS:
        from agentflow_tui.cli.errors import error_groups

        groups, _ = await error_groups(database)
        return [group.key for group in groups]
    table = find_table("credentials" if command == "credential" else name)
    if table is None:
        return ()
    secret = table.primary_key.secret
    text = f"{table.primary_key.name}:{word}*" if word and not secret else ""
    wanted = query(
        LISTINGS[table.name], database.binding, text, now=clock.now(), zone=clock.zone("UTC")
    )
    page = await wanted.page(database, Window(limit=MOST, scan=wanted.scan))
    return [public_id(table, str(row.key)) for row in page.rows]
