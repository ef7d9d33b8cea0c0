"""What has become of the rows of one operation."""

from agentflow_tui.dataclass import dataclass
from agentflow_tui.schema import TABLES
from agentflow_tui.store.connection.bindings import Binding
from agentflow_tui.store.connection.statements import Statement

MOST = 5_000
"""Rows of an operation that are followed."""

_ERRORS = {"email_queue": "error", "workflows": "lastError", "task_logs": "error"}


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many of the rows are in one state, and a few of the errors among them, as JSON."""

    status: str | None
    rows: int
    errors: str | None


def has_states(table: str) -> bool:
    """Whether rows of a table have a status that can be followed."""
    return "status" in TABLES[table].by_name


def status_counts(binding: Binding, table: str) -> Statement[StatusCount]:
    """The rows ``$1`` by their states; the primary key serves."""
    key = TABLES[table].primary_key.name
    words = _ERRORS.get(table)
    error = f"left({{q.{table}.{words}}}::text, 500)" if words else "NULL::text"
    return Statement(
        StatusCount,
        f"""
SELECT s.status, count(*)::int,
       (jsonb_agg(s.error) FILTER (WHERE s.error IS NOT NULL AND s.place <= 100))::text
  FROM (SELECT {{q.{table}.status}}::text AS status, {error} AS error,
               row_number() OVER (PARTITION BY {{q.{table}.status}}) AS place
          FROM {{{table}}} q
         WHERE q.{{{table}.{key}}} IN (SELECT x.id::{{{table}.{key}:type}}
                 FROM unnest($1::text[]) AS x (id))) s
 GROUP BY s.status
""",
    )
