"""The journal of every test about secrets is looked through before its database is dropped."""

from collections.abc import AsyncIterator

import pytest

from agentflow_tui.store.connection.database import Database
from tests.secrets_scan import USED


@pytest.fixture
async def database(database: Database) -> AsyncIterator[Database]:
    """The database, whose journal may not hold a secret that a test used."""
    yield database
    await database.rebind()
    if not database.binding.has("task_logs", "input", "output", "error"):
        return
    async with database.session() as session:
        rows = await session.connection.fetch("SELECT t::text AS row FROM task_logs t")
    text = "\n".join(row["row"] for row in rows)
    assert [secret[:6] for secret in USED if secret in text] == []
