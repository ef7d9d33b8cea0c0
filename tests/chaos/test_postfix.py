"""Mail through a real Postfix: each recipient has it once, over plain SMTP, STARTTLS and TLS."""

import logging
import time
from collections import Counter
from pathlib import Path

import pytest

from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.workers import supervisor
from tests.chaos import postfix
from tests.mail.certificates import make_authority
from tests.waiting import until
from tests.workers.sending import PATIENT, queue, queue_many, sending_with, smtp, statuses

LOG = logging.getLogger(__name__)
MAILS = 2_100
MANY = 250
LIMIT = 40
"""Recipients that the relay takes at a time: fewer than the mail to many has."""

SETTINGS = Settings(workers=WorkerSettings(connections=8, poll=1.0, lease=60.0))


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.skipif(bool(postfix.why_missing()), reason=postfix.why_missing() or "it is there")
@pytest.mark.parametrize("security", ["plain", "STARTTLS", "TLS"])
async def test_a_real_postfix_gets_each_mail_once(
    database: Database,
    database_url: str,
    tmp_path: Path,
    security: str,
) -> None:
    authority = make_authority(tmp_path)
    await queue_many(database, MAILS)
    await queue(database, [f"many{n}@acme.test" for n in range(MANY)])
    catcher = Catcher()
    await catcher.start()
    try:
        with postfix.postfix(catcher.port, authority, recipients=LIMIT) as relay:
            sender = smtp(relay.url(security, authority.ca), SETTINGS, timeouts=PATIENT)
            began = time.monotonic()
            code = await supervisor.run(SETTINGS, database_url, [sending_with(sender)], drain=True)
            took = time.monotonic() - began
            LOG.info("%s: %.0f mails a second", security, (MAILS + 1) / took)
            assert code == 0, relay.log.read_text()
            assert await statuses(database) == {"completed": MAILS + 1}

            def passed_on() -> bool:
                return sum(len(mail.recipients) for mail in catcher.record.caught) >= MAILS + MANY

            await until(passed_on, "Postfix passes all of it on", seconds=120)
    finally:
        await catcher.close()
    copies = Counter(who for mail in catcher.record.caught for who in mail.recipients)
    assert len(copies) == MAILS + MANY
    assert set(copies.values()) == {1}
