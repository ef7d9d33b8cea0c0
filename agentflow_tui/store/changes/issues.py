"""The change of what is known about a subject of `agentflow_tui.store.changes.issue_states`."""

from agentflow_tui.store.changes.change import Change

STATE = Change(
    table="task_logs",
    sets={
        "output": (
            "(coalesce({q.task_logs.output}::jsonb, '{}'::jsonb) || "
            "(:argument::jsonb -> {q.task_logs.id}::text))::{task_logs.output:type}"
        )
    },
    guard=("output",),
)
"""``:argument`` is a JSON object: by the id of each row, what is new in its ``output``."""
