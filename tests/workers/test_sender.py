"""The sender on a real PostgreSQL and a real SMTP conversation."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agentflow_tui import retries
from agentflow_tui.demo.catcher import Catcher
from agentflow_tui.demo.mischief import Mischief, Trick
from agentflow_tui.schema import TABLES, snake
from agentflow_tui.settings import Settings
from agentflow_tui.store import outgoing_mail as store
from agentflow_tui.store.database import Database
from agentflow_tui.store.ddl import create_table, in_creation_order
from agentflow_tui.workers.sender import Sender
from agentflow_tui.workers.sender_transports import NOT_CONFIGURED
from tests.samples import uid

from .sending import (
    LETTERHEAD,
    SETTINGS,
    Running,
    ask,
    doubles,
    queue,
    queue_many,
    settings,
    smtp,
    statuses,
)

Start = Callable[..., Running]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def catcher_of(stack: AsyncExitStack) -> Callable[..., Awaitable[Catcher]]:
    async def start(**options: Any) -> Catcher:
        catcher = Catcher(Mischief(**options))
        await catcher.start()
        stack.push_async_callback(catcher.close)
        return catcher

    return start


@pytest.fixture
async def sender_on(database: Database, stack: AsyncExitStack) -> Start:
    def start(url: str, given: Settings = SETTINGS) -> Running:
        running = Running(database, Sender(given, smtp(url, given), LETTERHEAD), given)
        stack.push_async_callback(running.stop)
        return running

    return start


async def _row(database: Database, number: int = 1) -> tuple[Any, ...]:
    [row] = await ask(
        database,
        "SELECT q.{email_queue.status}, q.{email_queue.attempts}, q.{email_queue.error},"
        " e.{emails.status}, e.{emails.sentAt} FROM {email_queue} q"
        " LEFT JOIN {emails} e ON e.{emails.id} = q.{email_queue.emailId}"
        " WHERE q.{email_queue.id} = $1",
        uid(1000 + number),
    )
    return row


async def _journal(database: Database) -> list[tuple[Any, ...]]:
    rows = await ask(
        database,
        "SELECT {task_logs.status}, {task_logs.input}::text, {task_logs.output}::text,"
        " {task_logs.error} FROM {task_logs} ORDER BY {task_logs.createdAt}",
    )
    return [(s, json.loads(i), o and json.loads(o), e) for s, i, o, e in rows]


async def test_500_mails_and_three_senders_give_500_mails_once(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue_many(database, 500)
    senders = [sender_on(catcher.url) for _ in range(3)]
    await asyncio.gather(*(each.settled() for each in senders))
    got = [each.recipients[0] for each in catcher.caught]
    assert len(got) == 500
    assert doubles(got) == 0
    assert await statuses(database) == {"completed": 500}
    journalled = await ask(
        database,
        "SELECT count(*), count(DISTINCT {task_logs.input} ->> 'queueId') FROM {task_logs}"
        " WHERE {task_logs.taskType} = 'email.send' AND {task_logs.status} = 'completed'",
    )
    assert journalled == [(500, 500)]


async def test_a_delivered_mail_is_sent_in_both_tables_and_in_the_journal(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, ["bob@acme.test"])
    await sender_on(catcher.url).settled()
    status, attempts, error, email_status, sent_at = await _row(database)
    assert (status, attempts, error, email_status) == ("completed", 1, None, "sent")
    assert sent_at is not None
    [(state, given, output, wrong)] = await _journal(database)
    assert (state, wrong) == ("completed", None)
    assert given == {"queueId": uid(1001), "emailId": uid(1), "attempt": 1}
    assert output["accepted"] == ["bob@acme.test"]


async def test_every_answer_ends_where_it_should(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of(times=1)
    await queue(
        database,
        ["greylist@acme.test"],
        ["unknown@acme.test"],
        ["reject@acme.test"],
        ["drop-before@acme.test"],
        ["full@acme.test"],
        [],
        "nonsense",
    )
    await sender_on(catcher.url).settled()
    assert (await _row(database, 1))[:2] == ("completed", 2)
    assert "user unknown" in (await _row(database, 2))[2]
    assert (await _row(database, 3))[3] == "failed"
    assert (await _row(database, 4))[:2] == ("completed", 2)
    assert (await _row(database, 5))[:2] == ("completed", 2)
    assert "no recipient" in (await _row(database, 6))[2]
    assert (await _row(database, 7))[0] == "failed"


async def test_a_mail_that_nobody_ever_takes_fails_after_its_attempts(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of(times=99)
    await queue(database, ["greylist@acme.test"])
    await sender_on(catcher.url).settled()
    status, attempts, error, email_status, _ = await _row(database)
    assert (status, attempts, email_status) == ("failed", 4, "failed")
    assert "greylisted" in error
    assert len(await _journal(database)) == 4


async def test_who_accepted_never_gets_it_again_not_even_after_an_operators_retry(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of(times=2)
    everyone = ["bob@acme.test", "greylist@acme.test", "unknown@acme.test", "al@acme.test"]
    await queue(database, everyone)
    running = sender_on(catcher.url)
    await running.settled()
    status, attempts, error, _, _ = await _row(database)
    assert (status, attempts) == ("failed", 3)
    assert "unknown@acme.test" in error
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'pending', {email_queue.attempts} = 0"
    )
    await running.settled()
    got = [who for each in catcher.caught for who in each.recipients]
    assert sorted(got) == ["al@acme.test", "bob@acme.test", "greylist@acme.test"]


async def test_a_cancelled_message_does_not_leave_and_every_other_word_does(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    words = ["cancelled", "draft", "queued", "Cancelled?", None]
    await queue(database, *([f"to{n}@acme.test"] for n, _ in enumerate(words, start=1)))
    for number, word in enumerate(words, start=1):
        await database.execute(
            "UPDATE {emails} SET {emails.status} = $2 WHERE {emails.id} = $1", uid(number), word
        )
    await sender_on(catcher.url).settled()
    got = sorted(each.recipients[0] for each in catcher.caught)
    assert got == [f"to{n}@acme.test" for n in (2, 3, 4, 5)]
    sentence = "Not sent: the message is cancelled."
    assert await _row(database) == ("cancelled", 1, sentence, "cancelled", None)
    told = await ask(
        database,
        "SELECT {task_logs.status}, {task_logs.output} ->> 'answer' FROM {task_logs}"
        " WHERE {task_logs.taskType} = 'email.cancel'",
    )
    assert told == [("completed", sentence)]


async def test_a_relay_that_is_down_costs_no_attempt_and_heals(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    port, url = catcher.port, catcher.url
    await catcher.close()
    await queue_many(database, 30)
    running = sender_on(url)

    async def down() -> bool:
        found = await ask(database, "SELECT {health_checks.status} FROM {health_checks}")
        return found == [("error",)] and not running.sender.held

    await running.until(down)
    untouched = await ask(
        database,
        "SELECT count(*) FROM {email_queue} WHERE {email_queue.status} = 'pending'"
        " AND {email_queue.attempts} = 0 AND {email_queue.lastAttempt} IS NULL",
    )
    assert untouched == [(30,)]
    assert await _journal(database) == []
    await catcher.start(port)
    await running.settled()
    attempts = await ask(database, "SELECT DISTINCT {email_queue.attempts} FROM {email_queue}")
    assert attempts == [(1,)]
    assert len(catcher.caught) == 30

    async def up() -> bool:
        found = await ask(database, "SELECT {health_checks.status} FROM {health_checks}")
        return found == [("ok",)]

    await running.until(up)


async def test_a_result_for_a_stolen_row_is_dropped_but_journalled(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of(slow=0.3)
    await queue(database, ["slow@acme.test"])
    running = sender_on(catcher.url)

    async def claimed() -> bool:
        return bool(running.sender.held)

    await running.until(claimed)
    await database.execute("UPDATE {email_queue} SET {email_queue.attempts} = 7")

    async def written() -> bool:
        return not running.sender.held

    await running.until(written)
    assert (await _row(database))[:2] == ("processing", 7)
    [(status, given, _, _)] = await _journal(database)
    assert (status, given["attempt"]) == ("completed", 1)


async def test_mail_of_the_dead_is_claimed_when_its_lease_ended_and_not_before(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, ["dead@acme.test"], ["alive@acme.test"], ["free@acme.test"])
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'processing', {email_queue.attempts} = 1,"
        " {email_queue.lastAttempt} = CASE {email_queue.id} WHEN $1 THEN 'epoch' ELSE now() END"
        " WHERE {email_queue.id} IN ($1, $2)",
        uid(1001),
        uid(1002),
    )
    running = sender_on(catcher.url)

    async def two() -> bool:
        return await statuses(database) == {"completed": 2, "processing": 1}

    await running.until(two)
    assert (await _row(database, 1))[:2] == ("completed", 2)
    assert (await _row(database, 2))[:2] == ("processing", 1)


async def test_stopping_in_the_middle_leaves_nothing_claimed(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of(shares={Trick.SLOW: 1.0}, slow=0.1)
    await queue_many(database, 250)
    running = sender_on(catcher.url)

    async def some() -> bool:
        return len(catcher.caught) > 5

    await running.until(some)
    await running.stop()
    left = await statuses(database)
    assert set(left) == {"completed", "pending"}
    assert left["completed"] == len(catcher.caught)
    tried = await ask(
        database,
        "SELECT count(*) FROM {email_queue}"
        " WHERE {email_queue.status} = 'pending' AND {email_queue.attempts} > 0",
    )
    assert tried == [(0,)]


async def test_without_a_relay_nothing_is_claimed_and_the_health_check_says_so(
    database: Database,
) -> None:
    await queue(database, ["bob@acme.test"])
    running = Running(database, Sender(Settings()), Settings())
    turn = await running.sender.step(running.crew)
    assert turn.again is None
    assert await statuses(database) == {"pending": 1}
    [(message,)] = await ask(database, "SELECT {health_checks.message} FROM {health_checks}")
    assert message == NOT_CONFIGURED


async def test_an_outbox_takes_mail_with_its_attachments(
    database: Database, tmp_path: Path
) -> None:
    folder, outbox = tmp_path / "files", tmp_path / "outbox"
    folder.mkdir()
    (folder / "report.csv").write_text("a,b\n1,2\n")
    await database.execute(
        "INSERT INTO {reports} ({reports.id}, {reports.filePath}) VALUES ($1, 'report.csv')",
        uid(5),
    )
    await queue(database, ["bob@acme.test"], attachments=[{"reportId": uid(5)}])
    given = Settings(
        workers=settings(attachments=str(folder)).workers,
        environ={"AGENTFLOW_OUTBOX": str(outbox)},
    )
    running = Running(database, Sender(given), given)
    await running.settled()
    await running.stop()
    [written] = outbox.glob("*.eml")
    assert "report.csv" in written.read_text()
    assert (await _row(database))[0] == "completed"


async def test_sql_and_python_agree_on_the_next_try(database: Database) -> None:
    last = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    tries = [None, -1, 0, 1, 2, 3, 5, 8, 20, 60]
    rows = [(str(uuid4()), attempts) for attempts in tries for _ in range(30)]
    await database.execute(
        "INSERT INTO {email_queue} ({email_queue.id}, {email_queue.attempts},"
        " {email_queue.lastAttempt}) SELECT u, a, $3::timestamptz"
        " FROM unnest($1::uuid[], $2::int[]) x (u, a)",
        [key for key, _ in rows],
        [attempts for _, attempts in rows],
        last,
    )
    told = await ask(
        database,
        f"SELECT q.{{email_queue.id}}, {store.NEXT_TRY} FROM {{email_queue}} q",
        30.0,
        3600.0,
    )
    by_id = dict(told)
    for key, attempts in rows:
        expected = retries.next_try(key, attempts or 0, last, 30.0, 3600.0)
        assert expected is not None
        assert abs(by_id[key] - expected) < timedelta(milliseconds=1)


@pytest.mark.parametrize("attempts", [None, 0, 1])
async def test_what_the_claim_takes_is_what_python_calls_due(
    database: Database, catcher_of: Any, attempts: int | None
) -> None:
    catcher = await catcher_of()
    given = settings(retry_base=60.0, retry_limit=3600.0)
    now = datetime.now(UTC)
    ages = [None, *(timedelta(seconds=age) for age in (-3600, -40, 0, 30, 80, 3600))]
    last = [None if age is None else now - age for age in ages]
    await queue(database, *(["bob@acme.test"] for _ in last))
    for number, moment in enumerate(last, start=1):
        await database.execute(
            "UPDATE {email_queue} SET {email_queue.attempts} = $2, {email_queue.lastAttempt} = $3"
            " WHERE {email_queue.id} = $1",
            uid(1000 + number),
            attempts,
            moment,
        )
    running = Running(database, Sender(given, smtp(catcher.url), LETTERHEAD), given)
    await running.sender.step(running.crew)
    claimed = set(running.sender.held)
    await running.stop()
    moments = [
        retries.next_try(uid(1000 + number), attempts or 0, moment, 60.0, 3600.0)
        for number, moment in enumerate(last, start=1)
    ]
    due = {uid(1000 + n) for n, each in enumerate(moments, start=1) if each is None or each <= now}
    assert claimed == due


async def test_mail_that_is_put_off_leaves_in_time_when_somebody_rings(
    database: Database, catcher_of: Any
) -> None:
    catcher = await catcher_of()
    running = Running(database, Sender(SETTINGS, smtp(catcher.url), LETTERHEAD))
    await running.sender.step(running.crew, woken=False)
    await queue(database, ["bob@acme.test"])
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.lastAttempt} = now() + interval '8 s'"
    )
    first = await running.sender.step(running.crew)
    assert first.again is not None
    assert first.again <= 1
    again = await running.sender.step(running.crew, woken=False)
    assert again.again is not None
    assert 1 < again.again <= 8
    assert await statuses(database) == {"pending": 1}
    await database.execute("UPDATE {email_queue} SET {email_queue.lastAttempt} = now()")
    await running.settled()
    await running.stop()
    assert len(catcher.caught) == 1


async def test_nulls_are_tolerated_and_what_is_not_due_is_left_alone(
    database: Database, catcher_of: Any
) -> None:
    catcher = await catcher_of()
    await queue(database, ["a@acme.test"], ["b@acme.test"], ["c@acme.test"])
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.attempts} = NULL, {email_queue.priority} = NULL,"
        " {email_queue.createdAt} = NULL WHERE {email_queue.id} = $1",
        uid(1001),
    )
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.attempts} = 1, {email_queue.lastAttempt} = now()"
        " WHERE {email_queue.id} = $1",
        uid(1002),
    )
    given = settings(retry_base=600.0, retry_limit=3600.0)
    running = Running(database, Sender(given, smtp(catcher.url), LETTERHEAD), given)

    async def two() -> bool:
        return await statuses(database) == {"completed": 2, "pending": 1}

    await running.until(two)
    turn = await running.sender.step(running.crew, woken=False)
    assert turn.again is not None
    assert 400 < turn.again < 800
    await running.stop()
    assert (await _row(database, 1))[1] == 1


@pytest.mark.parametrize("spelling", [snake, str], ids=["snake_case", "quoted camelCase"])
async def test_any_naming_will_do(
    empty_url: str, catcher_of: Any, spelling: Callable[[str], str]
) -> None:
    database = await Database.open(empty_url)
    names = {name: snake(name) if spelling is snake else name for name in TABLES}
    for table in in_creation_order():
        await database.execute(
            create_table(table, table_name=names.__getitem__, column_name=spelling)
        )
    await database.rebind()
    catcher = await catcher_of()
    await queue(database, ["bob@acme.test", "greylist@acme.test"], ["unknown@acme.test"])
    running = Running(database, Sender(SETTINGS, smtp(catcher.url), LETTERHEAD))
    try:
        await running.settled()
        assert await statuses(database) == {"completed": 1, "failed": 1}
        assert len(await _journal(database)) == 3
    finally:
        await running.stop()
        database.close()
