"""Rows for the tests of the workers, written as another program would write them."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from agentflow_tui.store.connection.database import Database

YEARLY = "0 0 1 1 *"
"""An expression whose next slot no test lives to see."""


def seconds_ago(seconds: float) -> datetime:
    """A whole second in the past; in the future for a negative number."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=seconds)


async def add_workflows(
    database: Database, count: int = 1, *, status: str = "completed", **columns: Any
) -> list[str]:
    """Workflows that have run once."""
    ids = [str(uuid4()) for _ in range(count)]
    context = json.dumps(columns.pop("context", {}))
    await database.execute(
        """INSERT INTO {workflows} ({workflows.id}, {workflows.status}, {workflows.currentStep},
             {workflows.steps}, {workflows.context}, {workflows.lastError}, {workflows.locked},
             {workflows.lockedAt})
           SELECT id, $2, 3, $3::text::jsonb, $4::text::jsonb, 'old', $5, $6
             FROM unnest($1::uuid[]) id""",
        ids,
        status,
        json.dumps([{"id": "fetch", "type": "delay"}]),
        context,
        columns.pop("locked", False),
        columns.pop("locked_at", None),
    )
    assert not columns, columns
    return ids


async def add_schedules(
    database: Database,
    workflows: Sequence[str | None],
    cron: str | None = YEARLY,
    next_run: datetime | None = None,
    *,
    active: bool = True,
) -> list[str]:
    """One schedule for each workflow."""
    ids = [str(uuid4()) for _ in workflows]
    await database.execute(
        """INSERT INTO {schedules} ({schedules.id}, {schedules.workflowId}, {schedules.cron},
             {schedules.nextRun}, {schedules.active})
           SELECT d.id, d.workflow, $3, $4, $5 FROM unnest($1::uuid[], $2::uuid[]) d(id, workflow)
        """,
        ids,
        list(workflows),
        cron,
        next_run,
        active,
    )
    return ids


async def journal(database: Database, task_type: str) -> list[Mapping[str, Any]]:
    """The journal's rows of one type, oldest first: status, input, output, error."""
    records = await table(
        database,
        """SELECT t.{task_logs.status}, t.{task_logs.error}, t.{task_logs.input}::text,
                  t.{task_logs.output}::text
             FROM {task_logs} t WHERE t.{task_logs.taskType} = $1 ORDER BY t.{task_logs.id}""",
        task_type,
    )
    return [
        {
            "status": status,
            "error": error,
            "input": json.loads(given or "null"),
            "output": json.loads(said or "null"),
        }
        for status, error, given, said in records
    ]


async def one(database: Database, template: str, *values: object) -> Any:
    """The first column of the first row."""
    async with database.session() as session:
        return await session.connection.fetchval(session.binding.render(template), *values)


async def table(database: Database, template: str, *values: object) -> list[tuple[Any, ...]]:
    """All rows."""
    async with database.session() as session:
        sql = session.binding.render(template)
        return [tuple(record) for record in await session.connection.fetch(sql, *values)]
