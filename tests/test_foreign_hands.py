"""Databases made by other hands: what they have is served, what they lack costs what needs it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from agentflow_tui.errors import MissingError
from agentflow_tui.schema import TABLES
from agentflow_tui.store import journal
from agentflow_tui.store.connection.bindings import Binding, bind
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue.schedule_fires import UPCOMING
from agentflow_tui.store.reading.pages import Window
from agentflow_tui.store.reading.queries import query
from agentflow_tui.store.schema.ddl import create_table, in_creation_order
from agentflow_tui.store.schema.insertions import insertion
from agentflow_tui.store.views import shared_status
from agentflow_tui.store.views.away_summary import away_statement, read_away_summary
from agentflow_tui.store.views.by_table import LISTINGS
from agentflow_tui.store.views.domains import matrix_sql, read_matrix
from agentflow_tui.store.views.failures import failures_sql, new_failures_sql, read_failures
from agentflow_tui.store.views.overview import read_overview
from agentflow_tui.store.views.overview_sql import overview_sql
from tests.binding_states import states
from tests.cli.running import agentflow

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def rows_of(database: Database, table: str, text: str = "") -> list[Any]:
    wanted = query(LISTINGS[table], database.binding, text, now=NOW, zone=UTC)
    return list((await wanted.page(database, Window(limit=50, count_to=100))).rows)


async def ddl(database: Database, *statements: str) -> None:
    async with database.session() as session:
        for statement in statements:
            await session.connection.execute(statement)
    await database.rebind()


@pytest.mark.parametrize("table", TABLES)
async def test_documented_columns_that_must_have_a_value_get_one(
    database: Database, table: str
) -> None:
    described = TABLES[table]
    await ddl(
        database,
        *(
            f"ALTER TABLE {table} ALTER COLUMN {column.name.lower()} SET NOT NULL"
            for column in described.columns
        ),
    )
    given = {described.primary_key.name: "gen_random_uuid()::text"}
    columns, values = insertion(database.binding, table, given)
    async with database.session() as session:
        await session.connection.execute("SET session_replication_role = replica")  # no keys
        await session.execute(f"INSERT INTO {{{table}}} ({columns}) SELECT {values}")
        if table == journal.TABLE:
            assert await journal.write(session, [journal.JournalEntry(task_type="x")]) == 1
        await session.connection.execute("RESET session_replication_role")


async def test_a_queue_that_holds_its_mail_itself_is_shown(database: Database) -> None:
    await ddl(
        database,
        "ALTER TABLE email_queue DROP COLUMN emailid",
        "ALTER TABLE email_queue ADD recipient_email text NOT NULL",
        "ALTER TABLE email_queue ADD subject text, ADD body text",
        "INSERT INTO email_queue (id, status, createdat, recipient_email, subject, body) VALUES "
        "(gen_random_uuid(), 'failed', now(), 'al@acme.test', 'Your offer', 'Dear Al')",
    )
    assert "email_queue has no emailId" in database.binding.problems()
    for text in ("", "offer", "acme", "domain:acme.test", "body~dear", "status:failed"):
        (row,) = await rows_of(database, "email_queue", text)
        assert (row.recipient, row.subject) == ("al@acme.test", "Your offer"), text
    assert await rows_of(database, "email_queue", "!offer") == []
    assert (await read_overview(database, 300.0)) is not None
    assert await read_matrix(database)
    assert len(await read_failures(database)) == 1


async def test_a_schedule_that_is_paused_beside_is_not_due(database: Database) -> None:
    await ddl(
        database,
        "ALTER TABLE schedules ADD status text",
        "INSERT INTO schedules (id, cron, active, nextrun, status) "
        "SELECT gen_random_uuid(), '* * * * *', true, '2026-11-01', word "
        "FROM unnest(ARRAY['paused', 'active', NULL]) word",
    )
    due = await database.fetch(UPCOMING, NOW, [], [], 10)
    assert len(due) == 2
    shown = await rows_of(database, "schedules")
    assert sorted(str(row.active) for row in shown) == ["False", "True", "True"]


async def test_row_level_security_without_a_policy_is_said(
    database: Database, database_url: str
) -> None:
    role = f"reader_of_{urlsplit(database_url).path.strip('/')}"
    await ddl(
        database,
        f"CREATE ROLE {role} LOGIN",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        "ALTER TABLE workflows ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE emails ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY all_mail ON emails FOR SELECT TO {role} USING (true)",
    )
    reader = await Database.open(database_url.replace("agentflow@", f"{role}@"))
    hidden = [name for name, bound in reader.binding.tables.items() if bound.hidden]
    assert hidden == ["workflows"]
    assert any("row level security hides" in problem for problem in reader.binding.problems())
    reader.close()
    assert not any(bound.hidden for bound in database.binding.tables.values())
    await ddl(database, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


@pytest.mark.parametrize("table", TABLES)
async def test_a_table_without_its_key_is_a_sentence(database: Database, table: str) -> None:
    key = TABLES[table].primary_key.name
    await ddl(database, f"ALTER TABLE {table} DROP COLUMN {key} CASCADE")
    with pytest.raises(MissingError, match=f"{table} has no column {key}"):
        await rows_of(database, table)


async def test_workers_say_at_once_that_they_cannot_work_with_other_keys(
    empty_url: str, tmp_path: Path
) -> None:
    database = await Database.open(empty_url)
    for table in in_creation_order():
        sql = create_table(table).replace(" DEFAULT gen_random_uuid()", "")
        sql = sql.replace(" uuid", " bigint")
        await database.execute(sql)
    await ddl(database, "INSERT INTO email_queue (id, status) VALUES (1, 'pending')")
    assert len(await rows_of(database, "email_queue", "status:pending")) == 1
    done = await agentflow("worker", "--drain", url=empty_url, home=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "email_queue.id is bigint" in done.stderr
    (row,) = await rows_of(database, "email_queue")
    assert row.status == "pending"
    database.close()


# Statements that are put together from parts

STATEMENTS: dict[str, tuple[Callable[[Binding], str], int]] = {
    "overview": (overview_sql, 2),
    "away": (lambda binding: away_statement(binding).text, 1),
    "matrix": (matrix_sql, 0),
    "failures": (failures_sql, 0),
    "new failures": (new_failures_sql, 1),
    "shared status": (lambda _: shared_status.STATUS.text, 0),
}


async def test_statements_can_be_prepared_in_every_state_of_a_database(
    database: Database,
) -> None:
    seen: set[str] = set()
    async with database.session() as session:
        await session.connection.execute("SET statement_timeout = 0")  # machines are slow at times
        for state, binding in states(database.binding):
            fresh = replace(binding, _rendered={}, _cache={})
            for name, (make, count) in STATEMENTS.items():
                try:
                    sql = fresh.render(make(fresh))
                except MissingError:
                    continue
                if sql in seen:
                    continue
                seen.add(sql)
                prepared = await session.connection.prepare(sql, name="")
                assert len(prepared.get_parameters()) == count, (name, state)


async def test_lists_can_be_prepared_in_every_state_of_a_database(database: Database) -> None:
    seen: set[str] = set()
    async with database.session() as session:
        await session.connection.execute("SET statement_timeout = 0")  # machines are slow at times
        for state, binding in states(database.binding):
            if "accelerated" in state and ", no " in state:
                continue  # a list looks at sizes and single columns only
            fresh = replace(binding, _rendered={}, _cache={})
            for name, listing in LISTINGS.items():
                filters = ["word"]
                if "status" in fresh.tables[name].columns:
                    filters.append("status:failed")
                for text in filters:
                    window = Window(limit=5, count_to=10)
                    try:
                        wanted = query(listing, fresh, text, now=NOW, zone=UTC)
                        statement = wanted.statement(fresh, window)
                        sql = fresh.render(statement.text)
                    except MissingError:
                        assert name in state, (name, state)  # nothing but what it needs itself
                        continue
                    if sql in seen:
                        continue
                    seen.add(sql)
                    prepared = await session.connection.prepare(sql, name="")
                    values = statement.values(window, None)
                    assert len(prepared.get_parameters()) == len(values), (name, state)


async def test_a_large_journal_without_our_indexes_has_a_summary(database: Database) -> None:
    await ddl(
        database,
        "UPDATE pg_class SET reltuples = 3000000 WHERE relname IN "
        "('task_logs', 'email_queue', 'workflows')",
    )
    assert database.binding.tables["task_logs"].is_large
    found = await read_away_summary(database, NOW)
    assert (found.failures, found.changes) == (0, {})


def test_what_is_met_beside_the_document_stands_for_nothing_where_it_is_missing() -> None:
    binding = bind(())
    for table in TABLES.values():
        for column in table.met:
            assert binding.render(f"{{q.{table.name}.{column.name}}}") == f"NULL::{column.type}"


async def test_verbs_act_on_a_queue_that_holds_its_mail_itself(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await ddl(
        database,
        "ALTER TABLE email_queue DROP COLUMN emailid",
        "ALTER TABLE email_queue ADD recipient_email text NOT NULL, ADD subject text",
        "INSERT INTO email_queue (id, status, createdat, recipient_email, subject) SELECT "
        "gen_random_uuid(), word, now(), 'al@acme.test', 'Your offer' "
        "FROM unnest(ARRAY['failed', 'pending', 'pending']) word",
    )
    steps = (
        ("retry", "status:failed", "pending", 3),
        ("hold", "offer", "held", 3),
        ("release", "status:held", "pending", 3),
        ("cancel", "al@acme.test", "cancelled", 3),
    )
    for verb, where, status, count in steps:
        done = await agentflow(
            verb, "email_queue", "--where", where, "--yes", url=database_url, home=tmp_path
        )
        assert done.returncode == 0, (verb, done.stderr)
        found = [row.status for row in await rows_of(database, "email_queue")]
        assert found.count(status) == count, (verb, found)
    undone = await agentflow("undo", url=database_url, home=tmp_path)
    assert undone.returncode == 0, undone.stderr
    assert [row.status for row in await rows_of(database, "email_queue")] == ["pending"] * 3
