"""Changing frozen rows: in parts, each with its journal row in the same transaction.

A part whose answer is lost is settled by the journal: its row's id is known beforehand, and is
there exactly when the part was committed.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentflow_tui.errors import AgentflowError, LockedError, UnreachableError
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.targets import Progress, Targets, named
from agentflow_tui.operations.world import World
from agentflow_tui.schema import Kind
from agentflow_tui.store import journal, wakeups
from agentflow_tui.store.changes import records
from agentflow_tui.store.changes.applying import LOCK_TIMEOUT, Applied, apply
from agentflow_tui.store.changes.freezing import Pinned
from agentflow_tui.store.changes.records import PART, Step
from agentflow_tui.store.database import Session

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


@dataclass(slots=True)
class Progressing:
    """What an operation has done so far."""

    applied: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Carrying:
    """One operation under way. ``stop`` ends it after the part that is being written."""

    world: World
    targets: Targets
    id: str
    done: Progressing = field(default_factory=Progressing)

    @property
    def _operation(self) -> Operation:
        return self.targets.operation

    @property
    def _journalled(self) -> bool:
        return records.keeps_operations(self.world.database.binding)

    async def run(self, progress: Progress | None, stop: asyncio.Event | None) -> Outcome:
        operation, fit = self._operation, self.targets.fit
        size = DELETED_AT_ONCE if operation.change.deletes and _is_heavy(operation) else PART
        parts = [fit[start : start + size] for start in range(0, len(fit), size)]
        self.done.skipped += [(named(operation, i), why) for i, why in self.targets.refused]
        stopped = False
        for number, part in enumerate(parts):
            stopped = stop is not None and stop.is_set()
            if stopped:
                break
            try:
                await self._part(number, part, last=number == len(parts) - 1)
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
            matched=self.targets.matched,
            applied=self.done.applied,
            skipped=tuple(self.done.skipped),
            journal=self.id if self.done.parts and self._journalled else None,
            stopped=stopped,
        )

    async def _part(self, number: int, part: Sequence[Pinned], *, last: bool) -> None:
        key = self.id if number == 0 else records.part_id(self.id, number)

        async def write(*, waits: bool) -> tuple[list[Step], list[tuple[str, str]]]:
            async with self.world.database.transaction() as session:
                steps, skipped = await self._apply(session, part, waits=waits)
                if steps or self.done.parts:
                    entry = self._entry(key, number, part, steps, skipped, last=last)
                    await journal.write(session, [entry])
            return steps, skipped

        try:
            try:
                steps, skipped = await write(waits=True)
            except LockedError:
                steps, skipped = await write(waits=False)
        except UnreachableError:
            settled = await self._settled(key)
            if settled is None:
                raise
            steps, skipped = settled
        self.done.applied += len(steps)
        self.done.skipped += skipped
        self.done.parts += bool(steps or self.done.parts)

    async def _apply(
        self, session: Session, part: Sequence[Pinned], *, waits: bool
    ) -> tuple[list[Step], list[tuple[str, str]]]:
        change, terms = self._operation.change, self.world.terms
        await session.execute(LOCK_TIMEOUT)
        statement = apply(session.binding, change, terms, waits=waits)
        ids, stamps = [str(row.id) for row in part], [row.stamp for row in part]
        rows = await session.fetch(statement, ids, stamps, self.targets.argument)
        steps = [self._step(row) for row in rows if row.reason is None]
        skipped = [
            (named(self._operation, row.id), row.reason) for row in rows if row.reason is not None
        ]
        return steps, skipped

    def _step(self, row: Applied) -> Step:
        linked = json.loads(row.linked) if row.linked else {}
        keeps = self._operation.change.keeps_row
        before = json.loads(row.before) if row.before and keeps else {}
        return Step(
            id=named(self._operation, row.id),
            before=before,
            after=None if self._operation.change.deletes else json.loads(row.after or "{}"),
            linked=linked,
        )

    def _entry(
        self,
        key: str,
        number: int,
        part: Sequence[Pinned],
        steps: Sequence[Step],
        skipped: Sequence[tuple[str, str]],
        *,
        last: bool,
    ) -> journal.Entry:
        operation, first = self._operation, number == 0
        said = records.outcome(steps, skipped)
        said["parts"] = number + 1
        if first:
            said["matched"] = self.targets.matched
            said["skipped"] = said["skipped"] + [
                {"id": id_, "reason": why} for id_, why in self.done.skipped[:PART]
            ]
            if operation.irrevocable:
                said["irrevocable"] = operation.irrevocable
        given: dict[str, Any] = {
            "operator": self.world.operator.name,
            "host": self.world.operator.host,
            "verb": operation.verb,
            "table": operation.table,
            "ids": [named(operation, str(row.id)) for row in part],
        }
        if self.targets.argument is not None:
            given["argument"] = self.targets.argument
        if operation.field:
            given["field"] = operation.field
        if not first:
            given["operation"] = self.id
        return journal.Entry(
            id=key,
            task_type=records.TASK + operation.verb if first else records.PART_TASK,
            status="completed" if last or not first else "running",
            input=given,
            output=said,
        )

    async def _settled(self, key: str) -> tuple[list[Step], list[tuple[str, str]]] | None:
        """What the journal says of a part whose answer was lost; None when it was not committed.

        Raises `UnreachableError` when the database does not come back.
        """
        for attempt in range(RETRIES):
            try:
                found = await records.find_part(self.world.database, key)
            except UnreachableError:
                if attempt == RETRIES - 1:
                    raise
                await asyncio.sleep(0.2 * 2**attempt)
                continue
            return None if found is None else (list(found.steps), list(found.skipped))
        return None

    async def _close(self, status: str, *, error: str = "", stopped: bool = False) -> None:
        """Say in the operation's own row how the whole of it went."""
        if not self.done.parts:
            return
        values: dict[str, object] = {"applied": self.done.applied, "parts": self.done.parts}
        reached = self.done.applied + len(self.done.skipped)
        if error:
            values["broken_off"] = error
        if stopped:
            values |= {"matched": reached, "not_reached": self.targets.matched - reached}
        try:
            await self.world.database.execute(
                records.MARK, self.id, records.addition(values), status
            )
        except AgentflowError:
            if not error:
                raise


def _is_heavy(operation: Operation) -> bool:
    """Whether a row may be large, because it holds documents."""
    return any(column.kind is Kind.JSON for column in operation.change.described.columns)


async def carry_out(
    world: World,
    targets: Targets,
    *,
    progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> Outcome:
    """Change the frozen rows that still are as they were shown, and write down what was done.

    Raises `BrokenOffError`, with what was done until then.
    """
    outcome = await Carrying(world, targets, records.operation_id()).run(progress, stop)
    if outcome.applied:
        await ring(world)
    return outcome


async def ring(world: World) -> None:
    """Wake the workers up; nothing is lost when that fails."""
    try:
        await wakeups.ring(world.database)
    except AgentflowError:
        return
