"""An answer that every mail would get costs none anything, and is said with what to do."""

from typing import Any

import pytest

from agentflow_tui.demo.catcher.faults import CatcherOptions
from agentflow_tui.store.connection.database import Database
from tests.workers.conftest import Start
from tests.workers.sending import Running, ask, queue, queue_many, row_of, statuses


async def check(running: Running) -> tuple[str, str]:
    found = await ask(
        running.context.database,
        "SELECT {health_checks.status}, {health_checks.message} FROM {health_checks}"
        " WHERE {health_checks.id} = 'smtp'",
    )
    return found[0] if found else ("", "")


@pytest.mark.parametrize(
    ("script", "advice"),
    [
        ({"RCPT": "554 5.7.1 <x@y.test>: Relay access denied"}, "user and password"),
        ({"RCPT": "550 5.7.54 SMTP; Unable to relay recipient"}, "user and password"),
        ({"RCPT": "553 sorry, that domain isn't in my list of rcpthosts (#5.7.1)"}, "SMTP_URL"),
        ({"RCPT": "530 5.7.0 Authentication required"}, "user and password"),
        (
            {"RCPT": "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname"},
            "?helo=NAME",
        ),
        ({"RCPT": "450 4.7.1 <box>: Helo command rejected: Host not found"}, "?helo=NAME"),
        (
            {"RCPT": "553 5.7.1 <a@b.test>: Sender address rejected: not owned by user me"},
            "[workers] sender",
        ),
        ({"RCPT": "550 5.1.8 <a@b.test>: Domain not found"}, ""),
        ({"RCPT": "554 5.7.1 <unknown[1.2.3.4]>: Client host rejected: Access denied"}, "SMTP_URL"),
        ({"MAIL": "553 5.7.1 <a@b.test>: sender not owned"}, "[workers] sender"),
        ({"MAIL": "550 5.1.0 rejected"}, ""),
        ({"MAIL": "450 4.7.1 Error: too much mail from 1.2.3.4"}, "waited out"),
        ({"MAIL": "452 4.3.1 Insufficient system storage"}, ""),
        ({"RCPT": "450 4.7.1 Error: too many recipients from 1.2.3.4"}, "waited out"),
        ({"END": "550 5.4.5 Daily sending quota exceeded"}, "waited out"),
        ({"END": "554 5.2.252 SendAsDenied; not allowed to send as"}, "[workers] sender"),
    ],
)
async def test_what_every_mail_is_told_costs_none_an_attempt(
    database: Database, catcher_of: Any, sender_on: Start, script: dict[str, str], advice: str
) -> None:
    catcher = await catcher_of(script=script)
    await queue_many(database, 12)
    running = sender_on(catcher.url)

    async def told_often() -> bool:
        verb = next(iter(script))
        seen = [command[:4] for command in catcher.record.commands]
        return seen.count("DATA" if verb == "END" else verb) >= 20

    await running.until(told_often)
    status, message = await check(running)
    assert status == "error"
    assert next(iter(script.values())) in message
    assert advice in message
    assert not await ask(database, "SELECT {task_logs.id} FROM {task_logs}")
    catcher.options = CatcherOptions()
    await running.settled()
    assert await statuses(database) == {"completed": 12}
    attempts = await ask(database, "SELECT DISTINCT {email_queue.attempts} FROM {email_queue}")
    assert attempts == [(1,)]

    async def up() -> bool:
        return (await check(running))[0] == "ok"

    await running.until(up)


async def test_a_recipient_that_the_relay_serves_nobody_fails_once_others_are_accepted(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(
        database,
        ["denied1@else.test"],
        *([f"to{n}@acme.test"] for n in range(10)),
        ["denied2@else.test"],
        ["to99@acme.test", "denied3@else.test"],
    )
    await sender_on(catcher.url).settled()
    assert await statuses(database) == {"completed": 10, "failed": 3}
    assert "Relay access denied" in (await row_of(database, 1))[2]
    assert (await row_of(database, 13))[2].startswith("1 of 2 have it. 554 5.7.1 <denied3@")
    assert len(catcher.record.caught) == 11


async def test_one_mail_that_is_denied_waits_until_others_tell_whose_fault_it_is(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, ["denied@else.test"])
    running = sender_on(catcher.url)

    async def told() -> bool:
        return (await check(running))[0] == "error"

    await running.until(told)
    assert not await ask(database, "SELECT {task_logs.id} FROM {task_logs}")
    await queue_many_more(database)
    await running.settled()
    assert await statuses(database) == {"completed": 3, "failed": 1}


async def queue_many_more(database: Database) -> None:
    """Three further mails, to others."""
    for number in (51, 52, 53):
        await database.execute(
            "WITH m AS (INSERT INTO {emails} ({emails.id}, {emails.subject}, {emails.body},"
            " {emails.recipients}, {emails.status}, {emails.createdAt}) VALUES"
            " (gen_random_uuid(), 'x', 'y', to_jsonb(ARRAY[$1::text]), 'queued', now())"
            " RETURNING {emails.id} AS id)"
            " INSERT INTO {email_queue} ({email_queue.id}, {email_queue.emailId},"
            " {email_queue.priority}, {email_queue.attempts}, {email_queue.status},"
            " {email_queue.createdAt}) SELECT gen_random_uuid(), m.id, 1, 0, 'pending', now()"
            " FROM m",
            f"to{number}@acme.test",
        )
