"""A workflow: its steps as a timeline, its context, its journal."""

from datetime import datetime

from agentflow_tui.console.details.common import ROW, field, tree_tab, wrapped
from agentflow_tui.console.details.journals import journal_tab
from agentflow_tui.console.list.declarations import DetailRow, Tab
from agentflow_tui.console.widgets.line import Piece
from agentflow_tui.console.widgets.pane import PaneLine, heading, text_line
from agentflow_tui.documents import Step, as_steps, read
from agentflow_tui.operations.reasons import why_workflow
from agentflow_tui.store.reading.records import Record
from agentflow_tui.store.views.tasks import Mention, mentions
from agentflow_tui.store.views.workflows import Workflow
from agentflow_tui.text import duration, fit, safe, thin_bar

_BAR = 12
NAME, TYPE = 26, 18
"""Cells of a step's name and of its type; longer ones are cut."""

_BESIDE_BAR = 6 + NAME + 1 + TYPE + 9
"""Cells of a step's line without its bar, which is shorter where there is no room."""


def workflow_of(record: Record) -> Workflow:
    """The row of a list, from the row in full."""
    values = record.values

    def when(name: str) -> datetime | None:
        value = values.get(name)
        return value if isinstance(value, datetime) else None

    step, locked = values.get("currentStep"), values.get("locked")
    return Workflow(
        id=record.id,
        user_id=record.text("userId") or None,
        current_step=step if isinstance(step, int) else None,
        status=record.text("status") or None,
        last_error=record.text("lastError") or None,
        last_updated=when("lastUpdated"),
        locked=locked if isinstance(locked, bool) else None,
        locked_at=when("lockedAt"),
        created_at=when("createdAt"),
        steps=record.text("steps") or None,
    )


async def steps(opened: DetailRow) -> list[PaneLine]:
    """Each step with its state and how long it took, and why the workflow is where it is."""
    workflow = workflow_of(opened.record)
    document = read(workflow.steps)
    definitions = as_steps(document)
    why = why_workflow(workflow, opened.env.now(), opened.env.lease)
    lines = [field("Status", workflow.status or "")]
    if why:
        lines += wrapped(why, opened.width, "failed" if workflow.status == "failed" else "accent")
    lines += [text_line(""), heading(f"Steps ({len(definitions)})")]
    if document.problem:
        lines.append(text_line(f"▲ {document.problem}", "warning"))
    database = await opened.env.connected()
    found = await mentions(database, workflow.id, "workflow.step")
    times = _durations(found.entries)
    longest = max(times.values(), default=0.0)
    for place, step in enumerate(definitions):
        seconds = times.get(step.id) if _has_run(workflow, place) else None
        lines.append(_step(opened, workflow, place, step, seconds, longest))
        if step.problem:
            lines.append(text_line(f"      ▲ {step.problem}", "warning"))
    return lines


def _durations(entries: list[Mention]) -> dict[str, float]:
    """Seconds that the latest run of each step took, by step id."""
    times: dict[str, float] = {}
    for entry in entries:
        value = read(entry.input).value
        step = value.get("step") if isinstance(value, dict) else None
        name = step.get("id") if isinstance(step, dict) else step
        if isinstance(value, dict) and name is None:
            name = value.get("stepId")
        if isinstance(name, str) and entry.start_time and entry.end_time:
            times.setdefault(name, (entry.end_time - entry.start_time).total_seconds())
    return times


def _has_run(workflow: Workflow, place: int) -> bool:
    """Whether a step has come to an end in this run; what the journal says of it may be older."""
    return _step_state(workflow, place)[0] in "✓✗"


def _step_state(workflow: Workflow, place: int) -> tuple[str, str]:
    """Glyph and style of a step: done, failed, running, next, or still to come."""
    at = workflow.current_step or 0
    if place < at or workflow.status == "completed":
        return "✓", "done"
    if place > at:
        return "○", "dim"
    if workflow.status == "failed":
        return "✗", "failed"
    if workflow.locked:
        return "◐", "running"
    return ("○", "dim") if workflow.is_finished else ("▸", "accent")


def _step(
    opened: DetailRow,
    workflow: Workflow,
    place: int,
    step: Step,
    seconds: float | None,
    longest: float,
) -> PaneLine:
    glyph, style = _step_state(workflow, place)
    blocks = not opened.env.settings.console.ascii
    bar = max(0, min(_BAR, opened.width - _BESIDE_BAR))
    drawn = thin_bar(seconds / longest, bar, blocks=blocks) if seconds and longest else " " * bar
    took = duration(seconds) if seconds is not None else ""
    return PaneLine(
        (
            Piece(f" {glyph} {place + 1:>2} ", style),
            Piece(
                f"{fit(safe(step.name or step.id), NAME)} ",
                "strong" if place == (workflow.current_step or 0) else "",
            ),
            Piece(fit(safe(step.type), TYPE), "dim"),
            Piece(drawn, "running"),
            Piece(f" {took:>8}", "dim"),
        ),
        key=f"step {place}",
    )


TABS = (
    Tab("Steps", steps),
    tree_tab("Context", "context"),
    journal_tab(),
    ROW,
    tree_tab("Definition", "steps"),
)
