"""Who is alive is known at once, and what the dead held is given back, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.notifications import notify
from agentflow_tui.store.connection.pooler import PoolerMode
from agentflow_tui.store.queue import leases
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.heartbeat import Heartbeat
from agentflow_tui.workers.sender.role import Sender
from tests.chaos.harness import Fleet, environment
from tests.waiting import until
from tests.workers.beats import beat
from tests.workers.rows import add_workflows, journal, one, seconds_ago, table


@asynccontextmanager
async def living(
    database: Database, poll: float = 15.0, roles: Sequence[str] = ()
) -> AsyncIterator[tuple[WorkerContext, Callable[[], Awaitable[None]]]]:
    """A process that has these roles in name only, in this one, and what ends it."""
    context = WorkerContext(
        database=database,
        settings=Settings(workers=WorkerSettings(poll=poll)),
        wakes={name: asyncio.Event() for name in roles},
    )
    heart = Heartbeat(context)
    await heart.start()
    beating = asyncio.create_task(heart.run())

    async def end() -> None:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await heart.end()

    try:
        yield context, end
    finally:
        await end()


async def add_mails(database: Database, count: int) -> list[str]:
    ids = [str(uuid4()) for _ in range(count)]
    await database.execute(
        """INSERT INTO {email_queue}
             ({email_queue.id}, {email_queue.status}, {email_queue.attempts})
           SELECT id, 'pending', 0 FROM unnest($1::uuid[]) id""",
        ids,
    )
    return ids


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """Another process's way to the same database."""
    opened = await Database.open(database_url)
    yield opened
    opened.close()


async def test_who_comes_right_after_another_was_heard_of_is_watched_too(
    database: Database, database_url: str, other: Database, tmp_path: Path
) -> None:
    await add_mails(database, 1)
    odd = ("-m", "tests.workers.odd_process", "holder", database_url)
    async with living(database) as (context, _):
        context.wakes["sender"] = asyncio.Event()
        await notify(other)
        async with asyncio.timeout(30):
            await context.wakes["sender"].wait()
        with Fleet(environment(database_url, tmp_path), tmp_path, *odd) as fleet:
            worker = fleet.start()
            await worker.has_said("has claimed")
            worker.kill()
            await until(lambda: journal(database, "worker.lost"))


async def counted(context: WorkerContext, count: int) -> None:
    """Wait until it knows of so many that send."""
    async with asyncio.timeout(20):
        while context.senders != count:
            await asyncio.sleep(0.01)


async def test_processes_that_send_know_how_many_they_are(
    database: Database, database_url: str
) -> None:
    others = [await Database.open(database_url) for _ in range(2)]
    poll = 600.0  # what is not heard is not known
    async with living(database, poll, ["sender"]) as (first, _):
        async with living(others[0], poll, ["runner", "sender"]) as (second, _):
            await counted(first, 2)
            await counted(second, 2)
            async with living(others[1], poll, ["monitor"]) as (third, _):
                await counted(third, 3)
            assert first.senders == second.senders == 2
        await counted(first, 1)
    for each in others:
        each.close()


async def test_who_has_nothing_to_send_with_takes_no_part_of_the_rates(
    database: Database, other: Database
) -> None:
    async with (
        living(database, 0.05, ["sender"]) as (sending, _),
        living(other, 0.05, ["sender"]) as (bare, _),
    ):
        await counted(sending, 2)
        await Sender(bare).step()
        await counted(sending, 1)
        await counted(bare, 2)


