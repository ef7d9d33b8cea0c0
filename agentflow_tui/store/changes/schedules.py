"""Changes of schedules."""

from agentflow_tui.store.changes.change import Change, LinkedChange, flag, rule
from agentflow_tui.store.changes.workflows import RUN as RUN_WORKFLOW

_UPDATED = {"updatedAt": "now()"}
_IS_ACTIVE = flag("schedules", "active", True, "is not active")
_IS_INACTIVE = flag("schedules", "active", False, "is active")

PAUSE = Change(
    table="schedules",
    sets={"active": "false", "status": "'paused'", **_UPDATED},
    rules=(_IS_ACTIVE,),
    guard=("active",),
)

RESUME = Change(
    table="schedules",
    sets={"active": "true", "status": "'active'", "nextRun": "NULL", **_UPDATED},
    rules=(_IS_INACTIVE,),
    guard=("active",),
)
"""The scheduler fills the next slot in, from now on: what was missed while paused is not fired."""

CRON = Change(
    table="schedules",
    sets={"cron": ":argument::{schedules.cron:type}", "nextRun": "NULL", **_UPDATED},
    rules=(
        rule("{q.schedules.cron} IS DISTINCT FROM :argument::text", "has that expression already"),
    ),
    guard=("cron",),
)

_IS_THERE = "EXISTS (SELECT FROM {workflows} w WHERE w.{workflows.id}::text = %s)"

WORKFLOW = Change(
    table="schedules",
    sets={"workflowId": ":argument::{schedules.workflowId:type}", **_UPDATED},
    rules=(
        rule(
            _IS_THERE % ":argument::text",
            "would start a workflow that is not there",
            needs=("workflows",),
        ),
        rule(
            "{q.schedules.workflowId}::text IS DISTINCT FROM :argument::text",
            "starts that workflow already",
        ),
    ),
    guard=("workflowId",),
)

_SAID = ":argument::jsonb"

FILE = Change(
    table="schedules",
    sets={
        **{
            name: f"({_SAID} ->> '{name}')::{{schedules.{name}:type}}"
            for name in ("cron", "workflowId", "active", "intent")
        },
        "nextRun": f"CASE WHEN jsonb_exists({_SAID}, 'nextRun') "
        f"THEN ({_SAID} ->> 'nextRun')::timestamptz::{{schedules.nextRun:type}} "
        "ELSE {q.schedules.nextRun} END",
        "status": f"CASE WHEN ({_SAID} ->> 'active')::boolean IS NOT DISTINCT FROM "
        f"{{q.schedules.active}} THEN {{q.schedules.status}} "
        f"WHEN ({_SAID} ->> 'active')::boolean THEN 'active' ELSE 'paused' END",
        **_UPDATED,
    },
    guard=("cron", "workflowId", "active"),
)
"""What is edited as a file. The argument is a JSON object of what the columns shall be; of
``nextRun`` only where that changes."""

_OF = "{workflows} w WHERE w.{workflows.id} = {q.schedules.workflowId}"

RUN = Change(
    table="schedules",
    sets={"lastRun": "now()", **_UPDATED},
    rules=(
        rule(f"EXISTS (SELECT FROM {_OF})", "starts no workflow", needs=("workflows",)),
        rule(
            f"EXISTS (SELECT FROM {_OF} AND {{w.workflows.status}} IN "
            "('draft', 'completed', 'failed', 'cancelled'))",
            "starts a workflow that has not ended",
            needs=("workflows",),
        ),
        rule(
            f"EXISTS (SELECT FROM {_OF} AND ({{w.workflows.locked}} IS NOT TRUE OR "
            "coalesce({w.workflows.lockedAt} < now() - :lease, true)))",
            "starts a workflow that a worker holds",
            needs=("workflows",),
        ),
    ),
    guard=("lastRun",),
    linked=(
        LinkedChange(
            table="workflows",
            by="workflowId",
            sets=RUN_WORKFLOW.sets,
            among=("draft", "completed", "failed", "cancelled"),
            once="starts a workflow that another one of these starts",
        ),
    ),
)

DELETE = Change(table="schedules", sets={}, guard=("cron", "active"), deletes=True)
