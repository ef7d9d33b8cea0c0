"""Workers that are cut off from their database, or stand still: who lives and sends is not taken
for dead, who may have been replaced does not send, and no silence ends a worker."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.demo.catcher.faults import CatcherOptions, RelayFault
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.errors import UnreachableError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.queue.lease_connection import SERVER_NOTICES
from agentflow_tui.store.schema.ddl import create_missing_tables
from tests.chaos import networks
from tests.chaos.harness import WORKERS, Fleet, environment
from tests.chaos.networks import Network, network, reachable_at, server_on
from tests.steps.services import Service, response, serving
from tests.waiting import until
from tests.workers.rows import journal
from tests.workers.sending import queue_many, statuses
from tests.workers.workflows import add, count, step

CONNECTIONS = 4
SLOTS = 20
RESTING = [
    step("check", "condition", expression="context.name"),
    step("rest", "delay", seconds=0.2),
]
SLOW = CatcherOptions(shares={RelayFault.SLOW: 1.0}, slow=0.3)

needs_network = pytest.mark.skipif(bool(networks.why_not()), reason=networks.why_not() or "can be")


@dataclass(frozen=True, slots=True)
class Scene:
    """A fleet that can be cut off, one beside the database, and what the world hears of both."""

    network: Network
    database: Database
    relay: Catcher
    service: Service
    far: Fleet
    near: Fleet

    def doubled(self) -> int:
        copies = Counter(each.recipients[0] for each in self.relay.record.caught)
        return copies.total() - len(copies)

    def repeated(self) -> int:
        keys = [headers["idempotency-key"] for _, _, headers, _ in self.service.requests]
        return len(keys) - len(set(keys))


async def opened(url: str) -> Database | None:
    try:
        return await Database.open(url)
    except UnreachableError:
        return None


@asynccontextmanager
async def scene(
    folder: Path, *, mails: int, workflows: int, **settings: Any
) -> AsyncIterator[Scene]:
    """All at work: each fleet has sent, and has steps under way that take a while."""
    async with AsyncExitStack() as stack:
        net = stack.enter_context(network())
        url = stack.enter_context(server_on(folder / "server", net.database.here))
        database = await until(lambda: opened(url), "the server")
        stack.callback(database.close)
        await create_missing_tables(database)
        relay = Catcher(SLOW)
        await relay.start()
        stack.push_async_callback(relay.close)
        service = await stack.enter_async_context(serving())
        service.answers["/"] = response(200, "{}", "application/json")
        service.pauses["/"] = 3.0
        here = net.others.here
        mail_port = await stack.enter_async_context(reachable_at(here, relay.port))
        api_port = await stack.enter_async_context(
            reachable_at(here, int(service.url.rpartition(":")[2]))
        )
        await queue_many(database, mails)
        for number in range(workflows):
            # Those of the near fleet reach the service by the same address: it is this machine's.
            call = step("call", "api", method="POST", url=f"http://{here}:{api_port}/")
            await add(database, [call], {"name": f"w{number}"})
        options = {
            "sender": "AgentFlow <reports@acme.test>",
            "connections": CONNECTIONS,
            "runner_slots": SLOTS,
            "poll": 2.0,
        } | settings
        fleets = {}
        for which in ("far", "near"):
            environ = environment(url, folder / which, **options)
            environ["SMTP_URL"] = f"smtp://{here}:{mail_port}"
            prefix = net.prefix if which == "far" else ()
            fleets[which] = stack.enter_context(
                Fleet(environ, folder / which, *WORKERS, "--only", "sender,runner", prefix=prefix)
            )
        made = Scene(net, database, relay, service, **fleets)
        made.far.start(2)
        made.near.start()
        for worker in (*made.far.running, *made.near.running):
            await worker.has_said("started")
        await until(
            lambda: len(relay.record.caught) > 60, "mail", state=lambda: far_log(made), seconds=60
        )
        await until(lambda: len(service.requests) > 2 * SLOTS, "steps", seconds=60)
        yield made


async def ends_well(scene: Scene, mails: int, workflows: int) -> None:
    """All is done, by workers that all live, and stop when they are asked to."""

    async def done() -> bool:
        completed = await count(scene.database, "workflows", "{workflows.status} = 'completed'")
        return completed == workflows and await statuses(scene.database) == {"completed": mails}

    async def state() -> object:
        said = [worker.said for worker in (*scene.far.running, *scene.near.running)]
        return [await statuses(scene.database), *said]

    await until(done, "all done", state=state, seconds=400)
    assert set(await scene.far.stop()) <= {0}
    assert set(await scene.near.stop()) == {0}


def far_log(scene: Scene) -> str:
    """What the cut off workers have said."""
    return "\n".join(worker.said for worker in scene.far.running)


@needs_network
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seconds", [5, 12, 30, 120])
async def test_a_partition_costs_nothing_and_ends_no_worker(tmp_path: Path, seconds: int) -> None:
    mails, workflows = 300 + 30 * seconds, 120 + 10 * seconds
    async with scene(tmp_path, mails=mails, workflows=workflows) as all_:
        all_.network.database.drop()
        await asyncio.sleep(seconds)
        all_.network.database.pass_on()
        await ends_well(all_, mails, workflows)
        outlives = seconds <= SERVER_NOTICES / 2
        assert all_.doubled() <= (0 if outlives else CONNECTIONS * len(all_.far.running))
        assert all_.repeated() <= (0 if outlives else SLOTS * len(all_.far.running))
        if outlives:
            assert await journal(all_.database, "worker.lost") == []


@needs_network
@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_host_that_is_lost_holds_nothing_for_long(tmp_path: Path) -> None:
    async with scene(tmp_path, mails=600, workflows=200) as all_:
        all_.network.database.drop()
        for worker in all_.far.running:
            worker.kill()
        await until(
            lambda: journal(all_.database, "worker.lost"), "its loss", seconds=3 * SERVER_NOTICES
        )
        all_.far.running.clear()
        await ends_well(all_, 600, 200)


@needs_network
@pytest.mark.long
@pytest.mark.timeout(900)
async def test_workers_that_stood_still_for_longer_than_their_lease_send_nothing(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path, mails=600, workflows=200, lease=6) as all_:
        frozen = all_.far.running[0]
        frozen.signal(signal.SIGSTOP)
        await asyncio.sleep(20)
        frozen.signal(signal.SIGCONT)
        await ends_well(all_, 600, 200)
        assert all_.doubled() <= CONNECTIONS
        assert all_.repeated() <= SLOTS


async def completed(url: str, workflows: int) -> bool:
    database = await opened(url)
    if database is None:
        return False
    try:
        return await count(database, "workflows", "{workflows.status} = 'completed'") == workflows
    finally:
        database.close()


@pytest.mark.long
async def test_workers_with_few_descriptors_get_everything_done(
    database: Database, tmp_path: Path
) -> None:
    environ = environment(database.url, tmp_path, poll=1.0, runner_slots=100)
    starved = ("sh", "-c", 'ulimit -n 64; exec "$@"', "sh")
    async with serving() as service:
        service.answers["/"] = response(200, "{}", "application/json")
        service.pauses["/"] = 0.5
        call = step("call", "api", url=f"{service.url}/", maxRetries=0)
        for number in range(150):
            await add(database, [call], {"name": f"w{number}"})
        with Fleet(environ, tmp_path, *WORKERS, "--only", "runner", prefix=starved) as fleet:
            fleet.start()
            await until(lambda: completed(database.url, 150), "all done", seconds=90)
            assert set(await fleet.stop()) == {0}


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_fleets_that_die_as_one_again_and_again_cost_no_mail_and_no_workflow(
    database: Database, tmp_path: Path
) -> None:
    relay = Catcher(
        CatcherOptions(shares={RelayFault.GREYLIST: 0.2, RelayFault.SLOW: 1.0}, slow=0.2)
    )
    await relay.start()
    environ = environment(
        database.url, tmp_path, poll=1.0, retry_base=0.5, retry_limit=1.0, max_attempts=3,
        sender="AgentFlow <reports@acme.test>", connections=CONNECTIONS, runner_slots=SLOTS,
    )  # fmt: skip
    environ["SMTP_URL"] = relay.url
    await queue_many(database, 200)
    ids = [await add(database, RESTING, {"name": f"w{n}"}) for n in range(100)]
    deaths = 6
    with Fleet(environ, tmp_path, *WORKERS, "--only", "sender,runner") as fleet:
        for _ in range(deaths):
            fleet.start(4)
            for worker in fleet.running:
                await worker.has_said("started")
            fleet.end()
            fleet.running.clear()
        fleet.start(2)
        await until(lambda: completed(database.url, len(ids)), "workflows", seconds=120)

        async def all_sent() -> bool:
            return await statuses(database) == {"completed": 200}

        await until(all_sent, "mail", state=lambda: statuses(database), seconds=120)
        assert set(await fleet.stop()) == {0}
    copies = Counter(each.recipients[0] for each in relay.record.caught)
    assert len(copies) == 200
    assert copies.total() - 200 <= deaths * 4 * CONNECTIONS
    await relay.close()
