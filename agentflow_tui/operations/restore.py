"""Rows put back as an operation had found them, in the transaction that writes it down."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from agentflow_tui.operations.parts import Part, change_accepted
from agentflow_tui.schema import TABLES
from agentflow_tui.store.changes import restore
from agentflow_tui.store.changes.change import MODIFICATION_TIMES
from agentflow_tui.store.changes.lock import lock
from agentflow_tui.store.changes.records import RowChange
from agentflow_tui.store.changes.restore import Restored
from agentflow_tui.store.changes.row_images import COLUMNS
from agentflow_tui.store.connection.database import Session

Image = tuple[str, Mapping[str, Any], Mapping[str, Any]]
"""A row's id, how it shall be, and how it was left."""

Restores = Callable[[Sequence[RowChange]], Awaitable[Sequence[Restored]]]


async def put_back(
    session: Session, table: str, row_changes: Sequence[RowChange], *, waits: bool
) -> Part:
    """Put the rows of one part back that are as they were left.

    A row of which only what is linked to it has moved on is back, and named all the same.
    """
    gone = [
        row_change
        for row_change in row_changes
        if row_change.after is None and row_change.before is not None
    ]
    made = [
        row_change
        for row_change in row_changes
        if row_change.before is None and row_change.after is not None
    ]
    changed = [
        row_change
        for row_change in row_changes
        if row_change.before is not None and row_change.after is not None
    ]
    answers: list[Restored] = []
    if gone or made:
        columns = await session.fetch(COLUMNS, session.binding.tables[table].oid)
        insert, delete = restore.insert(table, columns), restore.delete(table, columns)

        async def put(some: Sequence[RowChange]) -> Sequence[Restored]:
            return await session.fetch(insert, _ids(some), [json.dumps(s.before) for s in some])

        async def take(some: Sequence[RowChange]) -> Sequence[Restored]:
            return await session.fetch(delete, _ids(some), [json.dumps(s.after) for s in some])

        answers += await _sifted(session, gone, put)
        free, busy = await _held(session, table, made, deletes=True, waits=waits)
        answers += [*busy, *await _sifted(session, free, take)]
    lean, own = _parted(changed)
    lean, busy = await _held(session, table, lean, deletes=False, waits=waits)
    linked, moved_on = await _restore_linked(session, lean, waits=waits)
    stale = {id_ for id_, _ in moved_on}
    lean = [row_change for row_change in lean if row_change.id not in stale]
    answers += busy
    answers += await _columns_back(session, table, _images([*own, *lean]), waits=waits)

    by_id = {row_change.id: row_change for row_change in [*gone, *made, *own]}
    fit = [answer for answer in answers if answer.reason is None]
    others = [by_id[answer.id] for answer in fit if answer.id in by_id]
    further, left = await _restore_linked(session, others, waits=waits)
    linked |= further
    done = [
        RowChange(
            id=answer.id,
            before=json.loads(answer.before) if answer.before else None,
            after=json.loads(answer.after) if answer.after else None,
            linked=linked.get(answer.id, {}),
        )
        for answer in fit
    ]
    skipped = [(answer.id, answer.reason) for answer in answers if answer.reason is not None]
    return Part(done, [*skipped, *moved_on, *left])


def _parted(row_changes: Sequence[RowChange]) -> tuple[list[RowChange], list[RowChange]]:
    """Steps that did no more to their rows than to say that they were changed, for what is linked
    to them was; and the others. The former go back only together with that."""
    lean = [
        row_change for row_change in row_changes if row_change.linked and not _has_own(row_change)
    ]
    return lean, [
        row_change for row_change in row_changes if not row_change.linked or _has_own(row_change)
    ]


def _ids(row_changes: Sequence[RowChange]) -> list[str]:
    return [row_change.id for row_change in row_changes]


def _images(row_changes: Sequence[RowChange]) -> list[Image]:
    return [
        (row_change.id, row_change.before or {}, row_change.after or {})
        for row_change in row_changes
    ]


def _has_own(row_change: RowChange) -> bool:
    """Whether more was done to the row itself than to say that it was changed."""
    return any(name not in MODIFICATION_TIMES for name in row_change.after or {})


async def _held(
    session: Session, table: str, row_changes: Sequence[RowChange], *, deletes: bool, waits: bool
) -> tuple[list[RowChange], list[Restored]]:
    if not row_changes:
        return [], []
    holding = lock(session.binding, table, deletes=deletes, waits=waits)
    held = await session.fetch(holding, _ids(row_changes))
    reasons = {each.id: each.reason for each in held if each.reason is not None}
    free = [row_change for row_change in row_changes if row_change.id not in reasons]
    return free, [Restored(id_, reason, None, None) for id_, reason in reasons.items()]


async def _sifted(
    session: Session, row_changes: Sequence[RowChange], do: Restores
) -> list[Restored]:
    answers, refused = await change_accepted(session, row_changes, do)
    return [*answers, *(Restored(row_change.id, why, None, None) for row_change, why in refused)]


async def _columns_back(
    session: Session, table: str, images: Sequence[Image], *, waits: bool
) -> list[Restored]:
    row_changes = [RowChange(id=id_, before=before, after=after) for id_, before, after in images]
    free, busy = await _held(session, table, row_changes, deletes=False, waits=waits)
    if not free:
        return busy
    names = [name for name in free[0].before or {} if name in TABLES[table].by_name]
    if not names:
        return [*busy, *(Restored(row_change.id, None, "{}", "{}") for row_change in free)]
    statement = restore.restore(session.binding, table, names)

    async def put(some: Sequence[RowChange]) -> Sequence[Restored]:
        before = [json.dumps(row_change.before) for row_change in some]
        return await session.fetch(
            statement, _ids(some), before, [json.dumps(row_change.after) for row_change in some]
        )

    return [*busy, *await _sifted(session, free, put)]


async def _restore_linked(
    session: Session, row_changes: Sequence[RowChange], *, waits: bool
) -> tuple[dict[str, dict[str, Sequence[Any]]], list[tuple[str, str]]]:
    """Put back what moved with the rows. What has moved on since stays, and is named."""
    done: dict[str, dict[str, Sequence[Any]]] = {}
    moved_on: list[tuple[str, str]] = []
    for table in dict.fromkeys(table for row_change in row_changes for table in row_change.linked):
        owners = {
            str(row_change.linked[table][0]): row_change
            for row_change in row_changes
            if table in row_change.linked
        }
        images = [(id_, *owner.linked[table][1:3]) for id_, owner in owners.items()]
        for answer in await _columns_back(session, table, images, waits=waits):
            owner = owners[answer.id]
            if answer.reason is not None:
                moved_on.append((owner.id, f"its row of {table} {answer.reason}"))
                continue
            before, after = json.loads(answer.before or "{}"), json.loads(answer.after or "{}")
            done.setdefault(owner.id, {})[table] = (answer.id, before, after)
    return done, moved_on