async def test_what_a_killed_process_held_is_given_back(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    mails = await add_mails(database, 3)
    workflows = await add_workflows(database, 2)
    odd = ("-m", "tests.workers.odd_process", "holder", database_url)
    with Fleet(environment(database_url, tmp_path), tmp_path, *odd) as fleet:
        worker = fleet.start()
        await worker.has_said("has claimed")
        await database.execute(  # one has moved on since: its token is another
            "UPDATE {email_queue} SET {email_queue.attempts} = 7 WHERE {email_queue.id} = $1",
            mails[0],
        )
        async with living(database) as (context, _):
            context.wakes["sender"] = asyncio.Event()
            worker.kill()
            await until(lambda: journal(database, "worker.lost"))
            assert context.wakes["sender"].is_set()
    freed = await table(
        database,
        "SELECT {email_queue.id} FROM {email_queue} WHERE {email_queue.lastAttempt} = 'epoch'",
    )
    assert {row[0] for row in freed} == set(mails[1:])
    assert await table(
        database, "SELECT {workflows.locked}, {workflows.lockedAt} = 'epoch' FROM {workflows}"
    ) == [(False, True)] * len(workflows)
    [row] = await journal(database, "worker.lost")
    assert row["output"] == {"mails": 2, "workflows": 2}
    assert row["error"] == "It died without a word; 2 mails and 2 workflows given back."
    assert await table(
        database,
        "SELECT {health_checks.status} FROM {health_checks}"
        " WHERE {health_checks.id} LIKE 'worker:%'",
    ) == [("warning",)]


async def is_buried(database: Database, dead: WorkerContext) -> bool:
    """Whether what it held was given back, by this test or by who lives."""
    await leases.give_back_of_dead(database, dead.identity)
    return bool(await journal(database, "worker.lost"))


async def test_a_workflow_that_another_process_lists_stays_with_it(
    database: Database, other: Database
) -> None:
    held, shared = await add_workflows(database, 2, status="running", locked=True)
    async with living(database) as (context, _), living(other) as (dead, end):
        context.leases.holds["workflows"] = {shared: None}
        dead.leases.holds["workflows"] = {held: None, shared: None}
        for each in (context, dead):
            await beat(each)
        await end()  # with something in hand, so that its row stays
        await until(lambda: is_buried(database, dead))
    assert await table(
        database,
        "SELECT {workflows.id}, {workflows.locked} FROM {workflows} ORDER BY {workflows.locked}",
    ) == [(held, False), (shared, True)]


async def test_a_workflow_that_another_process_has_let_go_of_is_free_at_once(
    database: Database, other: Database
) -> None:
    """A process lists what it let go of until its next beat; who claimed it since may die first."""
    passed_on, taken_back = await add_workflows(database, 2, status="running", locked=True)
    before, after = seconds_ago(3), seconds_ago(2)
    async with living(database) as (context, _), living(other) as (dead, end):
        context.leases.holds["workflows"] = {passed_on: before, taken_back: after}
        dead.leases.holds["workflows"] = {passed_on: after, taken_back: before}
        for each in (context, dead):
            await beat(each)
        await end()
        await until(lambda: is_buried(database, dead))
    assert await table(
        database,
        "SELECT {workflows.id}, {workflows.locked} FROM {workflows} ORDER BY {workflows.locked}",
    ) == [(passed_on, False), (taken_back, True)]


async def test_mail_that_was_given_back_and_claimed_again_stays_with_its_claimer(
    database: Database, other: Database
) -> None:
    held, passed_on = await add_mails(database, 2)
    await database.execute(
        "UPDATE {email_queue} SET {email_queue.status} = 'processing', {email_queue.attempts} = 1"
    )
    async with living(database) as (context, _), living(other) as (dead, end):
        context.leases.holds["mails"] = {passed_on: 1}
        dead.leases.holds["mails"] = {held: 1, passed_on: 1}
        for each in (context, dead):
            await beat(each)
        await end()  # with something in hand, so that its row stays
        await until(lambda: is_buried(database, dead))
    freed = "SELECT {email_queue.id} FROM {email_queue} WHERE {email_queue.lastAttempt} = 'epoch'"
    assert await table(database, freed) == [(held,)]


async def test_a_process_that_a_bug_ends_leaves_what_it_held_to_the_others(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await add_mails(database, 3)
    odd = ("-m", "tests.workers.odd_process", "clumsy", database_url)
    with Fleet(environment(database_url, tmp_path), tmp_path, *odd) as fleet:
        assert await fleet.start().ended() == 1
    async with living(database):
        await until(lambda: journal(database, "worker.lost"))
    assert (
        await one(
            database, "SELECT count(*) FROM {email_queue} WHERE {email_queue.lastAttempt} = 'epoch'"
        )
        == 3
    )


async def test_a_living_process_is_never_buried(database: Database, other: Database) -> None:
    async with living(database) as (context, _), living(other):
        for peer in await database.fetch(leases.PEERS, context.identity, 600):
            assert peer.alive
            assert await leases.give_back_of_dead(database, peer.id) is None


async def test_a_cut_connection_is_made_anew_before_anybody_mourns(
    database: Database, other: Database
) -> None:
    held = await add_workflows(database, 1, status="running", locked=True)
    async with living(database, poll=0.02), living(other) as (cut, _):
        cut.leases.holds["workflows"] = dict.fromkeys(held)
        await beat(cut)
        old = await holder_of(database, cut)
        await database.execute("SELECT pg_terminate_backend($1)", old)

        async def is_back() -> bool:
            return await holder_of(database, cut) not in {None, old}

        await until(is_back)
        before = database.statements
        await until(lambda: database.statements > before + 60)
        assert cut.leases.trusted
    assert await one(database, "SELECT {workflows.locked} FROM {workflows}")
    assert await journal(database, "worker.lost") == []


async def holder_of(database: Database, context: WorkerContext) -> int | None:
    """The backend that holds a process's lock."""
    found: int | None = await one(
        database,
        """SELECT max(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
            AND (classid::int8 << 32) | objid::int8 = hashtextextended($1, 0)""",
        context.identity,
    )
    return found


async def test_behind_a_transaction_pooler_no_lock_is_trusted(
    database: Database, other: Database
) -> None:
    other.pooler = PoolerMode.TRANSACTION
    async with living(database) as (context, _), living(other) as (pooled, _):
        assert pooled.leases.trusted
        assert await holder_of(database, pooled) is None
        assert await database.fetch(leases.PEERS, context.identity, 600) == []
        assert (
            await one(
                database,
                """SELECT {health_checks.details}::jsonb ->> 'lock' FROM {health_checks}
                WHERE {health_checks.id} = $1""",
                pooled.identity,
            )
            == "false"
        )


async def test_a_database_without_health_checks_has_workers_as_well(empty_url: str) -> None:
    database = await Database.open(empty_url)
    async with living(database) as (context, _):
        assert context.leases.trusted
        await Heartbeat(context).notify()
    database.close()
