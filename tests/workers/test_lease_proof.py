"""A process acts on what it has claimed only while it can prove that it still has it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic

import pytest

from agentflow_tui import clock
from agentflow_tui.errors import UnreachableError
from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.keepalives import IDLE
from agentflow_tui.store.connection.notifications import notify
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.connection.statements import NOW
from agentflow_tui.store.queue import leases
from agentflow_tui.store.views.checks import LOCK_KEY
from agentflow_tui.workers.context import ServerClock, WorkerContext
from agentflow_tui.workers.heartbeat import Heartbeat, HeartbeatPace
from agentflow_tui.workers.lease_book import LeaseBook
from tests.waiting import until
from tests.workers.beats import beat
from tests.workers.rows import add_workflows, journal, one
from tests.workers.test_liveness import holder_of
from tests.workers.wires import Wire, wired

BRIEF = 0.3
"""Seconds after which a server that does not answer is taken for silent here."""


QUICK = HeartbeatPace(watch=0.05, holding=0.1, unheard=0.5, again=0.02, certain=0.12)


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    async with wired(database_url) as made:
        yield made


@pytest.fixture
async def far(wire: Wire) -> AsyncIterator[Database]:
    """The database at the other end of the wire."""
    opened = await Database.open(
        wire.url, ConnectionOptions(statement_timeout=BRIEF, connect_timeout=BRIEF)
    )
    yield opened
    opened.close()


@asynccontextmanager
async def alive(
    database: Database, *roles: str, clock: ServerClock | None = None
) -> AsyncIterator[WorkerContext]:
    """A process that has these roles in name only, and notices silence soon."""
    context = WorkerContext(
        database=database,
        settings=Settings(workers=WorkerSettings(poll=600.0)),
        clock=clock or ServerClock(),
        wakes={name: asyncio.Event() for name in roles},
    )
    heart = Heartbeat(context, QUICK)
    await heart.start()
    beating = asyncio.create_task(heart.run())
    try:
        yield context
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await heart.end()


async def holding(database: Database, context: WorkerContext) -> float:
    """Have a workflow listed as held. When that was, for `LeaseBook.may_act_on`."""
    [held] = await add_workflows(database, 1, status="running", locked=True)
    context.leases.holds["workflows"] = {held: None}
    await beat(context)
    await notify(database)  # so that the others look at once
    return monotonic()


async def looks(database: Database, count: int) -> None:
    """Wait until the processes on this database have looked at the others so often."""
    before = database.statements
    await until(lambda: database.statements >= before + count)


@pytest.mark.parametrize("forget", [False, True])
async def test_a_process_behind_a_partition_is_alive_when_that_is_over(
    database: Database, far: Database, wire: Wire, forget: bool
) -> None:
    async with alive(database), alive(far) as cut:
        since = await holding(database, cut)
        backend = await holder_of(database, cut)
        wire.fall_silent()
        await until(lambda: not cut.leases.trusted, "silence noticed")
        await looks(database, 8)
        assert await holder_of(database, cut) == backend, "nothing has told the server"
        assert not cut.leases.may_act_on(since)
        wire.heal(forget=forget)
        await until(lambda: cut.leases.trusted, "trusted again")
        await looks(database, 8)
        assert cut.leases.may_act_on(since), "what it held it still holds"
        assert await holder_of(database, cut) is not None
    assert await journal(database, "worker.lost") == []
    assert await one(database, "SELECT {workflows.locked} FROM {workflows}")


async def test_a_process_is_not_trusted_while_another_connection_has_its_lock(
    database: Database, far: Database, wire: Wire
) -> None:
    async with alive(far) as cut, database.session() as session:
        since = await holding(database, cut)
        backend = await holder_of(database, cut)
        wire.fall_silent()
        await until(lambda: not cut.leases.trusted, "silence noticed")
        await session.execute(f"SELECT pg_terminate_backend({backend})")
        take = f"SELECT pg_advisory_lock({LOCK_KEY.format(id='$1::text')})"
        await session.execute(take, cut.identity)
        wire.heal()
        await looks(far, 8)
        assert not cut.leases.may_act_on(since), "connected, but without the lock"
        await session.execute("SELECT pg_advisory_unlock_all()")
        await until(lambda: cut.leases.may_act_on(since), "the lock is back")


@pytest.mark.parametrize("removed", [False, True], ids=["", "and its row was removed"])
async def test_a_process_that_was_taken_for_dead_doubts_what_it_held(
    database: Database, far: Database, wire: Wire, removed: bool
) -> None:
    async with alive(database), alive(far) as cut:
        since = await holding(database, cut)
        backend = await holder_of(database, cut)
        wire.fall_silent()
        await until(lambda: not cut.leases.trusted, "silence noticed")
        await database.execute(f"SELECT pg_terminate_backend({backend})")
        await until(lambda: journal(database, "worker.lost"))
        if removed:
            await database.execute(leases.REMOVE, cut.identity)
        wire.heal()
        await until(lambda: cut.leases.trusted, "trusted again")
        assert cut.leases.doubts(since)
        assert not cut.leases.may_act_on(since)
        assert cut.leases.may_act_on(monotonic()), "what it claims from now on"


@pytest.mark.parametrize("busy", ["holding", "claiming"])
async def test_a_process_alone_notices_silence_soon(
    database: Database, far: Database, wire: Wire, busy: str
) -> None:
    async with alive(far) as alone, alone.leases.lock if busy == "claiming" else asyncio.Lock():
        alone.leases.holds["workflows"] = {"held": None}
        alone.leases.taken("workflows", {"held": None})
        wire.fall_silent()
        await until(lambda: not alone.leases.trusted, "silence noticed")


def test_a_claim_that_has_grown_old_is_not_acted_on() -> None:
    """As after a freeze: the connection holds still, but the lease may have been another's."""
    context = WorkerContext(
        database=Database("", ConnectionOptions()),
        settings=Settings(workers=WorkerSettings(lease=100.0)),
    )
    book: LeaseBook = context.leases
    assert book.may_act_on(monotonic() - 50)
    assert not book.may_act_on(monotonic() - 80)


