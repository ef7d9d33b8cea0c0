"""Claims that go on where the last one ended: what they leave aside, and for how long."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.dedicated import PLANNED_ONCE, DedicatedConnections
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue import mail_claims as store
from agentflow_tui.store.queue.mail_claims import ClaimedMail
from agentflow_tui.store.queue.mail_results import write_results
from agentflow_tui.workers.sender.claim_cursor import (
    DEAR_LOOK,
    LONGEST_OFF,
    WHOLE_LOOK,
    ClaimCursor,
    QueuePosition,
)
from tests.workers.sending import ask, queue_many, sent

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MAIL = ClaimedMail(
    id="",
    email_id=None,
    attempts=1,
    last_attempt=NOON,
    before=None,
    priority=1,
    queued_at=NOON,
    created_at=NOON,
    user_id=None,
    suspect=False,
    deaths=0,
    cancelled=False,
    large=False,
    subject=None,
    body=None,
    recipients=None,
    attachments=None,
)
LATER = replace(MAIL, queued_at=NOON + timedelta(seconds=5))
DUE: tuple[object, ...] = (30.0, 3600.0, 5, 300.0, [])
PROCESS: tuple[object, ...] = ("worker:test", "{}", 0)
WHOLE: tuple[object, ...] = (NOON, *PROCESS)
"""What a claim of the whole queue is told besides."""


def learned(*claims: tuple[list[ClaimedMail], bool, float, float]) -> ClaimCursor:
    """After claims of two mails: what came, whether they went on, when they began and ended."""
    cursor = ClaimCursor()
    for mails, onward, began, ended in claims:
        cursor.claimed(mails, asked=2, onward=onward, began=began, ended=ended)
    return cursor


def test_a_full_claim_is_gone_on_from_until_it_is_time_to_look_at_the_whole_queue() -> None:
    cursor = learned(([MAIL, LATER], False, 100.0, 100.01))
    assert cursor.backlog
    assert cursor.place(100.02) == QueuePosition(1, NOON + timedelta(seconds=5))
    assert cursor.place(100.02 + WHOLE_LOOK) is None
    again = learned(([MAIL, LATER], False, 100.0, 100.01), ([LATER, LATER], True, 100.9, 100.91))
    assert again.place(100.02 + WHOLE_LOOK) is None, "going on puts the whole look off"


def test_a_dear_look_is_seldom_repeated() -> None:
    cursor = learned(([MAIL, LATER], False, 100.0, 100.2))
    assert cursor.place(100.2 + DEAR_LOOK * 0.2 - 0.1) is not None
    assert cursor.place(100.2 + DEAR_LOOK * 0.2 + 0.1) is None


def test_one_hang_does_not_put_the_next_whole_look_off_for_minutes() -> None:
    cursor = learned(([MAIL, LATER], False, 100.0, 105.0))
    assert cursor.place(105.0 + LONGEST_OFF - 0.1) is not None
    assert cursor.place(105.0 + LONGEST_OFF + 0.1) is None


def test_a_claim_that_comes_short_is_followed_by_a_look_at_the_whole_queue() -> None:
    whole = learned(([MAIL], False, 100.0, 100.01))
    assert not whole.backlog
    assert whole.place(100.02) is None
    onward = learned(([MAIL, LATER], False, 100.0, 100.01), ([LATER], True, 100.02, 100.03))
    assert onward.backlog, "others may stand in front"
    assert onward.place(100.04) is None


@pytest.mark.parametrize("lacking", ["priority", "queued_at"])
def test_a_mail_without_a_place_is_nowhere_to_go_on_from(lacking: str) -> None:
    odd = replace(MAIL, **{lacking: None})  # type: ignore[arg-type]
    assert learned(([MAIL, odd], False, 100.0, 100.01)).place(100.02) is None


def test_after_nothing_but_mail_of_the_dead_the_whole_queue_is_looked_at_again() -> None:
    dead = replace(MAIL, suspect=True)
    cursor = learned(([dead, dead], False, 100.0, 100.01))
    assert cursor.backlog
    assert cursor.place(100.02) is None


async def in_the_order_of_numbers(database: Database) -> None:
    await database.execute(
        "UPDATE {email_queue} q SET {email_queue.createdAt} = $1::timestamptz"
        " + n.number * interval '1 s' FROM (SELECT {email_queue.id} AS id, row_number() OVER ()"
        " AS number FROM {email_queue}) n WHERE q.{email_queue.id} = n.id",
        NOON,
    )


async def accelerated(database: Database) -> None:
    # An index over rows just updated in place is used by no transaction that began while an older
    # one was open, in whichever database of the server: another test's.
    await database.execute("VACUUM {email_queue}")
    for status, order in (
        ("pending", "{email_queue.priority} DESC, {email_queue.createdAt}, {email_queue.id}"),
        ("processing", "{email_queue.createdAt}, {email_queue.id}"),
    ):
        await database.execute(
            f"CREATE INDEX ON {{email_queue}} ({order}) WHERE {{email_queue.status}} = '{status}'"
        )
    await database.execute("ANALYZE {email_queue}")
    await database.execute("ANALYZE {emails}")


async def explained(database: Database, text: str, *values: object) -> str:
    plan = await ask(database, f"EXPLAIN (ANALYZE, COSTS off) {text}", *values)
    return "\n".join(line for (line,) in plan)


@pytest.mark.parametrize("onward", [False, True])
async def test_a_claim_reads_no_row_that_it_does_not_take(database: Database, onward: bool) -> None:
    await queue_many(database, 5000)
    await accelerated(database)
    claim = store.claim(database.binding, onward=onward)
    place = (1, NOON) if onward else (NOON,)
    plan = await explained(database, claim.text, *DUE, *place, *PROCESS)
    read = re.findall(r"Scan (?:using \w+ )?on (?:emails|email_queue)\b.*rows=([\d.]+)", plan)
    assert len(read) >= 3, plan
    assert all(float(rows) <= 5 for rows in read), plan


async def test_a_settlement_reaches_its_rows_by_their_keys_however_many_are_held(
    database: Database,
) -> None:
    await queue_many(database, 2000)
    await accelerated(database)  # nothing is held yet, as when a plan is made for good
    whole = store.claim(database.binding, onward=False)
    mails = await database.fetch(whole, 30.0, 3600.0, 2000, 300.0, [], *WHOLE)
    lines = DedicatedConnections(database, PLANNED_ONCE)
    statement = Statement(
        str, f"EXPLAIN (ANALYZE, COSTS off) {write_results(database.binding).text}"
    )
    plan = "\n".join(await lines.fetch(statement, *sent(mails[:16])))
    lines.close()
    assert re.search(r"Update on email_queue .*rows=16", plan), plan
    assert "Removed by" not in plan, plan


async def test_a_claim_that_goes_on_passes_nothing_that_stands_in_front(
    database: Database,
) -> None:
    await queue_many(database, 3000)
    await in_the_order_of_numbers(database)
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.attempts} = 3, {email_queue.lastAttempt} = now()"
        " WHERE {email_queue.createdAt} <= $1::timestamptz + interval '2000 s'",
        NOON,
    )
    await accelerated(database)

    async def passed(text: str, *values: object) -> int:
        """Rows that the index shows in vain. A table as small as this may be read whole, too."""
        async with database.transaction() as session:
            await session.execute("SET LOCAL enable_seqscan = off")
            explain = Statement(str, f"EXPLAIN (ANALYZE, COSTS off) {text}")
            plan = "\n".join(await session.fetch(explain, *values))
        assert "rows=5" in plan
        return sum(map(int, re.findall(r"Rows Removed by Filter: (\d+)", plan)))

    binding = database.binding
    whole = store.claim(binding, onward=False)
    assert await passed(whole.text, *DUE, *WHOLE) >= 2000
    place = (1, NOON + timedelta(seconds=2006))
    assert await passed(store.claim(binding, onward=True).text, *DUE, *place, *PROCESS) == 0


async def test_a_claim_that_goes_on_takes_what_is_left_of_the_same_moment(
    database: Database,
) -> None:
    await queue_many(database, 12)
    onward = store.claim(database.binding, onward=True)
    taken = await database.fetch(store.claim(database.binding, onward=False), *DUE, *WHOLE)
    while mails := await database.fetch(
        onward, *DUE, taken[-1].priority, taken[-1].queued_at, *PROCESS
    ):
        taken += mails
    assert len({mail.id for mail in taken}) == len(taken) == 12


async def test_mail_of_the_dead_does_not_take_a_claim_past_what_is_more_urgent(
    database: Database,
) -> None:
    await queue_many(database, 12)
    await in_the_order_of_numbers(database)
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.priority} = 10"
        " WHERE {email_queue.createdAt} > $1::timestamptz + interval '2 s'",
        NOON,
    )
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'processing', {email_queue.attempts} = 1,"
        " {email_queue.lastAttempt} = 'epoch'"
        " WHERE {email_queue.createdAt} = $1::timestamptz + interval '1 s'",
        NOON,
    )
    whole = store.claim(database.binding, onward=False)
    mails = await database.fetch(whole, *DUE, *WHOLE)
    assert [mail.priority for mail in mails] == [10, 10, 10, 10, 1]
    cursor = ClaimCursor()
    cursor.claimed(mails, asked=5, onward=False, began=100.0, ended=100.01)
    place = cursor.place(100.02)
    assert place == QueuePosition(10, NOON + timedelta(seconds=6))
    onward = await database.fetch(
        store.claim(database.binding, onward=True),
        *DUE,
        place.priority,
        place.queued_at,
        *PROCESS,
    )
    assert [mail.queued_at for mail in onward] == [
        NOON + timedelta(seconds=second) for second in range(7, 12)
    ]


async def test_mail_that_comes_in_front_is_the_next_whole_look_s(database: Database) -> None:
    await queue_many(database, 20)
    await in_the_order_of_numbers(database)
    whole = store.claim(database.binding, onward=False)
    first = await database.fetch(whole, *DUE, *WHOLE)
    urgent = str(uuid4())
    await database.execute(
        "INSERT INTO {email_queue} ({email_queue.id}, {email_queue.priority},"
        " {email_queue.attempts}, {email_queue.status}, {email_queue.createdAt})"
        " VALUES ($1, 9, 0, 'pending', now())",
        urgent,
    )
    onward = await database.fetch(
        store.claim(database.binding, onward=True),
        *DUE,
        first[-1].priority,
        first[-1].queued_at,
        *PROCESS,
    )
    assert [mail.queued_at for mail in onward] == [
        NOON + timedelta(seconds=second) for second in range(6, 11)
    ]
    assert (await database.fetch(whole, *DUE, *WHOLE))[0].id == urgent
