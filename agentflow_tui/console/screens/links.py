"""Where lines of more than one screen lead."""

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.operations.triage.error_groups import ErrorGroup


def rows_of(row: ErrorGroup) -> Link:
    """The rows that failed in the same way."""
    return Link(row.sources[0], filter=f"errorGroup:{row.key}")


def stale_link(env: Environment) -> Link:
    """The workflows whose locks are stale."""
    minutes = round(env.lease.total_seconds() / 60)
    return Link("workflows", filter=f"status:running locked:yes lockedAt:>{minutes}m")
