"""Which mail a sender takes, and what it does with mail that others have left behind."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from agentflow_tui import clock, retries
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import NOW
from agentflow_tui.store.queue import mail_claims as store
from agentflow_tui.store.queue.mail_claims import ClaimedMail
from agentflow_tui.store.queue.mail_results import write_results
from tests.samples import uid
from tests.workers.conftest import Start
from tests.workers.sending import (
    Running,
    ask,
    queue,
    row_of,
    sending_with,
    sent,
    settings,
    smtp,
    statuses,
)


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
    assert (await row_of(database, 1))[:2] == ("completed", 2)
    assert (await row_of(database, 2))[:2] == ("processing", 1)


async def test_a_lease_that_ran_out_spends_no_attempt(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, ["frozen@acme.test"])
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'processing', {email_queue.attempts} = 2,"
        " {email_queue.lastAttempt} = now() - interval '1 hour'"
    )
    await sender_on(catcher.url).settled()
    assert (await row_of(database, 1))[:2] == ("completed", 2)


async def test_mail_that_processes_died_of_fails_and_a_retry_gives_it_another_chance(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, ["dead@acme.test"], ["held@acme.test"])
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'processing', {email_queue.attempts} = 6,"
        " {email_queue.lastAttempt} = 'epoch',"
        " {email_queue.error} = 'Its worker died while sending it (4 of 5 times).'"
    )
    await database.execute(
        "INSERT INTO {health_checks} ({health_checks.id}, {health_checks.details})"
        " VALUES ('worker:dead:1:a', jsonb_build_object('sending', $1::text::jsonb))",
        json.dumps({uid(1001): 6}),
    )
    running = sender_on(catcher.url)
    await running.settled()
    status, attempts, error, _, _ = await row_of(database, 1)
    assert (status, attempts) == ("failed", 7)
    assert error.startswith("Its worker died 5 times while sending it.")
    assert (await row_of(database, 2))[:3] == ("completed", 7, None)
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'pending', {email_queue.attempts} = 0"
        " WHERE {email_queue.status} = 'failed'"
    )
    await running.settled()
    assert len(catcher.record.caught) == 2


async def test_without_a_table_for_processes_mail_of_the_dead_is_sent_as_well(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, ["dead@acme.test"])
    await database.execute("DROP TABLE {health_checks}")
    await database.rebind()
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'processing', {email_queue.attempts} = 1,"
        " {email_queue.lastAttempt} = 'epoch'"
    )
    await sender_on(catcher.url).settled()
    assert (await row_of(database))[:3] == ("completed", 2, None)


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
    running = Running(database, sending_with(smtp(catcher.url)), given)
    await running.sender.step()
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
    running = Running(database, sending_with(smtp(catcher.url)))
    await running.sender.step(woken=False)
    await queue(database, ["bob@acme.test"])
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.lastAttempt} = now() + interval '8 s'"
    )
    first = await running.sender.step()
    assert first.again is not None
    assert first.again <= 1
    again = await running.sender.step(woken=False)
    assert again.again is not None
    assert 1 < again.again <= 8
    assert await statuses(database) == {"pending": 1}
    await database.execute("UPDATE {email_queue} SET {email_queue.lastAttempt} = now()")
    await running.settled()
    await running.stop()
    assert len(catcher.record.caught) == 1


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
    running = Running(database, sending_with(smtp(catcher.url)), given)

    async def two() -> bool:
        return await statuses(database) == {"completed": 2, "pending": 1}

    await running.until(two)
    turn = await running.sender.step(woken=False)
    assert turn.again is not None
    assert 400 < turn.again < 800
    await running.stop()
    assert (await row_of(database, 1))[1] == 1


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
    got = sorted(each.recipients[0] for each in catcher.record.caught)
    assert got == [f"to{n}@acme.test" for n in (2, 3, 4, 5)]
    sentence = "Not sent: the message is cancelled."
    assert await row_of(database) == ("cancelled", 1, sentence, "cancelled", None)
    told = await ask(
        database,
        "SELECT {task_logs.status}, {task_logs.output} ->> 'answer' FROM {task_logs}"
        " WHERE {task_logs.taskType} = 'email.cancel'",
    )
    assert told == [("completed", sentence)]


async def claimed(database: Database) -> ClaimedMail:
    claim = store.claim(database.binding, onward=False)
    now = clock.now()
    [mail] = await database.fetch(claim, 0.0, 0.0, 1, 300.0, [], now, "worker:test", "{}", 0)
    return mail


async def settles(database: Database, mail: ClaimedMail) -> bool:
    """Whether this claim's end moves the row."""
    return await database.fetch(write_results(database.binding), *sent([mail])) == [mail.id]


async def test_a_renewal_that_is_sent_again_finds_itself_in_a_column_of_milliseconds(
    database: Database,
) -> None:
    async with database.session() as session:
        await session.connection.execute(
            "ALTER TABLE email_queue ALTER COLUMN lastattempt TYPE timestamptz(3)"
        )
    await database.rebind()
    await queue(database, ["bob@acme.test"])
    mail = await claimed(database)
    [now] = await database.fetch(NOW)
    for _ in range(2):
        renewed = await database.fetch(
            store.RENEW, [mail.id], [mail.attempts], [mail.last_attempt], now
        )
        assert [each.last_attempt for each in renewed] == [now]


async def test_a_claim_of_before_a_retry_does_not_settle_the_one_after_it(
    database: Database,
) -> None:
    await queue(database, ["bob@acme.test"])
    stalled = await claimed(database)
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'pending', {email_queue.attempts} = 0,"
        " {email_queue.lastAttempt} = NULL"
    )
    successor = await claimed(database)
    assert successor.attempts == stalled.attempts
    assert not await settles(database, stalled)
    assert await settles(database, successor)


async def test_whoever_was_taken_for_dead_settles_what_nobody_else_has_claimed(
    database: Database,
) -> None:
    await queue(database, ["bob@acme.test"])
    mail = await claimed(database)
    await database.execute("UPDATE {email_queue} SET {email_queue.lastAttempt} = 'epoch'")
    assert await settles(database, mail)
    assert (await row_of(database))[0] == "completed"
