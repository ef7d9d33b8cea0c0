"""Senders killed at random: nothing lost, no more doubled than was in the air at each kill. Their
server crashed and their connections cut: nothing lost and nothing doubled at all."""

import asyncio
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.demo.catcher.faults import CatcherOptions, RelayFault
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.settings import WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue.poison_mail import DEATHS
from agentflow_tui.store.schema.ddl import create_missing_tables
from tests.chaos.harness import WORKERS, Fleet, cut_a_connection, environment, own_server
from tests.samples import uid
from tests.waiting import patience, until
from tests.workers.rows import journal
from tests.workers.sending import ask, queue, queue_many, statuses

from .sender_process import SETTINGS

SLOW = CatcherOptions(shares={RelayFault.SLOW: 0.3, RelayFault.GREYLIST: 0.05}, slow=0.15)


class Senders:
    """Some sender processes on one queue and one relay."""

    def __init__(self, database_url: str, relay_url: str):
        self._urls = database_url, relay_url
        self.running: list[asyncio.subprocess.Process] = []

    async def start(self, count: int) -> None:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.chaos.sender_process", *self._urls,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            self.running.append(process)

    async def kill_one(self, dice: random.Random) -> None:
        """SIGKILL for a random one; another takes its place."""
        victim = self.running.pop(dice.randrange(len(self.running)))
        victim.kill()
        await victim.wait()
        await self.start(1)

    async def replace_the_dead(self) -> int:
        """As an init system would. How many there were."""
        dead = [each for each in self.running if each.returncode is not None]
        self.running = [each for each in self.running if each.returncode is None]
        await self.start(len(dead))
        return len(dead)

    async def stop(self) -> list[int]:
        """SIGTERM for all. Their exit codes."""
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        return [await process.wait() for process in self.running]

    async def end(self) -> None:
        for process in self.running:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture
async def relay() -> AsyncIterator[Catcher]:
    catcher = Catcher(SLOW)
    await catcher.start()
    yield catcher
    await catcher.close()


async def _storm(
    database: Database, url: str, relay: Catcher, *, mails: int, processes: int, pause: float
) -> None:
    dice = random.Random(mails)
    await queue_many(database, mails)
    senders = Senders(url, relay.url)
    kills = 0
    try:
        await senders.start(processes)
        killed_at = asyncio.get_running_loop().time()
        while await statuses(database) != {"completed": mails}:
            await asyncio.sleep(0.05)
            now = asyncio.get_running_loop().time()
            if relay.record.caught and now > killed_at + pause and await _is_under_way(database):
                await senders.kill_one(dice)
                kills, killed_at = kills + 1, now
        # One that was started a moment ago may not listen to signals yet.
        assert set(await senders.stop()) <= {0, -signal.SIGTERM}
    finally:
        await senders.end()
    assert kills > 0
    await _nothing_lost_little_doubled(database, relay, mails=mails, kills=kills)


async def _is_under_way(database: Database) -> bool:
    left = await statuses(database)
    return left.get("pending", 0) + left.get("processing", 0) > 20


async def _nothing_lost_little_doubled(
    database: Database, relay: Catcher, *, mails: int, kills: int
) -> None:
    copies = Counter(each.recipients[0] for each in relay.record.caught)
    assert len(copies) == mails
    in_the_air = SETTINGS.workers.connections * kills
    assert copies.total() - mails <= in_the_air, copies.most_common(9)
    journalled = await ask(
        database,
        "SELECT count(DISTINCT {task_logs.input} ->> 'queueId') FROM {task_logs}"
        " WHERE {task_logs.taskType} = 'email.send' AND {task_logs.status} = 'completed'",
    )
    assert journalled == [(mails,)]
    sent = await ask(
        database,
        "SELECT count(*) FROM {emails}"
        " WHERE {emails.status} = 'sent' AND {emails.sentAt} IS NOT NULL",
    )
    assert sent == [(mails,)]


async def _trouble(
    folder: Path, relay: Catcher, *, mails: int, processes: int, every: int, crash: int, seed: int
) -> None:
    """Each time so many more mails have arrived, cut a connection; each ``crash``-th time crash the
    server. The senders live on."""
    dice = random.Random(seed)
    with own_server(folder / "server") as server:
        database = await Database.open(server.url)
        await create_missing_tables(database)
        await queue_many(database, mails)
        options = _options(SETTINGS.workers) | {"lease": 300.0}  # too long to be waited for
        environ = environment(server.url, folder, **options)
        environ["SMTP_URL"] = relay.url
        with Fleet(environ, folder, *WORKERS, "--only", "sender") as fleet:
            fleet.start(processes)
            for turn, arrived in enumerate(range(every, mails, every), start=1):
                await until(lambda arrived=arrived: len(relay.record.caught) >= arrived)  # type: ignore[misc]
                if turn % crash:
                    await cut_a_connection(server.url, dice)
                else:
                    await server.crash()
            await _completed(database, mails)
            assert set(await fleet.stop()) == {0}
        await _nothing_lost_little_doubled(database, relay, mails=mails, kills=0)
        database.close()


