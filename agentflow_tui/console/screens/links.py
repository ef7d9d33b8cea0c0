"""Where lines of more than one screen lead."""

from agentflow_tui.console.environment import Environment
from agentflow_tui.console.ways import Way
from agentflow_tui.console.widgets.pane import Link
from agentflow_tui.operations.triage.error_groups import ErrorGroup
from agentflow_tui.schema import TABLES
from agentflow_tui.text import plural


def rows_of(group: ErrorGroup, *tables: str) -> list[Way]:
    """The rows that failed in the same way, by table: in these, or in all."""
    return [
        Way(plural(group.rows[table], TABLES[table].one), Link(table, filter=group.where))
        for table in tables or group.sources
    ]


def stale_link(env: Environment) -> Link:
    """The workflows whose locks are stale."""
    minutes = round(env.lease.total_seconds() / 60)
    return Link("workflows", filter=f"status:running locked:yes lockedAt:>{minutes}m")
