"""Workflows and schedules edited as files: what they say, what is changed, and the change itself,
which finds the row as it was when its file was written, or changes nothing."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import Document, read
from agentflow_tui.errors import AgentflowError
from agentflow_tui.operations.carry_out import carry_out
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.creating import first_fire, require_intent
from agentflow_tui.operations.exporting import KINDS, schedule_file, workflow_file
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.selection import Selection, Snapshot, take_snapshot
from agentflow_tui.operations.verbs import operations_on
from agentflow_tui.schema import RESERVED_KEYS
from agentflow_tui.store import journal
from agentflow_tui.store.changes.new_workflows import now_and_row
from agentflow_tui.store.views.stored_files import (
    SCHEDULE,
    WORKFLOW,
    StoredSchedule,
    StoredWorkflow,
)
from agentflow_tui.text import safe
from agentflow_tui.workflow_files.checking import CheckedFile, FileKind, check_file
from agentflow_tui.workflow_files.documents import (
    ScheduleFile,
    WorkflowFile,
    results_of,
)
from agentflow_tui.workflow_files.writing import written_file

_WORKFLOW_HEAD = """\
workflow {id}
Save and close to have it checked; what changes is shown before anything is written.
What a run has left in the context stays there and is not shown."""
_SCHEDULE_HEAD = """\
schedule {id}
Save and close to have it checked; what changes is shown before anything is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedRow:
    """A row that is being edited: its ``snapshot``, ``stored`` as it was then, and what its file
    says of it."""

    snapshot: Snapshot
    stored: StoredWorkflow | StoredSchedule
    content: WorkflowFile | ScheduleFile

    @property
    def table(self) -> str:
        return self.snapshot.operation.table

    @property
    def kind(self) -> FileKind:
        return KINDS[self.table]

    @property
    def file(self) -> str:
        """The file to begin from."""
        head = _WORKFLOW_HEAD if self.kind == "workflow" else _SCHEDULE_HEAD
        return written_file(self.content, head.format(id=self.stored.id))

    def check(self, data: bytes, zone: str) -> CheckedFile:
        """The edited file, checked. A workflow's own schedules are rows of their own, so its file
        cannot ask for one."""
        checked = check_file(data, "x.yaml", zone, kind=self.kind)
        content = checked.content
        if isinstance(content, WorkflowFile) and content.cron is not None:
            from agentflow_tui.workflow_files.nodes import FileMistake

            said = "a schedule is edited by itself: 'agentflow create schedule' makes one"
            return replace(checked, content=None, mistakes=(FileMistake(1, 1, "cron", said),))
        return checked

    def difference(self, content: WorkflowFile | ScheduleFile) -> list[str]:
        """The lines of what would change, with two lines around; none where nothing would."""
        before, after = written_file(self.content), written_file(content)
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
        return list(lines)[2:]


def file_operation(table: str) -> Operation:
    """What editing a row of the table as a file is."""
    return next(operation for operation in operations_on(table) if operation.in_editor)


async def open_row(context: OperationContext, table: str, id_: str) -> EditedRow:
    """The row with this id, to be edited. Raises `AgentflowError` for one that is not there, that
    cannot be changed now, or of which no file can be made."""
    operation = file_operation(table)
    if why := context.database.read_only_reason(table):
        raise AgentflowError(f"Nothing can be edited: {why}.")
    if why := operation.change.missing(context.database.binding):
        raise AgentflowError(f"Nothing can be edited: {why}.")
    # The snapshot first: what moves on before the row is read is then told as changed meanwhile.
    snapshot = await take_snapshot(context, operation, Selection(table=table, ids=(id_,)))
    for _, why in snapshot.refused:
        raise AgentflowError(f"Cannot edit {KINDS[table]} {safe(id_, 60)}: it {why}.")
    stored: Any = await context.database.fetch_one(
        WORKFLOW if table == "workflows" else SCHEDULE, id_
    )
    if stored is None:
        raise AgentflowError(f"{table} has no row {safe(id_, 60)}.")
    content = workflow_file(stored) if table == "workflows" else schedule_file(stored)
    return EditedRow(snapshot=snapshot, stored=stored, content=content)


async def apply_edit(
    context: OperationContext,
    row: EditedRow,
    content: WorkflowFile | ScheduleFile,
    zone: tzinfo,
) -> Outcome:
    """Change the row to what its file says now, if it still is as it was. ``zone`` is the one in
    which the workers read cron expressions. Raises `AgentflowError`."""
    if isinstance(content, WorkflowFile):
        assert isinstance(row.stored, StoredWorkflow)
        await _require(context, "users", content.user_id, row.stored.user_id)
        argument: Mapping[str, Any] = _workflow_columns(row.stored, content)
    else:
        assert isinstance(row.stored, StoredSchedule)
        if content.intent != row.stored.intent:
            require_intent(context)
        now = await _require(context, "workflows", content.workflow_id, row.stored.workflow_id)
        argument = _schedule_columns(row.stored, content, now, zone)
    return await carry_out(context, replace(row.snapshot, argument=json.dumps(argument)))


async def _require(
    context: OperationContext, table: str, id_: str | None, before: str | None
) -> datetime:
    """The database's time. Raises `AgentflowError` where a row that is named anew is not there."""
    known = context.database.binding.has(table, "id")
    found = await context.database.fetch_one(
        now_and_row(table if known else "schedules"), id_ if known else None
    )
    assert found is not None
    if known and id_ is not None and id_ != before and not found.is_there:
        raise AgentflowError(f"Nothing was changed: {table} has no row {safe(id_, 60)}.")
    return found.at


def _workflow_columns(stored: StoredWorkflow, content: WorkflowFile) -> dict[str, Any]:
    kept = read(stored.context, len(stored.context or "") + 1).value
    steps: Document = read(stored.steps, len(stored.steps or "") + 1)
    hidden = RESERVED_KEYS | results_of(steps)
    left = {n: v for n, v in (kept if isinstance(kept, dict) else {}).items() if n in hidden}
    return {
        "userId": content.user_id,
        "steps": journal.as_json(list(content.steps)),
        "context": journal.as_json(content.stored_context | left),
    }


def _schedule_columns(
    stored: StoredSchedule, content: ScheduleFile, now: datetime, zone: tzinfo
) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "cron": content.cron,
        "workflowId": content.workflow_id,
        "active": content.active,
        "intent": content.intent,
    }
    if content.cron != stored.cron or content.active != bool(stored.active):
        due = first_fire(content.cron, now, zone) if content.active else None
        columns["nextRun"] = None if due is None else due.isoformat()
    return columns
