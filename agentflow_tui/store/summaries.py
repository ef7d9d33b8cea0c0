"""Small summaries that are shown everywhere."""

from dataclasses import dataclass

from agentflow_tui.store.statements import Statement


@dataclass(frozen=True, slots=True)
class Health:
    """The document's health summary."""

    total: int
    healthy: int
    warnings: int
    errors: int


HEALTH = Statement(
    Health,
    """
SELECT count(*)::int AS total,
       count(*) FILTER (WHERE {health_checks.status} = 'ok')::int AS healthy,
       count(*) FILTER (WHERE {health_checks.status} = 'warning')::int AS warnings,
       count(*) FILTER (WHERE {health_checks.status} = 'error')::int AS errors
  FROM {health_checks?}
""",
)
"""A scan of a table of some dozen rows."""
