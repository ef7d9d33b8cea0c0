"""Changing frozen rows: in parts, each with its journal row in the same transaction."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentflow_tui.errors import AgentflowError, RefusedError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.parts import (
    Part,
    WrittenElsewhereError,
    change_accepted,
    close,
    write_part,
)
from agentflow_tui.operations.snapshot import Progress, Snapshot, named
from agentflow_tui.schema import Kind
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.apply import Applied, apply
from agentflow_tui.store.changes.lock import links, lock
from agentflow_tui.store.changes.records import PART, RowChange
from agentflow_tui.store.changes.row_images import COLUMNS, PhysicalColumn
from agentflow_tui.store.changes.snapshot import RowSnapshot
from agentflow_tui.store.connection import notifications
from agentflow_tui.store.connection.database import Session

DELETED_AT_ONCE = 50
"""Rows with documents in them that are deleted, and written down whole, in one transaction."""


class BrokenOffError(AgentflowError):
    """An operation ended before its end. ``outcome`` is what it had done by then."""

    def __init__(self, error: AgentflowError, outcome: Outcome):
        undo = f"; 'agentflow undo {outcome.journal}' takes that back" if outcome.journal else ""
        super().__init__(f"{error} Broken off after {outcome.applied} of {outcome.matched}{undo}.")
        self.outcome = outcome
        self.exit_code = error.exit_code


@dataclass(slots=True)
class _Progress:
    """What an operation has done so far."""

    applied: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    parts: int = 0


@dataclass(frozen=True, slots=True)
class _OperationRun:
    """One operation under way. ``stop`` ends it after the part that is being written."""

    context: OperationContext
    snapshot: Snapshot
    id: str
    done: _Progress = field(default_factory=_Progress)

    @property
    def _operation(self) -> Operation:
        return self.snapshot.operation

    @property
    def _journalled(self) -> bool:
        return records.keeps_operations(self.context.database.binding)

    async def run(self, progress: Progress | None, stop: asyncio.Event | None) -> Outcome:
        operation, fit = self._operation, self.snapshot.changeable
        change = operation.change
        whole = change.deletes and change.keeps_row and _is_heavy(operation)
        size = DELETED_AT_ONCE if whole else PART
        parts = [fit[start : start + size] for start in range(0, len(fit), size)]
        self.done.skipped += [(named(operation, i), why) for i, why in self.snapshot.refused]
        stopped = False
        for number, part in enumerate(parts):
            stopped = stop is not None and stop.is_set()
            if stopped:
                break
            try:
                await self._part(part, last=number == len(parts) - 1)
            except AgentflowError as error:
                await self._close("failed", error=str(error))
                raise BrokenOffError(error, self.outcome()) from None
            if progress is not None:
                progress(sum(len(p) for p in parts[: number + 1]))
        if len(parts) > 1:
            await self._close("completed", stopped=stopped)
        return self.outcome(stopped=stopped)

    def outcome(self, *, stopped: bool = False) -> Outcome:
        return Outcome(
            verb=self._operation.verb,
            table=self._operation.table,
            past=self._operation.past,
            matched=self.snapshot.matched,
            applied=self.done.applied,
            skipped=tuple(self.done.skipped),
            journal=self.id if self.done.parts and self._journalled else None,
            stopped=stopped,
        )

    async def _part(self, rows: Sequence[RowSnapshot], *, last: bool) -> None:
        number = self.done.parts
        key = self.id if number == 0 else records.part_id(self.id, number)

        async def write(session: Session, *, waits: bool) -> Part:
            part = await self._apply(session, rows, waits=waits)
            if not part.row_changes and not number:
                return part
            entry = self._entry(key, number, rows, part, last=last)
            if not await journal.write(session, [entry]) and self._journalled:
                raise WrittenElsewhereError("It has been taken back meanwhile, as far as it was.")
            return part

        part = await write_part(self.context, key, write)
        known = {named(self._operation, str(row.id)) for row in rows}
        self.done.applied += len(part.row_changes)
        self.done.skipped += [(id_, why) for id_, why in part.skipped if id_ in known]
        self.done.parts += bool(part.row_changes or number)

    async def _apply(self, session: Session, rows: Sequence[RowSnapshot], *, waits: bool) -> Part:
        change, binding = self._operation.change, session.binding
        holding = lock(
            binding,
            change.table,
            links(binding, change),
            deletes=change.deletes,
            waits=waits,
        )
        held = await session.fetch(holding, [str(row.id) for row in rows])
        reasons = {each.id: each.reason for each in held if each.reason is not None}
        columns: Sequence[PhysicalColumn] = ()
        if change.deletes and change.keeps_row:
            columns = await session.fetch(COLUMNS, binding.tables[change.table].oid)
        statement = apply(binding, change, self.context.settings, columns)

        async def do(some: Sequence[RowSnapshot]) -> Sequence[Applied]:
            ids, stamps = [str(row.id) for row in some], [row.stamp for row in some]
            return await session.fetch(statement, ids, stamps, self.snapshot.argument)

        ours = [row for row in rows if str(row.id) not in reasons]
        answers, refused = await change_accepted(session, ours, do)
        skipped = [
            *reasons.items(),
            *((each.id, each.reason) for each in answers if each.reason is not None),
            *((str(row.id), why) for row, why in refused),
        ]
        return Part(
            [self._row_change(each) for each in answers if each.reason is None],
            [(named(self._operation, id_), why) for id_, why in skipped],
        )

    def _row_change(self, row: Applied) -> RowChange:
        linked = json.loads(row.linked) if row.linked else {}
        keeps = self._operation.change.keeps_row
        before = json.loads(row.before) if row.before and keeps else {}
        return RowChange(
            id=named(self._operation, row.id),
            before=before,
            after=None if self._operation.change.deletes else json.loads(row.after or "{}"),
            linked=linked,
        )

    def _entry(
        self, key: str, number: int, rows: Sequence[RowSnapshot], part: Part, *, last: bool
    ) -> journal.JournalEntry:
        operation, first = self._operation, number == 0
        said = records.outcome(part.row_changes, part.skipped)
        said["parts"] = number + 1
        if first:
            said["matched"] = self.snapshot.matched
            said["skipped"] = said["skipped"] + [
                {"id": id_, "reason": why} for id_, why in self.done.skipped[:PART]
            ]
            if operation.irrevocable:
                said["irrevocable"] = operation.irrevocable
        given: dict[str, Any] = {
            "operator": self.context.operator.name,
            "host": self.context.operator.host,
            "verb": operation.verb,
            "table": operation.table,
            "ids": [named(operation, str(row.id)) for row in rows],
        }
        if self.snapshot.argument is not None:
            given["argument"] = self.snapshot.argument
        if operation.field:
            given["field"] = operation.field
        if not first:
            given["operation"] = self.id
        return journal.JournalEntry(
            id=key,
            task_type=records.TASK + operation.verb if first else records.PART_TASK,
            status="completed" if last or not first else "running",
            input=given,
            output=said,
        )

    async def _close(self, status: str, *, error: str = "", stopped: bool = False) -> None:
        """Say in the operation's own row how the whole of it went."""
        if not self.done.parts or not self._journalled:
            return
        values: dict[str, object] = {"applied": self.done.applied, "parts": self.done.parts}
        reached = self.done.applied + len(self.done.skipped)
        if error:
            values["broken_off"] = error
        if stopped:
            values["not_reached"] = self.snapshot.matched - reached
        await close(self.context, self.id, values, status)


def _is_heavy(operation: Operation) -> bool:
    """Whether a row may be large, because it holds documents."""
    return any(column.kind is Kind.JSON for column in operation.change.described.columns)


async def carry_out(
    context: OperationContext,
    snapshot: Snapshot,
    *,
    progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> Outcome:
    """Change the frozen rows that still are as they were shown, and write down what was done.

    Raises `RefusedError` where rows cannot be written, or not written down; `BrokenOffError` with
    what was done until then.
    """
    if why := context.database.read_only_reason(snapshot.operation.table):
        raise RefusedError(f"Nothing was changed: {why}.")
    carrying = _OperationRun(context, snapshot, records.operation_id())
    try:
        return await carrying.run(progress, stop)
    finally:
        if carrying.done.applied:
            await wake_workers(context)


async def wake_workers(context: OperationContext) -> None:
    """Wake the workers up; nothing is lost when that fails."""
    try:
        await notifications.notify(context.database)
    except AgentflowError:
        return
