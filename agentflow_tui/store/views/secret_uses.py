"""Where secrets are used: the steps that name them, and the journal's rows about such steps."""

from datetime import datetime

from agentflow_tui.dataclass import dataclass
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.views.workflow_names import given_name

LATEST = 20_000
"""Rows of the journal, the latest, that are looked through for uses."""

MOST = 2_000
"""Workflows that are looked through for references."""


@dataclass(frozen=True, slots=True)
class JournalledUse:
    """The names of secrets, a JSON list as text, and when they were last used together."""

    names: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class NamingWorkflow:
    """A workflow whose steps may name a secret."""

    id: str
    steps: str | None
    name: str | None


def journalled(binding: Binding) -> Statement[JournalledUse] | None:
    """The latest uses; None where finding them would scan a large journal."""
    table = binding.tables["task_logs"]
    if not binding.has("task_logs", "taskType", "input", "createdAt"):
        return None
    if table.is_large and not table.columns["createdAt"].indexed:
        return None
    return Statement(
        JournalledUse,
        f"""
WITH latest AS (
  SELECT {{t.task_logs.input}}::text AS input, {{t.task_logs.createdAt}} AS at
    FROM {{task_logs}} t WHERE {{t.task_logs.taskType}} = 'workflow.step'
   ORDER BY {{t.task_logs.createdAt}} DESC LIMIT {LATEST}
)
SELECT substring(input from '"secrets": ?(\\[[^]]*\\])') AS names, max(at) FROM latest
 WHERE strpos(input, '"secrets"') > 0 AND input ~ '"secrets": ?\\[' GROUP BY 1
""",
    )


def naming(binding: Binding) -> Statement[NamingWorkflow] | None:
    """The latest workflows whose steps may name a secret; None for a large table."""
    if not binding.has("workflows", "id", "steps") or binding.tables["workflows"].is_large:
        return None
    return Statement(
        NamingWorkflow,
        f"""
SELECT w.{{workflows.id}}::text, {{w.workflows.steps}}::text, {given_name("w").value}
  FROM {{workflows}} w
 WHERE {{w.workflows.steps}}::text ~ 'credentials|apiKey'
 ORDER BY {{w.workflows.createdAt}} DESC LIMIT {MOST}
""",
    )
