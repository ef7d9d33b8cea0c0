"""A table that another session locks for longer than the lease doubles no mail."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from agentflow_tui.demo.catcher.faults import RelayFault
from agentflow_tui.store.connection.database import Database
from agentflow_tui.workers import supervisor
from agentflow_tui.workers.context import WorkerContext
from tests.waiting import until
from tests.workers.sending import queue_many, sending_with, settings, smtp, statuses

MAILS = 60
LEASE = 1.0


async def test_a_queue_that_is_locked_for_longer_than_the_lease_doubles_no_mail(
    database: Database, database_url: str, catcher_of: Any, stack: AsyncExitStack
) -> None:
    """What the relay has accepted cannot be written down meanwhile, and no lease can be renewed."""
    relay = await catcher_of(shares={RelayFault.SLOW: 1.0}, slow=0.05)
    await queue_many(database, MAILS)
    given = settings(lease=LEASE, poll=0.1)
    working = []
    contexts = []
    for _ in range(2):
        opened = await Database.open(database_url)
        stack.callback(opened.close)
        contexts.append(WorkerContext(database=opened, settings=given))
        role = sending_with(smtp(relay.url, given))
        working.append(asyncio.create_task(supervisor.supervise(contexts[-1], [role])))
    async with database.transaction() as session:
        await until(lambda: len(relay.record.caught) > 4, "they send")
        await session.execute("LOCK TABLE {email_queue} IN ACCESS EXCLUSIVE MODE")
        since = contexts[0].now()
        await until(
            lambda: (contexts[0].now() - since).total_seconds() > 2 * LEASE, "leases run out"
        )
        assert any(each.leases.holds.get("mails") for each in contexts)

    async def all_sent() -> bool:
        return await statuses(database) == {"completed": MAILS}

    await until(all_sent, "mail", state=lambda: statuses(database))
    for each in contexts:
        each.stop()
    assert await asyncio.gather(*working) == [0, 0]
    copies = Counter(each.recipients[0] for each in relay.record.caught)
    assert len(copies) == copies.total() == MAILS
