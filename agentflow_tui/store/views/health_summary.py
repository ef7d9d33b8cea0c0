"""Small summaries that are shown everywhere."""

from agentflow_tui.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class HealthSummary:
    """The document's health summary."""

    total: int
    healthy: int
    warnings: int
    errors: int
