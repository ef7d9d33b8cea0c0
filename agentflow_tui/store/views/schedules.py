"""Schedules: when workflows start by themselves."""

from datetime import datetime, timedelta

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import SCHEDULES, Kind
from agentflow_tui.store.reading.listings import Computed, joined, listing, stored
from agentflow_tui.store.views.predicates import (
    IS_LATE,
    IS_WRONG_SCHEDULE,
    LATE_AFTER,
    STARTED_FROM,
)
from agentflow_tui.store.views.workflow_names import given_name, workflow_title


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
        """Whether its slot has passed without having been fired (`IS_LATE`)."""
        late = timedelta(seconds=LATE_AFTER)
        return bool(self.active) and self.next_run is not None and self.next_run < now - late


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
        "late": Computed(IS_LATE, Kind.FLAG),
        "wrong": Computed(IS_WRONG_SCHEDULE, Kind.FLAG, joined=True),
    },
)
