"""Taking back what was done: only rows that have not moved on since, and the others are named.

An undo is an operation like any other: journalled with before and after, so that it can be taken
back itself, which is a redo.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentflow_tui.errors import AgentflowError, UsageError
from agentflow_tui.operations.changing import ring
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.targets import Progress
from agentflow_tui.operations.world import World
from agentflow_tui.schema import TABLES
from agentflow_tui.store import journal
from agentflow_tui.store.changes import records, restoring
from agentflow_tui.store.changes.records import Operation, Step
from agentflow_tui.store.changes.restoring import Restored
from agentflow_tui.store.database import Session

LOOK_BACK = 200
"""Operations, latest first, among which one's own last one is looked for."""

UNDO, REDO = "undo", "redo"


class NothingToUndoError(AgentflowError):
    """There is nothing that could be taken back."""


def why_final(operation: Operation) -> str:
    """Why an operation cannot be taken back; ``""`` when it can."""
    if operation.table not in TABLES:
        return f"it changed {operation.table or 'nothing'} that is known here"
    if operation.irrevocable:
        return operation.irrevocable
    if operation.undone_by is not None:
        return f"it has been taken back by {operation.undone_by}"
    if not operation.applied and not operation.steps:
        return "it changed nothing"
    return ""


async def last_undoable(world: World) -> Operation:
    """The caller's last change that is not taken back yet. Raises `NothingToUndoError`."""
    return await _last(world, lambda operation: operation.verb != UNDO, "You have changed nothing")


async def last_redoable(world: World) -> Operation:
    """The caller's last undo that is not taken back yet. Raises `NothingToUndoError`."""
    return await _last(world, lambda operation: operation.verb == UNDO, "You have undone nothing")


async def _last(world: World, wanted: Any, nothing: str) -> Operation:
    if not records.keeps_operations(world.database.binding):
        raise NothingToUndoError("This database has no journal, so nothing can be taken back.")
    for operation in await records.latest(world.database, LOOK_BACK):
        if operation.by != str(world.operator) or not wanted(operation):
            continue
        if operation.irrevocable:
            raise NothingToUndoError(
                f"Your last change, {operation.verb} of {operation.table}, stays: "
                f"{operation.irrevocable}. An earlier one can be taken back by its id."
            )
        if not why_final(operation):
            return operation
    raise NothingToUndoError(f"{nothing} here that could be taken back.")


async def find_operation(world: World, id_: str) -> Operation:
    """The operation with this id, whole. Raises `UsageError` when there is none."""
    found = await records.find(world.database, id_)
    if found is None:
        raise UsageError(
            f"The journal has no operation {id_}; 'agentflow list task_logs "
            "taskType:operator.*' lists them."
        )
    return found


async def undo(world: World, id_: str, progress: Progress | None = None) -> Outcome:
    """Take an operation back, or an undo, which is a redo.

    Raises `UsageError` for one that is not there, `NothingToUndoError` with the reason for one that
    cannot be taken back, `UnreachableError`, `RefusedError`.
    """
    operation = await find_operation(world, id_)
    why = why_final(operation)
    if why and not await _left_unfinished(world, operation):
        raise NothingToUndoError(f"{operation.verb} of {operation.table} stays: {why}.")
    return await _Undoing(world, operation, records.operation_id()).run(progress)


async def _left_unfinished(world: World, operation: Operation) -> bool:
    """The undo that this one was taken back by ended before its end."""
    if operation.undone_by is None:
        return False
    undone = await records.find(world.database, operation.undone_by)
    return undone is not None and not undone.complete


