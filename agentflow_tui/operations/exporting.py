"""Stored workflows and schedules as what their files say."""

from typing import TypeVar

from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.views.stored_files import (
    SCHEDULE,
    WORKFLOW,
    StoredSchedule,
    StoredWorkflow,
)
from agentflow_tui.text import safe
from agentflow_tui.workflow_files.checking import FileKind
from agentflow_tui.workflow_files.documents import ScheduleFile, WorkflowFile, workflow_of

RowT = TypeVar("RowT")

KINDS: dict[str, FileKind] = {"workflows": "workflow", "schedules": "schedule"}
"""The tables whose rows can be files, and what such a file is called."""


async def export(database: Database, table: str, id_: str) -> WorkflowFile | ScheduleFile:
    """What the file of a row says. Raises `AgentflowError` for a row that is not there, or of
    which no file can be made."""
    if KINDS[table] == "workflow":
        stored = await database.fetch_one(WORKFLOW, id_)
        return workflow_file(_there(stored, table, id_))
    schedule = await database.fetch_one(SCHEDULE, id_)
    return schedule_file(_there(schedule, table, id_))


def _there(row: RowT | None, table: str, id_: str) -> RowT:
    if row is None:
        raise AgentflowError(f"{table} has no row {safe(id_, 60)}.")
    return row


def workflow_file(stored: StoredWorkflow) -> WorkflowFile:
    """The file of a workflow. Raises `AgentflowError` where its columns hold something else."""
    found, why = workflow_of(stored.steps, stored.context, stored.user_id)
    if found is None:
        raise AgentflowError(f"No file can be made of workflow {stored.id}: {why}.")
    return found


def schedule_file(stored: StoredSchedule) -> ScheduleFile:
    """The file of a schedule."""
    return ScheduleFile(
        cron=stored.cron or "",
        workflow_id=stored.workflow_id,
        active=bool(stored.active),
        intent=stored.intent or None,
    )
