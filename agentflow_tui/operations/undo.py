"""Taking back what was done: only rows that have not moved on since, and the others are named.

An undo is an operation like any other: journalled with before and after, so that it can be taken
back itself, which is a redo.
"""

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.operations.carry_out import (
    WrittenElsewhereError,
    close,
    wake_workers,
    write_part,
)
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.selection import Progress
from agentflow_tui.operations.status_words import status_word
from agentflow_tui.schema import TABLES
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.records import OperationRecord, RowChange, RowResults
from agentflow_tui.store.changes.restore import restore_rows
from agentflow_tui.store.connection.session import Session
from agentflow_tui.text import plural

LOOK_BACK = 200
"""Operations, latest first, among which one's own last one is looked for."""

UNDO, REDO = "undo", "redo"


class NothingToUndoError(AgentflowError):
    """There is nothing that could be taken back."""


def why_final(operation: OperationRecord) -> str:
    """Why an operation cannot be taken back; ``""`` when it can."""
    if operation.table not in TABLES:
        return f"it changed {operation.table or 'nothing'} that is known here"
    if operation.irrevocable:
        return operation.irrevocable
    if operation.undone_by is not None:
        return f"it has been taken back by {operation.undone_by}"
    if not operation.applied and not operation.row_changes:
        return "it changed nothing"
    return ""


async def last_undoable(context: OperationContext) -> OperationRecord:
    """The caller's last change that is not taken back yet. Raises `NothingToUndoError`."""
    return await _last(
        context, lambda operation: operation.verb != UNDO, "You have changed nothing"
    )


async def last_redoable(context: OperationContext) -> OperationRecord:
    """The caller's last undo that is not taken back yet. Raises `NothingToUndoError`."""
    return await _last(context, lambda operation: operation.verb == UNDO, "You have undone nothing")


async def _last(context: OperationContext, wanted: Any, nothing: str) -> OperationRecord:
    if not records.keeps_operations(context.database.binding):
        raise NothingToUndoError("This database has no journal, so nothing can be taken back.")
    for operation in await records.latest(context.database, LOOK_BACK):
        if operation.by != str(context.operator) or not wanted(operation):
            continue
        if operation.irrevocable:
            raise NothingToUndoError(
                f"Your last change, {operation.verb} of {operation.table}, stays: "
                f"{operation.irrevocable}. An earlier one can be taken back by its id."
            )
        if not why_final(operation):
            return await find_operation(context, operation.id)
    raise NothingToUndoError(f"{nothing} here that could be taken back.")


def what_comes_back(record: OperationRecord) -> str:
    """What the rows of an operation will be when it is taken back: ``306 rows will be waiting
    again``."""
    unnamed = "as it was before" if record.applied == 1 else "as they were before"
    said = sorted({_before(record, row_change) or unnamed for row_change in record.row_changes})
    states = " or ".join(said) or unnamed
    return f"{plural(record.applied, 'row')} will be {states}"


def _before(record: OperationRecord, row_change: RowChange) -> str:
    """What the row will be, in words; nothing where no word says it."""
    if row_change.is_deletion:
        return "there again"
    if row_change.is_insertion:
        return "deleted again" if record.undoes else "deleted"
    before, after = row_change.before or {}, row_change.after or {}
    if "status" in before and before["status"] != after.get("status"):
        return f"{status_word(record.table, before['status'])} again"
    if isinstance(before.get("active"), bool):
        return f"{'active' if before['active'] else 'inactive'} again"
    return ""


async def find_operation(context: OperationContext, id_: str) -> OperationRecord:
    """The operation with this id, whole. Raises `UsageError` when there is none."""
    found = await records.find(context.database, id_)
    if found is None:
        raise UsageError(
            f"The journal has no operation {id_}; 'agentflow list task_logs "
            "taskType:operator.*' lists them."
        )
    return found


async def undo(context: OperationContext, id_: str, progress: Progress | None = None) -> Outcome:
    """Take an operation back, or an undo, which is a redo. One that ended before its end goes on
    where it was; an operation that still runs ends with it.

    Raises `UsageError` for one that is not there, `NothingToUndoError` with the reason for one that
    cannot be taken back, `UnreachableError`, `RefusedError`.
    """
    operation = await find_operation(context, id_)
    why = why_final(operation)
    begun = operation.undone_by if why and await _left_unfinished(context, operation) else None
    if why and begun is None:
        raise NothingToUndoError(f"{operation.verb} of {operation.table} stays: {why}.")
    undoing = _Undoing(context, operation, begun or records.operation_id(), begun is not None)
    return await undoing.run(progress)