def _options(workers: WorkerSettings) -> dict[str, Any]:
    names = ("retry_base", "retry_limit", "connections", "max_attempts", "lease", "poll")
    return {name: getattr(workers, name) for name in names}


async def _completed(database: Database, mails: int) -> None:
    while await statuses(database) != {"completed": mails}:
        await asyncio.sleep(0.05)


async def test_a_crashing_server_and_cut_connections_double_no_mail(
    tmp_path: Path, relay: Catcher
) -> None:
    async with patience(90):
        await _trouble(tmp_path, relay, mails=400, processes=2, every=50, crash=4, seed=1)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
async def test_five_thousand_mails_through_crashes_and_cut_connections(
    tmp_path: Path, relay: Catcher, seed: int
) -> None:
    async with patience(600):
        await _trouble(tmp_path, relay, mails=5000, processes=4, every=25, crash=10, seed=seed)


async def test_killed_senders_lose_nothing(
    database: Database, database_url: str, relay: Catcher
) -> None:
    async with patience(90):
        await _storm(database, database_url, relay, mails=300, processes=3, pause=0.5)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_eight_senders_one_killed_every_second_and_five_thousand_mails(
    database: Database, database_url: str, relay: Catcher
) -> None:
    async with patience(600):
        await _storm(database, database_url, relay, mails=5000, processes=8, pause=1.0)


async def test_a_mail_that_kills_its_worker_fails_at_last_and_no_other_does(
    database: Database, database_url: str, relay: Catcher
) -> None:
    await queue_many(database, 60)
    await queue(database, ["deadly@acme.test"], priority=2)
    senders = Senders(database_url, relay.url)
    deaths = 0
    try:
        await senders.start(3)
        async with patience(90):
            while await statuses(database) != {"completed": 60, "failed": 1}:
                deaths += await senders.replace_the_dead()
                await asyncio.sleep(0.02)
    finally:
        await senders.end()
    assert deaths == 1 + DEATHS  # that it was in hand at the first one is on no record
    [(who, error)] = await ask(
        database,
        "SELECT e.{emails.recipients} ->> 0, q.{email_queue.error} FROM {email_queue} q"
        " JOIN {emails} e ON e.{emails.id} = q.{email_queue.emailId}"
        " WHERE q.{email_queue.status} = 'failed'",
    )
    assert who == "deadly@acme.test"
    assert error.startswith(f"Its worker died {DEATHS} times while sending it.")


async def test_sigterm_under_load_leaves_nothing_claimed(
    database: Database, database_url: str, relay: Catcher
) -> None:
    await queue_many(database, 600)
    senders = Senders(database_url, relay.url)
    try:
        async with patience(30):
            await senders.start(2)
            await until(lambda: len(relay.record.caught) >= 20)
            assert await senders.stop() == [0, 0]
    finally:
        await senders.end()
    left = await statuses(database)
    assert set(left) == {"pending", "completed"}
    assert left["completed"] == len(relay.record.caught)
    workers = await ask(
        database, "SELECT count(*) FROM {health_checks} WHERE {health_checks.id} LIKE 'worker:%'"
    )
    assert workers == [(0,)]


@pytest.mark.long
async def test_mail_of_a_frozen_sender_is_given_back_when_its_taker_dies(
    database: Database, database_url: str, relay: Catcher
) -> None:
    await queue(database, *([f"stall{n}@acme.test"] for n in range(3)))
    senders = Senders(database_url, relay.url)

    async def holders() -> set[str]:
        found = await ask(
            database,
            "SELECT {health_checks.id} FROM {health_checks}"
            " WHERE {health_checks.details}::jsonb -> 'mails' ? $1",
            uid(1001),
        )
        return {who for (who,) in found}

    try:
        await senders.start(1)
        [frozen] = await until(holders, "the first one has the mail in hand")
        senders.running[0].send_signal(signal.SIGSTOP)
        await database.execute(
            "UPDATE {email_queue} SET {email_queue.lastAttempt} = now() - interval '1 hour'"
        )
        await senders.start(1)

        async def taken() -> set[str]:
            return await holders() - {frozen}

        [taker] = await until(taken, "the second one has taken it over")
        senders.running[1].kill()
        await senders.start(1)
        [lost] = await until(lambda: journal(database, "worker.lost"))
        assert (lost["input"], lost["output"]) == ({"worker": taker}, {"mails": 3})
    finally:
        await senders.end()