@dataclass(slots=True)
class _Undoing:
    """One undo under way."""

    world: World
    operation: Operation
    id: str
    applied: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def verb(self) -> str:
        return REDO if self.operation.verb == UNDO else UNDO

    async def run(self, progress: Progress | None) -> Outcome:
        """Part by part, the last one first: each restores its rows and is journalled at once."""
        parts = await self._count_parts()
        for place, number in enumerate(reversed(range(parts))):
            steps = self.operation.steps if number == 0 else await self._steps_of(number)
            await self._part(place, steps, last=number == 0)
            if progress is not None:
                progress(self.applied + len(self.skipped))
        if parts > 1:
            values = records.addition({"applied": self.applied, "parts": parts})
            await self.world.database.execute(records.MARK, self.id, values, "completed")
        if self.applied:
            await ring(self.world)
        return Outcome(
            verb=self.verb,
            table=self.operation.table,
            past="put back" if self.verb == UNDO else "done again",
            matched=self.applied + len(self.skipped),
            applied=self.applied,
            skipped=tuple(self.skipped),
            journal=self.id,
        )

    async def _count_parts(self) -> int:
        """How many parts there are to take back: one whose process died never wrote it down."""
        parts = max(1, self.operation.parts)
        while not self.operation.complete and await self._steps_of(parts):
            parts += 1
        return parts

    async def _steps_of(self, number: int) -> Sequence[Step]:
        found = await records.find_part(
            self.world.database, records.part_id(self.operation.id, number)
        )
        return found.steps if found else ()

    async def _part(self, place: int, steps: Sequence[Step], *, last: bool) -> None:
        async with self.world.database.transaction() as session:
            done, skipped = await _restore(session, self.operation.table, steps)
            await journal.write(session, [self._entry(place, done, skipped, last=last)])
            if place == 0:
                mark = records.addition({"undone_by": self.id})
                await session.execute(records.MARK, self.operation.id, mark, "completed")
        self.applied += len(done)
        self.skipped += skipped

    def _entry(
        self,
        place: int,
        done: Sequence[Step],
        skipped: Sequence[tuple[str, str]],
        *,
        last: bool,
    ) -> journal.Entry:
        given = {
            "operator": self.world.operator.name,
            "host": self.world.operator.host,
            "verb": self.verb,
            "table": self.operation.table,
            "undoes": self.operation.id,
            "ids": [step.id for step in done] + [id_ for id_, _ in skipped],
        }
        said = records.outcome(done, skipped)
        said |= {"matched": len(done) + len(skipped), "parts": place + 1}
        if place:
            given["operation"] = self.id
        return journal.Entry(
            id=self.id if place == 0 else records.part_id(self.id, place),
            task_type=records.PART_TASK if place else records.TASK + self.verb,
            status="completed" if last or place else "running",
            input=given,
            output=said,
        )


async def _restore(
    session: Session, table: str, steps: Sequence[Step]
) -> tuple[list[Step], list[tuple[str, str]]]:
    """Put the rows of one part back."""
    gone = [step for step in steps if step.after is None and step.before is not None]
    made = [step for step in steps if step.before is None and step.after is not None]
    changed = [step for step in steps if step.before is not None and step.after is not None]
    answers = [
        *await _put_back(session, table, gone),
        *await _take_away(session, table, made),
        *await _restore_columns(session, table, changed),
    ]
    by_id = {step.id: step for step in steps}
    fit = [answer for answer in answers if answer.reason is None]
    linked, moved_on = await _restore_linked(session, [by_id[answer.id] for answer in fit])
    done = [
        Step(
            id=answer.id,
            before=json.loads(answer.before) if answer.before else None,
            after=json.loads(answer.after) if answer.after else None,
            linked=linked.get(answer.id, {}),
        )
        for answer in fit
    ]
    skipped = [(answer.id, answer.reason) for answer in answers if answer.reason is not None]
    return done, [*skipped, *moved_on]


async def _put_back(session: Session, table: str, steps: Sequence[Step]) -> list[Restored]:
    if not steps:
        return []
    columns = await session.fetch(restoring.COLUMNS, session.binding.tables[table].oid)
    rows = [json.dumps(step.before) for step in steps]
    statement = restoring.insert(table, columns)
    return await session.fetch(statement, [step.id for step in steps], rows)


async def _take_away(session: Session, table: str, steps: Sequence[Step]) -> list[Restored]:
    if not steps:
        return []
    rows = [json.dumps(step.after) for step in steps]
    return await session.fetch(restoring.delete(table), [step.id for step in steps], rows)


async def _restore_columns(session: Session, table: str, steps: Iterable[Step]) -> list[Restored]:
    images = [(step.id, step.before or {}, step.after or {}) for step in steps]
    return await _columns_back(session, table, images)


async def _columns_back(
    session: Session,
    table: str,
    images: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]],
) -> list[Restored]:
    if not images:
        return []
    names = [name for name in images[0][1] if name in TABLES[table].by_name]
    if not names:
        return [Restored(id_, None, "{}", "{}") for id_, _, _ in images]
    return await session.fetch(
        restoring.restore(session.binding, table, names),
        [id_ for id_, _, _ in images],
        [json.dumps(before) for _, before, _ in images],
        [json.dumps(after) for _, _, after in images],
    )


async def _restore_linked(
    session: Session, steps: Sequence[Step]
) -> tuple[dict[str, dict[str, Sequence[Any]]], list[tuple[str, str]]]:
    """Put back what moved with the rows. What has moved on since stays, and is named."""
    done: dict[str, dict[str, Sequence[Any]]] = {}
    moved_on: list[tuple[str, str]] = []
    for table in dict.fromkeys(table for step in steps for table in step.linked):
        owners = {str(step.linked[table][0]): step for step in steps if table in step.linked}
        images = [(id_, *owner.linked[table][1:3]) for id_, owner in owners.items()]
        for answer in await _columns_back(session, table, images):
            owner = owners[answer.id]
            if answer.reason is not None:
                moved_on.append((owner.id, f"its row of {table} {answer.reason}"))
                continue
            before, after = json.loads(answer.before or "{}"), json.loads(answer.after or "{}")
            done.setdefault(owner.id, {})[table] = (answer.id, before, after)
    return done, moved_on
