"""Checks are done by one process each, and what they say is true."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from agentflow_tui.errors import SettingsError
from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue.check_claims import ConnectionLoad, QueueFigures, SchedulePunctuality
from agentflow_tui.store.queue.other_senders import OtherSenders
from agentflow_tui.store.views.predicates import INTERVAL
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.monitor import findings, probes
from agentflow_tui.workers.monitor.findings import AnswerTimes
from agentflow_tui.workers.monitor.role import Monitor, prepare
from tests.workers.rows import add_schedules, add_workflows, seconds_ago, table

CHECKS = "SELECT {health_checks.id}, {health_checks.status} FROM {health_checks}"


ALONE = OtherSenders(claimed=0, sent=0)

NO_HASTE = AnswerTimes(round_trip=(60.0, 60.0), service=60.0, measurement=60.0)
"""What is told about slow answers is asked of the functions that grade them."""


class Service:
    """Something that listens, and counts who came."""

    def __init__(self, answer: bytes) -> None:
        self.visits = 0
        self.port = 0
        self._answer = answer

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        if self._answer:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._answer)
        writer.close()


@asynccontextmanager
async def listening(
    answer: bytes = b"", context: ssl.SSLContext | None = None
) -> AsyncIterator[Service]:
    service = Service(answer)
    server = await asyncio.start_server(service.greet, "127.0.0.1", 0, ssl=context)
    service.port = server.sockets[0].getsockname()[1]
    async with server:
        yield service


def context_of(database: Database, **checks: str) -> WorkerContext:
    return WorkerContext(
        database=database, settings=Settings(workers=WorkerSettings(checks=checks))
    )


async def step(context: WorkerContext) -> None:
    await Monitor(context, NO_HASTE).step()


async def test_each_check_is_done_by_one_of_many(database: Database, database_url: str) -> None:
    databases = [await Database.open(database_url) for _ in range(3)]
    async with listening() as service:
        checks = {"crm": f"tcp://127.0.0.1:{service.port}"}
        contexts = [context_of(each, **checks) for each in (database, *databases)]
        monitors = [Monitor(context, NO_HASTE) for context in contexts]
        await asyncio.gather(*(monitor.step() for monitor in monitors))
        assert service.visits == 1
        await database.execute(
            "UPDATE {health_checks} SET {health_checks.lastChecked} = now() - interval '1 h'"
        )
        monitors = [Monitor(context, NO_HASTE) for context in contexts]
        await asyncio.gather(*(monitor.step() for monitor in monitors))
        assert service.visits == 2
        turn = await Monitor(contexts[0], NO_HASTE).step()
    for each in databases:
        each.close()
    assert 60 < (turn.again or 0) <= 90
    assert dict(await table(database, CHECKS)) == dict.fromkeys(
        ("database", "queue", "scheduler", "crm"), "ok"
    )


async def test_a_check_says_its_interval_so_that_one_can_see_when_it_is_stale(
    database: Database,
) -> None:
    context = context_of(database)
    await step(context)
    every = context.settings.workers.poll * 6
    rows = await table(
        database, "SELECT {health_checks.details}::text, {health_checks.id} FROM {health_checks}"
    )
    assert rows
    for details, id_ in rows:
        said = INTERVAL.search(details)
        assert said is not None, id_
        assert float(said[1]) >= every, id_


async def test_what_is_not_ok_is_looked_at_sooner(database: Database) -> None:
    async with listening() as service:
        dead = service.port
    context = context_of(database, crm=f"tcp://127.0.0.1:{dead}")
    turn = await Monitor(context, NO_HASTE).step()
    assert turn.again is not None
    assert turn.again < 30
    assert ("crm", "error") in await table(database, CHECKS)


@pytest.mark.parametrize("url", ["tcp://a..b:80", f"tls://{'a' * 70}.test:443", "http://a..b/"])
async def test_what_cannot_be_asked_is_an_error_of_its_own_check(
    database: Database, url: str
) -> None:
    await step(context_of(database, odd=url))
    found = await table(database, CHECKS)
    assert ("odd", "error") in found
    assert ("database", "ok") in found


async def test_a_database_without_the_tables_is_monitored_as_far_as_it_goes(
    empty_url: str,
) -> None:
    database = await Database.open(empty_url)
    await step(context_of(database))
    await database.execute(
        "CREATE TABLE health_checks (id text PRIMARY KEY, status text,"
        " message text, last_checked timestamptz)"
    )
    await database.rebind()
    await step(context_of(database))
    said = dict(await table(database, CHECKS))
    assert (said["database"], said["queue"]) == ("ok", "warning")
    database.close()


async def test_the_queue_and_the_schedules_are_measured(database: Database) -> None:
    await database.execute(
        """INSERT INTO {email_queue} ({email_queue.id}, {email_queue.status},
             {email_queue.createdAt}, {email_queue.lastAttempt})
           SELECT gen_random_uuid(), s, now() - interval '2 h', now() - interval '5 min'
             FROM unnest(ARRAY['pending', 'failed', 'completed']) s, generate_series(1, 10)"""
    )
    workflows = await add_workflows(database)
    await add_schedules(database, workflows, "* * * * *", seconds_ago(120))
    await step(context_of(database))
    rows = await table(
        database,
        """SELECT {health_checks.id}, {health_checks.status}, {health_checks.message}
             FROM {health_checks} WHERE {health_checks.id} <> 'database' ORDER BY 1""",
    )
    assert rows == [
        (
            "queue",
            "error",
            "10 mails waiting, the oldest for 2 hours; 10 of 20 failed in the last hour.",
        ),
        ("scheduler", "warning", "1 schedule overdue, by up to 2 minutes."),
    ]


async def test_rows_of_workers_long_gone_are_cleared_and_frozen_ones_marked(
    database: Database,
) -> None:
    await database.execute(
        """INSERT INTO {health_checks} ({health_checks.id}, {health_checks.status},
             {health_checks.details}, {health_checks.lastChecked}) VALUES
             ('worker:a', 'warning', '{"lock": false}', now() - interval '1 h'),
             ('worker:b', 'warning', '{"lock": false}', now()),
             ('worker:c', 'ok', '{"lock": true}', now() - interval '1 h'),
             ('mine', 'ok', '', now() - interval '1 h')"""
    )
    await step(context_of(database))
    found = dict(await table(database, CHECKS))
    assert "worker:a" not in found
    assert [found[name] for name in ("worker:b", "worker:c", "mine")] == [
        "warning",
        "warning",
        "ok",
    ]


def answer(line: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + line, b"Content-Length: 0", *headers, b"", b""])


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        (b"200 OK", "ok", "answered 200."),
        (b"204 No Content", "ok", "answered 204."),
        (b"404 Not Found", "error", "answered 404."),
        (b"503 Busy", "error", "answered 503."),
    ],
)
async def test_a_web_service_is_judged_by_its_answer(line: bytes, status: str, words: str) -> None:
    async with listening(answer(line)) as service:
        url = f"http://ann:secret@127.0.0.1:{service.port}/ping?token=secret"
        found = await probes.probe("crm", url).check()
    assert (found.status, found.message) == (status, f"127.0.0.1:{service.port} {words}")


async def test_a_service_that_talks_nonsense_or_not_at_all_is_an_error() -> None:
    async with listening(b"\x00garbage\r\n\r\n") as service:
        url = f"http://127.0.0.1:{service.port}"
        assert (await probes.probe("crm", url).check()).status == "error"
    assert (await probes.probe("crm", url).check()).status == "error"
    assert (await probes.probe("crm", "tls://no-such-host.invalid").check()).status == "error"


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [
        (90, "ok", "good for 90 more days"),
        (20, "warning", "ends in 20 days"),
        (3, "error", "ends in 3 days"),
        (-2, "error", "ends in -2 days"),
    ],
)
def test_a_certificate_that_ends_soon_is_said(days: int, status: str, words: str) -> None:
    now = datetime(2026, 1, 10, 12, tzinfo=UTC)
    ends = now + timedelta(days=days, hours=1)
    certificate = {"notAfter": f"{ends:%b %d %H:%M:%S %Y} GMT"}
    probe = probes.probe("crm", "tls://crm.test")
    found = probes.certificate_finding(probe, certificate, now, float("inf"))
    assert (found.status, words in found.message) == (status, True)


@pytest.mark.parametrize(
    "checks",
    [
        {"crm": "ftp://crm.test"},
        {"crm": "tcp://crm.test"},
        {"crm": "http://"},
        {"crm": "http://[::1"},
        {"database": "http://crm.test"},
        {"worker:x": "http://crm.test"},
    ],
)
def test_a_check_that_cannot_be_is_refused_by_name(checks: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(checks))):
        prepare(Settings(workers=WorkerSettings(checks=checks)))


def test_thresholds_make_warnings_and_errors() -> None:
    def load(connections: int = 1, lag: float | None = None, took: float = 0.001) -> str:
        replicas = 0 if lag is None else 1
        return findings.database_finding(
            ConnectionLoad(connections, 100, replicas, lag), took
        ).status

    assert [load(), load(80), load(96)] == ["ok", "warning", "error"]
    assert [load(lag=1), load(lag=31), load(lag=400)] == ["ok", "warning", "error"]
    assert [load(took=0.3), load(took=2)] == ["warning", "error"]

    def queue(oldest: float | None, failed: int, completed: int = 90) -> str:
        return findings.queue_finding(QueueFigures(1, oldest, failed, completed), ALONE, 0).status

    assert [queue(None, 0), queue(700, 0), queue(4000, 0)] == ["ok", "warning", "error"]
    assert [queue(1, 20), queue(1, 100), queue(1, 5, 0)] == ["warning", "error", "ok"]

    def scheduler(*reports: str, latest: float | None = None) -> str:
        return findings.scheduler_finding(SchedulePunctuality(0, latest, reports), 0).status

    missed = '{"reports": {"scheduler": {"missed": 2}}}'
    assert [scheduler(), scheduler(missed), scheduler("[", '"x"', '{"reports": 3}')] == [
        "ok",
        "warning",
        "ok",
    ]
    assert [scheduler(latest=61), scheduler(latest=301)] == ["warning", "error"]


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (0, "Slots fire within 0 ms."),
        (120, "Slots fire within 120 ms."),
        (1000, "Slots fire within 1 second."),
        (1_718_122, "Slots fire within 28 minutes."),
    ],
)
def test_how_late_slots_fire_is_said_for_people(late: int, said: str) -> None:
    report = json.dumps({"reports": {"scheduler": {"late_ms": late}}})
    found = findings.scheduler_finding(SchedulePunctuality(0, None, [report]), 0)
    assert found.message == said


@pytest.mark.parametrize(
    ("cron", "ahead", "status", "said"),
    [
        ("* * * * * *", timedelta(days=200), "completed", "does not name"),
        ("0 9 * * *", timedelta(hours=1, seconds=7), "completed", "does not name"),
        ("0 0 1 1 *", None, "paused", "paused or cannot be started"),
        ("0 0 1 1 *", None, "archived", "paused or cannot be started"),
        ("0 0 1 1 *", None, "completed", ""),
        ("0 0 1 1 *", None, "running", ""),
        ("0 0 1 1 *", None, "draft", ""),
    ],
)
async def test_a_schedule_that_will_not_do_what_it_says_is_a_warning(
    database: Database, cron: str, ahead: timedelta | None, status: str, said: str
) -> None:
    [workflow] = await add_workflows(database, status=status)
    now = datetime.now(UTC)
    due = now + ahead if ahead else datetime(now.year + 1, 1, 1, tzinfo=UTC)
    await add_schedules(database, [workflow], cron, due)
    await step(context_of(database))
    [(grade, message)] = await table(
        database,
        "SELECT {health_checks.status}, {health_checks.message} FROM {health_checks}"
        " WHERE {health_checks.id} = 'scheduler'",
    )
    assert said in message
    assert grade == ("warning" if said else "ok")
