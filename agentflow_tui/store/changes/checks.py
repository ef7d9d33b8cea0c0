"""Changes of health checks."""

from agentflow_tui.store.changes.change import Change, Rule
from agentflow_tui.store.views.checks import WORKER_PREFIX

_NO_WORKER = Rule(
    sql=f"NOT starts_with({{q.health_checks.id}}::text, '{WORKER_PREFIX}')",
    reason="'is a worker, which reports itself'",
    why_not=lambda row: "is a worker, which reports itself" if row.is_worker else "",
)

RERUN = Change(
    table="health_checks",
    sets={"lastChecked": "NULL", "updatedAt": "now()"},
    rules=(_NO_WORKER,),
    guard=(),
)
"""A check that was never done is due at once, for whichever worker looks first."""

DELETE = Change(
    table="health_checks", sets={}, rules=(_NO_WORKER,), guard=("status",), deletes=True
)
