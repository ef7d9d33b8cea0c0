"""The sender on a real PostgreSQL and a real SMTP conversation."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from agentflow_tui.demo.catcher.faults import CatcherOptions, RelayFault
from agentflow_tui.mail.configuration import NOT_CONFIGURED
from agentflow_tui.schema import TABLES, snake
from agentflow_tui.settings import Settings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.ddl import create_table, in_creation_order
from agentflow_tui.workers.sender.role import Sender
from agentflow_tui.workers.sender.waits import RESTING
from tests.samples import uid
from tests.workers.conftest import Start
from tests.workers.sending import (
    PATIENT,
    Running,
    ask,
    doubles,
    journalled,
    queue,
    queue_many,
    row_of,
    sending_with,
    settings,
    smtp,
    statuses,
)


async def test_500_mails_and_three_senders_give_500_mails_once(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue_many(database, 500)
    senders = [sender_on(catcher.url, timeouts=PATIENT) for _ in range(3)]
    await asyncio.gather(*(each.settled() for each in senders))
    got = [each.recipients[0] for each in catcher.record.caught]
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
    status, attempts, error, email_status, sent_at = await row_of(database)
    assert (status, attempts, error, email_status) == ("completed", 1, None, "sent")
    assert sent_at is not None
    [(state, given, output, wrong)] = await journalled(database)
    assert (state, wrong) == ("completed", None)
    assert given == {"queueId": uid(1001), "emailId": uid(1), "attempt": 1}
    assert output["recipients"] == {"bob@acme.test": output["answer"]}


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
    assert (await row_of(database, 1))[:2] == ("completed", 2)
    assert "user unknown" in (await row_of(database, 2))[2]
    assert (await row_of(database, 3))[3] == "failed"
    assert (await row_of(database, 4))[:2] == ("completed", 2)
    assert (await row_of(database, 5))[:2] == ("completed", 2)
    assert "no recipient" in (await row_of(database, 6))[2]
    assert (await row_of(database, 7))[0] == "failed"


async def test_a_mail_that_nobody_ever_takes_fails_after_its_attempts(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of(times=99)
    await queue(database, ["greylist@acme.test"])
    await sender_on(catcher.url).settled()
    status, attempts, error, email_status, _ = await row_of(database)
    assert (status, attempts, email_status) == ("failed", 4, "failed")
    assert "greylisted" in error
    assert len(await journalled(database)) == 4


async def test_who_accepted_never_gets_it_again_not_even_after_an_operators_retry(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of(times=2)
    everyone = ["bob@acme.test", "greylist@acme.test", "unknown@acme.test", "al@acme.test"]
    await queue(database, everyone)
    running = sender_on(catcher.url)
    await running.settled()
    status, attempts, error, _, _ = await row_of(database)
    assert (status, attempts) == ("failed", 3)
    assert "unknown@acme.test" in error
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'pending', {email_queue.attempts} = 0"
    )
    await running.settled()
    got = [who for each in catcher.record.caught for who in each.recipients]
    assert sorted(got) == ["al@acme.test", "bob@acme.test", "greylist@acme.test"]


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
    assert await journalled(database) == []
    await catcher.start(port)
    await running.settled()
    attempts = await ask(database, "SELECT DISTINCT {email_queue.attempts} FROM {email_queue}")
    assert attempts == [(1,)]
    assert len(catcher.record.caught) == 30

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
    assert (await row_of(database))[:2] == ("processing", 7)
    [(status, given, _, _)] = await journalled(database)
    assert (status, given["attempt"]) == ("completed", 1)


async def test_a_sender_looks_again_when_somebody_elses_lease_ends(
    database: Database, sender_on: Start
) -> None:
    await queue(database, ["one@acme.test"], attempts=1)
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'processing',"
        " {email_queue.lastAttempt} = now()"
    )
    running = sender_on("smtp://127.0.0.1:1", settings(lease=60.0))
    turn = await running.sender.step(woken=False)
    assert turn.again is not None
    assert turn.again <= 60.0


async def test_stopping_in_the_middle_leaves_nothing_claimed(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of(shares={RelayFault.SLOW: 1.0}, slow=0.1)
    await queue_many(database, 250)
    running = sender_on(catcher.url)

    async def some() -> bool:
        return len(catcher.record.caught) > 5

    await running.until(some)
    await running.stop()
    left = await statuses(database)
    assert set(left) == {"completed", "pending"}
    assert left["completed"] == len(catcher.record.caught)
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
    running = Running(database, Sender, Settings())
    turn = await running.sender.step()
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
    running = Running(database, Sender, given)
    await running.settled()
    await running.stop()
    [written] = outbox.glob("*.eml")
    assert "report.csv" in written.read_text()
    assert (await row_of(database))[0] == "completed"


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
    running = Running(database, sending_with(smtp(catcher.url)))
    try:
        await running.settled()
        assert await statuses(database) == {"completed": 1, "failed": 1}
        assert len(await journalled(database)) == 3
    finally:
        await running.stop()
        database.close()


async def test_a_sender_takes_its_part_of_the_rates(database: Database, catcher_of: Any) -> None:
    catcher = await catcher_of()
    transport = smtp(catcher.url)
    running = Running(database, sending_with(transport))
    running.context.senders = 3
    await running.sender.step()
    assert transport.limits.sharers == 3
    await running.stop()


async def test_a_sender_whose_memory_of_resting_mail_was_full_claims_again(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue(database, ["bob@acme.test"])
    running = sender_on(catcher.url)
    rested = monotonic() + 0.2
    running.sender.waits.resting = {uid(10_000 + n): rested for n in range(RESTING)}
    await running.settled()
    assert len(catcher.record.caught) == 1


async def test_a_sender_claims_no_more_than_its_part_of_the_rate_lets_through(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of()
    await queue_many(database, 40)
    running = sender_on(catcher.url, settings(rate=6.0))
    running.context.senders = 3
    await running.sender.step()
    assert (await statuses(database))["pending"] == 30


@pytest.mark.parametrize(
    "script",
    [
        {"MAIL": "530 5.7.0 Authentication required"},
        {"MAIL": "421 4.3.2 down for maintenance"},
        {"DATA": ""},
        {"RCPT": "421 4.3.2 down for maintenance"},
        {"RCPT": "garbage"},
    ],
)
async def test_a_relay_that_is_ill_for_every_mail_costs_none_an_attempt(
    database: Database, catcher_of: Any, script: dict[str, str]
) -> None:
    catcher = await catcher_of(script=script)
    await queue(database, ["bob@acme.test"], ["al@acme.test"])
    running = Running(database, sending_with(smtp(catcher.url)))

    async def tried_often() -> bool:
        return [command[:4] for command in catcher.record.commands].count("MAIL") >= 12

    await running.until(tried_often)
    catcher.options = CatcherOptions()
    await running.settled()
    assert [(await row_of(database, n))[:2] for n in (1, 2)] == [("completed", 1)] * 2
    assert [state for state, *_ in await journalled(database)] == ["completed"] * 2
    await running.stop()


async def test_a_relay_that_is_not_there_is_known_before_the_first_mail(
    database: Database,
) -> None:
    running = Running(database, sending_with(smtp("smtp://127.0.0.1:9")))
    await running.sender.step()
    [(status, message)] = await ask(
        database,
        "SELECT {health_checks.status}, {health_checks.message} FROM {health_checks}"
        " WHERE {health_checks.id} = 'smtp'",
    )
    assert status == "error"
    assert "127.0.0.1:9 takes no mail" in message
    await running.stop()


async def test_who_has_nothing_to_send_with_does_not_contradict_who_has(
    database: Database, catcher_of: Any
) -> None:
    catcher = await catcher_of()
    sending = Running(database, sending_with(smtp(catcher.url)))
    bare = Running(database, Sender, Settings())

    async def told() -> object:
        [(status,)] = await ask(
            database,
            "SELECT {health_checks.status} FROM {health_checks} WHERE {health_checks.id} = 'smtp'",
        )
        return status

    await bare.sender.step()
    assert await told() == "warning"
    await sending.sender.step()
    assert await told() == "ok"
    await Sender(bare.context).step()
    assert await told() == "ok"
    await database.execute(
        "UPDATE {health_checks} SET {health_checks.lastChecked} = now() - interval '1 hour'"
    )
    await Sender(bare.context).step()
    assert await told() == "warning"
    await sending.stop()
