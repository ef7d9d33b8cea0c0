"""Workflows and schedules made of files: inserted and journalled in one transaction, so that undo
takes all of it back."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, RefusedError
from agentflow_tui.operations.carry_out import (
    WrittenElsewhereError,
    wake_workers,
    write_part,
)
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.new_workflows import (
    NewSchedule,
    NewWorkflow,
    insert_schedule,
    insert_workflow,
    now_and_row,
)
from agentflow_tui.store.changes.records import RowChange, RowResults
from agentflow_tui.store.connection.session import Session
from agentflow_tui.text import safe
from agentflow_tui.workflow_files.documents import ScheduleFile, WorkflowFile

CREATE, CLONE = "create", "clone"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedRows:
    """What was made: the ``id`` of the row asked for, and of the ``schedule`` that came with it.
    ``next_run`` is when that fires first, None where there is no schedule or it rests."""

    outcome: Outcome
    id: str
    schedule: str | None = None
    next_run: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """What shall be made of a workflow's file: a draft, or with ``starts`` one that runs at once.
    ``verb`` and ``source`` are for the journal: what was asked for, and of which file or row."""

    workflow: WorkflowFile
    starts: bool = False
    verb: str = CREATE
    source: str = ""


async def create_workflow(
    context: OperationContext, creation: Creation, zone: tzinfo
) -> CreatedRows:
    """Insert a workflow, and the schedule that its ``cron`` asks for. ``zone`` is the one in which
    the workers read cron expressions.

    Raises `AgentflowError` with what stands against it; nothing is written then.
    """
    wanted = creation.workflow
    _check_writable(context, "workflows", *(["schedules"] if wanted.cron else []))
    id_ = journal.ordered_id()
    workflow = NewWorkflow(
        id=id_,
        user_id=wanted.user_id,
        steps=journal.as_json(list(wanted.steps)),
        context=journal.as_json(wanted.stored_context),
        status="pending" if creation.starts else "draft",
    )
    made: dict[str, Any] = {}

    async def insert(session: Session) -> RowChange:
        schedule = None
        if wanted.cron is not None:
            now = await _now(session, "users", wanted.user_id)
            schedule = NewSchedule(
                id=made.setdefault("id", journal.ordered_id()),
                workflow_id=id_,
                cron=wanted.cron,
                next_run=first_fire(wanted.cron, now, zone),
                intent=wanted.name,
            )
            made["next"] = schedule.next_run
        else:
            await _now(session, "users", wanted.user_id)
        row = await insert_workflow(session, workflow)
        linked: dict[str, Any] = {}
        if schedule is not None:
            linked["schedules"] = (schedule.id, None, await insert_schedule(session, schedule))
        return RowChange(id=id_, before=None, after=row, linked=linked)

    outcome = await _write(context, creation.verb, "workflows", id_, creation.source, insert)
    return CreatedRows(outcome=outcome, id=id_, schedule=made.get("id"), next_run=made.get("next"))


async def create_schedule(
    context: OperationContext, wanted: ScheduleFile, zone: tzinfo, source: str = ""
) -> CreatedRows:
    """Insert a schedule for a workflow that is there. Raises `AgentflowError`."""
    _check_writable(context, "schedules")
    if wanted.intent is not None:
        require_intent(context)
    id_ = journal.ordered_id()
    made: dict[str, Any] = {}

    async def insert(session: Session) -> RowChange:
        now = await _now(session, "workflows", wanted.workflow_id)
        made["next"] = first_fire(wanted.cron, now, zone) if wanted.active else None
        schedule = NewSchedule(
            id=id_,
            workflow_id=wanted.workflow_id,
            cron=wanted.cron,
            next_run=made["next"],
            active=wanted.active,
            intent=wanted.intent,
        )
        return RowChange(id=id_, before=None, after=await insert_schedule(session, schedule))

    outcome = await _write(context, CREATE, "schedules", id_, source, insert)
    return CreatedRows(outcome=outcome, id=id_, schedule=id_, next_run=made["next"])


def require_intent(context: OperationContext) -> None:
    """Raises `AgentflowError` where the database has no room for a schedule's intent."""
    if not context.database.binding.has("schedules", "intent"):
        raise AgentflowError("Schedules have no intent in this database: leave it out.")


def first_fire(expression: str, after: datetime, zone: tzinfo) -> datetime | None:
    """The next time that an expression names; None for a date that never comes."""
    from agentflow_tui.operations.timetables import next_fires

    return next(iter(next_fires(expression, after, 1, zone)), None)


def file_source(path: Path) -> str:
    """A file as the journal names it."""
    return str(path.absolute())


def _check_writable(context: OperationContext, *tables: str) -> None:
    binding = context.database.binding
    for table in tables:
        bound = binding.tables[table]
        if bound.oid is None:
            raise AgentflowError(
                f"This database has no table {table}. 'agentflow db init' makes what is missing."
            )
        if why := context.database.read_only_reason(table):
            raise RefusedError(f"Nothing was created: {why}.")
        key = bound.columns.get("id")
        if key is None or not key.type.startswith(("uuid", "text", "char")):
            kind = "missing" if key is None else key.type
            raise AgentflowError(f"Nothing was created: {table}.id is {kind} in this database.")


async def _now(session: Session, table: str, id_: str | None) -> datetime:
    """The database's time. Raises `AgentflowError` where the row that is meant is not there."""
    is_here = session.binding.has(table, "id")
    found = await session.fetch_one(
        now_and_row(table if is_here else "workflows"), id_ if is_here else None
    )
    assert found is not None
    if id_ is not None and is_here and not found.is_there:
        raise AgentflowError(f"Nothing was created: {table} has no row {safe(id_, 60)}.")
    return found.at


async def _write(
    context: OperationContext, verb: str, table: str, id_: str, source: str, insert: Any
) -> Outcome:
    key = records.operation_id()
    journalled = records.keeps_operations(context.database.binding)

    async def write(session: Session, *, waits: bool) -> RowResults:
        del waits  # nothing is locked
        results = RowResults([await insert(session)])
        entry = _entry(context, key, verb, table, id_, source, results)
        if not await journal.write(session, [entry]) and journalled:
            raise WrittenElsewhereError("It has been written already.")
        return results

    await write_part(context, key, write)
    await wake_workers(context)
    return Outcome(
        verb=verb,
        table=table,
        past="created",
        matched=1,
        applied=1,
        journal=key if journalled else None,
    )


def _entry(
    context: OperationContext,
    key: str,
    verb: str,
    table: str,
    id_: str,
    source: str,
    results: RowResults,
) -> journal.JournalEntry:
    given: Mapping[str, Any] = {
        "operator": context.operator.name,
        "host": context.operator.host,
        "verb": verb,
        "table": table,
        "ids": [id_],
        **({"source": source} if source else {}),
    }
    said = records.outcome(results.row_changes, ()) | {"matched": 1, "parts": 1}
    return journal.JournalEntry(
        id=key, task_type=records.TASK + verb, status="completed", input=given, output=said
    )
