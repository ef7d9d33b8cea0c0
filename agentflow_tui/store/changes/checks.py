"""Changes of health checks."""

from agentflow_tui.store.changes.change import Change, Rule
from agentflow_tui.store.views.checks import (
    GIVEN_BACK,
    HAS_LOCK,
    HELD_LOCKS,
    LOCK_KEY,
)
from agentflow_tui.store.views.predicates import WORKER_PREFIX

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

_ID, _DETAILS = "{q.health_checks.id}::text", "{q.health_checks.details}"
_IS_WORKER = f"starts_with({_ID}, '{WORKER_PREFIX}')"
_IS_HELD = f"{LOCK_KEY.format(id=_ID)} IN ({HELD_LOCKS})"
_IS_GIVEN_BACK = GIVEN_BACK.format(details=_DETAILS)
_NOT_GIVEN_BACK = "'has died, and what it held is given back once a worker runs'"

_NO_LIVE_WORKER = Rule(
    sql=f"NOT {_IS_WORKER} OR ({_IS_GIVEN_BACK} AND NOT {_IS_HELD})",
    reason=(
        f"CASE WHEN {_IS_HELD} THEN 'is alive: its process holds its lock' "
        f"WHEN {HAS_LOCK.format(details=_DETAILS)} THEN {_NOT_GIVEN_BACK} "
        "ELSE 'has no lock, and goes by itself once it is silent for long' END"
    ),
)
"""A worker's row goes only when its lock is free and what it held has been given back: until then
others need it to give that back."""

DELETE = Change(
    table="health_checks", sets={}, rules=(_NO_LIVE_WORKER,), guard=("status",), deletes=True
)
