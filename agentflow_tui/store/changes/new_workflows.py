"""Workflows and schedules that are made by people."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.changes.row_images import COLUMNS, PhysicalColumn, whole
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.session import Session
from agentflow_tui.store.connection.statements import Statement, as_tuple
from agentflow_tui.store.schema.insertions import insertion

_WORKFLOW = {
    "id": "given.p1",
    "userId": "given.p2",
    "steps": "given.p3",
    "currentStep": "0",
    "context": "given.p4",
    "status": "given.p5",
    "lastError": "NULL::text",
    "lastUpdated": "now()",
    "locked": "false",
    "lockedAt": "NULL::timestamptz",
    "createdAt": "now()",
}
_SCHEDULE = {
    "id": "given.p1",
    "workflowId": "given.p2",
    "cron": "given.p3",
    "lastRun": "NULL::timestamptz",
    "nextRun": "given.p4::timestamptz",
    "active": "given.p5::boolean",
    "intent": "given.p6",
    "status": "CASE WHEN given.p5::boolean THEN 'active' ELSE 'paused' END",
    "createdAt": "now()",
    "updatedAt": "now()",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorkflow:
    """A row of ``workflows`` to be; ``steps`` and ``context`` are JSON texts."""

    id: str
    user_id: str | None
    steps: str
    context: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A row of ``schedules`` to be. ``next_run`` None: the scheduler fills it in."""

    id: str
    workflow_id: str | None
    cron: str
    next_run: datetime | None
    active: bool = True
    intent: str | None = None


async def insert_workflow(session: Session, workflow: NewWorkflow) -> Mapping[str, Any]:
    """Insert a workflow. Returns the whole row, for the way back. Raises `NotAcceptedError`."""
    values = (workflow.id, workflow.user_id, workflow.steps, workflow.context, workflow.status)
    return await _insert(session, "workflows", _WORKFLOW, values)


async def insert_schedule(session: Session, schedule: NewSchedule) -> Mapping[str, Any]:
    """Insert a schedule. Returns the whole row, for the way back. Raises `NotAcceptedError`."""
    values = (
        schedule.id,
        schedule.workflow_id,
        schedule.cron,
        None if schedule.next_run is None else schedule.next_run.isoformat(),
        str(schedule.active).lower(),
        schedule.intent,
    )
    return await _insert(session, "schedules", _SCHEDULE, values)


@dataclass(frozen=True, slots=True)
class Now:
    """The database's time, and whether the row that was asked about is there."""

    at: datetime
    is_there: bool


def now_and_row(table: str) -> Statement[Now]:
    """The database's time, and whether ``table`` has a row with the key ``$1``."""
    return Statement(
        Now,
        f"SELECT clock_timestamp(), EXISTS (SELECT FROM {{{table}}} q "
        f"WHERE q.{{{table}.id}}::text = $1::text)",
    )


async def _insert(
    session: Session, table: str, values: Mapping[str, str], given: tuple[str | None, ...]
) -> Mapping[str, Any]:
    columns = await session.fetch(COLUMNS, session.binding.tables[table].oid)
    statement = insert_row(session.binding, table, values, len(given), columns)
    [[row]] = await session.fetch(statement, *given)
    found: dict[str, Any] = json.loads(row)
    return found


def insert_row(
    binding: Binding,
    table: str,
    values: Mapping[str, str],
    count: int,
    columns: Sequence[PhysicalColumn],
) -> Statement[tuple[Any, ...]]:
    """Insert one row of ``count`` texts and give it back whole. All parameters are used, whatever
    columns there are."""
    names, expressions = insertion(binding, table, values)
    given = ", ".join(f"${at}::text AS p{at}" for at in range(1, count + 1))
    return Statement(
        as_tuple,
        f"INSERT INTO {{{table}}} AS q ({names})\n"
        f"SELECT {expressions} FROM (SELECT {given}) given\n"
        f"RETURNING {whole('q', columns)}::text",
    )
