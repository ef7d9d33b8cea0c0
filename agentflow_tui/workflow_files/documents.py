"""What a workflow's or a schedule's file says, and the names of its members."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.documents import Document, as_steps, read
from agentflow_tui.schema import RESERVED_KEYS

WORKFLOW_MEMBERS = ("name", "userId", "cron", "timeZone", "context", "steps")
SCHEDULE_MEMBERS = ("cron", "timeZone", "workflowId", "active", "intent")
IGNORED = "$schema"
"""A member by which editors find the schema of a JSON file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFile:
    """A workflow as its file says it. ``name`` is kept as ``context.name``; ``cron`` is for a
    schedule that starts it, ``time_zone`` the zone in which that is meant. None is: not said."""

    name: str | None = None
    user_id: str | None = None
    cron: str | None = None
    time_zone: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Mapping[str, Any], ...] = ()

    @property
    def stored_context(self) -> dict[str, Any]:
        """What goes into ``workflows.context``."""
        return ({} if self.name is None else {"name": self.name}) | dict(self.context)

    def as_members(self) -> dict[str, Any]:
        """The members of its file, in the order in which they stand there."""
        said = {
            "name": self.name,
            "userId": self.user_id,
            "cron": self.cron,
            "timeZone": self.time_zone,
            "context": dict(self.context) or None,
        }
        return {name: value for name, value in said.items() if value is not None} | {
            "steps": [dict(step) for step in self.steps]
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFile:
    """A schedule as its file says it."""

    cron: str
    workflow_id: str | None = None
    time_zone: str | None = None
    active: bool = True
    intent: str | None = None

    def as_members(self) -> dict[str, Any]:
        """The members of its file, in the order in which they stand there."""
        said = {
            "cron": self.cron,
            "timeZone": self.time_zone,
            "workflowId": self.workflow_id,
            "active": self.active,
            "intent": self.intent,
        }
        return {name: value for name, value in said.items() if value is not None}


def workflow_of(
    steps: str | None, context: str | None, user_id: str | None = None
) -> tuple[WorkflowFile | None, str]:
    """The file of a stored workflow, or why there is none. What a run has left in its context, the
    results of its steps, is no part of it."""
    written = read(steps, len(steps or "") + 1)
    found = _entries(written)
    if found is None:
        reason = as_steps(written).problem or "there is nothing in them"
        return None, f"its steps cannot be read: {reason}"
    kept = read(context, len(context or "") + 1)
    if problem := _why_no_context(kept):
        return None, problem
    left = RESERVED_KEYS | results_of(written)
    values = {name: value for name, value in (kept.value or {}).items() if name not in left}
    name = values.pop("name") if isinstance(values.get("name"), str) else None
    return WorkflowFile(name=name, user_id=user_id, context=values, steps=tuple(found)), ""


def _why_no_context(kept: Document) -> str:
    if kept.value is None:
        return f"its context cannot be read: {kept.problem}" if kept.problem else ""
    return "" if isinstance(kept.value, dict) else "its context is no object"


def results_of(steps: Document) -> set[str]:
    """The members of a context under which the results of these steps are kept."""
    return {step.id for step in as_steps(steps)}


def _entries(written: Document) -> list[dict[str, Any]] | None:
    """The steps as they are stored, where they are a list of objects."""
    value = written.value
    if isinstance(value, dict):
        value = value.get("steps") if "steps" in value else [value] if "type" in value else None
        value = read(value).value if isinstance(value, str) else value
    if isinstance(value, list) and all(isinstance(step, dict) for step in value):
        return value
    return None
