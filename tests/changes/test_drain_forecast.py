"""How long until the queue is empty: at the rate that senders can do, not that of a quiet hour."""

from datetime import timedelta

import pytest

from agentflow_tui import clock
from agentflow_tui.operations.consequences import consequences, drained
from agentflow_tui.operations.selection import Selection, take_snapshot
from agentflow_tui.operations.verbs import find
from agentflow_tui.store.changes.evidence import SendingRate, sending_rate
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.counts import CAP
from tests.changes.operating import add_mail, operator_context
from tests.changes.test_dead_workers import row
from tests.samples import fill, uid


async def test_a_burst_after_a_quiet_hour_tells_how_fast_senders_are(database: Database) -> None:
    burst, now = clock.now() - timedelta(hours=1), clock.now()
    sent = [burst + timedelta(seconds=n // 20) for n in range(100)]  # twenty a second
    sent += [now - timedelta(minutes=n) for n in range(15)]  # one a minute since
    await fill(
        database,
        {
            "emails": [
                {"id": uid(n), "status": "sent", "subject": "", "sentAt": at}
                for n, at in enumerate(sent)
            ]
        },
    )
    rate = await sending_rate(database)
    assert rate is not None
    assert rate.per_second is not None
    assert 10 <= rate.per_second <= 20, "what they did while they had work"
    assert not rate.sends
    await fill(database, {"health_checks": [row("worker:a:1:b", '{"roles": ["sender"]}')]})
    failed = await add_mail(database, 3)
    context, retry = operator_context(database), find("retry", "email_queue")
    assert retry is not None
    snapshot = await take_snapshot(
        context, retry, Selection(table="email_queue", ids=tuple(failed))
    )
    forecast = (await consequences(context, snapshot))[0]
    assert forecast.startswith("0 wait now; senders manage ")
    assert forecast.endswith("empty again within a second.")


@pytest.mark.parametrize(
    ("rate", "more", "limit", "said"),
    [
        (SendingRate(90, 2.0, True), 30, 0.0, "manage 120 a minute: empty again in about 1m 00s."),
        (SendingRate(90, 20.0, True), 30, 1.0, "manage 60 a minute: empty again in about 2m 00s."),
        (SendingRate(CAP + 1, 50.0, True), 0, 0.0, " or more."),
        (SendingRate(5, 2.0, False), 1, 0.0, "5 wait now, and no worker sends: start one"),
        (SendingRate(5, None, True), 1, 0.0, "how fast they leave is not known yet."),
    ],
)
def test_the_forecast_in_words(rate: SendingRate, more: int, limit: float, said: str) -> None:
    assert said in drained(rate, more, limit)