def test_a_proof_ends_before_the_server_may_have_given_the_lock_away() -> None:
    context = WorkerContext(database=Database("", ConnectionOptions()))
    context.leases.proof.confirm(monotonic() - 41)
    assert context.leases.trusted
    context.leases.proof.confirm(monotonic() - 43)
    assert not context.leases.trusted


async def read(database: Database) -> object:
    return await database.fetch(NOW)


async def write(database: Database) -> object:
    return await database.execute("DELETE FROM {health_checks} WHERE false")


async def write_in_a_transaction(database: Database) -> object:
    async with database.transaction() as session:
        return await session.execute("DELETE FROM {health_checks} WHERE false")


async def connect_apart(database: Database) -> object:
    return await database.dedicated(BRIEF)


@pytest.mark.parametrize("work", [read, write, write_in_a_transaction, connect_apart])
async def test_silence_is_an_outage_wherever_it_begins(
    far: Database, wire: Wire, work: Callable[[Database], Awaitable[object]]
) -> None:
    await far.fetch(NOW)
    wire.fall_silent()
    with pytest.raises(UnreachableError):
        await work(far)
    wire.heal(forget=True)
    await until(lambda: again(far), "it works again")


async def test_a_dead_way_is_noticed_while_a_connection_is_idle(far: Database) -> None:
    """Both ends ask: ours of every connection, the server of the one that has the lock."""
    dedicated = await far.dedicated()
    async with far.session() as session:
        for connection in (dedicated, session.connection._con):
            used = connection._transport.get_extra_info("socket")
            assert used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert used.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == IDLE
    dedicated.terminate()


async def again(database: Database) -> bool:
    try:
        return bool(await database.fetch(NOW))
    except UnreachableError:
        return False


async def test_every_process_goes_by_the_clock_of_the_database(database: Database) -> None:
    ahead = ServerClock(lambda: clock.now() + timedelta(days=1))
    async with alive(database, clock=ahead) as context:
        [now] = await database.fetch(NOW)
        assert abs(context.now() - now) < timedelta(hours=1)


async def test_a_process_that_has_stood_still_for_long_takes_no_part_of_the_rates(
    database: Database, database_url: str
) -> None:
    other = await Database.open(database_url)
    async with alive(database) as context, alive(other, "sender") as frozen:
        await until(lambda: context.senders == 2, "it is known", state=lambda: context.senders)
        await database.execute(
            "UPDATE {health_checks} SET {health_checks.lastChecked} = now() - interval '1 h'"
            " WHERE {health_checks.id} = $1",
            frozen.identity,
        )
        await notify(database)
        await until(lambda: context.senders == 1, "it is not counted")
    other.close()
