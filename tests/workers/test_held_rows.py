"""Rows that somebody else holds for a while: nothing is lost, doubled or failed for it."""

import asyncio
from functools import partial
from typing import Any

from agentflow_tui.steps.calls import Call
from agentflow_tui.store.connection.database import Database
from tests.samples import uid
from tests.waiting import until
from tests.workers.conftest import Start
from tests.workers.sending import Running, queue, statuses
from tests.workers.workflows import Recorder, add, in_status, running, step


async def has_put_off(running: Running) -> bool:
    """Whether it has tried what it could not write for now one by one."""
    return running.sender.held_up > 0


async def test_mail_whose_row_is_held_is_written_down_later_and_the_others_at_once(
    database: Database, other: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, *([f"to{n}@acme.test"] for n in range(10)))
    sender = sender_on(catcher.url)

    async def all_but_one() -> bool:
        return await statuses(database) == {"processing": 1, "completed": 9}

    async with other.transaction() as operator:
        await operator.execute(
            "UPDATE {emails} SET {emails.subject} = 'Mine' WHERE {emails.id} = $1", uid(1)
        )
        await sender.until(all_but_one)
    await sender.settled()
    assert await statuses(database) == {"completed": 10}
    assert len(catcher.record.caught) == 10


async def test_mail_outlasts_a_table_that_is_held(
    database: Database, other: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, *([f"to{n}@acme.test"] for n in range(10)))
    sender = sender_on(catcher.url)

    async with other.transaction() as operator:
        await operator.execute("LOCK TABLE {emails} IN SHARE MODE")
        await sender.until(partial(has_put_off, sender))
    await sender.settled()
    assert await statuses(database) == {"completed": 10}
    assert len(catcher.record.caught) == 10


async def test_a_right_that_is_missing_for_a_while_doubles_no_mail(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    """Told only after the relay has the mail, when it is too late to leave it alone."""
    catcher = await catcher_of()
    await queue(database, ["ann@acme.test"], ["bob@acme.test"])
    async with database.session() as session:
        await session.connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE insufficient_privilege USING MESSAGE = 'not now'; END $$;"
            "CREATE TRIGGER refuse BEFORE INSERT ON task_logs EXECUTE FUNCTION refuse()"
        )
    sender = sender_on(catcher.url)

    await sender.until(partial(has_put_off, sender))
    await database.execute("DROP TRIGGER refuse ON {task_logs}")
    await sender.settled()
    assert await statuses(database) == {"completed": 2}
    assert sorted(each.recipients[0] for each in catcher.record.caught) == [
        "ann@acme.test",
        "bob@acme.test",
    ]


async def test_a_workflow_whose_row_is_held_goes_on_later_and_the_others_at_once(
    database: Database, other: Database
) -> None:
    let_go = asyncio.Event()

    async def slow(_call: Call[Any]) -> int:
        await let_go.wait()
        return 1

    seen = Recorder()
    held, *others = [await add(database, [step("a", "slow")]) for _ in range(10)]
    async with running(database, {"slow": seen.handler(slow)}):
        await until(lambda: len(seen.calls) == 10)
        async with other.transaction() as operator:
            await operator.execute(
                "UPDATE {workflows} SET {workflows.lastUpdated} = now() WHERE {workflows.id} = $1",
                held,
            )
            let_go.set()
            for workflow in others:
                await in_status(database, workflow, "completed")
        found = await in_status(database, held, "completed", "failed")
    assert found.status == "completed"
    assert len(seen.calls) == 10
