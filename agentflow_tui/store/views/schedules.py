"""Schedules: when workflows start by themselves."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import SCHEDULES, Kind
from agentflow_tui.store.reading.listings import Computed, joined, listing, stored
from agentflow_tui.store.views.workflow_names import given_name, workflow_title

STARTED_FROM = frozenset({"draft", "completed", "failed", "cancelled", "pending", "running"})
"""Statuses from which a schedule starts a workflow, or which pass by themselves."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule, with the state of the workflow that it starts."""

    id: str
    workflow_id: str | None
    cron: str | None
    last_run: datetime | None
    next_run: datetime | None
    active: bool | None
    created_at: datetime | None
    updated_at: datetime | None
    workflow_status: str | None
    workflow_steps: str | None
    workflow_name: str | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def title(self) -> str:
        return joined(workflow_title(self.workflow_steps, name=self.workflow_name), self.cron)

    @property
    def starts_nothing(self) -> bool:
        """Whether its slots pass without a start, because of the state of its workflow."""
        status = self.workflow_status
        return bool(self.active and status) and status not in STARTED_FROM

    def is_overdue(self, now: datetime) -> bool:
        """Whether its slot has passed without having been fired."""
        return bool(self.active) and self.next_run is not None and self.next_run < now


SCHEDULE_LIST = listing(
    Schedule,
    SCHEDULES,
    {
        "workflow_status": stored("workflows.status", "w"),
        "workflow_steps": stored("workflows.steps", "w", cut=2000, searched=True),
        "workflow_name": given_name("w", intent="{q.schedules.intent}::text"),
    },
    joins="LEFT JOIN {workflows?} w ON {w.workflows.id} = {q.schedules.workflowId}",
    further={
        "wrong": Computed(
            "({q.schedules.active} AND ({q.schedules.nextRun} IS NULL OR {q.schedules.nextRun} < "
            "now() - interval '1 minute' OR {w.workflows.status} NOT IN "
            f"({', '.join(repr(status) for status in sorted(STARTED_FROM))})))",
            Kind.FLAG,
            joined=True,
        )
    },
)
