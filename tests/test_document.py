"""The database document's sample queries run verbatim on what `agentflow db init` makes."""

import re
from pathlib import Path

import pytest

from agentflow_tui.schema import TABLES
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.ddl import create_missing_tables
from tests.samples import fill

DOCUMENT = (Path(__file__).parent.parent / "docs" / "database-schema.md").read_text()
QUERIES = dict(re.findall(r"^### ([^\n]+)\n\n```sql\n(.*?)```", DOCUMENT, re.MULTILINE | re.DOTALL))


def test_there_are_five_sample_queries() -> None:
    assert len(QUERIES) == 5


@pytest.mark.parametrize("title", QUERIES)
async def test_a_sample_query_runs_verbatim_and_finds_rows(database: Database, title: str) -> None:
    await fill(database)
    async with database.session() as session:
        await session.connection.execute("INSERT INTO users (id) VALUES ('user123')")
        await session.connection.execute("UPDATE task_logs SET userId = 'user123'")
        await session.connection.execute("UPDATE reports SET userId = 'user123'")
        rows = await session.connection.fetch(QUERIES[title])
    assert rows


async def test_making_the_tables_again_changes_nothing(database: Database) -> None:
    await fill(database)
    assert await create_missing_tables(database) == []
    async with database.session() as session:
        assert await session.connection.fetchval("SELECT count(*) FROM users") == 2


async def test_the_nine_foreign_keys_exist(database: Database) -> None:
    async with database.session() as session:
        rows = await session.connection.fetch(
            "SELECT conrelid::regclass::text, confrelid::regclass::text "
            "FROM pg_constraint WHERE contype = 'f'"
        )
    assert len(rows) == 9
    assert {name for row in rows for name in row} <= set(TABLES)
