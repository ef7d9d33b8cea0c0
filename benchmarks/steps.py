"""Steps a second: workflows of five steps that do nothing, a hundred in flight, each step committed
before the next, beside a bare loop of the same statements and, if asked for, dbos.

    python -m benchmarks.steps [--workflows 4000] [--rounds 5] [--dbos] [--quick]

The bare loop claims a hundred workflows and writes each step of all of them in one statement, with
its journal row and its fencing, and does nothing else: no step definitions read, no tasks, no time
limits, no results checked. ``--dbos`` installs that into an environment of its own under the
user's cache directory first.
"""

import argparse
import asyncio
import json
import logging
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from agentflow_tui.settings import Settings
from agentflow_tui.steps.calls import Call, Handler
from agentflow_tui.workers import supervisor
from agentflow_tui.workers.context import StepReport, WorkerContext
from agentflow_tui.workers.runner.role import Runner
from benchmarks.peers import python_with
from benchmarks.servers import settle, tables
from benchmarks.tables import Result, rates, ratio, show

STEPS = 5
IN_FLIGHT = 100
AT_LEAST_OF_BARE = 0.4
TIMES_DBOS = 40
DBOS_WORKFLOWS = 200

DEFINITION = json.dumps(
    [{"id": f"s{n}", "type": "nothing", "name": f"Step {n}", "config": {}} for n in range(STEPS)]
)

FILL = """
INSERT INTO workflows (id, steps, context, status, currentstep, locked, createdat, lastupdated)
SELECT gen_random_uuid(), $1::jsonb, '{}', 'pending', 0, false, now(), now()
  FROM generate_series(1, $2)
"""

BARE_CLAIM = """
WITH due AS MATERIALIZED (
  SELECT id FROM workflows WHERE status = 'pending' AND locked IS NOT TRUE
   ORDER BY createdat LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
UPDATE workflows w SET locked = true, lockedat = now(), status = 'running'
  FROM due WHERE w.id = due.id
RETURNING w.id, w.lockedat, w.steps::text, w.context::text
"""

BARE_STEP = """
WITH d AS (
  SELECT * FROM unnest($1::uuid[], $2::timestamp[], $3::int[], $4::text[], $5::text[], $6::bool[])
      AS d (id, token, step, patch, status, holds)
), moved AS (
  UPDATE workflows w
     SET currentstep = d.step, context = w.context || d.patch::jsonb, status = d.status,
         lastupdated = now(), locked = d.holds, lockedat = now()
    FROM d WHERE w.id = d.id AND w.locked AND w.lockedat = d.token
  RETURNING w.id, w.lockedat
), journalled AS (
  INSERT INTO task_logs (id, tasktype, input, output, status, starttime, endtime, createdat)
  SELECT gen_random_uuid(), 'workflow.step', $7::jsonb, '{"ok": true}', 'completed', now(), now(),
         now() FROM moved
)
SELECT id, lockedat FROM moved
"""

DBOS_PROGRAM = """
import asyncio, sys, time
from dbos import DBOS
url, workflows, in_flight, steps = sys.argv[1], *map(int, sys.argv[2:])
DBOS(config={"name": "steps", "system_database_url": url, "log_level": "ERROR"})

@DBOS.step()
async def nothing():
    return {"ok": True}

@DBOS.workflow()
async def work():
    for _ in range(steps):
        await nothing()

async def main():
    slots = asyncio.Semaphore(in_flight)
    async def one():
        async with slots:
            await (await DBOS.start_workflow_async(work)).get_result()
    await one()
    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(workflows)))
    print(workflows * steps / (time.perf_counter() - began))

DBOS.launch()
asyncio.run(main())
DBOS.destroy()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """A config without fields."""


async def nothing(_call: Call[Nothing]) -> dict[str, bool]:
    """A step that does nothing."""
    return {"ok": True}


HANDLERS = {"nothing": Handler(config=Nothing, run=nothing, apart=False, keyed=False)}


class Stamped(Runner):
    """A runner that knows when it was first called, by the clock it shares with the server."""

    began = 0.0

    async def step(self, woken: bool = True) -> StepReport:
        self.began = self.began or time.time()
        return await Runner.step(self, woken)


async def fill(connection: Any, workflows: int) -> None:
    await connection.execute("TRUNCATE workflows, task_logs CASCADE")
    await connection.execute(FILL, DEFINITION, workflows)
    await settle(connection, "workflows")


async def bare(url: str, workflows: int) -> float:
    """Steps a second of the bare loop."""
    connection = await asyncpg.connect(url)
    began, taken = time.perf_counter(), 0
    while claimed := await connection.fetch(BARE_CLAIM, IN_FLIGHT):
        tokens = {row[0]: row[1] for row in claimed}
        for step in range(STEPS):
            count, over = len(tokens), step == STEPS - 1
            moved = await connection.fetch(
                BARE_STEP,
                list(tokens),
                list(tokens.values()),
                [step + 1] * count,
                [json.dumps({f"s{step}": {"ok": True}})] * count,
                ["completed" if over else "running"] * count,
                [not over] * count,
                json.dumps({"step": f"s{step}", "type": "nothing", "config": {}}),
            )
            tokens = {row[0]: row[1] for row in moved}
            taken += len(moved)
    seconds = time.perf_counter() - began
    await connection.close()
    assert taken == workflows * STEPS
    return taken / seconds


async def ours(connection: Any, url: str, workflows: int) -> float:
    """Steps a second of a worker with a runner, from its first claim to its last commit."""
    built: list[Stamped] = []

    def make(context: WorkerContext) -> Stamped:
        built.append(Stamped(context, HANDLERS))
        return built[-1]

    await supervisor.run(Settings(), url, [make], drain=True)
    taken, over = await connection.fetchrow(
        "SELECT count(*), extract(epoch FROM max(endtime))::float8 FROM task_logs"
    )
    assert taken == workflows * STEPS
    return float(taken / (over - built[-1].began))


def dbos(python: Path, url: str) -> float:
    """Steps a second of dbos, started and warm."""
    words = [url, str(DBOS_WORKFLOWS), str(IN_FLIGHT), str(STEPS)]
    done = subprocess.run(
        [python, "-c", DBOS_PROGRAM, *words], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout.split()[-1])


async def measure(url: str, workflows: int, rounds: int, python: Path | None) -> list[Result]:
    connection = await asyncpg.connect(url)
    found: dict[str, list[float]] = {"bare": [], "ours": [], "dbos": []}
    for _ in range(rounds):
        await fill(connection, workflows)
        found["bare"].append(await bare(url, workflows))
        await fill(connection, workflows)
        found["ours"].append(await ours(connection, url, workflows))
        if python is not None:
            found["dbos"].append(await asyncio.to_thread(dbos, python, url))
    await connection.close()
    return [
        Result(
            f"steps that do nothing, against {what}",
            ratio(found["ours"], found[name]),
            target,
            note=rates(found["ours"], found[name], "steps"),
            at_least=True,
        )
        for name, what, target in (
            ("bare", "the batched bare loop", AT_LEAST_OF_BARE),
            ("dbos", "dbos", TIMES_DBOS),
        )
        if found[name]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workflows", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1,000 workflows")
    parser.add_argument("--dbos", action="store_true", help="measure dbos, too")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    python = python_with("dbos", "dbos>=3,<4") if given.dbos else None
    if given.quick:
        given.workflows, given.rounds = 1000, 3
    with tables(accelerated=False) as url:
        show(asyncio.run(measure(url, given.workflows, given.rounds, python)))


if __name__ == "__main__":
    main()
