"""Screen 2: workflows, and why they are not moving."""

from datetime import datetime

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.list.columns import Cell, ListColumn
from agentflow_tui.console.list.declarations import ListScreen
from agentflow_tui.console.screens.cells import age_column, owner_column, status_column
from agentflow_tui.operations.reasons import current_step, why_workflow
from agentflow_tui.store.views.workflow_names import steps_of
from agentflow_tui.store.views.workflows import WORKFLOW_LIST, Workflow
from agentflow_tui.text import NOTHING, age, thin_bar

_BAR = 5


def _columns(env: Environment) -> tuple[ListColumn[Workflow], ...]:
    lease = env.lease
    blocks = not env.settings.console.ascii

    def progress(workflow: Workflow, _now: datetime) -> Cell:
        total = len(steps_of(workflow.steps))
        if not total:
            return f"{'':{_BAR}} ?"
        done = max(0, min(workflow.current_step or 0, total))
        if workflow.status == "completed":
            done = total
        at = done if workflow.is_finished else min(done + 1, total)
        finished = "done" if workflow.status == "completed" else "dim"
        style = {"failed": "failed", "running": "running"}.get(workflow.status or "", finished)
        return ((thin_bar(done / total, _BAR, blocks=blocks), style), (f" {at}/{total}", ""))

    def what(workflow: Workflow, _now: datetime) -> Cell:
        return workflow.title or NOTHING

    def step(workflow: Workflow, _now: datetime) -> Cell:
        found = current_step(workflow)
        return (found.name or found.id or found.type) if found else NOTHING

    def lock(workflow: Workflow, now: datetime) -> Cell:
        if not workflow.locked or workflow.not_before(now):
            return ""
        held = workflow.lock_age(now)
        stale = workflow.is_stale(now, lease)
        return ((f"{'▲ ' if stale else ''}{age(held)}", "warning" if stale else "running"),)

    def why(workflow: Workflow, now: datetime) -> Cell:
        style = "failed" if workflow.status == "failed" else "dim"
        if workflow.is_stale(now, lease):
            style = "warning"
        return ((why_workflow(workflow, now, lease), style),)

    return (
        status_column(),
        ListColumn("What", what, grows=True, min_width=18, key="what"),
        ListColumn("Steps", progress, width=_BAR + 6, key="steps"),
        ListColumn("At", step, width=16, drop=1, key="at"),
        owner_column(drop=3),
        ListColumn("Lock", lock, width=5, right=True, ticks=True, key="lock"),
        age_column("Age", lambda row: row.created_at, sort="createdAt"),
        age_column("Moved", lambda row: row.last_updated, sort="lastUpdated", drop=2),
        ListColumn("Why", why, grows=True, min_width=20, ticks=True, key="why"),
    )


WORKFLOWS_SCREEN = ListScreen(
    listing=WORKFLOW_LIST,
    columns=_columns,
    faults="wrong:yes",
    empty="No workflows here. AgentFlow and schedules start them.",
    tabs="agentflow_tui.console.details.workflows:TABS",
)
