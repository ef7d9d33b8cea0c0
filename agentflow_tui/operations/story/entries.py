"""What an entry of the journal names: its members, its run, and which entries are of one run."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from agentflow_tui.documents import read
from agentflow_tui.store.views.story_journal import FIRES, LATEST, STEPS
from agentflow_tui.store.views.tasks import Mention

_READ: WeakKeyDictionary[Mention, dict[str, dict[str, Any]]] = WeakKeyDictionary()
"""The members of what entries were given and said: asked for often, kept as long as the entry."""

SLACK = timedelta(seconds=1)
"""A fire is committed a little before or after the moment at which its first step says it began."""


def given(entry: Mention) -> dict[str, Any]:
    """The members of what an entry was given."""
    return _members(entry, "input", entry.input)


def said(entry: Mention) -> dict[str, Any]:
    """The members of what an entry says came of it."""
    return _members(entry, "output", entry.output)


def _members(entry: Mention, name: str, text: str | None) -> dict[str, Any]:
    read_already = _READ.setdefault(entry, {})
    if name not in read_already:
        value = read(text).value
        read_already[name] = value if isinstance(value, dict) else {}
    return read_already[name]


def workflow_of(entry: Mention) -> str | None:
    """The workflow that a fire, or a step, is about."""
    found = given(entry).get("workflow") or given(entry).get("workflowId")
    return found if isinstance(found, str) else None


def run_of(entry: Mention) -> str | None:
    """The run that a step is of; None where that is not said."""
    found = given(entry).get("run")
    return found if isinstance(found, str) else None


def began(entry: Mention) -> datetime | None:
    """When what an entry tells of began."""
    return entry.start_time or entry.created_at


def is_step(entry: Mention) -> bool:
    """Whether the entry is about a step of a workflow."""
    return entry.task_type == STEPS.task


def is_fire(entry: Mention) -> bool:
    """Whether the entry is about a slot of a schedule."""
    return entry.task_type == FIRES.task


def steps_of_runs(entries: Iterable[Mention], runs: Collection[str | None]) -> list[Mention]:
    """The entries of steps that are of these runs, or that do not say of which they are."""
    return [entry for entry in entries if run_of(entry) is None or run_of(entry) in runs]


def latest_runs(entries: Sequence[Mention], count: int) -> set[str | None]:
    """The last runs of which entries tell."""
    ordered = sorted((e for e in entries if began(e)), key=lambda e: str(began(e)), reverse=True)
    return set(list(dict.fromkeys(run_of(entry) for entry in ordered))[:count])


def run_after(entries: Iterable[Mention], at: datetime | None) -> set[str | None]:
    """The run that began first after a moment, such as that of a fire."""
    later = [e for e in entries if at is not None and (began(e) or at) >= at - SLACK]
    earliest = min(later, key=lambda entry: began(entry) or LATEST, default=None)
    return set() if earliest is None else {run_of(earliest)}


def first(steps: Iterable[Mention]) -> datetime | None:
    """When the first of these steps began."""
    return min((at for step in steps if (at := began(step))), default=None)


def by_run(steps: Iterable[Mention]) -> dict[tuple[str | None, str | None], list[Mention]]:
    """The entries of steps by their workflows and runs."""
    found: dict[tuple[str | None, str | None], list[Mention]] = {}
    for step in steps:
        found.setdefault((workflow_of(step), run_of(step)), []).append(step)
    return found


def fire_of(fires: Iterable[Mention], steps: Sequence[Mention]) -> list[Mention]:
    """The fire that started these steps of one run: the last one of their workflow before the
    first of them."""
    workflows = {workflow_of(step) for step in steps}
    at = first(steps)
    if at is None:
        return []
    before = [
        fire
        for fire in fires
        if said(fire).get("outcome") == "fired"
        and workflow_of(fire) in workflows
        and fire.created_at is not None
        and fire.created_at <= at + SLACK
    ]
    return [max(before, key=lambda fire: str(fire.created_at))] if before else []
