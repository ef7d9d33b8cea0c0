"""Changes of workflows.

Pausing and cancelling leave the lock alone: a running step ends, and its runner then lets go. What
starts a workflow again takes the lock away, so it is only done where no worker holds it.
"""

from agentflow_tui.schema import RUN_STATE_KEY
from agentflow_tui.store.changes.change import Change, Rule, among, flag, rule

_UPDATED = {"lastUpdated": "now()"}
_STATE = ("status", "currentStep")
_UNLOCKED = {"locked": "false", "lockedAt": "NULL"}

_NOBODY_HOLDS_IT = rule(
    "{q.workflows.locked} IS NOT TRUE OR coalesce({q.workflows.lockedAt} < now() - :lease, true)",
    "is held by a worker whose lease goes on",
)

_IS_NOT_RUNNING = Rule(
    sql="{q.workflows.status} IS DISTINCT FROM 'running'",
    reason="'is running'",
    why_not=lambda row: "is running" if row.status == "running" else "",
)

RETRY = Change(
    table="workflows",
    sets={"status": "'pending'", "lastError": "NULL", **_UNLOCKED, **_UPDATED},
    rules=(among("workflows", "failed", "cancelled"), _NOBODY_HOLDS_IT),
    guard=_STATE,
)

CANCEL = Change(
    table="workflows",
    sets={"status": "'cancelled'", **_UPDATED},
    rules=(among("workflows", "pending", "running", "paused", "failed"),),
    guard=("status",),
)

PAUSE = Change(
    table="workflows",
    sets={"status": "'paused'", **_UPDATED},
    rules=(among("workflows", "pending", "running"),),
    guard=("status",),
)

RESUME = Change(
    table="workflows",
    sets={"status": "'pending'", **_UPDATED},
    rules=(among("workflows", "paused"),),
    guard=_STATE,
)


def _json(name: str) -> str:
    """SQL for a column's JSON, also where the column is a text."""
    column = f"{{q.workflows.{name}}}"
    return (
        f"(CASE WHEN '{{workflows.{name}:type}}' IN ('json', 'jsonb') THEN to_jsonb({column}) "
        f"ELSE nullif(btrim({column}::text), '')::jsonb END)"
    )


_CONTEXT = "{q.workflows.context}"
_VALUES = _json("context")
_RUN = f"{_VALUES} -> '{RUN_STATE_KEY}'"

RUN = Change(
    table="workflows",
    sets={
        "status": "'pending'",
        "currentStep": "0",
        "lastError": "NULL",
        # The state of a run that finished steps tells the runner that the context holds results.
        "context": (
            f"CASE WHEN jsonb_typeof({_VALUES}) IS DISTINCT FROM 'object' THEN {_CONTEXT} "
            f"WHEN jsonb_typeof({_RUN} -> 'done') = 'number' AND {_RUN} -> 'done' <> '0' "
            f"THEN {_CONTEXT} ELSE ({_VALUES} - '{RUN_STATE_KEY}')::{{workflows.context:type}} END"
        ),
        **_UNLOCKED,
        **_UPDATED,
    },
    rules=(among("workflows", "draft", "completed", "failed", "cancelled"), _NOBODY_HOLDS_IT),
    guard=_STATE,
)

_STEPS = _json("steps")
_IS_STEP = (
    ":argument::int >= 0 AND :argument::int < CASE jsonb_typeof("
    f"{_STEPS}) WHEN 'array' THEN jsonb_array_length({_STEPS}) ELSE 0 END"
)

RESET = Change(
    table="workflows",
    sets={
        "status": "'pending'",
        "currentStep": ":argument::int",
        "lastError": "NULL",
        "context": (
            f"CASE WHEN jsonb_typeof({_RUN}) = 'object' THEN jsonb_set({_VALUES} "
            f"#- ARRAY['{RUN_STATE_KEY}', 'at'] #- ARRAY['{RUN_STATE_KEY}', 'index'], "
            f"ARRAY['{RUN_STATE_KEY}', 'lap'], to_jsonb(1 + CASE jsonb_typeof({_RUN} -> 'lap') "
            f"WHEN 'number' THEN ({_RUN} ->> 'lap')::numeric ELSE 0 END))"
            f"::{{workflows.context:type}} ELSE {_CONTEXT} END"
        ),
        **_UNLOCKED,
        **_UPDATED,
    },
    rules=(
        among("workflows", "pending", "paused", "completed", "failed", "cancelled"),
        _NOBODY_HOLDS_IT,
        rule(_IS_STEP, "has no such step"),
    ),
    guard=_STATE,
)
"""A repeated step is a new lap: its idempotency key differs from the first time's, or services and
the queue would take it for the same request."""

FILE = Change(
    table="workflows",
    sets={
        **{
            name: f"(:argument::jsonb ->> '{name}')::{{workflows.{name}:type}}"
            for name in ("userId", "steps", "context")
        },
        **_UPDATED,
    },
    rules=(_IS_NOT_RUNNING, _NOBODY_HOLDS_IT),
    guard=(*_STATE, "userId", "steps", "context"),
)
"""What is edited as a file. The argument is a JSON object of the columns' new values, as texts."""

UNLOCK = Change(
    table="workflows",
    sets={
        "status": "CASE WHEN q.{workflows.status} = 'running' THEN 'pending' "
        "ELSE q.{workflows.status} END",
        **_UNLOCKED,
        **_UPDATED,
    },
    rules=(
        flag("workflows", "locked", True, "is not locked"),
        rule(
            "coalesce({q.workflows.lockedAt} < now() - :lease, true)",
            "is held by a worker whose lease goes on",
        ),
    ),
    guard=(*_STATE, "locked", "lockedAt"),
)


DELETE = Change(
    table="workflows",
    sets={},
    rules=(
        _IS_NOT_RUNNING,
        _NOBODY_HOLDS_IT,
        rule(
            "NOT EXISTS (SELECT FROM {schedules} s "
            "WHERE {s.schedules.workflowId} = {q.workflows.id})",
            "is started by a schedule; delete that first",
            needs=("schedules",),
        ),
    ),
    guard=_STATE,
    deletes=True,
)
