"""Seeing to what needs attention: acknowledge it, put it off, claim it, wake it again.

Each is a change like any other: compare and set against the state that was shown, journalled, and
taken back by undo.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentflow_tui.errors import MissingError
from agentflow_tui.operations.carry_out import carry_out
from agentflow_tui.operations.context import World
from agentflow_tui.operations.operation import Operation
from agentflow_tui.operations.outcomes import Outcome
from agentflow_tui.operations.snapshot import Targets
from agentflow_tui.operations.triage import decisions
from agentflow_tui.operations.triage.decisions import Decision
from agentflow_tui.operations.triage.issue_state import Concern, Mode, State
from agentflow_tui.operations.triage.snooze import Until
from agentflow_tui.store.changes import issue_states
from agentflow_tui.store.changes.issues import STATE
from agentflow_tui.store.changes.snapshot import Pinned
from agentflow_tui.store.connection.database import Database


@dataclass(frozen=True, slots=True)
class Matter:
    """A concern, and what is known to have been decided about it."""

    concern: Concern
    state: State


def _operation(decision: Decision) -> Operation:
    return Operation(verb=decision.verb, change=STATE, past=decision.past, about=decision.about)


async def read_states(database: Database, subjects: Iterable[str]) -> dict[str, State]:
    """What has been decided about each of these subjects; one statement.

    Raises `UnreachableError`, `RefusedError`.
    """
    kept = await issue_states.read(database, list(subjects))
    return {subject: State.of(row.output, row.stamp) for subject, row in kept.items()}


async def acknowledge(world: World, matters: Sequence[Matter], now: datetime) -> Outcome:
    """Take them out of attention until they come back."""

    def said(concern: Concern) -> dict[str, Any]:
        return _decided(world, Mode.ACKNOWLEDGED, concern, now, limit=concern.bearable)

    return await _decide(world, decisions.ACKNOWLEDGE, matters, said)


async def snooze(world: World, matters: Sequence[Matter], until: Until, now: datetime) -> Outcome:
    """Take them out of attention until a time, or until they have grown."""

    def said(concern: Concern) -> dict[str, Any]:
        limit = until.limit(concern.size)
        return _decided(world, Mode.SNOOZED, concern, now, until=until.at, limit=limit)

    return await _decide(world, decisions.SNOOZE, matters, said)


async def claim(world: World, matters: Sequence[Matter], now: datetime) -> Outcome:
    """Say that one is looking at them. It blocks nobody, and is forgotten after a while."""
    said = {"claimed_by": world.operator.name, "claimed_at": now.isoformat()}
    return await _decide(world, decisions.CLAIM, matters, lambda _concern: said)


async def wake(world: World, matters: Sequence[Matter], now: datetime) -> Outcome:
    """Forget what was decided about them."""

    def said(concern: Concern) -> dict[str, Any]:
        forgotten = {"claimed_by": None, "claimed_at": None}
        return _decided(world, Mode.OPEN, concern, now) | forgotten

    return await _decide(world, decisions.WAKE, matters, said)


def _decided(
    world: World,
    mode: Mode,
    concern: Concern,
    now: datetime,
    *,
    until: datetime | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    return {
        "state": str(mode),
        "by": world.operator.name,
        "at": now.isoformat(),
        "until": until.isoformat() if until is not None else None,
        "limit": limit,
        "count": concern.size,
        "mark": concern.mark,
    }


async def _decide(
    world: World,
    decision: Decision,
    matters: Sequence[Matter],
    said: Callable[[Concern], dict[str, Any]],
) -> Outcome:
    if not issue_states.keeps_states(world.database.binding):
        raise MissingError("This database has no journal to keep that in.")
    labels = {matter.concern.subject: matter.concern.label for matter in matters}
    await issue_states.make_rows(world.database, labels)
    rows = tuple(
        Pinned(issue_states.state_id(matter.concern.subject), matter.state.stamp, None)
        for matter in matters
    )
    changes = {row.id: said(m.concern) for row, m in zip(rows, matters, strict=True)}
    targets = Targets(operation=_operation(decision), argument=json.dumps(changes), rows=rows)
    return await carry_out(world, targets)
