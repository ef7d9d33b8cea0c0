"""Changing the rows of a snapshot in parts: each part is one transaction with its journal row.

What the database has against one row is that row's fault and not the others'. A part whose answer
is lost is settled by the journal: its row's id is known beforehand, and is there exactly when the
part was committed.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import field
from typing import Any, Protocol

from agentflow_tui.dataclass import dataclass
from agentflow_tui.errors import AgentflowError, LockedError, RefusedError, UnreachableError
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.selection import Progress, Snapshot
from agentflow_tui.schema import Kind
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.apply import TRANSACTION_OPTIONS, change_rows
from agentflow_tui.store.changes.records import PART, RowResults
from agentflow_tui.store.changes.snapshot import RowSnapshot
from agentflow_tui.store.connection import notifications
from agentflow_tui.store.connection.session import Session

DELETED_AT_ONCE = 50
"""Rows with documents in them that are deleted, and written down whole, in one transaction."""

RETRIES = 5
"""Looks for a part whose answer was lost."""


class BrokenOffError(AgentflowError):
    """An operation ended before its end. ``outcome`` is what it had done by then."""

    def __init__(self, error: AgentflowError, outcome: Outcome):
        undo = f"; 'agentflow undo {outcome.journal}' takes that back" if outcome.journal else ""
        super().__init__(f"{error} Broken off after {outcome.applied} of {outcome.matched}{undo}.")
        self.outcome = outcome
        self.exit_code = error.exit_code


async def carry_out(
    context: OperationContext,
    snapshot: Snapshot,
    *,
    progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> Outcome:
    """Change the rows of a snapshot that still are as they were shown, and write down what was
    done. ``stop`` ends it after the part that is being written.

    Raises `RefusedError` where rows cannot be written, or not written down; `BrokenOffError` with
    what was done until then.
    """
    if why := context.database.read_only_reason(snapshot.operation.table):
        raise RefusedError(f"Nothing was changed: {why}.")
    run = _OperationRun(context, snapshot, records.operation_id())
    parts = run.parts()
    stopped = False
    try:
        for place, rows in enumerate(parts):
            stopped = stop is not None and stop.is_set()
            if stopped:
                break
            await run.carry_out(rows, last=place == len(parts) - 1)
            if progress is not None:
                progress(run.reached)
        if len(parts) > 1:
            await run.close("completed", stopped=stopped)
    except AgentflowError as error:
        await run.close("failed", error=str(error))
        raise BrokenOffError(error, run.outcome()) from None
    finally:
        if run.applied:
            await _write_anew(context, snapshot.operation)
            await wake_workers(context)
    return run.outcome(stopped=stopped)


async def _write_anew(context: OperationContext, operation: Operation) -> None:
    """New mail for distributions that were requeued: theirs is sent, or failed for good."""
    if (operation.verb, operation.table) == ("requeue", "insight_distributions"):
        from agentflow_tui.steps.distribution import distribute_again  # seldom needed

        await distribute_again(context.database, context.distribution)


@dataclass(slots=True)
class _OperationRun:
    """One operation under way, and what it has done so far. ``id`` is its row in the journal."""

    context: OperationContext
    snapshot: Snapshot
    id: str
    applied: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    written: int = 0
    """Parts that are in the journal."""
    reached: int = 0
    """Rows of the parts that are over."""

    @property
    def operation(self) -> Operation:
        return self.snapshot.operation

    @property
    def _journalled(self) -> bool:
        return records.keeps_operations(self.context.database.binding)

    def parts(self) -> list[tuple[RowSnapshot, ...]]:
        """The rows that will be changed, as many together as one transaction takes."""
        public_id = self.operation.change.public_id
        self.skipped = [(public_id(id_), why) for id_, why in self.snapshot.refused]
        change, rows = self.operation.change, self.snapshot.changeable
        whole = change.deletes and change.keeps_row and _is_heavy(self.operation)
        size = DELETED_AT_ONCE if whole else PART
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    def outcome(self, *, stopped: bool = False) -> Outcome:
        return Outcome(
            verb=self.operation.verb,
            table=self.operation.table,
            past=self.operation.past,
            matched=self.snapshot.matched,
            applied=self.applied,
            skipped=tuple(self.skipped),
            journal=self.id if self.written and self._journalled else None,
            stopped=stopped,
        )

    async def carry_out(self, rows: Sequence[RowSnapshot], *, last: bool) -> None:
        """Do one part."""
        number = self.written
        key = self.id if number == 0 else records.part_id(self.id, number)

        async def write(session: Session, *, waits: bool) -> RowResults:
            change, settings = self.operation.change, self.context.settings
            argument = self.snapshot.argument
            results = await change_rows(session, change, settings, rows, argument, waits=waits)
            if not results.row_changes and not number:
                return results
            entry = self._entry(key, number, rows, results, last=last)
            if not await journal.write(session, [entry]) and self._journalled:
                raise WrittenElsewhereError("It has been taken back meanwhile, as far as it was.")
            return results

        results = await write_part(self.context, key, write)
        known = {self.operation.change.public_id(row.id) for row in rows}
        self.applied += len(results.row_changes)
        self.skipped += [(id_, why) for id_, why in results.skipped if id_ in known]
        self.written += bool(results.row_changes or number)
        self.reached += len(rows)

    def _entry(
        self,
        key: str,
        number: int,
        rows: Sequence[RowSnapshot],
        results: RowResults,
        *,
        last: bool,
    ) -> journal.JournalEntry:
        """The journal's row of one part; the first one is the operation's own."""
        operation, change = self.operation, self.operation.change
        said = records.outcome(results.row_changes, results.skipped) | {"parts": number + 1}
        given: dict[str, Any] = {
            "operator": self.context.operator.name,
            "host": self.context.operator.host,
            "verb": operation.verb,
            "table": operation.table,
            "ids": [change.public_id(row.id) for row in rows],
        }
        if self.snapshot.argument is not None and not operation.in_editor:
            given["argument"] = self.snapshot.argument
        if operation.field:
            given["field"] = operation.field
        if number:
            return journal.JournalEntry(
                id=key,
                task_type=records.PART_TASK,
                status="completed",
                input=given | {"operation": self.id},
                output=said,
            )
        said["matched"] = self.snapshot.matched
        said["skipped"] += [{"id": id_, "reason": why} for id_, why in self.skipped[:PART]]
        if operation.irrevocable:
            said["irrevocable"] = operation.irrevocable
        return journal.JournalEntry(
            id=key,
            task_type=records.TASK + operation.verb,
            status="completed" if last else "running",
            input=given,
            output=said,
        )

    async def close(self, status: str, *, error: str = "", stopped: bool = False) -> None:
        """Say in the operation's own row how the whole of it went."""
        if not self.written or not self._journalled:
            return
        values: dict[str, object] = {"applied": self.applied, "parts": self.written}
        if error:
            values["broken_off"] = error
        if stopped:
            reached = self.applied + len(self.skipped)
            values["not_reached"] = self.snapshot.matched - reached
        await close(self.context, self.id, values, status)


