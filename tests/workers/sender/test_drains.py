"""A sender that is to leave when nothing is due: what it waits for, and what it does not."""

from functools import partial
from time import monotonic
from typing import Any

import pytest

from agentflow_tui.mail.smtp import relays
from agentflow_tui.mail.smtp.pool import SmtpTransport
from agentflow_tui.mail.smtp.rate_limits import Rate, RateLimits
from agentflow_tui.mail.transports import Transport
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.workers import supervisor
from agentflow_tui.workers.context import StepReport, WorkerContext
from agentflow_tui.workers.lease_proof import LASTS
from agentflow_tui.workers.sender.role import Sender
from tests.samples import uid
from tests.workers.sending import (
    LETTERHEAD,
    PATIENT,
    SETTINGS,
    queue,
    sending_with,
    settings,
    smtp,
    statuses,
)


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:9", ""])
@pytest.mark.parametrize(("mails", "code"), [(1, 1), (0, 0)])
async def test_draining_without_a_relay_fails_if_mail_is_due(
    database: Database, database_url: str, url: str, mails: int, code: int
) -> None:
    await queue(database, *[["bob@acme.test"]] * mails)
    given = Settings(environ={"SMTP_URL": url} if url else {})
    assert await supervisor.run(given, database_url, [Sender], drain=True) == code
    assert await statuses(database) == ({"pending": 1} if mails else {})


async def test_draining_waits_for_mail_that_a_rate_limit_holds_up(
    database: Database, database_url: str, catcher_of: Any
) -> None:
    catcher = await catcher_of()
    await queue(database, *([f"to{n}@slow.test"] for n in range(4)), ["later@acme.test"])
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.attempts} = 1, {email_queue.lastAttempt} = now()"
        " WHERE {email_queue.id} = $1",
        uid(1005),
    )
    given = settings(retry_base=600.0, retry_limit=3600.0)
    transport = SmtpTransport(
        relays.from_url(catcher.url),
        limits=RateLimits(domains={"slow.test": Rate(2.0)}),
        patience=0.7,  # the third would wait 1 s, and the second is written down long before that
        timeouts=PATIENT,
    )
    sender = sending_with(transport)
    assert await supervisor.run(given, database_url, [sender], drain=True) == 0
    assert await statuses(database) == {"completed": 4, "pending": 1}, "a later try is not due"


class CutOff(Sender):
    """A sender whose process has just lost its connection when it steps for the first time."""

    steps = 0

    def __init__(self, context: WorkerContext, transport: Transport) -> None:
        super().__init__(context, transport, LETTERHEAD)
        self.context = context

    async def step(self, woken: bool = True) -> StepReport:
        self.steps += 1
        asked = monotonic() - (LASTS if self.steps == 1 else 0)
        self.context.leases.proof.confirm(asked)
        return await super().step(woken)


async def test_draining_does_not_end_while_nobody_can_look_for_mail(
    database: Database, database_url: str, catcher_of: Any
) -> None:
    catcher = await catcher_of()
    await queue(database, ["bob@acme.test"])
    sender = partial(CutOff, transport=smtp(catcher.url))
    assert await supervisor.run(SETTINGS, database_url, [sender], drain=True) == 0
    assert await statuses(database) == {"completed": 1}


async def test_draining_waits_for_mail_that_a_dead_process_holds(
    database: Database, database_url: str, catcher_of: Any
) -> None:
    catcher = await catcher_of()
    await queue(database, *([f"to{n}@acme.test"] for n in range(3)))
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'processing', {email_queue.attempts} = 1,"
        " {email_queue.lastAttempt} = now()"
    )
    given = settings(lease=2.0)
    sender = sending_with(smtp(catcher.url, given))
    assert await supervisor.run(given, database_url, [sender], drain=True) == 0
    assert await statuses(database) == {"completed": 3}
