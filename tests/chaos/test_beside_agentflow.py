"""AgentFlow's own backend and our workers on one database, killed at random: each step is done
once, by the side that it is for, no lock is taken from the living, and nothing fails."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.agentflow_tables import make_agentflows_tables
from tests.chaos.agentflow_backend import SEEN
from tests.chaos.harness import WORKERS, Fleet, environment
from tests.waiting import until

BACKEND = ("-m", "tests.chaos.agentflow_backend")
LEASE = 1.0
"""Seconds: shorter than many a step of the other side, whose locks count for five minutes."""


def theirs(name: str, type_: str = "emailIngestion", **config: Any) -> dict[str, Any]:
    return {"id": name, "type": type_, "name": name, "config": {"platform": "V", **config}}


def ours(name: str) -> dict[str, Any]:
    config = {"operation": "note", "parameters": {"of": name}}
    return {"id": name, "type": "custom", "name": name, "config": config}


def rest(name: str) -> dict[str, Any]:
    return {"id": name, "type": "delay", "name": name, "config": {"duration": 30}}


SHAPES = (
    [theirs("a"), theirs("b", "insightGeneration"), theirs("c", "crm")],
    [ours("a"), rest("b"), ours("c")],
    [ours("a"), theirs("b"), theirs("c", "dataProcessing", operation="filter")],
    [rest("a"), ours("b"), theirs("c")],
)
"""Of the other side, of ours, and handed over to the other side on the way."""


async def coexist(
    url: str, folder: Path, *, workflows: int, kills: int, dice: random.Random
) -> None:
    database = await make_agentflows_tables(url, rows=False)
    database.close()
    connection = await asyncpg.connect(url)
    await connection.execute(SEEN)
    for number in range(workflows):
        await connection.execute(
            "INSERT INTO workflows (steps, context) VALUES ($1::jsonb, $2::jsonb)",
            json.dumps(SHAPES[number % len(SHAPES)]),
            json.dumps({"notifyEmail": f"w{number}@dealer.test"}),
        )
    outbox = folder / "out"
    environ = environment(url, folder / "settings", poll=0.1, lease=LEASE)
    environ["AGENTFLOW_OUTBOX"] = str(outbox)
    with (
        Fleet(environ, folder, *WORKERS) as fleet,
        Fleet(
            {**environ}, _made(folder / "theirs"), *BACKEND, url, str(dice.random())[2:8]
        ) as other,
    ):
        other.start()
        fleet.start(2)
        for number in range(kills):
            await asyncio.sleep(dice.uniform(0.5, 2.0))
            fleet.kill_one(dice)
            if number % 2:
                other.running.pop().kill()
                await _five_minutes_later(connection)
                other.start()

        async def is_done() -> bool:
            left = await connection.fetchval(
                "SELECT count(*) FROM workflows WHERE status NOT IN ('completed', 'failed')"
            )
            queued = await connection.fetchval(
                "SELECT count(*) FROM email_queue WHERE status <> 'completed'"
            )
            return bool(left == 0 and queued == 0)

        async def rest_of_it() -> list[Any]:
            return list(
                await connection.fetch("SELECT * FROM workflows WHERE status <> 'completed'")
            )

        await until(is_done, "all workflows done", state=rest_of_it, seconds=45 + workflows)
        health = await connection.fetch("SELECT id, message FROM health_checks")
    await _check(connection, workflows, outbox)
    messages = {row["id"]: row["message"] for row in health}
    assert {messages[id_] for id_ in ("database", "email", "ai", "scheduler")} == {"theirs"}
    assert messages["workers.database"] != "theirs"
    await connection.close()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _five_minutes_later(connection: "asyncpg.Connection[Any]") -> None:
    """The dead backend's locks are as old as they have to be to count as stale."""
    await connection.execute(
        "UPDATE workflows SET locked_at = locked_at - interval '5 minutes' WHERE locked"
        " AND steps -> current_step ->> 'type' IN"
        " ('emailIngestion', 'insightGeneration', 'crm', 'dataProcessing')"
    )


async def _check(connection: "asyncpg.Connection[Any]", workflows: int, outbox: Path) -> None:
    statuses = await connection.fetch("SELECT status, last_error FROM workflows")
    assert [tuple(row) for row in statuses] == [("completed", None)] * workflows
    assert await connection.fetchval("SELECT count(*) FROM seen WHERE what = 'lost'") == 0
    finished = Counter(
        (str(row["workflow"]), row["step"])
        for row in await connection.fetch(
            "SELECT workflow, step FROM seen WHERE what = 'done' UNION ALL"
            " SELECT (task_data ->> 'workflow')::uuid, task_data ->> 'step' FROM task_logs"
            " WHERE task_type = 'workflow.step' AND status = 'completed'"
        )
    )
    assert set(finished.values()) == {1}
    assert len(finished) == 3 * workflows
    sent = await connection.fetchval("SELECT count(*) FROM email_queue WHERE status = 'completed'")
    assert sent == workflows - workflows // len(SHAPES)
    assert len(list(outbox.glob("*.eml"))) == sent


async def test_both_sides_work_on_one_database(empty_url: str, tmp_path: Path) -> None:
    await coexist(empty_url, tmp_path, workflows=8, kills=2, dice=random.Random(7))


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_both_sides_work_on_one_database_for_minutes(empty_url: str, tmp_path: Path) -> None:
    await coexist(empty_url, tmp_path, workflows=200, kills=60, dice=random.Random(11))