async def _left_unfinished(context: OperationContext, operation: OperationRecord) -> bool:
    """The undo that this one was taken back by ended before its end."""
    if operation.undone_by is None:
        return False
    undone = await records.find(context.database, operation.undone_by)
    return undone is not None and not undone.complete


@dataclass(slots=True)
class _Undoing:
    """One undo under way. ``goes_on``: a part of it may have been done already."""

    context: OperationContext
    operation: OperationRecord
    id: str
    goes_on: bool
    matched: int = 0
    applied: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def verb(self) -> str:
        return REDO if self.operation.verb == UNDO else UNDO

    async def run(self, progress: Progress | None) -> Outcome:
        """Part by part, the last one first: each restores its rows and is journalled at once."""
        parts = max(1, self.operation.parts)
        if not self.operation.complete:
            parts = await self._end()
        try:
            for place, number in enumerate(reversed(range(parts))):
                row_changes = (
                    self.operation.row_changes
                    if number == 0
                    else await self._row_changes_of(number)
                )
                await self._part(place, row_changes, parts)
                if progress is not None:
                    progress(self.matched)
        finally:
            if self.applied:
                await wake_workers(self.context)
        if parts > 1:
            values: dict[str, object] = {"applied": self.applied, "parts": parts}
            await close(self.context, self.id, values, "completed")
        return Outcome(
            verb=self.verb,
            table=self.operation.table,
            past="put back" if self.verb == UNDO else "done again",
            matched=self.matched,
            applied=self.applied,
            skipped=tuple(self.skipped),
            journal=self.id,
        )

    async def _end(self) -> int:
        """End an operation whose process died, or runs yet, and count its parts: the row of its
        next part is written first by whichever process comes first."""
        parts = self.operation.parts
        while True:
            entry = journal.JournalEntry(
                id=records.part_id(self.operation.id, parts),
                task_type=records.PART_TASK,
                input={"operation": self.operation.id, "ended_by": self.id},
                output={"applied": 0},
            )
            async with self.context.database.transaction() as session:
                if await journal.write(session, [entry]):
                    return parts
            found = await records.find_part(self.context.database, entry.id or "")
            if found is not None and found.ends:
                return parts
            parts += 1

    async def _row_changes_of(self, number: int) -> Sequence[RowChange]:
        found = await records.find_part(
            self.context.database, records.part_id(self.operation.id, number)
        )
        return found.row_changes if found else ()

    async def _part(self, place: int, row_changes: Sequence[RowChange], parts: int) -> None:
        key = self.id if place == 0 else records.part_id(self.id, place)

        async def write(session: Session, *, waits: bool) -> RowResults:
            if place == 0:
                await self._take_back(session, parts)
            part = await restore_rows(session, self.operation.table, row_changes, waits=waits)
            entry = self._entry(key, place, part, last=place == parts - 1)
            if not await journal.write(session, [entry]):
                raise WrittenElsewhereError("Somebody else takes this back at this moment.")
            return part

        done = await records.find_part(self.context.database, key) if self.goes_on else None
        if done is None:
            part = await write_part(self.context, key, write)
        else:
            part = RowResults(list(done.row_changes), list(done.skipped))
        told = dict(part.skipped)
        self.applied += sum(row_change.id not in told for row_change in part.row_changes)
        self.skipped += part.skipped
        self.matched += len(part.ids)

    async def _take_back(self, session: Session, parts: int) -> None:
        """Say so in the operation's own row, or find that another operator was faster."""
        mark = records.addition({"undone_by": self.id, "parts": parts})
        template = records.mark(session.binding, takes_back=True)
        if not await session.execute(template, self.operation.id, mark, "completed"):
            raise NothingToUndoError(
                f"{self.operation.verb} of {self.operation.table} stays: "
                "somebody has taken it back meanwhile."
            )

    def _entry(self, key: str, place: int, part: RowResults, *, last: bool) -> journal.JournalEntry:
        given = {
            "operator": self.context.operator.name,
            "host": self.context.operator.host,
            "verb": self.verb,
            "table": self.operation.table,
            "undoes": self.operation.id,
            "ids": part.ids,
        }
        said = records.outcome(part.row_changes, part.skipped)
        said |= {"matched": len(part.ids), "parts": place + 1}
        if place:
            given["operation"] = self.id
        return journal.JournalEntry(
            id=key,
            task_type=records.PART_TASK if place else records.TASK + self.verb,
            status="completed" if last or place else "running",
            input=given,
            output=said,
        )
