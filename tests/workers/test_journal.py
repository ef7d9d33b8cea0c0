"""The journal takes everything that happened, whatever it holds and whatever the table is like."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from agentflow_tui.store import journal
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.journal import JournalEntry
from tests.workers.rows import one, table

THEN = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def write(database: Database, *entries: JournalEntry) -> int:
    async with database.transaction() as session:
        return await journal.write(session, entries)


async def test_many_entries_are_one_statement_and_keep_what_they_say(database: Database) -> None:
    await database.execute("INSERT INTO {users} ({users.id}) VALUES ('ann')")
    entries = [
        JournalEntry(
            task_type="email.send", input={"n": n}, started=THEN, ended=THEN, user_id="ann"
        )
        for n in range(3)
    ]
    failed = JournalEntry(
        task_type="email.send", status="failed", error="no\0pe", output=["\ud800", 1e999]
    )
    assert await write(database, *entries, failed) == 4
    rows = await table(
        database,
        """SELECT {task_logs.status}, {task_logs.error}, {task_logs.input}::text,
                  {task_logs.output}::text, {task_logs.startTime}, {task_logs.userId}
             FROM {task_logs} ORDER BY {task_logs.id}""",
    )
    assert rows[:3] == [("completed", None, f'{{"n": {n}}}', None, THEN, "ann") for n in range(3)]
    assert rows[3][:4] == ("failed", "no\ufffdpe", None, '["\ufffd", "inf"]')


async def test_it_is_undone_with_what_it_records(database: Database) -> None:
    class OperatorError(Exception):
        pass

    try:
        async with database.transaction() as session:
            await journal.write(session, [JournalEntry(task_type="operator.retry")])
            raise OperatorError
    except OperatorError:
        pass
    assert await one(database, "SELECT count(*) FROM {task_logs}") == 0


async def test_an_entry_with_its_own_id_is_written_once(database: Database) -> None:
    entry = JournalEntry(task_type="schedule.fire", id=str(uuid4()))
    assert [await write(database, entry) for _ in range(3)] == [1, 0, 0]


async def test_tables_made_by_others_are_journals_as_well(empty_url: str) -> None:
    for columns in (
        '"taskType" text, "userId" text, input text, "createdAt" timestamptz',
        "id serial, task_type varchar(50), task_data json, result json, completed_at timestamp",
        "id text, tenant uuid NOT NULL, weight real NOT NULL, tags text[] NOT NULL, output jsonb",
    ):
        database = await Database.open(empty_url)
        await database.execute("DROP TABLE IF EXISTS task_logs")
        await database.execute(f"CREATE TABLE task_logs ({columns})")
        await database.rebind()
        assert (
            await write(
                database,
                JournalEntry(task_type="a", input={}, output={}),
                JournalEntry(task_type="b"),
            )
            == 2
        )
        database.close()


async def test_without_a_journal_the_work_goes_on(empty_url: str) -> None:
    database = await Database.open(empty_url)
    assert await write(database, JournalEntry(task_type="a")) == 0
    database.close()


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.datetimes()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(anything)
def test_whatever_is_said_is_json_that_postgresql_takes(value: Any) -> None:
    text = journal.as_json(value)
    assert "\0" not in text
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()
    json.loads(text, parse_constant=lambda word: (_ for _ in ()).throw(AssertionError(word)))


def test_ids_are_random_and_grow() -> None:
    ids = [journal.ordered_id() for _ in range(1000)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert {UUID(each).version for each in ids} == {7}
