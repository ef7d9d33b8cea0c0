"""A queue that AgentFlow's own backend sends, too: what it must be able to read, and what tells that
it does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from agentflow_tui.retries import next_try
from agentflow_tui.store.connection.database import Database
from tests.agentflow_tables import MAIL, make_agentflows_tables
from tests.changes.operating import do, operator_context
from tests.workers.sending import Running, sending_with, settings, smtp

PATIENT = settings(retry_base=600.0, retry_limit=600.0)


@pytest.fixture
async def theirs(empty_url: str) -> AsyncIterator[Database]:
    """A database as AgentFlow's own program leaves it."""
    database = await make_agentflows_tables(empty_url)
    yield database
    database.close()


async def row(database: Database) -> Any:
    async with database.session() as session:
        return await session.connection.fetchrow(
            "SELECT *, now() AT TIME ZONE 'UTC' AS now FROM email_queue WHERE id = $1", MAIL
        )


async def test_the_time_of_the_next_try_stands_in_process_after(
    theirs: Database, catcher_of: Any
) -> None:
    async with theirs.session() as session:
        await session.connection.execute(
            "UPDATE email_queue SET recipient_email = 'greylist@dealer.test', options = NULL"
        )
    catcher = await catcher_of(times=99)
    sender = Running(theirs, sending_with(smtp(catcher.url)), PATIENT)

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
