"""An answer that never arrived costs a moment and not a lease."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.errors import UnreachableError
from agentflow_tui.settings import Settings
from agentflow_tui.steps.calls import Call
from agentflow_tui.steps.registry import load
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.queue import leases, lost_claims
from agentflow_tui.workers.context import Role, WorkerContext
from agentflow_tui.workers.heartbeat import Heartbeat
from agentflow_tui.workers.runner.role import Runner
from agentflow_tui.workers.sender.role import Sender
from tests.waiting import until
from tests.workers.beats import Beat
from tests.workers.rows import one, table
from tests.workers.sending import LETTERHEAD, SETTINGS, queue, smtp
from tests.workers.wires import Wire, wired
from tests.workers.workflows import Recorder, add, in_status, running, step

Claims = Callable[[Database], Awaitable[Any]]


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    async with wired(database_url) as made:
        yield made


@pytest.fixture
async def far(wire: Wire) -> AsyncIterator[Database]:
    """The database at the other end of the wire."""
    one_for_all = ConnectionOptions(
        connections=1
    )  # so that a claim is prepared once and needs one answer
    opened = await Database.open(wire.url, one_for_all)
    yield opened
    opened.close()


@pytest.fixture
async def relay() -> AsyncIterator[Catcher]:
    catcher = Catcher()
    await catcher.start()
    yield catcher
    await catcher.close()


async def claimed_mail(database: Database) -> Any:
    return await one(
        database,
        "SELECT count(*) FROM {email_queue} WHERE {email_queue.status} = 'processing'",
    )


async def claimed_workflow(database: Database) -> Any:
    return await one(database, "SELECT count(*) FROM {workflows} WHERE {workflows.locked}")


async def lose_a_claim(
    context: WorkerContext, role: Role, wire: Wire, near: Database, is_claimed: Claims
) -> None:
    """A step whose claim is committed and whose answer is lost."""
    wire.hold_answers()
    stepping = asyncio.create_task(role.step())
    await until(lambda: is_claimed(near))
    wire.cut()
    with pytest.raises(UnreachableError):
        await stepping


async def step_until(
    context: WorkerContext, role: Role, near: Database, done: Callable[[], Awaitable[Any]]
) -> None:
    async def take_a_step() -> None:
        with contextlib.suppress(UnreachableError):
            await role.step()

    await until(done, pause=take_a_step)


@pytest.mark.parametrize(("beats_first", "late"), [(False, False), (True, False), (False, True)])
async def test_mail_of_a_lost_claim_is_sent_at_once_and_keeps_its_attempts(
    database: Database, far: Database, wire: Wire, relay: Catcher, beats_first: bool, late: bool
) -> None:
    """``late``: a beat that was sent before the claim arrives after it."""
    context = WorkerContext(database=far, settings=SETTINGS, wakes={"sender": asyncio.Event()})
    heart = Heartbeat(context)
    await heart.start()
    sender = Sender(context, smtp(relay.url), LETTERHEAD)
    await queue(database, ["first@acme.test"])
    await step_until(context, sender, database, lambda: as_many(relay, 1))
    await until(lambda: nothing_held(sender))
    await queue_another(database)

    sent_before = Beat(context)
    await lose_a_claim(context, sender, wire, database, claimed_mail)
    if late:
        await sent_before.arrive(database)
    assert context.leases.unanswered.keys() == {"mails"}
    if beats_first:
        beating = asyncio.create_task(heart.run())
        await until(lambda: heard_again(context))
        beating.cancel()
    await step_until(context, sender, database, lambda: as_many(relay, 2))
    await sender.stop(asyncio.get_running_loop().time() + 4)
    await heart.end()
    assert [each.recipients[0] for each in relay.record.caught] == [
        "first@acme.test",
        "second@acme.test",
    ]
    assert await table(
        database, "SELECT {email_queue.status}, {email_queue.attempts} FROM {email_queue}"
    ) == [("completed", 1), ("completed", 1)]


async def queue_another(database: Database) -> None:
    await database.execute(
        """INSERT INTO {emails} ({emails.id}, {emails.subject}, {emails.recipients})
           VALUES ('00000000-0000-4000-8000-00000000aaaa', 'Hi', '["second@acme.test"]')"""
    )
    await database.execute(
        """INSERT INTO {email_queue} ({email_queue.id}, {email_queue.emailId},
             {email_queue.attempts}, {email_queue.status})
           SELECT gen_random_uuid(), '00000000-0000-4000-8000-00000000aaaa', 0, 'pending'"""
    )


async def as_many(relay: Catcher, count: int) -> bool:
    return len(relay.record.caught) >= count


async def nothing_held(sender: Sender) -> bool:
    return not sender.held


async def heard_again(context: WorkerContext) -> bool:
    return not context.leases.unanswered


@pytest.mark.parametrize("late", [False, True])
async def test_a_workflow_of_a_lost_claim_runs_at_once(
    database: Database, far: Database, wire: Wire, late: bool
) -> None:
    context = WorkerContext(database=far, settings=Settings(), wakes={"runner": asyncio.Event()})
    heart = Heartbeat(context)
    await heart.start()
    runner = Runner(context, load().handlers)

    async def completed(count: int) -> bool:
        done = "SELECT count(*) FROM {workflows} WHERE {workflows.status} = 'completed'"
        return bool(await one(database, done) == count)

    steps = [step("check", "condition", expression="context.name")]
    await add(database, steps, {"name": "x"})
    await step_until(context, runner, database, lambda: completed(1))
    await add(database, steps, {"name": "x"})
    sent_before = Beat(context)
    await lose_a_claim(context, runner, wire, database, claimed_workflow)
    if late:
        await sent_before.arrive(database)
    await step_until(context, runner, database, lambda: completed(2))
    await runner.stop(asyncio.get_running_loop().time() + 4)
    await heart.end()


async def test_a_claim_that_arrives_late_takes_no_later_one_off_the_row(database: Database) -> None:
    context = WorkerContext(database=database, settings=SETTINGS)
    heart = Heartbeat(context)
    await heart.start()
    written = leases.holding(database.binding, "mails", "claimed", note=1)
    claim = Statement(
        str,
        f"WITH claimed AS (SELECT $4::text AS id, 1 AS token), written AS ({written})"
        " SELECT id FROM claimed",
    )
    first, second = context.leases.note("mails"), context.leases.note("mails")
    await database.fetch(claim, *second, "second")
    await database.fetch(claim, *first, "first")
    listed = "SELECT {health_checks.details}::jsonb -> 'mails' FROM {health_checks}"
    assert await one(database, listed) == '{"first": 1, "second": 1}'
    await heart.end()


async def test_a_lost_answer_to_a_renewal_does_not_cost_the_step_that_runs(
    database: Database, far: Database, wire: Wire
) -> None:
    entered, leave_it = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call[Any]) -> int:
        entered.set()
        await leave_it.wait()
        return 1

    seen = Recorder()
    workflow = await add(database, [step("a", "slow")])

    async def locked_at() -> Any:
        return await one(database, "SELECT {workflows.lockedAt} FROM {workflows}")

    async with running(far, {"slow": seen.handler(slow)}, lease=6.0, runner_slots=1) as runner:
        await entered.wait()
        wire.hold_answers(UUID(workflow).bytes)

        async def is_renewed() -> bool:
            token = runner.held[workflow].token
            return wire.holds_answers and await locked_at() != token

        await until(is_renewed)
        wire.cut()
        leave_it.set()
        await in_status(database, workflow, "completed")
    assert len(seen.calls) == 1


async def test_what_is_known_to_be_held_stays_held(database: Database, catcher_of: Any) -> None:
    silent = await catcher_of(script={"MAIL": None})
    await queue(database, ["a@acme.test"], ["b@acme.test"])
    context = WorkerContext(database=database, settings=SETTINGS)
    heart = Heartbeat(context)
    await heart.start()
    sender = Sender(context, smtp(silent.url), LETTERHEAD)
    await sender.step()
    assert context.leases.holds["mails"].keys() == sender.held.keys()
    context.leases.unanswered["mails"] = 0
    assert await context.leases.give_back_unanswered()
    assert await one(
        database,
        "SELECT count(*) FROM {email_queue} WHERE {email_queue.status} = 'processing'",
    ) == len(sender.held)
    await sender.stop(asyncio.get_running_loop().time() + 4)
    await heart.end()


async def test_a_claim_that_is_still_under_way_is_waited_for(
    database: Database, far: Database
) -> None:
    context = WorkerContext(database=database, settings=SETTINGS)
    heart = Heartbeat(context)
    await heart.start()
    async with far.session() as session:
        backend = session.connection.get_server_pid()
        busy = asyncio.create_task(session.connection.fetch("SELECT pg_sleep(30)"))
        context.leases.unanswered["mails"] = backend

        async def at_work() -> bool:
            return await database.fetch(lost_claims.IS_AT_WORK, backend) == [True]

        await until(at_work)
        assert not await context.leases.give_back_unanswered()
        with pytest.raises(UnreachableError):
            await context.leases.claim("mails", leases.PEERS, tokens=lambda _: {})
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
    await until(context.leases.give_back_unanswered)
    await heart.end()
