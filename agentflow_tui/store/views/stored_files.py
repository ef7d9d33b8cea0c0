"""Workflows and schedules whole, as their files are written and edited."""

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.statements import Statement


@dataclass(frozen=True, slots=True)
class StoredWorkflow:
    """What of a workflow its file says; ``steps`` and ``context`` as JSON texts, whole."""

    id: str
    user_id: str | None
    steps: str | None
    context: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """What of a schedule its file says."""

    id: str
    workflow_id: str | None
    cron: str | None
    active: bool | None
    intent: str | None


WORKFLOW = Statement(
    StoredWorkflow,
    """
SELECT q.{workflows.id}::text, {q.workflows.userId}::text, {q.workflows.steps}::text,
       {q.workflows.context}::text, {q.workflows.status}::text
  FROM {workflows} q WHERE q.{workflows.id} = $1::text::{workflows.id:type}
""",
)
"""The workflow ``$1``, by its primary key."""

SCHEDULE = Statement(
    StoredSchedule,
    """
SELECT q.{schedules.id}::text, {q.schedules.workflowId}::text, {q.schedules.cron}::text,
       {q.schedules.active}, {q.schedules.intent}::text
  FROM {schedules} q WHERE q.{schedules.id} = $1::text::{schedules.id:type}
""",
)
"""The schedule ``$1``, by its primary key."""
