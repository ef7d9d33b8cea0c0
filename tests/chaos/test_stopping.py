"""Whole workers, every role busy, asked to stop: a clean exit, and nothing left claimed."""

from collections import Counter
from pathlib import Path

from agentflow_tui.demo.catcher.faults import CatcherOptions, RelayFault
from agentflow_tui.demo.catcher.server import Catcher
from agentflow_tui.store.connection.database import Database
from tests.chaos.harness import WORKERS, Fleet, environment
from tests.waiting import until
from tests.workers.rows import add_schedules, journal, one, seconds_ago
from tests.workers.sending import queue_many, statuses
from tests.workers.workflows import add, step

MAILS = 400
STEPS = [
    step("check", "condition", expression="context.name"),
    step("mail", "email", to="team@acme.test", subject="{{context.name}}", body="Done."),
    step("rest", "delay", seconds=0.2),
    step("last", "condition", expression="context.name"),
]


async def work_for_every_role(database: Database) -> None:
    await queue_many(database, MAILS)
    for number in range(150):
        await add(database, STEPS, {"name": f"w{number}"})
    scheduled = [await add(database, STEPS, {"name": "s"}, status="completed") for _ in range(10)]
    await add_schedules(database, scheduled, "* * * * * *", seconds_ago(0))


async def everybody_is_busy(database: Database, relay: Catcher) -> None:
    async def progress() -> tuple[int, int, int]:
        steps, fires = [await journal(database, f) for f in ("workflow.step", "schedule.fire")]
        return len(relay.record.caught), len(steps), len(fires)

    async def are_busy() -> bool:
        mails, steps, fires = await progress()
        return mails > 20 and steps > 100 and fires > 10

    await until(are_busy, "20 mails, 100 steps and 10 fires", state=progress)


async def nothing_is_claimed(database: Database) -> None:
    assert "processing" not in await statuses(database)
    assert await one(database, "SELECT count(*) FROM {workflows} WHERE {workflows.locked}") == 0
    workers = "SELECT count(*) FROM {health_checks} WHERE {health_checks.id} LIKE 'worker:%'"
    assert await one(database, workers) == 0


async def test_sigterm_while_every_role_is_busy(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    relay = Catcher(CatcherOptions(shares={RelayFault.SLOW: 0.5}, slow=0.1))
    await relay.start()
    await work_for_every_role(database)
    environ = environment(database_url, tmp_path, poll=1.0, runner_slots=20)
    environ["SMTP_URL"] = relay.url
    with Fleet(environ, tmp_path, *WORKERS) as fleet:
        fleet.start(2)
        for worker in fleet.running:
            await worker.has_said("started")
        await everybody_is_busy(database, relay)
        assert await fleet.stop() == [0, 0]
        assert all("stopped" in worker.said for worker in fleet.running)
    await relay.close()
    await nothing_is_claimed(database)
    left = await statuses(database)
    assert left.keys() == {"completed", "pending"}
    assert left["completed"] == len(relay.record.caught)
    sent = Counter(row["input"]["queueId"] for row in await journal(database, "email.send"))
    assert set(sent.values()) == {1}
    steps = await journal(database, "workflow.step")
    assert {row["status"] for row in steps} == {"completed"}
