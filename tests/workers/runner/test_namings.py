"""The runner works on any naming and type, and asks no more of a database than it has."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.queue.workflow_claims import claim
from agentflow_tui.store.schema.accelerators import ACCELERATORS
from agentflow_tui.store.schema.ddl import create_table, in_creation_order
from agentflow_tui.workers.runner.role import Runner
from tests.test_naming import NAMINGS
from tests.workers.workflows import (
    Recorder,
    add,
    built_in,
    change,
    context_for,
    count,
    in_status,
    log_of,
    row,
    running,
    step,
)

TYPES = {
    "documented": {},
    "as text": {" jsonb": " text", " uuid": " text"},
    "odd": {" uuid": " varchar", " jsonb": " json", " timestamp": " timestamptz(3)"},
}
STEPS = [
    step("a", "condition", expression="context.n == `1`"),
    step("m", "email", to="a@x.test", subject="s", body="{{steps.a.holds}}"),
]
ELSEWHERE = step("e", "emailIngestion")


async def made(url: str, naming: str, types: str) -> Database:
    database = await Database.open(url, ConnectionOptions(application="agentflow tests"))
    table_name, column_name, _ = NAMINGS[naming]
    for table in in_creation_order():
        sql = create_table(table, table_name=table_name, column_name=column_name)
        for documented, other in TYPES[types].items():
            sql = sql.replace(documented, other)
        async with database.session() as session:
            await session.connection.execute(sql)
    await database.rebind()
    return database


@pytest.fixture(
    params=[(n, t) for n in NAMINGS for t in TYPES if n == "documented" or t != "documented"],
    ids=" ".join,
)
async def named(empty_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    database = await made(empty_url, *request.param)
    yield database
    database.close()


async def test_a_workflow_runs_whatever_things_are_called(named: Database) -> None:
    workflow = await add(named, STEPS, {"n": 1})
    waiting = await add(named, [ELSEWHERE])
    poison = await add(named, '"nothing to do"')
    async with running(named):
        found = await in_status(named, workflow, "completed", "failed")
        failed = await in_status(named, poison, "failed")
    assert (found.last_error, found.current_step) == (None, 2)
    assert found.context["n"] == 1
    assert found.context["a"] == {"holds": True, "goto": None}
    assert [entry.step for entry in await log_of(named, workflow)] == ["a", "m"]
    assert await count(named, "email_queue", "{email_queue.status} = 'pending'") == 1
    assert "text, not a list" in str(failed.last_error)
    left = await row(named, waiting)
    assert (left.status, left.locked) == ("pending", False)


async def test_columns_that_must_have_a_value_get_one(database: Database) -> None:
    async with database.session() as session:
        for table in ("task_logs", "emails", "email_queue"):
            await session.connection.execute(
                f"ALTER TABLE {table} ADD COLUMN tenant text NOT NULL,"
                f" ADD COLUMN tags jsonb NOT NULL, ADD COLUMN size integer NOT NULL"
            )
    await database.rebind()
    workflow = await add(database, STEPS, {"n": 1})
    async with running(database):
        found = await in_status(database, workflow, "completed", "failed")
    assert found.last_error is None


@pytest.mark.parametrize("missing", ["task_logs", "api_keys", "health_checks", "email_queue"])
async def test_what_is_missing_disables_only_what_needs_it(
    database: Database, missing: str
) -> None:
    await database.execute(f"DROP TABLE {missing}")
    await database.rebind()
    logic = await add(database, [step("a", "condition", expression="`true`")])
    mail = await add(database, STEPS)
    async with running(database):
        await in_status(database, logic, "completed")
        found = await in_status(database, mail, "completed", "failed")
    if missing == "email_queue":
        assert "Step 2 (m): what it gave cannot be stored." in str(found.last_error)
        assert "no table email_queue" in str(found.last_error)
    else:
        assert found.status == "completed"


async def test_where_the_server_cannot_read_texts_a_look_at_the_row_decides(
    empty_url: str,
) -> None:
    """Servers before version 16 cannot say whether a text is JSON."""
    database = await made(empty_url, "documented", "as text")
    ours = await add(database, [step("a", "condition", expression="`true`")])
    theirs = await add(database, [ELSEWHERE])
    runner = Runner(context_for(database), built_in(), checks_json=False)
    for status in ("pending", "running"):
        await change(database, theirs, {"status": f"'{status}'"})
        runner.foreign.clear()
        assert (await runner.step()).held <= 1
        left = await row(database, theirs)
        assert (left.status, left.locked, left.rests) == (status, False, False)
        assert runner.foreign.ids() == [theirs]
    before = await row(database, theirs)
    await runner.step()
    assert await row(database, theirs) == before
    await in_status(database, ours, "completed")
    await runner.stop(0)
    database.close()


async def test_two_schemas_of_json_in_one_column(database: Database) -> None:
    """Steps that were encoded twice are seen by the claim itself, others' among them."""
    seen = Recorder()

    async def mark(_call: Any) -> int:
        return 1

    ours = await add(database, json.dumps(json.dumps([step("a", "mark")])))
    theirs = await add(database, json.dumps(json.dumps([ELSEWHERE])))
    async with running(database, {"mark": seen.handler(mark)}) as runner:
        await in_status(database, ours, "completed")
        assert runner.foreign.ids() == []
    assert (await row(database, theirs)).status == "pending"


async def test_a_claim_reads_no_more_rows_than_it_takes_where_there_are_indexes(
    database: Database,
) -> None:
    context = context_for(database, runner_slots=10)
    await database.execute(
        "INSERT INTO {workflows} ({workflows.id}, {workflows.steps}, {workflows.status},"
        " {workflows.createdAt}) SELECT gen_random_uuid(), $1::text::jsonb,"
        " CASE WHEN n % 10 > 0 THEN 'completed' ELSE 'pending' END,"
        " now() - n * interval '1 s' FROM generate_series(1, 20000) n",
        json.dumps([step("rest", "delay", seconds=0)]),
    )
    for accelerator in ACCELERATORS:
        if accelerator.name in {"workflows_pending", "workflows_running"}:
            await database.execute(
                f"CREATE INDEX {accelerator.index} ON {{workflows}} {accelerator.on}"
            )
    async with database.session() as session:
        await session.connection.execute("ANALYZE workflows")
        sql = database.binding.render(claim(database.binding, checks_json=True).text)
        lines = await session.connection.fetch(
            f"EXPLAIN {sql}",
            sorted(built_in()),
            300.0,
            100,
            [],
            context.now(),
            context.identity,
            "{}",
            0,
        )
    plan = "\n".join(line[0] for line in lines)
    assert "Index Scan using agentflow_workflows_pending" in plan
    assert "Index Scan using agentflow_workflows_running" in plan
    assert re.findall("Sort Key: (.*)", plan) == ["c.created_at, c.id"], "of what was claimed"
