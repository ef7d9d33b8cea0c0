"""Runners killed at random, and their server too: every workflow completes, every step's writes
exist exactly once, and a service that is called twice hears the same key."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.schema.ddl import create_missing_tables
from tests.chaos.harness import WORKERS, Fleet, cut_a_connection, environment, own_server
from tests.steps.services import Service, response, serving
from tests.waiting import until
from tests.workers.sending import ask
from tests.workers.workflows import add, count, step

STEPS = 5
MAILS = 2


def steps_for(service: Service) -> list[dict[str, object]]:
    mail = {"to": "a@x.test", "subject": "{{context.name}}", "body": "{{steps.call.status}}"}
    return [
        step("check", "condition", expression="context.name"),
        step("call", "api", method="POST", url=f"{service.url}/?of={{{{context.name}}}}"),
        step("first", "email", **mail),
        step("rest", "delay", seconds=0.05),
        step("second", "email", **mail),
    ]


async def journalled(database: Database) -> int:
    where = "{task_logs.taskType} = 'workflow.step' AND {task_logs.status} = 'completed'"
    return await count(database, "task_logs", where)


async def reached(database: Database, rows: int) -> None:
    async def are_there() -> bool:
        return await journalled(database) >= rows

    await until(are_there, f"{rows} steps", state=lambda: journalled(database), seconds=90)


async def begun(
    database: Database, service: Service, workflows: int, fleet: Fleet, processes: int
) -> list[str]:
    service.answers["/"] = response(200, "{}", "application/json")
    ids = [
        await add(database, steps_for(service), {"name": f"w{number}"})
        for number in range(workflows)
    ]
    fleet.start(processes)
    return ids


async def unfinished(database: Database) -> list[tuple[Any, ...]]:
    """What is known of each workflow that is not completed."""
    return await ask(
        database,
        "SELECT {workflows.id}, {workflows.status}, {workflows.locked}, {workflows.lockedAt},"
        " {workflows.currentStep}, {workflows.lastError}, now() FROM {workflows}"
        " WHERE {workflows.status} <> 'completed' OR {workflows.locked}",
    )


async def all_done_once(database: Database, service: Service, ids: list[str]) -> None:
    completed = "{workflows.status} = 'completed' AND {workflows.locked} = false"

    async def are_done() -> bool:
        return await count(database, "workflows", completed) == len(ids)

    await until(are_done, "all done", state=lambda: unfinished(database), seconds=90)
    assert await journalled(database) == STEPS * len(ids)
    assert await count(database, "emails") == MAILS * len(ids)
    assert await count(database, "email_queue") == MAILS * len(ids)
    per_step = await database.fetch(
        Statement(
            int,
            "SELECT count(*)::int FROM {task_logs} WHERE {task_logs.taskType} = 'workflow.step'"
            " AND {task_logs.status} = 'completed'"
            " GROUP BY {task_logs.input} ->> 'workflow', {task_logs.input} ->> 'step'",
        )
    )
    assert set(per_step) == {1}
    contexts = await database.fetch(Statement(str, "SELECT {workflows.context} FROM {workflows}"))
    names = {"check", "call", "first", "rest", "second"}
    assert all(names <= json.loads(context).keys() for context in contexts)
    heard_one_key_each(service, len(ids))


def heard_one_key_each(service: Service, workflows: int) -> None:
    """A step cut off by a kill calls again, under the same key, and no two steps share one."""
    keys: dict[str, set[str]] = {}
    for _, target, headers, _ in service.requests:
        (name,) = parse_qs(urlsplit(target).query)["of"]
        keys.setdefault(name, set()).add(headers["idempotency-key"])
    assert len(keys) == workflows
    assert set(map(len, keys.values())) == {1}
    assert set(Counter(key for (key,) in keys.values()).values()) == {1}


async def killed_at_random(
    database: Database, folder: Path, *, workflows: int, every: int, processes: int = 4
) -> None:
    """Kill one runner each time so many more steps are journalled."""
    dice = random.Random(workflows)
    environ = environment(database.url, folder, runner_slots=20, poll=1.0)
    async with serving() as service:
        with Fleet(environ, folder, *WORKERS, "--only", "runner") as fleet:
            ids = await begun(database, service, workflows, fleet, processes)
            for rows in range(every, STEPS * workflows, every):
                await reached(database, rows)
                fleet.kill_one(dice)
            await all_done_once(database, service, ids)
            assert fleet.kills > 3
            assert set(await fleet.stop()) <= {0, 143}


async def test_killed_runners_lose_and_double_nothing(database: Database, tmp_path: Path) -> None:
    await killed_at_random(database, tmp_path, workflows=150, every=100)


async def test_runners_that_are_asked_to_stop_leave_nothing_locked(
    database: Database, tmp_path: Path
) -> None:
    environ = environment(database.url, tmp_path, runner_slots=20, poll=1.0)
    words = (*WORKERS, "--only", "runner")
    async with serving() as service:
        with Fleet(environ, tmp_path, *words) as fleet:
            ids = await begun(database, service, 100, fleet, 2)
            for worker in fleet.running:
                await worker.has_said("started")
            await reached(database, 100)
            assert set(await fleet.stop()) == {0}
        assert await count(database, "workflows", "{workflows.locked}") == 0
        assert await journalled(database) < STEPS * len(ids)
        with Fleet(environ, tmp_path, *words) as fleet:
            fleet.start()
            await all_done_once(database, service, ids)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_many_killed_runners_lose_and_double_nothing(
    database: Database, tmp_path: Path
) -> None:
    await killed_at_random(database, tmp_path, workflows=300, every=50)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_crashing_server_and_cut_connections_cost_nothing(tmp_path: Path) -> None:
    dice = random.Random(5)
    with own_server(tmp_path / "server") as server:
        database = await Database.open(server.url)
        await create_missing_tables(database)
        environ = environment(server.url, tmp_path, runner_slots=20, poll=1.0, lease=300)
        async with serving() as service:
            with Fleet(environ, tmp_path, *WORKERS, "--only", "runner") as fleet:
                ids = await begun(database, service, 300, fleet, 4)
                for turn, rows in enumerate(range(100, STEPS * 300, 100)):
                    await reached(database, rows)
                    if turn % 4:
                        await cut_a_connection(server.url, dice)
                    else:
                        await server.crash()
                await all_done_once(database, service, ids)
                assert set(await fleet.stop()) == {0}
        database.close()
