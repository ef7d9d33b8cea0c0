"""One worker process: how it runs its roles, how it ends, what it says."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.errors import RefusedError
from agentflow_tui.settings import Context, Settings, WorkerSettings
from agentflow_tui.store.connection import notifications
from agentflow_tui.store.connection.database import Database
from agentflow_tui.workers import logs, supervisor
from agentflow_tui.workers.context import RoleFactory, StepReport, WorkerContext
from tests.chaos.harness import WORKERS, Fleet, environment
from tests.waiting import until
from tests.workers.rows import add_schedules, add_workflows, journal, one, seconds_ago

WORKER_ROWS = "SELECT count(*) FROM {health_checks} WHERE {health_checks.id} LIKE 'worker:%'"


class Steps:
    """A role whose steps are handed in; the last one is repeated."""

    name = "steps"

    def __init__(self, *steps: Callable[[WorkerContext], Awaitable[StepReport]]) -> None:
        self.taken = 0
        self.stopped = False
        self.time_to_stop = 0.0
        self.context: WorkerContext | None = None
        self._steps = steps

    def __call__(self, context: WorkerContext) -> "Steps":
        """Take this one for the role that is built."""
        self.context = context
        return self

    async def step(self, woken: bool = True) -> StepReport:
        step = self._steps[min(self.taken, len(self._steps) - 1)]
        self.taken += 1
        assert self.context is not None
        return await step(self.context)

    async def stop(self, deadline: float) -> None:
        self.stopped = True
        self.time_to_stop = deadline - asyncio.get_running_loop().time()


async def nothing(_: WorkerContext) -> StepReport:
    return StepReport()


@asynccontextmanager
async def supervised(
    database: Database, *factories: RoleFactory, **options: Any
) -> AsyncIterator[tuple[WorkerContext, "asyncio.Task[int]"]]:
    """A supervisor in this process, stopped at the end."""
    settings = Settings(workers=WorkerSettings(**options))
    context = WorkerContext(database=database, settings=settings)
    task = asyncio.create_task(supervisor.supervise(context, factories))
    try:
        yield context, task
    finally:
        context.stop()
        await task


async def test_a_role_that_hears_first_that_it_is_time_to_stop_has_time_to(
    database: Database,
) -> None:
    async def stop_at_once(context: WorkerContext) -> StepReport:
        context.stop()
        return StepReport(done=1)

    role = Steps(stop_at_once)
    async with supervised(database, role) as (_, task):
        assert await task == 0
    assert role.time_to_stop > 0


async def test_sigterm_ends_all_roles_in_order(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    with Fleet(environment(database_url, tmp_path), tmp_path, *WORKERS) as fleet:
        worker = fleet.start()
        await worker.has_said("no relay is configured")
        assert await until(lambda: one(database, WORKER_ROWS)) == 1
        worker.signal(signal.SIGTERM)
        assert await worker.ended() == 0
    assert await one(database, WORKER_ROWS) == 0
    assert "Traceback" not in worker.said


async def test_it_ends_with_the_parent_that_it_is_told_to_watch(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    words = (*WORKERS, "--only", "monitor", "--exit-with-parent")
    environ = environment(database_url, tmp_path)
    held, holder = os.pipe()
    with Fleet(environ, tmp_path, *words) as fleet:
        worker = fleet.start(stdin=held)
        os.close(held)
        await worker.has_said("started")
        os.close(holder)
        assert await worker.ended() == 0
        assert await fleet.start().ended() == 2
    assert await one(database, WORKER_ROWS) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_it_at_once(
    database_url: str, tmp_path: Path, number: int
) -> None:
    odd = ("-m", "tests.workers.odd_process", "stubborn", database_url)
    with Fleet(environment(database_url, tmp_path), tmp_path, *odd) as fleet:
        worker = fleet.start()
        await worker.has_said("started")
        worker.signal(number)
        await worker.has_said("will not stop")
        worker.signal(number)
        assert await worker.ended() == 128 + number


async def test_a_bug_ends_it_loudly_and_tells_no_secret(database_url: str, tmp_path: Path) -> None:
    url = database_url.replace("postgresql://agentflow@", "postgresql://agentflow:s3cr%21t@")
    odd = ("-m", "tests.workers.odd_process", "buggy", url)
    with Fleet(environment(url, tmp_path), tmp_path, *odd) as fleet:
        worker = fleet.start()
        assert await worker.ended() == 1
    assert "ZeroDivisionError" in worker.said
    assert "agentflow:***@" in worker.said
    assert "s3cr" not in worker.said


async def test_drained_it_has_done_what_was_due_and_ends(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    workflows = await add_workflows(database, 3)
    await add_schedules(database, workflows, "0 0 1 1 *", seconds_ago(5))
    words = (*WORKERS, "--drain", "--json")
    with Fleet(environment(database_url, tmp_path), tmp_path, *words) as fleet:
        worker = fleet.start()
        assert await worker.ended() == 0
    assert len(await journal(database, "schedule.fire")) == 3
    assert (
        await one(database, "SELECT count(*) FROM {workflows} WHERE {workflows.status} = 'pending'")
        == 0
    )
    events = [json.loads(line)["event"] for line in worker.said.splitlines()]
    assert events[-1] == "stopped"


async def test_a_drain_does_not_wait_for_tables_to_be_made(empty_url: str, tmp_path: Path) -> None:
    words = (*WORKERS, "--drain")
    with Fleet(environment(empty_url, tmp_path), tmp_path, *words) as fleet:
        worker = fleet.start()
        assert await worker.ended() == 1
    assert "agentflow db init" in worker.said


@pytest.mark.parametrize(
    ("url", "settings", "roles", "code"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", Settings(), ("monitor",), 3),
        ("", Settings(context=Context(read_only=True)), (), 2),
        ("", Settings(), ("postman",), 2),
        ("", Settings(workers=WorkerSettings(checks={"a": "ftp://b"})), (), 2),
    ],
)
def test_what_cannot_work_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], url: str, settings: Settings, roles: Any, code: int
) -> None:
    assert supervisor.main(settings, url, roles) == code
    assert len(capsys.readouterr().err.splitlines()) == 1


async def test_weather_is_waited_out(database: Database) -> None:
    async def cut_all(context: WorkerContext) -> StepReport:
        async with context.database.session() as session:
            await session.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await session.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        raise AssertionError("the connection was cut")

    role = Steps(cut_all, nothing)
    async with supervised(database, role, poll=60.0) as (context, task):
        await until(lambda: role.taken > 1)
        await until(lambda: context.leases.trusted)
    assert role.stopped
    assert task.result() == 0


async def test_a_ring_by_another_process_wakes_a_role(
    database: Database, database_url: str
) -> None:
    role = Steps(nothing)
    async with supervised(database, role, poll=60.0):
        await until(lambda: role.taken)
        console = await Database.open(database_url)
        while role.taken < 3:
            await notifications.notify(console)
            await asyncio.sleep(0.02)
        console.close()


async def test_idle_it_costs_at_most_half_a_statement_a_second(database: Database) -> None:
    polls = Steps(nothing)
    roles = [supervisor.prepare(name, Settings()) for name in supervisor.ROLES]
    async with supervised(database, polls, *roles, poll=0.3):
        await until(lambda: polls.taken > 7)
        before, since = database.statements, polls.taken
        await until(lambda: polls.taken >= since + 12)
        spent = (database.statements - before) / (polls.taken - since)
    assert spent / WorkerSettings().poll <= 0.5


async def test_workers_do_not_start_where_nothing_can_be_written(database: Database) -> None:
    async with database.session() as session:
        name = await session.connection.fetchval("SELECT current_database()")
        await session.connection.execute(
            f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'
        )
    with pytest.raises(RefusedError, match="read-only: default_transaction_read_only is on here"):
        await supervisor.run(Settings(), database.url, [])


def test_a_password_is_known_as_a_secret_wherever_it_stands_in_a_url() -> None:
    for url in ("postgresql://ops:hunter2@db/x", "postgresql://ops@db/x?password=hunter2"):
        assert "hunter2" in logs.secrets_of(url, {})
    relay = {"SMTP_URL": "smtps://ops:hun%2Fter2@mail"}
    assert {"hun%2Fter2", "hun/ter2"} <= logs.secrets_of("postgresql://db/x", relay)
