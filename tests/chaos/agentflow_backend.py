"""AgentFlow's own backend, as far as its page says how it works on the tables: a small program.

It claims a workflow whose current step is one of its own, holds the lock while the step takes its
time, writes ``context[step.id]`` and ``context.__lastStepResult``, and leaves the workflow
``paused`` for the next step. A step that fails is tried again ``backoffFactor ** retries`` seconds
later. It keeps four health checks, looked up by name and inserted by id, and queues a mail at the
end of a workflow that names ``notifyEmail``.

What it saw goes into ``seen``: each step it finished, in the transaction that finished it, and each
lock that was taken from it while it lived.

    python -m tests.chaos.agentflow_backend URL SEED
"""

import asyncio
import json
import random
import sys
from collections.abc import Mapping
from typing import Any

import asyncpg

THEIRS = ("emailIngestion", "insightGeneration", "crm", "dataProcessing")
SEEN = "CREATE TABLE seen (what text, workflow uuid, step text)"

CLAIM = """
UPDATE workflows SET locked = true, locked_at = clock_timestamp(), status = 'running'
 WHERE id = (SELECT id FROM workflows
              WHERE steps -> current_step ->> 'type' = ANY($1)
                AND (status IN ('pending', 'paused') AND locked IS NOT TRUE
                     AND (locked_at IS NULL OR locked_at <= now())
                     OR status = 'running' AND locked
                     AND locked_at < now() - interval '5 minutes')
              ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, steps::text, current_step, context::text, locked_at
"""
FINISH = """
UPDATE workflows SET locked = false, locked_at = $3, status = $4, current_step = $5,
       context = $6::jsonb, steps = $7::jsonb, updated_at = now()
 WHERE id = $1 AND locked AND locked_at = $2 RETURNING id
"""
HEALTH = (
    ("database", "Database"),
    ("email", "Email Service"),
    ("ai", "AI Service"),
    ("scheduler", "Scheduler Service"),
)


async def main(url: str, seed: int) -> None:
    connection = await asyncpg.connect(url)
    dice = random.Random(seed)
    while True:
        await keep_health(connection)
        row = await connection.fetchrow(CLAIM, list(THEIRS))
        if row is None:
            await asyncio.sleep(0.05)
            continue
        await asyncio.sleep(1.6 if dice.random() < 0.1 else dice.uniform(0.02, 0.3))
        async with connection.transaction():
            await finish(connection, row, dice)


async def finish(
    connection: "asyncpg.Connection[Any]", row: Mapping[str, Any], dice: random.Random
) -> None:
    steps, context = json.loads(row["steps"]), json.loads(row["context"] or "{}")
    step, following = steps[row["current_step"]], row["current_step"] + 1
    until = None
    fails = dice.random() < 0.2
    if fails:
        step["retries"] = step.get("retries", 0) + 1
        following = row["current_step"]
        seconds = 0.1 * step.get("backoffFactor", 2) ** step["retries"]
        until = await connection.fetchval("SELECT now()::timestamp + $1 * interval '1 s'", seconds)
    else:
        result = {"success": True, "data": {"message": step["id"]}}
        context |= {step["id"]: result, "__lastStepResult": result}
    status = "completed" if following == len(steps) else "paused"
    ours = await connection.fetchval(
        FINISH, row["id"], row["locked_at"], until, status, following, json.dumps(context),
        json.dumps(steps),
    )  # fmt: skip
    what = "lost" if ours is None else "failed" if fails else "done"
    await connection.execute("INSERT INTO seen VALUES ($1, $2, $3)", what, row["id"], step["id"])
    if ours and status == "completed" and "notifyEmail" in context:
        await connection.execute(
            "INSERT INTO email_queue (recipient_email, subject, body) VALUES ($1, $2, 'Done.')",
            context["notifyEmail"],
            str(row["id"]),
        )


async def keep_health(connection: "asyncpg.Connection[Any]") -> None:
    for id_, name in HEALTH:
        known = await connection.fetchval("SELECT id FROM health_checks WHERE name = $1", name)
        if known is None:
            await connection.execute(
                "INSERT INTO health_checks (id, name, status, response_time, last_checked,"
                " message) VALUES ($1, $2, 'ok', 1, now(), 'theirs')",
                id_,
                name,
            )
        else:
            await connection.execute(
                "UPDATE health_checks SET last_checked = now(), message = 'theirs',"
                " response_time = 1, status = 'ok' WHERE id = $1",
                known,
            )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
