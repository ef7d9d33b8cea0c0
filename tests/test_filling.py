"""Filling a real database: under any naming, all or nothing, never over somebody's rows."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from agentflow_tui.demo.bulk_rows import bulk_rows
from agentflow_tui.demo.sample import sample
from agentflow_tui.errors import RefusedError
from agentflow_tui.schema import RELATIONS, TABLES
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema import loading
from agentflow_tui.store.schema.bulk_rows import add_bulk_rows
from agentflow_tui.store.schema.ddl import create_table, in_creation_order
from agentflow_tui.store.schema.loading import NotEmptyError

NOW = datetime(2026, 11, 23, 9, 4, 31, tzinfo=UTC)
ROWS = sample(1, NOW, 60)
DOCUMENT = Path(__file__).parent.parent / "docs" / "database-schema.md"


async def counted(database: Database) -> dict[str, int]:
    return {
        name: (await database.fetch(Statement(int, f"SELECT count(*) FROM {{{name}}}")))[0]
        for name in TABLES
        if database.binding.tables[name].oid is not None
    }


async def asked(url: str, sql: str, *values: object) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql, *values))
    finally:
        await connection.close()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await Database.open(url)
    try:
        yield database
    finally:
        database.close()


async def test_every_row_arrives_as_it_was_made(database: Database) -> None:
    written = await loading.load_rows(database, ROWS)
    assert written == {name: len(rows) for name, rows in ROWS.items()} == await counted(database)
    for row in ROWS["email_queue"]:
        found = await asked(database.url, "SELECT * FROM email_queue WHERE id = $1", row["id"])
        assert found[0]["attempts"] == row["attempts"]
        assert found[0]["createdat"].replace(tzinfo=UTC) == row["createdAt"]
        assert str(found[0]["emailid"]) == row["emailId"]
    kinds = await asked(
        database.url, "SELECT DISTINCT jsonb_typeof(recipients) AS kind FROM emails ORDER BY 1"
    )
    assert [kind["kind"] for kind in kinds] == ["array", "object", "string"]


async def test_the_documents_sample_queries_find_something(database: Database) -> None:
    await loading.load_rows(database, ROWS)
    queries = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(queries) == 5
    for query in queries:
        assert await asked(database.url, query), query


async def test_rows_that_are_there_are_never_added_to(database: Database) -> None:
    await asked(database.url, "INSERT INTO users (id, email) VALUES ('mine', 'me@here.example')")
    assert await loading.tables_with_rows(database)
    with pytest.raises(NotEmptyError, match="in users"):
        await loading.load_rows(database, ROWS)
    assert sum((await counted(database)).values()) == 1


async def test_a_reset_leaves_the_tables_of_others_alone(database: Database) -> None:
    await loading.load_rows(database, ROWS)
    await asked(database.url, "CREATE TABLE notes (id int, about varchar)")
    await asked(database.url, "INSERT INTO notes VALUES (1, 'user123')")
    await loading.delete_all_rows(database)
    assert not await loading.tables_with_rows(database)
    assert len(await asked(database.url, "SELECT * FROM notes")) == 1

    await loading.load_rows(database, ROWS)
    await asked(
        database.url,
        "ALTER TABLE notes ADD FOREIGN KEY (about) REFERENCES users (id)",
    )
    with pytest.raises(RefusedError, match="notes"):
        await loading.delete_all_rows(database)
    assert await counted(database) == {name: len(rows) for name, rows in ROWS.items()}


async def test_a_row_that_does_not_fit_leaves_nothing_behind(database: Database) -> None:
    broken = {**ROWS, "health_checks": [{**ROWS["health_checks"][0], "status": None, "id": None}]}
    with pytest.raises(RefusedError):
        await loading.load_rows(database, broken)
    assert not await loading.tables_with_rows(database)


def in_camel_case(ddl: str) -> str:
    """The same table as a program with other habits makes it."""
    return (
        ddl.replace("timestamp", "timestamptz")
        .replace('"details" text', '"details" jsonb')
        .replace(" jsonb", " text", 1)
        .replace(" uuid", " text")
    )


async def test_any_naming_is_filled(empty_url: str) -> None:
    documents = {table.name: table.document_name for table in TABLES.values()}
    made = await asyncpg.connect(empty_url)
    for table in in_creation_order():
        ddl = create_table(table, table_name=documents.__getitem__, column_name=str)
        await made.execute(in_camel_case(ddl))
    await made.execute('ALTER TABLE "emailQueue" ADD tenant uuid NOT NULL, ADD kind text NOT NULL')
    await made.execute('ALTER TABLE workflows DROP "lastError"')
    await made.execute("DROP TABLE sessions")
    await made.close()
    async with opened(empty_url) as database:
        expected = {name: len(rows) for name, rows in ROWS.items() if name != "sessions"}
        assert await loading.load_rows(database, ROWS) == expected
        row = ROWS["emails"][0]
        found = await asked(empty_url, 'SELECT * FROM emails WHERE "id" = $1', row["id"])
        assert found[0]["createdAt"] == row["createdAt"]
        await add_bulk_rows(database, bulk_rows(1, NOW, 40, ["user123"]), lambda *_: None)
        assert (await counted(database))["emails"] == expected["emails"] + 40


@pytest.fixture
async def multiplied(database: Database) -> Database:
    await loading.load_rows(database, ROWS)
    owners = [str(user["id"]) for user in ROWS["users"]]
    await add_bulk_rows(database, bulk_rows(1, NOW, 501, owners), lambda *_: None)
    return database


async def fingerprint(database: Database) -> list[str]:
    large = ("emails", "email_queue", "workflows", "task_logs")
    sql = "SELECT md5(string_agg(t::text, '' ORDER BY t::text)) AS sum FROM {} t"
    return [(await asked(database.url, sql.format(name)))[0]["sum"] for name in large]


async def test_multiplied_rows_fit_together(multiplied: Database) -> None:
    counts = await counted(multiplied)
    for name in ("emails", "email_queue", "workflows", "task_logs"):
        assert counts[name] == len(ROWS[name]) + 501
    for relation in RELATIONS:
        lost = (
            f"SELECT FROM {relation.table} WHERE {relation.column} IS NOT NULL AND NOT EXISTS "
            f"(SELECT FROM {relation.target} x WHERE x.{relation.target_column} = "
            f"{relation.table}.{relation.column})"
        )
        assert not await asked(multiplied.url, lost), relation
    apart = (
        "SELECT FROM email_queue q JOIN emails e ON e.id = q.emailId"
        " LEFT JOIN task_logs t ON t.taskType = 'email.send' AND t.input->>'queueId' = q.id::text"
        " AND (t.input->>'attempt')::int = q.attempts"
        " WHERE q.createdAt < $1 AND (t.id IS NULL OR t.startTime <> q.lastAttempt"
        " OR t.error IS DISTINCT FROM q.error OR (e.status = 'sent') <> (q.status = 'completed')"
        " OR e.sentAt <> t.endTime)"
    )
    before = datetime(2026, 11, 15, 10)  # noqa: DTZ001  the column is a plain timestamp
    purged = 501 // 2
    assert len(await asked(multiplied.url, apart, before)) == purged
    steps = (
        "SELECT FROM task_logs t JOIN workflows w ON t.input->>'workflow' = w.id::text"
        " WHERE w.createdAt < $1 AND t.createdAt < $1 AND t.createdAt = w.lastUpdated"
        " AND t.error IS NOT DISTINCT FROM w.lastError"
    )
    assert len(await asked(multiplied.url, steps, before)) >= 501 // 2
    failed = (
        "SELECT count(*) FILTER (WHERE status = 'failed') AS n FROM emails WHERE createdAt < $1"
    )
    assert 2 <= (await asked(multiplied.url, failed, before))[0]["n"] <= 60


async def test_ids_are_in_the_order_of_time_and_pages_are_all_visible(
    multiplied: Database,
) -> None:
    for name in ("emails", "email_queue", "workflows"):
        (both,) = await asked(
            multiplied.url,
            f"SELECT array_agg(id ORDER BY id) = array_agg(id ORDER BY createdAt, id) AS same"
            f" FROM {name} WHERE createdAt < '2026-11-15'",
        )
        assert both["same"]
        (pages,) = await asked(
            multiplied.url,
            "SELECT relpages, relallvisible, reltuples FROM pg_class WHERE relname = $1",
            name,
        )
        assert pages["relallvisible"] == pages["relpages"] > 0
        assert pages["reltuples"] == len(ROWS[name]) + 501


async def test_the_same_seed_multiplies_into_the_same_rows(multiplied: Database) -> None:
    first = await fingerprint(multiplied)
    await loading.delete_all_rows(multiplied)
    await loading.load_rows(multiplied, ROWS)
    heard: list[tuple[int, int, str]] = []
    owners = [str(user["id"]) for user in ROWS["users"]]
    await add_bulk_rows(
        multiplied, bulk_rows(1, NOW, 501, owners), lambda *told: heard.append(told)
    )
    assert await fingerprint(multiplied) == first
    done = [done for done, _, _ in heard]
    assert done == sorted(done)
    assert done[-1] == 4 * 501
    assert {total for _, total, _ in heard} == {4 * 501}
    assert [what for _, _, what in heard if what in TABLES] == [
        "emails",
        "email_queue",
        "workflows",
        "task_logs",
        "task_logs",
    ]
