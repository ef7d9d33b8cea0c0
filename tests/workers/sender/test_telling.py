"""What a sender tells of its relay, and how often it asks."""

import pytest

from agentflow_tui.mail.smtp.pool import SmtpTransport
from agentflow_tui.store.connection.database import Database
from tests.workers.sending import Running, sending_with, smtp


class Probed(SmtpTransport):
    """Counts how often it is probed."""

    probes = 0

    async def probe(self) -> None:
        self.probes += 1
        await super().probe()


async def test_without_a_table_for_health_checks_a_relay_that_goes_down_is_logged_once(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await database.execute("DROP TABLE {health_checks}")
    await database.rebind()
    transport = smtp("smtp://127.0.0.1:9", make=Probed)
    running = Running(database, sending_with(transport))
    for _ in range(4):
        await running.sender.step()
    await running.stop()
    assert [said for said in caplog.messages if "takes no mail" in said] == caplog.messages
    assert len(caplog.messages) == 1
    assert isinstance(transport, Probed)
    assert transport.probes == 1
