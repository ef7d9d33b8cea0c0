"""The death of a sender costs the mail that it held no attempt."""

import json
from typing import Any

import pytest

from agentflow_tui import clock
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue import leases, poison_mail
from agentflow_tui.store.queue import mail_claims as store
from agentflow_tui.store.queue.mail_claims import ClaimedMail
from agentflow_tui.store.queue.mail_results import write_results
from tests.samples import uid
from tests.workers.conftest import Start
from tests.workers.sending import ask, queue, row_of, sent, settings


async def claimed_by(database: Database, worker: str) -> list[ClaimedMail]:
    """Mail that a process claims, which has no lock any more."""
    await database.execute(
        "INSERT INTO {health_checks} ({health_checks.id}, {health_checks.lastChecked},"
        " {health_checks.details}) VALUES ($1, now(), jsonb_build_object('lock', true))",
        worker,
    )
    claim = store.claim(database.binding, onward=False)
    now = clock.now()
    return await database.fetch(claim, 0.0, 0.0, 100, 300.0, [], now, worker, "{}", 0)


async def test_four_deaths_before_any_answer_spend_no_attempt(database: Database) -> None:
    await queue(database, *([f"to{n}@acme.test"] for n in range(5)))
    for death in range(4):
        worker = f"worker:box:{death}:x"
        mails = await claimed_by(database, worker)
        assert [mail.attempts for mail in mails] == [1] * 5
        freed = await leases.give_back_of_dead(database, worker)
        assert freed == {"mails": 5}
    attempts = await ask(database, "SELECT DISTINCT {email_queue.attempts} FROM {email_queue}")
    assert attempts == [(0,)]


async def test_what_the_dead_had_on_record_is_blamed_once(database: Database) -> None:
    await queue(database, ["poison@acme.test"], ["held@acme.test"])
    for death in range(3):
        worker = f"worker:box:{death}:x"
        mails = await claimed_by(database, worker)
        assert {mail.id: mail.deaths for mail in mails} == {uid(1001): death, uid(1002): 0}
        await database.execute(poison_mail.RECORD, worker, json.dumps({uid(1001): 1}), 1)
        await leases.give_back_of_dead(database, worker)
    assert (await row_of(database, 1))[2] == "Its worker died while sending it (3 of 5 times)."
    assert (await row_of(database, 2))[2] is None


@pytest.mark.parametrize(("dies", "freed"), [("taker", 2), ("frozen", 0)])
async def test_mail_taken_over_from_a_frozen_process_is_its_taker_s(
    database: Database, dies: str, freed: int
) -> None:
    """The frozen one still lists it, with the same count: a lease that ran out keeps that."""
    await queue(database, ["a@acme.test"], ["b@acme.test"])
    await claimed_by(database, "worker:frozen")
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.lastAttempt} = now() - interval '1 hour'"
    )
    assert [mail.attempts for mail in await claimed_by(database, "worker:taker")] == [1, 1]
    assert await leases.give_back_of_dead(database, f"worker:{dies}") == {"mails": freed}


async def test_one_that_was_taken_for_dead_settles_what_was_not_claimed_again(
    database: Database,
) -> None:
    await queue(database, ["a@acme.test"], ["b@acme.test"])
    [first, second] = await claimed_by(database, "worker:box:1:x")
    await leases.give_back_of_dead(database, "worker:box:1:x")
    statement = write_results(database.binding)
    assert await database.fetch(statement, *sent([first])) == [first.id]
    assert (await row_of(database, 1))[:2] == ("completed", 1)
    again = await claimed_by(database, "worker:box:2:x")
    assert [mail.attempts for mail in again] == [1], "the count goes on where it stood"
    assert await database.fetch(statement, *sent([second])) == []
    assert await database.fetch(statement, *sent(again)) == [second.id]


async def test_greylisting_after_four_deaths_fails_no_mail(
    database: Database, catcher_of: Any, sender_on: Start
) -> None:
    catcher = await catcher_of(times=1)
    await queue(database, *([f"greylist{n}@acme.test"] for n in range(5)))
    for death in range(4):
        await claimed_by(database, f"worker:box:{death}:x")
        await leases.give_back_of_dead(database, f"worker:box:{death}:x")
    await sender_on(catcher.url, settings(max_attempts=3)).settled()
    assert [(await row_of(database, n))[:2] for n in range(1, 6)] == [("completed", 2)] * 5