def _is_heavy(operation: Operation) -> bool:
    """Whether a row may be large, because it holds documents."""
    return any(column.kind is Kind.JSON for column in operation.change.described.columns)


class PartWriter(Protocol):
    """Does a part and journals it. Without ``waits`` it passes over rows that others hold."""

    def __call__(self, session: Session, *, waits: bool) -> Awaitable[RowResults]: ...


class WrittenElsewhereError(AgentflowError):
    """The journal has a part of this operation that another process has written."""


async def write_part(context: OperationContext, key: str, write: PartWriter) -> RowResults:
    """What came of a part, whose row in the journal is called ``key``, also when the connection
    broke at the commit. Raises `UnreachableError`, `RefusedError`, `MissingError`.
    """

    async def once(*, waits: bool) -> RowResults:
        async with context.database.transaction() as session:
            await session.execute(TRANSACTION_OPTIONS)
            return await write(session, waits=waits)

    try:
        try:
            return await once(waits=True)
        except LockedError:
            return await once(waits=False)
    except UnreachableError as error:
        if not records.keeps_operations(context.database.binding):
            raise UnreachableError(
                f"{error} This database has no journal that could tell whether the last rows "
                "were changed."
            ) from None
        found = await _settled(context, key)
        if found is None:
            raise
        return found


async def _settled(context: OperationContext, key: str) -> RowResults | None:
    """What the journal says of a part whose answer was lost; None when it was not committed.

    Raises `UnreachableError` when the database does not come back.
    """
    for attempt in range(RETRIES):
        last = attempt == RETRIES - 1
        try:
            if not await _is_written(context, key):
                return None
            found = await records.find_part(context.database, key)
            return (
                None if found is None else RowResults(list(found.row_changes), list(found.skipped))
            )
        except (UnreachableError, RefusedError):
            if last:
                raise
            await asyncio.sleep(0.2 * 2**attempt)
    return None


async def _is_written(context: OperationContext, key: str) -> bool:
    """Whether the journal has this row. To write it too is to wait for a commit that may be under
    way on the server long after its connection broke."""
    session: Session
    try:
        async with context.database.transaction() as session:
            entry = journal.JournalEntry(id=key, task_type=records.PART_TASK)
            if not await journal.write(session, [entry]):
                return True
            raise _NotWritten
    except _NotWritten:
        return False


class _NotWritten(Exception):  # noqa: N818  # undoes a transaction, and is caught beside it
    pass


async def close(
    context: OperationContext, operation: str, values: dict[str, object], status: str
) -> None:
    """Say in an operation's own row how the whole of it went. Its parts stand also without that:
    a row that still says ``running`` is one whose parts are counted when it is taken back."""
    database = context.database
    for attempt in range(RETRIES):
        try:
            template = records.mark(database.binding)
            await database.execute(template, operation, records.addition(values), status)
        except UnreachableError:
            await asyncio.sleep(0.2 * 2**attempt)
        except AgentflowError:
            return
        else:
            return


async def wake_workers(context: OperationContext) -> None:
    """Wake the workers up; nothing is lost when that fails."""
    try:
        await notifications.notify(context.database)
    except AgentflowError:
        return
