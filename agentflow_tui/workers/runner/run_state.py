"""What the runner knows of a run, kept in the workflow's context under one reserved name.

It survives restarts because it is written with each step. The run's identity is part of every
idempotency key, so a new run must get a new one: a workflow that begins at its first step, after a
run that has finished steps, is a new run. A run that has finished none is the same run still, for
nothing of it has been kept, and services that saw its first request see that it is the same.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

from agentflow_tui.dataclass import dataclass
from agentflow_tui.steps.plans import PlannedStep

ALONE = 3
"""Deaths of its process from which on a step is suspect: it runs when no other suspect does, and is
blamed from then on only for deaths while it ran. What ran beside a step that kills gets out of it
that way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """How often a run may go back to an earlier step without a rest before it is taken for an
    endless loop, and how many times a step may be cut off by the death of its process before it is
    blamed for it."""

    laps: int = 1000
    crashes: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What is known of a run. ``done`` counts the steps taken, ``lap`` the jumps backwards,
    ``spins`` those since it last rested.

    It is at the step ``at``, which stood at ``index``; ``mark`` is `PlannedStep.mark`. ``attempts``
    failed and ``crashes`` cut off, ``since`` and ``until`` of a wait, ``trying`` while
    a suspect runs: all these are about the step ``at``, and mean nothing once another one is
    current.
    """

    id: str
    done: int = 0
    lap: int = 0
    spins: int = 0
    at: str = ""
    index: int | None = None
    mark: str = ""
    attempts: int = 0
    crashes: int = 0
    since: datetime | None = None
    until: datetime | None = None
    trying: bool = False

    @classmethod
    def begin(cls) -> Self:
        return cls(id=uuid4().hex)

    def key(self, workflow_id: str, step_id: str) -> str:
        """``<workflow>:<run>:<step>``; a later lap of a loop counts as a run of its own."""
        lap = f".{self.lap}" if self.lap else ""
        return f"{workflow_id}:{self.id}{lap}:{step_id}"

    def about(self, step_id: str) -> "RunState":
        """The same, with what was about another step forgotten."""
        if self.at == step_id:
            return self
        return RunState(id=self.id, done=self.done, lap=self.lap, spins=self.spins, at=step_id)

    def after(self, *, back: bool) -> "RunState":
        """The state after a step was taken."""
        return RunState(
            id=self.id, done=self.done + 1, lap=self.lap + back, spins=self.spins + back
        )

    def placed(self, step: PlannedStep | None, index: int) -> "RunState":
        """The state of a run that is at this step, None for its end."""
        if step is None:
            return replace(self.about(""), index=None, mark="")
        return replace(self.about(step.step.id), index=index, mark=step.mark)

    def crashed(self) -> "RunState":
        """The state after the death of the process that held the workflow."""
        to_blame = self.crashes < ALONE or self.trying
        return replace(self, crashes=self.crashes + to_blame, trying=False)

    @property
    def text(self) -> str:
        """As JSON, without what says nothing. Written by hand, which is faster."""
        run = f'"{self.id}"' if self.id.isalnum() else json.dumps(self.id)
        parts = [f'"id":{run},"done":{self.done}']
        if self.lap:
            parts.append(f'"lap":{self.lap},"spins":{self.spins}')
        if self.at:
            at = f'"{self.at}"' if self.at.isidentifier() else json.dumps(self.at)
            parts.append(f'"at":{at}')
        if self.index is not None:
            parts.append(f'"index":{self.index}')
        if self.mark:
            parts.append(f'"mark":"{self.mark}"')
        if self.attempts or self.crashes or self.until:
            parts.append(json.dumps(self._about_the_step())[1:-1])
        return f"{{{','.join(parts)}}}"

    def _about_the_step(self) -> dict[str, Any]:
        known: dict[str, Any] = {"attempts": self.attempts, "crashes": self.crashes}
        if self.trying:
            known["trying"] = True
        if self.until and self.since:
            known |= {"since": self.since.isoformat(), "until": self.until.isoformat()}
        return known


def recorded(stored: object, *, status: str, current_step: int) -> RunState | None:
    """The state that a context holds, None where a new run begins. Never raises."""
    if not isinstance(stored, Mapping) or not isinstance(stored.get("id"), str):
        return None
    state = RunState(
        id=stored["id"],
        done=_count(stored.get("done")),
        lap=_count(stored.get("lap")),
        spins=_count(stored.get("spins")),
        at=str(stored.get("at") or ""),
        index=_index(stored.get("index")),
        mark=str(stored.get("mark") or ""),
        attempts=_count(stored.get("attempts")),
        crashes=_count(stored.get("crashes")),
        since=_moment(stored.get("since")),
        until=_moment(stored.get("until")),
        trying=stored.get("trying") is True,
    )
    if current_step or not state.done:
        return state
    came_back = bool(state.lap) if state.index is None else state.index == 0
    return state if came_back and status != "pending" else None


def has_run(stored: object) -> bool:
    """Whether the state that a context holds is that of a run that finished steps."""
    return isinstance(stored, Mapping) and _count(stored.get("done")) > 0


def _index(value: object) -> int | None:
    is_index = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_index and isinstance(value, int) else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
