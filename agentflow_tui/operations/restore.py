"""Rows put back as an operation had found them, in the transaction that writes it down."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from agentflow_tui.operations.parts import Part, sift
from agentflow_tui.schema import TABLES
from agentflow_tui.store.changes import restore
from agentflow_tui.store.changes.change import TOUCHED
from agentflow_tui.store.changes.lock import hold
from agentflow_tui.store.changes.records import Step
from agentflow_tui.store.changes.restore import Restored
from agentflow_tui.store.changes.row_images import COLUMNS
from agentflow_tui.store.connection.database import Session

Image = tuple[str, Mapping[str, Any], Mapping[str, Any]]
"""A row's id, how it shall be, and how it was left."""

Restores = Callable[[Sequence[Step]], Awaitable[Sequence[Restored]]]


async def put_back(session: Session, table: str, steps: Sequence[Step], *, waits: bool) -> Part:
    """Put the rows of one part back that are as they were left.

    A row of which only what is linked to it has moved on is back, and named all the same.
    """
    gone = [step for step in steps if step.after is None and step.before is not None]
    made = [step for step in steps if step.before is None and step.after is not None]
    changed = [step for step in steps if step.before is not None and step.after is not None]
    answers: list[Restored] = []
    if gone or made:
        columns = await session.fetch(COLUMNS, session.binding.tables[table].oid)
        insert, delete = restore.insert(table, columns), restore.delete(table, columns)

        async def put(some: Sequence[Step]) -> Sequence[Restored]:
            return await session.fetch(insert, _ids(some), [json.dumps(s.before) for s in some])

        async def take(some: Sequence[Step]) -> Sequence[Restored]:
            return await session.fetch(delete, _ids(some), [json.dumps(s.after) for s in some])

        answers += await _sifted(session, gone, put)
        free, busy = await _held(session, table, made, deletes=True, waits=waits)
        answers += [*busy, *await _sifted(session, free, take)]
    lean, own = _parted(changed)
    lean, busy = await _held(session, table, lean, deletes=False, waits=waits)
    linked, moved_on = await _restore_linked(session, lean, waits=waits)
    stale = {id_ for id_, _ in moved_on}
    lean = [step for step in lean if step.id not in stale]
    answers += busy
    answers += await _columns_back(session, table, _images([*own, *lean]), waits=waits)

    by_id = {step.id: step for step in [*gone, *made, *own]}
    fit = [answer for answer in answers if answer.reason is None]
    others = [by_id[answer.id] for answer in fit if answer.id in by_id]
    further, left = await _restore_linked(session, others, waits=waits)
    linked |= further
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
    return Part(done, [*skipped, *moved_on, *left])


def _parted(steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """Steps that did no more to their rows than to say that they were changed, for what is linked
    to them was; and the others. The former go back only together with that."""
    lean = [step for step in steps if step.linked and not _has_own(step)]
    return lean, [step for step in steps if not step.linked or _has_own(step)]


def _ids(steps: Sequence[Step]) -> list[str]:
    return [step.id for step in steps]


def _images(steps: Sequence[Step]) -> list[Image]:
    return [(step.id, step.before or {}, step.after or {}) for step in steps]


def _has_own(step: Step) -> bool:
    """Whether more was done to the row itself than to say that it was changed."""
    return any(name not in TOUCHED for name in step.after or {})


async def _held(
    session: Session, table: str, steps: Sequence[Step], *, deletes: bool, waits: bool
) -> tuple[list[Step], list[Restored]]:
    if not steps:
        return [], []
    holding = hold(session.binding, table, deletes=deletes, waits=waits)
    held = await session.fetch(holding, _ids(steps))
    reasons = {each.id: each.reason for each in held if each.reason is not None}
    free = [step for step in steps if step.id not in reasons]
    return free, [Restored(id_, reason, None, None) for id_, reason in reasons.items()]


async def _sifted(session: Session, steps: Sequence[Step], do: Restores) -> list[Restored]:
    answers, refused = await sift(session, steps, do)
    return [*answers, *(Restored(step.id, why, None, None) for step, why in refused)]


async def _columns_back(
    session: Session, table: str, images: Sequence[Image], *, waits: bool
) -> list[Restored]:
    steps = [Step(id=id_, before=before, after=after) for id_, before, after in images]
    free, busy = await _held(session, table, steps, deletes=False, waits=waits)
    if not free:
        return busy
    names = [name for name in free[0].before or {} if name in TABLES[table].by_name]
    if not names:
        return [*busy, *(Restored(step.id, None, "{}", "{}") for step in free)]
    statement = restore.restore(session.binding, table, names)

    async def put(some: Sequence[Step]) -> Sequence[Restored]:
        before = [json.dumps(step.before) for step in some]
        return await session.fetch(
            statement, _ids(some), before, [json.dumps(step.after) for step in some]
        )

    return [*busy, *await _sifted(session, free, put)]


async def _restore_linked(
    session: Session, steps: Sequence[Step], *, waits: bool
) -> tuple[dict[str, dict[str, Sequence[Any]]], list[tuple[str, str]]]:
    """Put back what moved with the rows. What has moved on since stays, and is named."""
    done: dict[str, dict[str, Sequence[Any]]] = {}
    moved_on: list[tuple[str, str]] = []
    for table in dict.fromkeys(table for step in steps for table in step.linked):
        owners = {str(step.linked[table][0]): step for step in steps if table in step.linked}
        images = [(id_, *owner.linked[table][1:3]) for id_, owner in owners.items()]
        for answer in await _columns_back(session, table, images, waits=waits):
            owner = owners[answer.id]
            if answer.reason is not None:
                moved_on.append((owner.id, f"its row of {table} {answer.reason}"))
                continue
            before, after = json.loads(answer.before or "{}"), json.loads(answer.after or "{}")
            done.setdefault(owner.id, {})[table] = (answer.id, before, after)
    return done, moved_on
