"""A queue that AgentFlow's own backend sends, too: what it must be able to read, and what tells
that it does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from agentflow_tui.retries import next_try
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue.check_claims import QueueFigures
from agentflow_tui.store.queue.other_senders import other_senders
from agentflow_tui.workers.monitor.findings import queue_finding
from tests.agentflow_tables import MAIL, make_agentflows_tables
from tests.changes.operating import do, operator_context
from tests.workers.sending import PATIENT, Running, sending_with, settings, smtp

RARELY = settings(retry_base=600.0, retry_limit=600.0)


@pytest.fixture
async def theirs(empty_url: str) -> AsyncIterator[Database]:
    """A database as AgentFlow's own program leaves it."""
    database = await make_agentflows_tables(empty_url)
    yield database
    database.close()


QUEUED = "INSERT INTO email_queue (recipient_email, subject, body, status, attempts, sent_at)"


async def run(database: Database, *commands: str) -> None:
    async with database.session() as session:
        for command in commands:
            await session.connection.execute(command)


async def row(database: Database) -> Any:
    async with database.session() as session:
        return await session.connection.fetchrow(
            "SELECT *, now() AT TIME ZONE 'UTC' AS now FROM email_queue WHERE id = $1", MAIL
        )


async def test_the_time_of_the_next_try_stands_in_process_after(
    theirs: Database, catcher_of: Any
) -> None:
    await run(theirs, "UPDATE email_queue SET recipient_email = 'greylist@a.test', options = NULL")
    catcher = await catcher_of(times=99)
    sender = Running(theirs, sending_with(smtp(catcher.url)), RARELY)

    async def put_off() -> bool:
        return (await row(theirs))["last_error"] is not None and not sender.sender.held

    await sender.until(put_off)
    await sender.stop()
    found = await row(theirs)
    assert (found["status"], found["attempts"]) == ("pending", 1)
    due = next_try(MAIL, 1, found["updated_at"], 600.0, 600.0)
    assert due == found["process_after"]
    assert due > found["now"]
    await do(operator_context(theirs), "retry", "email_queue", [MAIL])
    found = await row(theirs)
    assert (found["attempts"], found["process_after"]) == (0, None)


async def seen(database: Database) -> tuple[int, int]:
    [found] = await database.fetch(other_senders(database.binding))
    return found.claimed, found.sent


async def test_mail_that_no_process_of_ours_has_on_record_is_another_programs(
    theirs: Database, catcher_of: Any
) -> None:
    catcher = await catcher_of(times=99)
    sender = Running(theirs, sending_with(smtp(catcher.url, timeouts=PATIENT)))
    await run(
        theirs,
        "INSERT INTO health_checks (id, name, status, response_time, last_checked, details)"
        f" VALUES ('{sender.context.identity}', 'worker', 'ok', 1, now(), jsonb_build_object("
        """'roles', '["sender"]'::jsonb, 'started', now() - interval '1 minute'))""",
        f"{QUEUED} VALUES ('stall@a.test', 'S', 'B', 'pending', 0, NULL)",
    )

    async def one_of_two_is_sent() -> bool:
        return len(catcher.record.caught) == len(sender.sender.held) == 1

    await sender.until(one_of_two_is_sent)
    assert await seen(theirs) == (0, 0), "one is in hand and one was sent, by us"
    await run(
        theirs,
        f"{QUEUED} VALUES ('a@a.test', 'S', 'B', 'processing', 1, NULL),"
        " ('b@a.test', 'S', 'B', 'sent', 1, now()), ('c@a.test', 'S', 'B', 'failed', 1, NULL),"
        " ('d@a.test', 'S', 'B', 'completed', 1, now())",
    )
    assert await seen(theirs) == (1, 2)
    [others] = await theirs.fetch(other_senders(theirs.binding))
    finding = queue_finding(QueueFigures(waiting=0, oldest=None, failed=0, completed=3), others, 0)
    assert finding.status == "warning"
    assert finding.message.startswith(
        "No mail is waiting; another program sends from this queue, too (2 sent in 15 minutes and 1"
    )
    await sender.stop(0.1)
